"""Rows are sorted as Python sorts tuples of their bytes, and ties keep their order."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.engines._order import order_of

TEXTS = st.lists(st.sampled_from(["a", "b", "\0", "é", "键", "\U0010ffff", "aaaaaaaa"]), max_size=3).map("".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=40))
def test_strings_by_their_bytes(pairs: list[tuple[str, str]]) -> None:
    keys, ids = (pa.array([pair[at] for pair in pairs], pa.string()) for at in (0, 1))
    wanted = sorted(range(len(pairs)), key=lambda row: tuple(part.encode() for part in pairs[row]))
    assert order_of(keys, ids).tolist() == wanted


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2**63, 2**64 - 1]), TEXTS), max_size=40))
def test_numbers_by_value_then_strings(pairs: list[tuple[int, str]]) -> None:
    keys, ids = pa.array([key for key, _ in pairs], pa.uint64()), pa.array([row for _, row in pairs], pa.string())
    assert order_of(keys, ids).tolist() == sorted(range(len(pairs)), key=lambda row: (pairs[row][0], pairs[row][1]))


@pytest.mark.parametrize("rows", [0, 1, 5000])
def test_rows_that_tie_keep_their_order(rows: int) -> None:
    same = pa.array(["the same long key"] * rows, pa.string())
    assert order_of(same, same).tolist() == list(range(rows))
    few = pa.array([row % 3 for row in range(rows)], pa.uint64())
    assert order_of(few, few).tolist() == sorted(range(rows), key=lambda row: row % 3)
