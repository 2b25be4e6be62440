"""Join pairs into connected components by repeated exchanges; no process holds the graph.

Large-star and small-star operations alternate until nothing changes (Kiveris et al., "Connected Components in MapReduce
and Beyond", SoCC 2014). Every node ends beside the smallest name in its component. A graph that is known to be small is
joined in one exchange instead, by union-find on one worker.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from functools import partial

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows, Step
from tilth.core.errors import OperatorError
from tilth.core.shard import Shard

PAIR = pa.schema([(KEY, pa.string()), (ID, pa.string())])
"""One edge: two names."""
ROUNDS = 60
"""Far more than O(log² n) rounds need for any graph that fits on disks."""
BLOCK = 16_384
SMALL = 250_000
"""So many pairs (about 100 MB while they are joined) are joined by one worker."""


def components(pairs: Rows, engine: Engine, *, partitions: int = 16) -> Rows:
    """Return one row a node: `_id`, and `cluster`, the smallest name in its component.

    `pairs` holds `_key` and `_id`: two names that belong together. A node without a pair does not appear.
    """
    large = Exchange(name="large-star", emit=_both_ways, gather=_large_star, partitions=partitions)
    small = Exchange(name="small-star", emit=_larger_first, gather=_small_star, partitions=partitions)
    if (
        all(shard.rows is not None for shard in pairs.shards)
        and sum(shard.rows or 0 for shard in pairs.shards) <= SMALL
    ):
        return engine.exchange(Exchange(name="components", emit=_as_pairs, gather=_joined, partitions=1), pairs)
    edges, before = pairs, ""
    for _ in range(ROUNDS):
        edges = engine.exchange(small, engine.exchange(large, edges))
        now = _checksum(edges, engine)
        if now == before:
            return engine.exchange(
                Exchange(name="components", emit=_with_roots, gather=_unique, partitions=partitions), edges
            )
        before = now
    raise OperatorError(f"components did not settle in {ROUNDS} rounds", do="This is a fault of Tilth: report it.")


def _as_pairs(batch: Batch) -> Batch:
    return batch.select([KEY, ID]).cast(PAIR)


def _joined(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Join all pairs by union-find; the smaller root stays, so that it ends as the smallest name."""
    parents: dict[str, str] = {}

    def root(node: str) -> str:
        above = parents.setdefault(node, node)
        while above != node:
            # Halve the path.
            parents[node] = above = parents[above]
            node, above = above, parents[above]
        return node

    for one, other in _lines(batches):
        left, right = root(one), root(other)
        if left != right:
            parents[max(left, right)] = min(left, right)
    return _blocks(((node, root(node)) for node in sorted(parents)), [ID, "cluster"])


def _both_ways(batch: Batch) -> Batch:
    batch = batch.select([KEY, ID]).cast(PAIR)
    there, back = batch.column(KEY), batch.column(ID)
    return pa.RecordBatch.from_arrays([pa.concat_arrays([there, back]), pa.concat_arrays([back, there])], schema=PAIR)


def _larger_first(batch: Batch) -> Batch:
    pairs = zip(batch.column(KEY).to_pylist(), batch.column(ID).to_pylist(), strict=True)
    ordered = [(a, b) if a >= b else (b, a) for a, b in pairs]
    sides = zip(*ordered, strict=True) if ordered else ((), ())
    return pa.RecordBatch.from_arrays([pa.array(side, pa.string()) for side in sides], schema=PAIR)


def _large_star(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Join every larger neighbour to the smallest of a node and its neighbours."""

    def pairs() -> Iterator[tuple[str, str]]:
        node, root, last = None, "", None
        for key, other in _lines(batches):
            if key != node:
                # Neighbours come sorted, so the first is the smallest.
                node, root, last = key, min(key, other), None
            if other != last and other >= key:
                yield other, root
            last = other

    return _blocks(pairs(), PAIR.names)


def _small_star(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Join a node and its smaller neighbours to the smallest of them."""

    def pairs() -> Iterator[tuple[str, str]]:
        node, root, last = None, "", None
        for key, other in _lines(batches):
            if key != node:
                node, root, last = key, other, None
                yield key, root
            if other not in (last, key):
                yield other, root
            last = other

    return _blocks(pairs(), PAIR.names)


def _with_roots(batch: Batch) -> Batch:
    batch = batch.select([KEY, ID]).cast(PAIR)
    nodes, roots = batch.column(KEY), batch.column(ID)
    return pa.RecordBatch.from_arrays([pa.concat_arrays([nodes, roots]), pa.concat_arrays([roots, roots])], schema=PAIR)


def _unique(batches: Iterator[Batch]) -> Iterator[Batch]:
    def pairs() -> Iterator[tuple[str, str]]:
        last = None
        for node, root in _lines(batches):
            if node != last:
                yield node, root
            last = node

    return _blocks(pairs(), [ID, "cluster"])


def _blocks(pairs: Iterator[tuple[str, str]], names: list[str]) -> Iterator[Batch]:
    while block := list(itertools.islice(pairs, BLOCK)):
        yield pa.RecordBatch.from_arrays(
            [pa.array(side, pa.string()) for side in zip(*block, strict=True)], names=names
        )


def _lines(batches: Iterator[Batch]) -> Iterator[tuple[str, str]]:
    for batch in batches:
        yield from zip(batch.column(KEY).to_pylist(), batch.column(ID).to_pylist(), strict=True)


def _checksum(edges: Rows, engine: Engine) -> str:
    """Hash the set of edges: the sum of the edges' hashes, so that neither order nor repeats of a round matter."""
    step = Step(name="checksum", work=partial(_edge_sum, read=edges.read))
    total, count = 0, 0
    for _, (found, lines) in engine.run(step, edges.shards):
        total, count = (total + found) % (1 << 64), count + lines
    return f"{total:x}-{count}"


def _edge_sum(shard: Shard, *, read: Reader) -> tuple[int, int]:
    seen = set()
    for line in _lines(read(shard)):
        digest = hashlib.blake2b("\0".join(line).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        seen.add(int.from_bytes(digest, "little"))
    return sum(seen) % (1 << 64), len(seen)
