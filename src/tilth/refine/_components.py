"""Find connected components by repeated exchanges: nobody ever holds the graph.

Large-star and small-star in turn (Kiveris, Lattanzi, Mirrokni, Rastogi, Vassilvitskii 2014, "Connected Components in
MapReduce and Beyond"): each node hands its neighbours to the smallest of them, until every component is a star around its
smallest id. O(log^2 n) rounds are proven, about log n are seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.refine._rows import batches, count, groups

ROOTED = pa.schema([("node", pa.string()), ("root", pa.string()), ("changed", pa.bool_())])
"""An edge from a node to a smaller one; at the end, to the smallest of its component."""
_KEYED = pa.schema([(KEY, pa.string()), (ID, pa.string())])


def components(edges: Rows, engine: Engine, *, partitions: int) -> Rows:
    """Return `ROOTED` rows, one for each node that is not the smallest of its component.

    `edges` hold the smaller id in `one` and the greater in `other`.
    """
    small = Exchange(name="components.small_star", emit=_downwards, gather=_small_star, partitions=partitions)
    large = Exchange(name="components.large_star", emit=_both_ways, gather=_large_star, partitions=partitions)
    found = engine.exchange(small, edges)
    while True:
        found = engine.exchange(large, found)
        changed = count(found, "changed", engine)
        found = engine.exchange(small, found)
        if not changed and not count(found, "changed", engine):
            return found


def _ends(batch: Batch) -> tuple[pa.Array, pa.Array]:
    """Return the greater and the smaller ends."""
    if "root" in batch.schema.names:
        return batch.column("node"), batch.column("root")
    return batch.column("other"), batch.column("one")


def _downwards(batch: Batch) -> Batch:
    greater, smaller = _ends(batch)
    return pa.RecordBatch.from_arrays([greater, smaller], schema=_KEYED)


def _both_ways(batch: Batch) -> Batch:
    greater, smaller = _ends(batch)
    return pa.RecordBatch.from_arrays(
        [pa.concat_arrays([greater, smaller]), pa.concat_arrays([smaller, greater])], schema=_KEYED
    )


def _small_star(keyed: Iterator[Batch]) -> Iterable[Batch]:
    """Hang a node, and its smaller neighbours, on the smallest of them."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for node, group in groups(keyed, (KEY, ID)):
            smallest = last = next(group)[1]
            alone = True
            for _, neighbour in group:
                if neighbour != last:
                    alone = False
                    yield neighbour, smallest, True
                last = neighbour
            yield node, smallest, not alone

    return batches(rows(), ROOTED)


def _large_star(keyed: Iterator[Batch]) -> Iterable[Batch]:
    """Hang a node's greater neighbours on the smallest of all (or on the node itself)."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for node, group in groups(keyed, (KEY, ID)):
            smallest, last = node, ""
            for _, neighbour in group:
                if neighbour != last and neighbour > node:
                    yield neighbour, smallest, smallest != node
                smallest = min(smallest, neighbour)
                last = neighbour

    return batches(rows(), ROOTED)
