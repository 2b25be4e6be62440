"""Groups of sorted rows are walked batch by batch, wherever batches are cut."""

from __future__ import annotations

import itertools

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.groups import begins, headed, heads, whole

KEYS = st.lists(st.sampled_from("abcd"), max_size=30).map(sorted)
CUTS = st.lists(st.integers(0, 30), max_size=5).map(sorted)


def cut(keys: list[str], places: list[int]) -> list[pa.RecordBatch]:
    rows = pa.RecordBatch.from_pydict({"k": pa.array(keys, pa.string()), "n": pa.array(range(len(keys)), pa.int64())})
    ends = [0, *(min(place, len(keys)) for place in places), len(keys)]
    return [rows.slice(a, b - a) for a, b in itertools.pairwise(ends)]


@settings(max_examples=100, deadline=None)
@given(KEYS, CUTS)
def test_each_row_meets_its_head_once(keys: list[str], places: list[int]) -> None:
    seen: list[tuple[int, int]] = []
    companions: dict[int, int] = {}
    for found in headed(cut(keys, places), "k"):
        numbers = found.batch.column("n").to_pylist()
        head = [numbers[at] for at in found.head.to_pylist()]
        if found.again:
            assert found.alone == (companions[numbers[0]] == 0)
        for number, first in list(zip(numbers, head, strict=True))[found.again :]:
            seen.append((number, first))
            companions[first] = companions.get(first, -1) + 1
    assert seen == [(at, keys.index(key)) for at, key in enumerate(keys)]


@settings(max_examples=100, deadline=None)
@given(KEYS, CUTS)
def test_whole_groups_are_never_cut(keys: list[str], places: list[int]) -> None:
    found = [batch.column("k").to_pylist() for batch in whole(cut(keys, places), "k")]
    assert list(itertools.chain.from_iterable(found)) == keys
    assert all(found)
    assert all(before[-1] != after[0] for before, after in itertools.pairwise(found))


def test_heads_and_beginnings() -> None:
    keys = pa.array([3, 3, 5, 9, 9, 9], pa.uint64())
    assert heads(keys).to_pylist() == [0, 0, 2, 3, 3, 3]
    assert begins(keys).to_pylist() == [True, False, True, True, False, False]
    assert heads(keys[:0]).to_pylist() == begins(keys[:0]).to_pylist() == []
