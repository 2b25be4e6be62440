"""Columns are described in bounded memory: exact while small, near when large, the same in any cut."""

from __future__ import annotations

import datetime

import numpy as np
import pyarrow as pa
import pytest

from tilth.report.inspection import ColumnLook
from tilth.run.looks import columns
from tilth.run.looks.columns import ColumnTally


def look(*parts: pa.Array) -> ColumnLook:
    whole = ColumnTally(name="c", type="t")
    for part in parts:
        one = ColumnTally(name="c", type="t")
        one.add(part)
        whole.merge(one)
    return whole.look()


def test_a_label_column_lists_its_values_most_frequent_first() -> None:
    found = look(pa.array(["ham", "spam", "ham"]), pa.array(["ham", None, "龙"]))
    assert (found.nulls, found.distinct, found.distinct_exact) == (1, 3, True)
    assert found.top == (("ham", 3),)
    assert found.mean_length == pytest.approx((3 + 4 + 3 + 3 + 1) / 5)


def test_numbers_have_a_range_and_what_is_not_finite_is_left_out_of_it() -> None:
    found = look(pa.array([1.0, None, float("nan")]), pa.array([5.0, float("inf")]))
    assert (found.low, found.high, found.mean) == (1.0, 5.0, 3.0)


def test_many_values_are_estimated_within_a_few_per_cent() -> None:
    count = 20_000
    halves = pa.array(range(count // 2)), pa.array(range(count // 2, count))
    found = look(*halves)
    assert not found.distinct_exact and abs(found.distinct / count - 1) < 0.06
    assert found.top == () and found == look(pa.array(range(count)))


def test_long_values_are_not_kept() -> None:
    tally = ColumnTally(name="c", type="t")
    tally.add(pa.array(["x" * 201, "x" * 201]))
    assert tally.values is None and tally.look().distinct == 1


def test_memory_stays_bounded() -> None:
    tally = ColumnTally(name="c", type="t")
    for start in range(0, 50_000, 10_000):
        tally.add(pa.array([f"value {number}" for number in range(start, start + 10_000)]))
    assert len(tally.smallest) == columns.SKETCH and tally.values is None


def test_lists_times_and_booleans_are_told_apart_by_value() -> None:
    day = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC)
    for values in ([["a"], ["a"], ["b"]], [day, day, day + datetime.timedelta(1)], [True, True, False]):
        assert look(pa.array(values)).distinct == 2
    assert look(pa.array(np.zeros(3, "M8[ns]"))).distinct == 1
