"""Curves: drawn from what is there, left out where nothing is, described in words."""

from __future__ import annotations

from tilth.report import curves
from tilth.report.summary import Summary


def test_training_curves_say_in_words_what_they_show(topics_run: Summary) -> None:
    assert topics_run.training
    progress, losses = curves.progress(topics_run.training.history), curves.losses(topics_run.training.history)
    assert progress and losses
    assert progress.alt.endswith("best 0.886 at step 700.") and ">best 0.886</text>" in progress.svg
    assert losses.alt.startswith("Line plot over 1,000 steps: training loss from 1.0")
    assert "learning rate at most 5e-05" in losses.alt and ">validation loss</text>" in losses.svg


def test_curves_are_left_out_where_there_are_no_numbers() -> None:
    assert curves.losses([]) is None and curves.progress([]) is None
    assert curves.progress([{"step": 1, "loss": 0.5}]) is None and curves.losses([{"step": 1, "value": 0.5}]) is None
    assert curves.reliability({"after": {"ece": 0.1}}) is None and curves.reliability({"before": None}) is None
    assert curves.coverage({"points": []}) is None


def test_one_report_makes_no_curve_and_missing_numbers_are_passed_over() -> None:
    one, gap, two = (
        {"step": 1, "loss": 0.5, "lr": None},
        {"step": 2, "loss": None},
        {"step": 3, "loss": 0.4, "value": 1},
    )
    assert curves.losses([one, gap]) is None and curves.progress([two]) is None
    plot = curves.losses([one, gap, two])
    assert plot and plot.alt == "Line plot over 3 steps: training loss from 0.500 to 0.400."


def test_the_best_of_an_error_is_its_lowest_point() -> None:
    plot = curves.progress([{"step": at, "metric": "rmse", "value": value} for at, value in enumerate((3.0, 1.5, 2.0))])
    assert plot and plot.alt.endswith("best 1.500 at step 1.")


def test_a_long_history_is_thinned_and_keeps_its_end() -> None:
    plot = curves.losses([{"step": step, "loss": 1 / step} for step in range(1, 50_001)])
    assert plot and "over 50,000 steps" in plot.alt and len(plot.svg) < 40_000


def test_the_threshold_is_marked_where_it_leads_on_the_test_rows() -> None:
    points = [
        {"threshold": 0.9, "coverage": 0.4, "accuracy": 1.0},
        {"threshold": 0.5, "coverage": 1.0, "accuracy": 0.8},
    ]
    plain, marked, above = (curves.coverage({"points": points}, at) for at in (None, 0.7, 0.95))
    assert plain and marked and above
    assert plain.alt == above.alt == "Risk-coverage curve: 20.0% errors when every row is answered."
    assert marked.alt.endswith(", 0% when 40.0% are.") and ">threshold</text>" in marked.svg


def test_reliability_names_the_error_before_and_after(topics_run: Summary) -> None:
    assert topics_run.evaluation and topics_run.evaluation.calibration
    plot = curves.reliability(topics_run.evaluation.calibration)
    assert plot and plot.alt.endswith("expected calibration error before 0.081, after 0.017.")
