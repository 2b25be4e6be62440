from __future__ import annotations

import datetime
import json

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.measure.bootstrap import Bootstrap
from tilth.measure.classification import label_counts
from tilth.measure.counts import Counts
from tilth.measure.slices import MISSING, OTHER, holm, slices


def measured(right: np.ndarray) -> Counts:
    return label_counts(range(len(right)), [1] * len(right), right.astype(int))


def test_a_slice_that_is_worse_is_flagged_and_the_others_are_not() -> None:
    rng = np.random.default_rng(0)
    language = np.repeat(["en", "de", "zh"], [600, 300, 100])
    right = rng.random(1000) < np.repeat([0.9, 0.9, 0.6], [600, 300, 100])
    found = slices(measured(right), {"language": language})
    assert [(one.value, one.support, one.worse) for one in found.slices] == [
        ("en", 600, False),
        ("de", 300, False),
        ("zh", 100, True),
    ]
    zh = found.slices[2]
    assert zh.metric.value == pytest.approx(right[900:].mean())
    assert zh.metric.high is not None
    assert zh.metric.high < found.overall.value == pytest.approx(right.mean())
    json.dumps(found.to_json(), allow_nan=False)


def test_many_slices_of_an_even_model_raise_few_false_alarms() -> None:
    """At level 0.95 and without a correction about one run in two would flag one of 30 equal slices."""
    alarms = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        agents = {"agent": rng.integers(0, 30, 1500).astype(str)}
        found = slices(measured(rng.random(1500) < 0.8), agents, how=Bootstrap(replicates=200))
        alarms += any(one.worse for one in found.slices)
    assert alarms <= 4


def test_few_rows_are_shown_but_not_judged() -> None:
    right = np.r_[np.ones(100), np.zeros(5)]
    found = slices(measured(right), {"channel": ["mail"] * 100 + ["fax"] * 5})
    fax = found.slices[1]
    assert (fax.value, fax.judged, fax.worse, fax.p_value) == ("fax", False, False, None)
    assert slices(measured(right), {"channel": ["mail"] * 100 + ["fax"] * 5}, fewest=5).slices[1].worse


def test_numbers_fall_into_buckets_of_equal_size_and_few_values_stay_values() -> None:
    right = np.ones(400)
    found = slices(measured(right), {"length": np.arange(400), "stars": np.arange(400) % 5})
    assert [(one.value, one.support) for one in found.slices[:4]] == [
        ("0 to 99", 100),
        ("100 to 199", 100),
        ("200 to 299", 100),
        ("300 to 399", 100),
    ]
    assert [one.value for one in found.slices[4:]] == ["0", "1", "2", "3", "4"]


def test_one_value_in_most_rows_makes_fewer_buckets_and_loses_no_row() -> None:
    length = np.r_[np.zeros(300), np.arange(1, 101)]
    found = slices(measured(np.ones(400)), {"length": length})
    assert [one.value for one in found.slices] == ["0 to 0", "1 to 100"]
    assert sum(one.support for one in found.slices) == 400


def test_missing_values_and_rare_values_have_a_slice_of_their_own() -> None:
    columns = pa.table(
        {
            "language": [*["en"] * 50, *["de"] * 30, None, None, "fr", "it"],
            "length": pa.array([*map(float, range(83)), float("nan")]),
        }
    )
    found = slices(measured(np.ones(84)), columns, most=2)
    by_column = {(one.column, one.value): one.support for one in found.slices}
    assert by_column[("language", OTHER)] == 2
    assert by_column[("language", MISSING)] == 2
    assert by_column[("length", MISSING)] == 1
    assert sum(one.support for one in found.slices) == 2 * 84


def test_booleans_and_dates_are_values_and_lists_are_refused() -> None:
    days = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2)] * 10
    found = slices(measured(np.ones(20)), {"day": days, "vip": [True, False] * 10})
    assert [one.value for one in found.slices] == ["2024-01-01", "2024-01-02", "false", "true"]
    with pytest.raises(DataError, match='column "tags" holds list'):
        slices(measured(np.ones(2)), {"tags": pa.array([["a"], ["b"]])})
    with pytest.raises(DataError, match='column "x" has 1 values for 2 rows'):
        slices(measured(np.ones(2)), {"x": ["a"]})


def test_columns_in_another_order_are_matched_by_id() -> None:
    right = np.r_[np.ones(50), np.zeros(50)]
    ids = np.arange(100)[::-1]
    found = slices(measured(right), {"half": np.where(ids < 50, "good", "bad")}, ids=ids)
    assert {one.value: one.metric.value for one in found.slices} == {"good": 1.0, "bad": 0.0}
    with pytest.raises(DataError, match="1 of 100 measured rows have no slice columns, the first is 99"):
        slices(measured(right), {"half": ["x"] * 99}, ids=range(99))


def test_other_metrics_can_be_sliced() -> None:
    counts = label_counts(range(80), ["a", "b"] * 40, ["a", "b"] * 20 + ["a", "a"] * 20)
    found = slices(counts, {"half": ["first"] * 40 + ["second"] * 40}, "macro_f1")
    assert found.slices[0].metric.value == 1.0
    assert found.slices[1].metric.value == pytest.approx((2 / 3 + 0) / 2)
    assert found.slices[1].worse


def test_holm_steps_down_and_never_falls() -> None:
    assert holm([]) == []
    assert holm([0.01, 0.02, 0.5]) == pytest.approx([0.03, 0.04, 0.5])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
