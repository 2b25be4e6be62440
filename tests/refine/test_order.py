"""Any rank of a group's lots can be found later, exactly or on the safe side, however rows were cut."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine import _order
from tilth.refine._lots import ALL

ROWS = st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.integers(0, ALL - 1)), max_size=40)


def state(rows: list[tuple[str | None, int]]) -> pa.Table:
    return _order.observe([group for group, _ in rows], np.array([lot for _, lot in rows], np.int64))


@pytest.mark.slow
@given(rows=ROWS, cuts=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_merging_is_exact_and_associative_even_when_bins_run_out(
    rows: list[tuple[str | None, int]], cuts: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_order, "_MOST", 8)
        one, two = sorted(cuts)
        a, b, c = state(rows[:one]), state(rows[one:two]), state(rows[two:])
        whole = state(rows)
        assert _order.merge(_order.merge(a, b), c) == _order.merge(a, _order.merge(b, c)) == whole
        assert sum(len(one) for one in whole["lots"].to_pylist()) <= 8


@pytest.mark.slow
@given(rows=ROWS, wanted=st.integers(0, 40), most=st.sampled_from([8, 1000]))
def test_no_more_than_wanted_lie_below_the_limit(rows: list[tuple[str | None, int]], wanted: int, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_order, "_MOST", most)
        counted = state(rows)
        for group, count in _order.rows(counted).items():
            mine = [lot for name, lot in rows if name == group]
            below = sum(lot < _order.limit(counted, group, wanted) for lot in mine)
            assert count == len(mine) and below <= min(wanted, count)
            if most == 1000 and len(set(mine)) == len(mine):
                assert below == min(wanted, count)
