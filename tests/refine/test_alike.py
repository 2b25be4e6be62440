"""Sets found by where they lie are compared exactly, whatever a block holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import Batch
from tilth.core.engine import Rows, partition_of
from tilth.core.shard import Shard
from tilth.refine import _sets
from tilth.refine._alike import Alike, jaccards
from tilth.text import minhash

SETS = st.lists(st.lists(st.integers(0, 40), max_size=25, unique=True), min_size=2, max_size=8)


def block(sets: list[list[int]]) -> _sets.Block:
    hashes = minhash.mix(np.array([n for one in sets for n in one], np.uint64))
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sets])]).astype(np.int64)
    return _sets.Block(0, len(sets), pa.array([f"s{at}" for at in range(len(sets))]), hashes, offsets)


@settings(max_examples=60, deadline=None)
@given(SETS, SETS)
def test_similarities_are_exact_in_any_order_of_members(left: list[list[int]], right: list[list[int]]) -> None:
    pairs = [(a, b) for b in range(len(right)) for a in range(len(left)) if left[a] or right[b]]
    if not pairs:
        return
    ones, others = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    found = jaccards(block(left), block(right), ones, others)
    assert found.tolist() == [len({*left[a]} & {*right[b]}) / len({*left[a]} | {*right[b]}) for a, b in pairs]


class Partitions:
    """Three partitions of two sets each, the members of which say where the set lies."""

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        place = int(shard.id[1:])
        for row in range(2):
            words = np.arange(place, place + 3 + row, dtype=np.uint64)
            yield pa.RecordBatch.from_pydict(
                {"_id": [f"{place}-{row}"], "shingles": pa.array([words.tobytes()], pa.large_binary())}
            )


ROWS = Rows(shards=tuple(Shard(id=f"p{place:04d}") for place in range(3)), read=Partitions())


@pytest.mark.parametrize("limit", [1, 60, 1 << 20])
def test_sets_are_read_from_where_they_lie(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sets, "BLOCK_BYTES", limit)
    wanted = np.array([4, 0, 5, 4], np.uint64)
    places, at = _sets.by_partition(wanted, 3)
    assert places[at].tolist() == wanted.tolist()
    parts = list(_sets.blocks(ROWS, places, 3))
    names = [name for part in parts for name in part.names.to_pylist()]
    assert [names[row] for row in at] == ["1-1", "0-0", "2-1", "1-1"]
    assert [(part.first, part.last) for part in parts][-1][1] == 3
    assert [part.hashes[start] for part in parts for start in part.offsets[:-1]] == [0, 1, 2]


def test_a_place_is_where_the_engine_sends_it() -> None:
    for shard in _sets.located(ROWS, 3, "_id").shards:
        for part in _sets.located(ROWS, 3, "_id").read(shard):
            for at in part.column("at").to_pylist():
                assert f"p{partition_of(at, 3):04d}" == shard.id


def test_a_pair_that_met_in_several_bands_is_compared_once() -> None:
    keyed = pa.RecordBatch.from_pydict(
        {"_key": pa.array([0, 0, 0, 3], pa.uint64()), "_id": pa.array([3, 3, 4, 1], pa.uint64())}
    )
    step = Alike(threshold=0.5, sets=ROWS, partitions=3)
    lines = [line for part in step.gather(iter([keyed.slice(0, 1), keyed.slice(1)])) for line in part.to_pylist()]
    assert sorted((line["_key"], line["_id"], line["value"]) for line in lines) == [
        ("0-0", "0-1", 0.75),
        ("0-1", "1-0", 0.75),
    ]
