"""Rows against what was agreed: each rule on each kind of cell, types, counts that add up, and nothing quoted."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.agreement import Agreement, Column, Fresh, duration, moment
from tilth.core.connector import Record
from tilth.core.errors import RecipeError
from tilth.measure.agreement import BROKEN, State, check, kept_of, merge

NOW = datetime(2024, 6, 1, tzinfo=UTC)


def broken(column: Column, cells: Any, kind: pa.DataType | None = None) -> list[tuple[int, str]]:
    """Check one column; return the row and the rule of each break."""
    batch = pa.RecordBatch.from_arrays([pa.array(cells, kind)], names=["x"])
    found = check(Agreement(columns={"x": column}), batch)
    assert found.broken.schema == BROKEN
    assert found.keep.num_rows + found.state.broken == found.state.rows == len(cells)
    kept = [row for row, keep in enumerate(found.kept.to_pylist()) if keep]
    assert {row for row, _ in _lines(found.broken)} == set(range(len(cells))) - set(kept)
    return _lines(found.broken)


def _lines(batch: pa.RecordBatch) -> list[tuple[int, str]]:
    return [(line["row"], line["rule"]) for line in batch.to_pylist()]


@pytest.mark.parametrize(
    ("column", "cells", "kind", "said"),
    [
        # types
        (Column(type="int"), ["1", "-2", "x", None, "1.5", "", "1" * 30], None, [2, 4, 5, 6]),
        (Column(type="int"), [1.0, 2.5, None, float("nan"), 1e300], None, [1, 3, 4]),
        (Column(type="int"), [1, 2], pa.uint8(), []),
        (Column(type="int"), [True, False], None, [0, 1]),
        (Column(type="float"), ["1", "-2.5e3", ".5", "inf", "nan", "1,5", "0x10"], None, [3, 4, 5, 6]),
        (Column(type="float"), [1, 2**60], None, [1]),
        (Column(type="float"), [Decimal("1.50")], pa.decimal128(5, 2), []),
        (Column(type="bool"), ["true", "FALSE", "1", "no"], None, [2, 3]),
        (Column(type="text"), ["a", "", None], None, []),
        (Column(type="text"), [1, 2], None, [0, 1]),
        (Column(type="text"), ["a", "b"], pa.large_string(), []),
        (Column(type="text"), ["a", None], pa.dictionary(pa.int8(), pa.string()), []),
        (Column(type="timestamp"), ["2024-01-31", "2024-01-31T12:00:00Z", "31/01/2024", "2024-02-30"], None, [2, 3]),
        (Column(type="timestamp"), [datetime(2024, 1, 1)], pa.timestamp("ns"), []),
        (Column(type="date"), ["2024-01-31", "2024-01-31T12:00:00"], None, [1]),
        (Column(type="list"), [["a"], None], pa.list_(pa.string()), []),
        (Column(type="list"), ["[]"], None, [0]),
        (Column(type="mapping"), [{"a": 1}], None, []),
        (Column(type="bytes"), [b"a"], None, []),
        (Column(type="int"), [None, None], pa.null(), []),
        # a value that must be there
        (Column(required=True), ["a", None, ""], None, [1]),
        # ranges
        (Column(min=0, max=9), [-1, 0, 9, 10, None], None, [0, 3]),
        (Column(min=0.5), [0, 1], pa.int64(), [0]),
        (Column(min=0), [-0.5, float("nan"), float("inf")], None, [0, 1]),
        (Column(type="int", max=9), ["7", "70", "x"], None, [1, 2]),
        (Column(max=9), ["7", "70", "x"], None, [1, 2]),
        (Column(max=2), [Decimal("1.50"), Decimal("2.50")], pa.decimal128(5, 2), [1]),
        (Column(max=2**62), [2**62, 2**62 + 1], pa.int64(), [1]),
        (Column(type="date", min="2024-01-31"), ["2024-01-30", "2024-01-31"], None, [0]),
        (Column(max="2024-01-01T12:00:00Z"), [datetime(2024, 1, 1, 12), datetime(2024, 1, 1, 13)], None, [1]),
        (Column(min="2024-01-01"), ["2023-12-31", "2024-01-01T00:00:00+01:00", "words"], None, [0, 1, 2]),
        (Column(min=0), [True], None, [0]),
        # lengths
        (Column(min_length=2, max_length=3), ["a", "ab", "äöü", "键键键键", None], None, [0, 3]),
        (Column(max_length=1), [["a"], ["a", "b"], None, []], pa.list_(pa.string()), [1]),
        (Column(max_length=1), [b"a", b"ab"], None, [1]),
        (Column(max_length=1), [5], None, [0]),
        # patterns: the whole text, newlines and all
        (Column(matches=".+@.+"), ["a@b", "a@b\n", "x a@b", "@b", None], None, [1, 3]),
        (Column(matches="a|b"), ["a", "b", "ab", ""], None, [2, 3]),
        (Column(matches="[0-9]+"), [12], None, [0]),
        # allowed values
        (Column(allowed=("en", "zh")), ["en", "EN", None, "zh"], None, [1]),
        (Column(allowed=("en", "zh")), ["en", "de"], pa.dictionary(pa.int8(), pa.string()), [1]),
        (Column(allowed=(1, 2)), [1, 3, None], pa.int16(), [1]),
        (Column(allowed=(1, 2.5)), [1.0, 2.5, 2.0], None, [2]),
        (Column(allowed=(1, 2)), ["1", "3"], None, [0, 1]),
        (Column(type="int", allowed=(1, 2)), ["1", "3"], None, [1]),
        (Column(allowed=(True,)), [True, False], None, [1]),
        (Column(allowed=(True,)), [1, 0], None, [0, 1]),
    ],
)
def test_a_row_that_breaks_a_rule_is_named(
    column: Column, cells: Any, kind: pa.DataType | None, said: list[int]
) -> None:
    assert [row for row, _ in broken(column, cells, kind)] == said


def test_a_row_may_break_several_rules_and_is_counted_once() -> None:
    batch = pa.RecordBatch.from_pydict({"a": ["xx", "yyy"], "b": [1, 99]})
    agreed = Agreement(columns={"a": Column(max_length=2, matches="x+"), "b": Column(max=9)})
    found = check(agreed, batch)
    lines = [(line["row"], line["column"], line["rule"], line["bound"]) for line in found.broken.to_pylist()]
    assert lines == [(1, "a", "max_length", "2"), (1, "a", "matches", "x+"), (1, "b", "max", "9")]
    assert found.state.broken == 1
    assert found.state.rules == {"a": {"matches": 1, "max_length": 1}, "b": {"max": 1}}


def test_kept_rows_have_the_types_that_were_agreed() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"n": ["1", "2", "x"], "when": ["2024-01-31", "2024-02-01T01:00:00+01:00", None]}
    )
    kept = check(Agreement(columns={"n": Column(type="int"), "when": Column(type="timestamp")}), batch).keep
    assert kept.schema.field("n").type == pa.int64()
    assert kept.schema.field("when").type == pa.timestamp("us", tz="UTC")
    assert kept.to_pydict()["n"] == [1, 2]
    assert kept.column("when")[1].as_py() == datetime(2024, 2, 1, tzinfo=UTC)


def test_nothing_that_is_said_holds_a_cell() -> None:
    secret = "my-salary-is-12345"
    column = Column(type="int", required=True)
    other = Column(max_length=3, matches="[a-z]", allowed=("a",))
    found = check(
        Agreement(columns={"a": column, "b": other}), pa.RecordBatch.from_pydict({"a": [secret], "b": [secret]})
    )
    assert secret not in repr(found.broken.to_pylist()) + repr(found.state)


def test_a_column_that_is_missing_counts_as_nulls() -> None:
    batch = pa.RecordBatch.from_pydict({"b": [1, 2], "c": [None, 1]})
    found = check(Agreement(columns={"a": Column(required=True), "b": Column(), "c": Column(null=0.5)}), batch)
    assert _lines(found.broken) == [(0, "required"), (1, "required")]
    assert found.state.nulls == {"a": 2, "b": 0, "c": 1}
    assert found.state.seen == ("b", "c")


def test_extra_columns_are_named_and_dropped_where_that_was_agreed() -> None:
    batch = pa.RecordBatch.from_pydict({"a": [1], "z": [2], "b": [3]})
    found = check(Agreement(columns={"a": Column()}, extra_columns="drop"), batch)
    assert found.keep.schema.names == ["a"] and found.state.extra == ("b", "z")
    assert check(Agreement(columns={"a": Column()}), batch).keep.schema.names == ["a", "z", "b"]


def test_the_newest_moment_is_not_one_of_the_future() -> None:
    agreed = Agreement(fresh=Fresh(column="at", within="7 days"))
    for cells in (
        ["2024-05-30", "9999-12-31", "words", None],
        [datetime(2024, 5, 30), datetime(2190, 12, 31), None, None],
    ):
        found = check(agreed, pa.RecordBatch.from_pydict({"at": cells}), now=NOW)
        assert found.state.newest == int(datetime(2024, 5, 30, tzinfo=UTC).timestamp() * 1e6)
    assert check(agreed, pa.RecordBatch.from_pydict({"at": [NOW + timedelta(days=2)]}), now=NOW).state.newest is None


def test_no_rows_break_nothing() -> None:
    agreed = Agreement(
        columns={"a": Column(type="int", min=0, max=1, allowed=(1,))}, fresh=Fresh(column="a", within="1 h")
    )
    found = check(agreed, pa.RecordBatch.from_pydict({"a": pa.array([], pa.string())}))
    assert found.keep.num_rows == found.broken.num_rows == found.state.rows == 0


@given(
    cells=st.lists(st.one_of(st.none(), st.text(max_size=4), st.integers(-20, 20).map(str)), max_size=30),
    cut=st.integers(0, 30),
)
def test_cutting_rows_anywhere_changes_nothing(cells: list[str | None], cut: int) -> None:
    agreed = Agreement(columns={"x": Column(type="int", min=0, required=True), "y": Column()})
    batch = pa.RecordBatch.from_pydict({"x": pa.array(cells, pa.string()), "z": pa.array([1] * len(cells), pa.int64())})
    one = check(agreed, batch, now=NOW)
    parts = [check(agreed, part, now=NOW) for part in (batch.slice(0, cut), batch.slice(cut))]
    state = merge(parts[0].state, parts[1].state)
    assert state == merge(parts[1].state, parts[0].state) == one.state == merge(State(), one.state)
    assert pa.concat_batches([part.keep for part in parts]).equals(one.keep)
    assert State.from_json(one.state.to_json()) == one.state


def test_a_batch_that_is_part_of_a_larger_one_is_checked_by_its_own_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"x": ["a", "1", "b", "2"]}).slice(1, 2)
    found = check(Agreement(columns={"x": Column(type="int")}), batch)
    assert found.keep.to_pydict() == {"x": [1]} and _lines(found.broken) == [(1, "type")]


def test_names_and_subjects_go_with_their_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"n": [1, 99, 2]})
    record = Record(batch, names=("a", "b", "c"), subjects=("ann", "ben", None), notes=("read as utf-8",))
    agreed = Agreement(columns={"n": Column(max=9)})
    kept = kept_of(record, check(agreed, batch))
    assert (kept.names, kept.subjects, kept.notes) == (("a", "c"), ("ann", None), ("read as utf-8",))
    assert kept.batch.to_pydict() == {"n": [1, 2]}
    assert kept_of(record, check(Agreement(), batch)) == record
    without = kept_of(record._replace(subjects=None), check(agreed, batch))
    assert without.subjects is None


@pytest.mark.slow
def test_a_large_batch_is_checked_column_by_column_and_not_cell_by_cell() -> None:
    import time

    rows = 500_000
    draw = np.random.default_rng(1)
    batch = pa.RecordBatch.from_pydict(
        {"n": draw.normal(size=rows), "t": pa.array(draw.integers(0, 99, rows)).cast("string")}
    )
    agreed = Agreement(
        columns={"n": Column(type="float", min=-3, max=3, required=True), "t": Column(type="int", max=90, matches=None)}
    )
    began = time.process_time()
    found = check(agreed, batch)
    assert time.process_time() - began < 3.0
    expected = (np.abs(batch.column("n").to_numpy()) > 3) | (batch.column("t").cast("int64").to_numpy() > 90)
    assert found.state.broken == int(expected.sum())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"null": 1.5}, "a share from 0 to 1"),
        ({"min": 5, "max": 1}, "at most max"),
        ({"min": "2024-02-01", "max": "2024-01-01"}, "at most max"),
        ({"min_length": -1}, "0 or more"),
        ({"min_length": 3, "max_length": 1}, "at most max_length"),
        ({"type": "text", "min": 0}, "where type is text"),
        ({"type": "int", "matches": "a"}, "where type is int"),
        ({"type": "list", "unique": True}, "where type is list"),
        ({"type": "timestamp", "min": 5}, "a moment such as"),
        ({"min": "soon"}, "a moment such as"),
        ({"max": float("inf")}, "a finite number"),
        ({"matches": "("}, "RE2"),
        ({"matches": r"(a)\1"}, "RE2"),
        ({"allowed": ()}, "at least one"),
        ({"allowed": (1, "a")}, "texts, or numbers"),
        ({"type": "int", "allowed": ("a",)}, "int values"),
        ({"type": "int", "allowed": (True,)}, "int values"),
    ],
)
def test_rules_that_no_cell_could_keep_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        Column(**options)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7 days", 604800), ("1 day", 86400), ("12h", 43200), ("30 min", 1800), ("1.5 hours", 5400)]
)
def test_a_time_is_read_as_it_is_said(text: str, seconds: float) -> None:
    assert duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "7", "days", "7 moons", "-1 day", "1e9 days", "99999999999 days"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="is no time"):
        duration(text)


def test_moments_are_utc_where_they_do_not_say() -> None:
    assert moment("2024-01-31T12:00:00") == moment("2024-01-31T13:00:00+01:00") == datetime(2024, 1, 31, 12, tzinfo=UTC)
    assert moment("tomorrow") is None and moment("") is None
