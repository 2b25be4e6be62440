"""A row's lot depends on its id and the seed alone, and the smallest lots are the same however rows are cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine import _lots
from tilth.testing import batch


def test_lots_are_spread_evenly_and_differ_by_seed() -> None:
    rows = batch(n=range(4000))
    drawn = _lots.lots(rows, 0) / _lots.ALL
    assert abs(drawn.mean() - 0.5) < 0.02 and drawn.min() >= 0 and drawn.max() < 1
    assert not np.array_equal(_lots.lots(rows, 1), _lots.lots(rows, 0))
    assert np.array_equal(_lots.lots(rows.slice(7), 0), _lots.lots(rows, 0)[7:])


def test_rows_without_a_split_are_learnt_from_and_never_thinned() -> None:
    rows = batch(n=[1, 2])
    assert _lots.counted(rows, ("train",)).all() and not _lots.thinned(rows, ("train",)).any()
    known = batch(_split=["train", "test", None])
    assert (
        _lots.counted(known, ("train",)).tolist() == _lots.thinned(known, ("train",)).tolist() == [True, False, False]
    )


@pytest.mark.slow
@given(
    rows=st.lists(st.tuples(st.sampled_from(["a", "b", "龙", None]), st.integers(0, _lots.ALL - 1)), max_size=30),
    cut=st.integers(0, 30),
    most=st.integers(0, 5),
)
def test_holding_is_sorting_and_cutting_whatever_the_shards(
    rows: list[tuple[str | None, int]], cut: int, most: int
) -> None:
    def held(some: list[tuple[str | None, int]]) -> pa.Table:
        return _lots.hold([group for group, _ in some], np.array([lot for _, lot in some], np.int64), most)

    whole = held(rows)
    assert _lots.merge(held(rows[:cut]), held(rows[cut:]), most) == whole
    for group, count, smallest in zip(*(column.to_pylist() for column in whole.columns), strict=True):
        mine = sorted(lot for name, lot in rows if name == group)
        assert (count, smallest) == (len(mine), mine[:most])
