"""A summary survives JSON, and says what is wrong with a file that it cannot read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tilth.core.errors import DataError
from tilth.report.summary import Evaluation, StageLine, Summary


@pytest.mark.parametrize("run", ["data_run", "topics_run", "intents_run", "tags_run"])
def test_a_summary_survives_json(run: str, request: pytest.FixtureRequest) -> None:
    summary: Summary = request.getfixturevalue(run)
    assert Summary.from_json(json.loads(json.dumps(summary.to_json(), allow_nan=False))) == summary


def test_keys_of_a_later_version_are_passed_over(data_run: Summary) -> None:
    saved = data_run.to_json()
    saved["energy"] = {"joules": 12}
    saved["stages"][0]["watts"] = 3
    assert Summary.from_json(saved) == data_run


def test_keys_that_an_earlier_version_lacks_take_their_defaults() -> None:
    assert Summary.from_json({"run": "r1", "name": "demo"}) == Summary(run="r1", name="demo")


def test_numbers_of_numpy_and_those_that_are_not_finite_become_json() -> None:
    found = Evaluation(rows=np.int64(3), headline=({"name": "mae", "value": np.float32(0.5), "low": float("nan")},))  # type: ignore[arg-type] # NumPy's own integer is the point
    saved = Summary(run="r1", name="demo", evaluation=found).to_json()["evaluation"]
    assert saved["rows"] == 3 and type(saved["rows"]) is int
    assert saved["headline"] == [{"name": "mae", "value": 0.5, "low": None}]


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(DataError, match="a summary holds a set"):
        Summary(run="r1", name="demo", facts={"seen": {1, 2}}).to_json()


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ({"name": "demo"}, 'summary: no "run"'),
        ({"run": "r1", "name": 5}, r"summary\.name: found a int\. Wanted: a str"),
        ({"run": "r1", "name": "demo", "stages": "all"}, r"summary\.stages: found a str\. Wanted: a list"),
        ({"run": "r1", "name": "demo", "stages": [{}]}, r'summary\.stages\[0\]: no "name"'),
        ({"run": "r1", "name": "demo", "facts": []}, r"summary\.facts: found a list\. Wanted: a mapping"),
        ({"run": "r1", "name": "demo", "split": 3}, r"summary\.split: found a int\. Wanted: a mapping"),
    ],
)
def test_a_damaged_file_is_named_by_place(saved: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Summary.from_json(saved)


def test_a_summary_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        StageLine(name="read").seconds = 3  # type: ignore[misc] # that it is refused is the point
