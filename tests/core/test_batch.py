"""Ids and revisions depend on what a row says and on nothing else; batches are cut and joined without loss."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.batch import (
    AT,
    SYSTEM,
    SYSTEM_FIELDS,
    canonical,
    keyed_hash,
    rebatch,
    revisions,
    row_ids,
    user_columns,
    with_column,
)

SALT = bytes(range(32))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6)
CELLS = st.none() | TEXTS
ROWS = st.lists(
    st.fixed_dictionaries(
        {"text": CELLS, "n": st.none() | st.integers(-9, 9), "tags": st.none() | st.lists(TEXTS, max_size=2)}
    ),
    max_size=12,
)
SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64()), ("tags", pa.list_(pa.string()))])


def batch(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema)


def test_ids_never_change_between_versions() -> None:
    # Split tables and fates of existing projects are keyed by these: a change here moves rows from train to test.
    assert keyed_hash(SALT, "tickets", "42") == "211c695f6df0eef47823dd34a3fe6208"
    assert keyed_hash(b"", "") == "c804ce198ec337e3dc762bdd1a09aece"
    assert row_ids(["a.csv:0", "a.csv:1"], "tickets", SALT) == [
        "1c920fcc56088709a9dd8bf69ff1ee2d",
        "7ccb5d2a23692a95e9198f75332156ce",
    ]


def test_revisions_never_change_between_versions() -> None:
    rows = batch([{"text": "héllo", "n": 1, "tags": ["a", "b"]}])
    assert revisions(rows, SALT) == ["6c4d852be2c41e328c694ee3ea4c1492"]


@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_two_lists_of_parts_have_one_hash_only_when_they_are_equal(one: list[str], other: list[str]) -> None:
    assert (keyed_hash(SALT, *one) == keyed_hash(SALT, *other)) == (one == other)


def test_another_salt_gives_other_ids() -> None:
    assert keyed_hash(SALT, "a") != keyed_hash(SALT[:-1], "a") != keyed_hash(b"", "a")


def test_names_that_are_not_unicode_have_ids_too() -> None:
    assert keyed_hash(SALT, b"caf\xe9.csv".decode("utf-8", "surrogateescape")) != keyed_hash(SALT, "café.csv")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\u2028b", '"a\u2028b"'),
        (1, "1"),
        (1.0, "1.0"),
        (True, "true"),
        (None, "null"),
        ({"b": 1, "a": {"d": 2, "c": 3}}, '{"a":{"c":3,"d":2},"b":1}'),
        ((1, "x"), '[1,"x"]'),
        (math.nan, '"\\u0000nan"'),
        (-math.inf, '"\\u0000-inf"'),
        (b"\x00\xff", '"\\u0000b00ff"'),
        (datetime.date(2026, 1, 2), '"\\u0000date:2026-01-02"'),
        (decimal.Decimal("1.50"), '"\\u0000Decimal:1.50"'),
    ],
)
def test_cells_are_written_in_one_way(value: Any, written: str) -> None:
    assert canonical(value) == written


@given(ROWS, st.permutations(["text", "n", "tags"]), st.integers(0, 12))
def test_revisions_do_not_depend_on_column_order_or_cuts(
    rows: list[dict[str, Any]], order: list[str], cut: int
) -> None:
    whole = batch(rows)
    parts = [whole.slice(0, cut), whole.slice(min(cut, len(rows)))]
    assert [name for part in parts for name in revisions(part.select(order), SALT)] == revisions(whole, SALT)


@given(ROWS, ROWS)
def test_revisions_tell_rows_apart(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    for a, rev_a in zip(one, revisions(batch(one), SALT), strict=True):
        for b, rev_b in zip(other, revisions(batch(other), SALT), strict=True):
            assert (rev_a == rev_b) == (a == b)


def test_a_column_that_this_batch_lacks_is_a_column_without_values() -> None:
    # A file without a column, beside one that has it: which of the two a row was read from is not what it says.
    assert revisions(batch([{"text": "a", "n": None, "tags": None}]), SALT) == revisions(
        pa.RecordBatch.from_pydict({"text": ["a"]}), SALT
    )


def test_system_columns_are_not_content() -> None:
    rows = batch([{"text": "a"}])
    named = with_column(with_column(rows, "_id", ["1"]), "_split", ["test"])
    assert revisions(named, SALT) == revisions(rows, SALT)
    assert user_columns(named.schema) == ["text", "n", "tags"]
    assert {*SYSTEM, AT} == set(SYSTEM_FIELDS)


def test_rows_without_columns_have_one_revision() -> None:
    nothing = pa.RecordBatch.from_pydict({"_id": ["1", "2"]})
    assert len(set(revisions(nothing, SALT))) == 1
    assert len(revisions(nothing, SALT)) == 2


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_times_have_revisions_in_every_resolution(unit: str, zone: str | None) -> None:
    # 1 ns is more than a datetime holds; pyarrow then asks for pandas, which may be there or not.
    times = pa.array([1, 2, None], pa.timestamp(unit, zone))
    found = revisions(pa.RecordBatch.from_arrays([times], names=["at"]), SALT)
    assert len(set(found)) == 3


def test_a_nested_time_has_a_revision() -> None:
    times = pa.array([[1], [2], None], pa.list_(pa.timestamp("ns")))
    assert len(set(revisions(pa.RecordBatch.from_arrays([times], names=["at"]), SALT))) == 3


def test_a_column_is_replaced_where_it_stands_or_added_last() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [1], "b": ["x"]})
    assert with_column(rows, "a", [1.5]).to_pydict() == {"a": [1.5], "b": ["x"]}
    assert with_column(rows, "a", [1.5]).schema.names == ["a", "b"]
    assert with_column(rows, "c", [None], pa.string()).schema.field("c").type == pa.string()
    assert with_column(rows, "c", pa.chunked_array([["y"]])).column("c").to_pylist() == ["y"]
    assert rows.schema.names == ["a", "b"], "the batch given is as it was"


def test_a_column_gets_the_type_that_is_asked_for() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [1]})
    assert with_column(rows, "a", pa.array([2]), pa.float64()).schema.field("a").type == pa.float64()


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 12))
def test_rebatch_keeps_every_row_in_order_and_cuts_evenly(sizes: list[int], rows: int) -> None:
    numbers = iter(range(1000))
    batches = [
        pa.RecordBatch.from_pydict({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes
    ]
    found = list(rebatch(batches, rows))
    assert [n for part in found for n in part.column("n").to_pylist()] == list(range(sum(sizes)))
    assert [part.num_rows for part in found[:-1]] == [rows] * (len(found) - 1)
    assert all(0 < part.num_rows <= rows for part in found)


@pytest.mark.parametrize("rows", [0, -1])
def test_rebatch_refuses_batches_of_nothing(rows: int) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        list(rebatch([pa.RecordBatch.from_pydict({"n": [1]})], rows))
