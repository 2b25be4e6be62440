"""Figures with their intervals: every line is named, flagged ones are told apart by shape and word."""

from __future__ import annotations

from typing import Any

from tilth.report import whiskers
from tilth.report.summary import Evaluation, Summary


def test_the_model_stands_beside_every_baseline_that_has_the_metric(topics_run: Summary) -> None:
    assert topics_run.evaluation
    plot = whiskers.headline(topics_run.evaluation)
    assert plot and plot.alt == (
        "Dots and intervals of macro F1: this model 0.891, most common label 0.203, "
        "TF-IDF and logistic regression 0.812, zero-shot 0.551."
    )


def test_no_plot_without_a_baseline() -> None:
    assert whiskers.headline(Evaluation(headline=({"name": "mae", "value": 1.0},))) is None


def test_flagged_slices_come_first_and_are_named() -> None:
    plot = whiskers.slices([one("en", 0.9), one("de", None), one("zh", 0.7, worse=True)], 0.85)
    assert plot and plot.alt.endswith("flagged: language = zh.")
    assert plot.svg.index("language = zh") < plot.svg.index("language = en")
    assert "language = de" not in plot.svg


def test_many_slices_are_cut_and_one_is_not_worth_a_plot() -> None:
    plot = whiskers.slices([one(f"v{at}", 0.5) for at in range(100)], 0.5)
    assert plot and plot.svg.count("language = ") == 24
    assert whiskers.slices([one("en", 0.9)], 0.9) is None


def one(value: str, figure: float | None, *, worse: bool = False) -> dict[str, Any]:
    metric = {"value": figure, "low": None, "high": None}
    return {"column": "language", "value": value, "support": 40, "metric": metric, "judged": True, "worse": worse}
