"""Tell in a fixed 4 MiB which runs of words can be a test item's, so that few of the other rows' are exchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tilth.core.batch import Batch
from tilth.core.engine import Engine, Reader, Rows, Step
from tilth.core.shard import Shard
from tilth.refine._repeats_words import Hashes

_BITS = 1 << 25
_MASK = np.uint64(_BITS - 1)

Items = Callable[[Batch], tuple[Hashes, Hashes, set[int]]]
"""From a batch to the two hashes of each run of its items, and the lengths of the short ones; picklable."""


@dataclass(frozen=True, kw_only=True)
class Sieve:
    """A Bloom filter with two probes: what it lets through is compared by key, what it holds back is no item's."""

    bits: bytes
    lengths: tuple[int, ...]
    """The lengths, in words, of the items that are shorter than an n-gram."""

    def passes(self, one: Hashes, other: Hashes) -> npt.NDArray[np.bool_]:
        """Tell which runs may be an item's; never wrong about one that is."""
        table = np.frombuffer(self.bits, np.uint8)
        return (_read(table, one) & _read(table, other)).astype(np.bool_)


def sieve(items: Rows, engine: Engine, look: Items) -> Sieve:
    """Look at all items, a shard at a time."""
    table = np.zeros(_BITS >> 3, np.uint8)
    lengths: set[int] = set()
    step = Step(name="decontaminate.sieve", work=_Shard(read=items.read, look=look))
    for _, (at, some) in engine.run(step, items.shards):
        if isinstance(at, bytes):
            table |= np.frombuffer(at, np.uint8)
        else:
            _mark(table, at)
        lengths |= some
    return Sieve(bits=table.tobytes(), lengths=tuple(sorted(lengths)))


@dataclass(frozen=True, kw_only=True)
class _Shard:
    read: Reader
    look: Items

    def __call__(self, shard: Shard) -> tuple[bytes | Hashes, set[int]]:
        """Return the marked places: as they are while they are few, else the whole table."""
        found: list[Hashes] = []
        table: npt.NDArray[np.uint8] | None = None
        lengths: set[int] = set()
        for batch in self.read(shard):
            one, other, some = self.look(batch)
            found += [one & _MASK, other & _MASK]
            lengths |= some
            if sum(len(places) for places in found) * 8 > _BITS >> 3:
                table = np.zeros(_BITS >> 3, np.uint8) if table is None else table
                _mark(table, np.concatenate(found))
                found.clear()
        places = np.concatenate([np.zeros(0, np.uint64), *found])
        if table is None:
            return places, lengths
        _mark(table, places)
        return table.tobytes(), lengths


def _mark(table: npt.NDArray[np.uint8], places: Hashes) -> None:
    np.bitwise_or.at(
        table, (places >> np.uint64(3)).astype(np.int64), np.uint8(1) << (places & np.uint64(7)).astype(np.uint8)
    )


def _read(table: npt.NDArray[np.uint8], hashes: Hashes) -> npt.NDArray[np.uint8]:
    places = hashes & _MASK
    return (table[(places >> np.uint64(3)).astype(np.int64)] >> (places & np.uint64(7)).astype(np.uint8)) & np.uint8(1)
