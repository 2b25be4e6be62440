"""What the numbers say: verdicts, warnings, confusions, the best checkpoint."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tilth.report import reading
from tilth.report.summary import Evaluation, Summary


def judged(ours: dict[str, Any], *baselines: dict[str, Any], metric: str = "macro_f1") -> tuple[str, str | None]:
    found = reading.verdict(Evaluation(headline=({"name": metric, **ours},), baselines=baselines))
    assert found is not None
    return found.kind, found.baseline


def test_intervals_that_do_not_touch_make_a_clear_verdict() -> None:
    ours = {"value": 0.80, "low": 0.78, "high": 0.82}
    below = {"name": "below", "metrics": {"macro_f1": {"value": 0.7, "low": 0.68, "high": 0.72}}}
    near = {"name": "near", "metrics": {"macro_f1": {"value": 0.77, "low": 0.75, "high": 0.79}}}
    above = {"name": "above", "metrics": {"macro_f1": {"value": 0.9, "low": 0.88, "high": 0.92}}}
    assert judged(ours, below) == ("better", "below")
    assert judged(ours, below, near) == ("unclear", "near")
    assert judged(ours, below, near, above) == ("worse", "above")


def test_the_best_baseline_decides_not_the_first() -> None:
    ours = {"value": 0.8, "low": 0.7, "high": 0.9}
    lines = [{"name": name, "metrics": {"macro_f1": value}} for name, value in (("a", 0.2), ("b", 0.75), ("c", 0.5))]
    assert judged(ours, *lines) == ("unclear", "b")


def test_less_is_better_for_an_error() -> None:
    ours = {"value": 1.2, "low": 1.1, "high": 1.3}
    lines = [{"name": name, "metrics": {"valid_rmse": value}} for name, value in (("mean", 4.0), ("last", 1.6))]
    assert judged(ours, *lines, metric="valid_rmse") == ("better", "last")
    assert judged({"value": 9.0}, *lines, metric="valid_rmse") == ("worse", "last")


def test_a_difference_on_the_same_rows_outweighs_overlapping_intervals() -> None:
    ours = {"value": 0.80, "low": 0.77, "high": 0.83}
    line = {"name": "before", "metrics": {"macro_f1": {"value": 0.78, "low": 0.75, "high": 0.81}}}
    assert judged(ours, line)[0] == "unclear"
    paired = {"ours": 0.80, "difference": {"value": 0.02, "low": 0.01, "high": 0.03}}
    assert judged(ours, {**line, "difference": paired})[0] == "better"
    assert judged(ours, {**line, "difference": {**paired, "ours": 0.91}})[0] == "unclear", "of another figure"


def test_a_baseline_without_the_metric_is_no_rival() -> None:
    assert judged({"value": 0.8}, {"name": "other", "metrics": {"accuracy": 0.9}}) == ("alone", None)


def test_no_headline_gives_no_verdict() -> None:
    assert reading.verdict(Evaluation()) is None
    assert reading.verdict(Evaluation(headline=({"name": "mae", "value": None},))) is None


def test_warnings_come_first_then_what_the_numbers_say(intents_run: Summary) -> None:
    told = reading.notices(dataclasses.replace(intents_run, accounts={"rows_in": 5, "kept": 4}))
    assert told[0] == "tickets_2.csv: encoding guessed as gb18030 from 4 kB."
    assert told[1] == "17 records could not be read (tickets 12, forum 5)."
    assert told[2].startswith("The account of rows does not balance: 5 in")
    assert "opened 3 times" in told[3]
    assert told[4].startswith("Not clearly better than TF-IDF and logistic regression (0.866)")
    assert len(told) == 5


def test_a_run_without_trouble_has_no_notices() -> None:
    assert reading.notices(Summary(run="r1", name="demo", accounts={"rows_in": 2, "kept": 2})) == []


def test_confusions_leave_out_hits_and_come_largest_first() -> None:
    found = reading.confusions({"labels": ["a", "b", "c"], "rows": [[5, 1, 4], [0, 9, 0], [4, 0, 6]]}, most=2)
    assert [(mix.truth, mix.predicted, mix.rows) for mix in found] == [("a", "c", 4), ("c", "a", 4)]
    assert [mix.share for mix in found] == [0.4, 0.4]


def test_the_marked_checkpoint_is_the_best_one_whatever_its_value() -> None:
    history = [{"step": 1, "value": 0.9}, {"step": 2, "value": 0.8, "best": True}, {"step": 3, "loss": 0.1}]
    assert reading.best_step(history) == history[1]
    assert reading.best_step(history[:1] + history[2:]) == history[0]
    assert reading.best_step([{"step": 3, "loss": 0.1}]) is None


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        ({"rows_in": 100, "kept": 90, "dropped": 10}, "90.0% of the rows in"),
        ({"rows_in": 100, "kept": 130, "dropped": 10, "grown": 40}, "90.0% of the rows in, and 40 grown"),
        ({"rows_in": 100, "kept": 400, "expanded": 300}, ""),
        ({}, ""),
    ],
)
def test_grown_rows_do_not_count_as_rows_that_stayed(accounts: dict[str, int], said: str) -> None:
    assert reading.stayed(accounts) == said
