"""Rows of several places join, groups straddle batches, and answers are cut into batches."""

from __future__ import annotations

import pickle

import numpy as np
import pyarrow as pa
import pytest

from tilth.refine import _rows
from tilth.testing import MemoryRows, batch

SCHEMA = pa.schema([("name", pa.string()), ("hashes", _rows.HASHES)])


def test_a_union_reads_all_parts_in_order_and_travels() -> None:
    joined = _rows.union(MemoryRows(batch(a=[1]), batch(a=[2])), MemoryRows(batch(b=["x"])))
    assert len({shard.id for shard in joined.shards}) == 3
    again = pickle.loads(pickle.dumps(joined))
    assert [part.column(1)[0].as_py() for part in again.batches()] == [1, 2, "x"]


def test_hash_lists_come_back_as_they_went_in() -> None:
    lists = [np.array([1, 2**64 - 1], np.uint64), None, np.zeros(0, np.uint64), np.array([7], np.uint64)]
    (found,) = _rows.batches(zip("abcd", lists, strict=True), SCHEMA)
    back = list(_rows.tuples([found, found.slice(1, 2)], ("name", "hashes")))
    expected = [("a", [1, 2**64 - 1]), ("b", None), ("c", []), ("d", [7]), ("b", None), ("c", [])]
    assert [(name, None if hashes is None else hashes.tolist()) for name, hashes in back] == expected


def test_many_hashes_cut_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_rows, "_HASHES", 5)
    rows = [("a", np.arange(3, dtype=np.uint64))] * 5
    assert [part.num_rows for part in _rows.batches(rows, SCHEMA)] == [2, 2, 1]


def test_a_group_may_straddle_batches() -> None:
    keyed = [batch(k=["a", "b"]), batch(k=["b"]), batch(k=["b", "c"])]
    assert [(key, len(list(group))) for key, group in _rows.groups(keyed, ("k", "_id"))] == [
        ("a", 1),
        ("b", 3),
        ("c", 1),
    ]


def test_only_rows_that_are_surely_alone_are_left_out() -> None:
    keyed = [batch(k=["a", "b", "c"]), batch(k=["c", "d", "d", "e", "f"]), batch(k=["g"])]
    left = [part.column("k").to_pylist() for part in _rows.crowded(keyed, "k")]
    assert left == [["a", "c"], ["c", "d", "d", "f"], ["g"]]
