"""Connected components agree with a union-find, whatever the graph's shape and the number of partitions."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.core.batch import Batch
from tilth.core.components import PAIR, components
from tilth.core.engine import Rows
from tilth.core.shard import Shard
from tilth.engines.local import Local


def read_pairs(shard: Shard) -> Iterator[Batch]:
    yield pa.RecordBatch.from_arrays(
        [
            pa.array([a for a, _ in shard.where["pairs"]], pa.string()),
            pa.array([b for _, b in shard.where["pairs"]], pa.string()),
        ],
        schema=PAIR,
    )


def found(pairs: list[tuple[str, str]], partitions: int = 3) -> dict[str, str]:
    cut = len(pairs) // 2
    shards = tuple(
        Shard(id=f"s{n}", where={"pairs": part}, rows=len(part)) for n, part in enumerate((pairs[:cut], pairs[cut:]))
    )
    with Local(workers=1) as engine:
        rows = components(Rows(shards=shards, read=read_pairs), engine, partitions=partitions)
        lines = [line for batch in rows.batches() for line in batch.to_pylist()]
    assert len(lines) == len({line["_id"] for line in lines}), "one row a node"
    return {line["_id"]: line["cluster"] for line in lines}


def union_find(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {node: root(node) for node in list(parent)}


@pytest.fixture(params=["one exchange", "rounds of exchanges"], autouse=True)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Join every graph both ways: as a small one, and as one that no worker can hold."""
    monkeypatch.setattr("tilth.core.components.SMALL", 1 << 20 if request.param == "one exchange" else -1)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.sampled_from("abcdefghijklmnop")), max_size=25))
def test_components_agree_with_union_find(pairs: list[tuple[str, str]]) -> None:
    assert found(pairs) == union_find(pairs)


@pytest.mark.parametrize("partitions", [1, 16])
def test_a_long_chain_and_a_star_become_one_cluster_each(partitions: int) -> None:
    chain = [(f"a{n:03d}", f"a{n + 1:03d}") for n in range(200)]
    star = [("b000", f"b{n:03d}") for n in range(1, 100)]
    clusters = found(chain + star, partitions)
    assert set(clusters.values()) == {"a000", "b000"}
    assert len(clusters) == 301
