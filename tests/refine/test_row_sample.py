"""A sample of rows depends on the rows alone: not on cuts, not on order; and it stays small."""

from __future__ import annotations

import functools
import random
from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine import _row_sample


def sampled(lines: Sequence[tuple[str, str | None]], **options: int) -> pa.Table:
    ids, texts = ([line[at] for line in lines] for at in (0, 1))
    wanted = {"seed": 1, "rows": 1000, **options}
    return _row_sample.observe(pa.array(ids, pa.string()), {"text": pa.array(texts, pa.string())}, **wanted)


ROWS = st.lists(st.tuples(st.text("abcdef", max_size=3), st.one_of(st.none(), st.text("xy", max_size=30))), max_size=40)


@pytest.mark.slow
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 12), st.integers(40, 400))
def test_cuts_and_order_do_not_show(
    rows: list[tuple[str, str | None]], chance: random.Random, most: int, limit: int
) -> None:
    whole = sampled(rows, rows=most, limit=limit)
    mixed = chance.sample(rows, len(rows))
    ends = sorted(chance.choices(range(len(rows) + 1), k=4))
    parts = [mixed[start:end] for start, end in zip([0, *ends], [*ends, len(rows)], strict=True)]
    merge = functools.partial(_row_sample.merge, rows=most, limit=limit)
    states = [sampled(part, rows=most, limit=limit) for part in parts]
    assert functools.reduce(merge, states).equals(whole)
    assert functools.reduce(lambda right, left: merge(left, right), reversed(states)).equals(whole)
    assert _row_sample.read(whole).num_rows <= most


def test_every_row_is_as_likely_as_any() -> None:
    rows = [(f"{at:05}", "late" if at >= 5000 else "early") for at in range(10_000)]
    said = _row_sample.read(sampled(rows, rows=1000))["text"].to_pylist()
    assert len(said) == 1000
    assert 440 < said.count("late") < 560
    other = _row_sample.read(sampled(rows, rows=1000, seed=2))["text"].to_pylist()
    assert other != said


def test_large_rows_leave_room_for_fewer() -> None:
    state = sampled([(f"{at}", "x" * 1000) for at in range(500)], limit=100_000)
    assert 90 <= _row_sample.read(state).num_rows <= 98
    assert state.nbytes < 150_000
