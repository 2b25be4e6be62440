"""Say what runs work: an engine knows machines and knows no data.

A `Step` is a picklable callable on one shard. An `Exchange` groups rows by key: workers emit keyed batches, the
partition is `partition_of(key)` (our own hash, a fixed count: never the worker count, never the engine's hash), and
each partition's rows arrive sorted by (`_key`, `_id`), numbers by value and strings by their UTF-8 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from tilth.core.batch import Batch
from tilth.core.shard import Shard

Result = TypeVar("Result")
KEY = "_key"
"""The column an exchange groups by: strings, or unsigned 64-bit integers."""
FOLD = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: what `partition_of` multiplies by."""
FINISH = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))
"""Then, for each: `h = (h ^ (h >> shift)) * factor`."""
_WORD = (1 << 64) - 1


@dataclass(frozen=True, kw_only=True)
class Step(Generic[Result]):
    """Work on each shard by itself; results are small."""

    name: str
    work: Callable[[Shard], Result]
    """Picklable; may run twice for one shard, so what it writes is named by shard and content."""


Reader = Callable[[Shard], Iterator[Batch]]
"""How a worker reads a shard; picklable."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows that lie somewhere: shards, and the way to read one. Re-iterable, shardable, picklable."""

    shards: tuple[Shard, ...]
    read: Reader

    def batches(self) -> Iterator[Batch]:
        """Read all shards in order, in this process."""
        for shard in self.shards:
            yield from self.read(shard)


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """Bring rows with the same key together."""

    name: str
    emit: Callable[[Batch], Batch]
    """From a batch to keyed rows: the result has `_key` and `_id` (each `string` or `uint64`, in every batch the same)
    and any other columns. Picklable."""
    gather: Callable[[Iterator[Batch]], Iterable[Batch]]
    """From one partition's rows, sorted by (`_key`, `_id`), to rows. One key may straddle two batches. Picklable."""
    partitions: int = 16
    """Fixed in the plan: the answer must not depend on the number of workers."""


class Engine(Protocol):
    """Run steps and exchanges."""

    def run(self, step: Step[Result], shards: Sequence[Shard]) -> Iterator[tuple[Shard, Result]]:
        """Run the step on each shard; yields as shards finish, in any order."""
        ...

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        """Group by key; the result's shards are one a partition, in partition order, with ids such as `p0007`.

        A partition without rows may be left out.
        """
        ...


def partition_of(key: str | int, partitions: int) -> int:
    """Return the partition of a key, the same on every engine and machine.

    A number is its own hash: `key % partitions`. Of a string, the UTF-8 bytes are read as 64-bit little-endian words
    (the last filled up with zeros) and folded into the length: `h = (h ^ word) * FOLD`, then `h ^= h >> 32`; at the
    end the steps of SplitMix64's finaliser (Steele et al. 2014). Engines may compute many at once, if they agree.

    >>> partition_of("a", 16) == partition_of("a", 16) < 16, partition_of(35, 16)
    (True, 3)
    """
    if isinstance(key, int):
        return key % partitions
    raw = key.encode("utf-8", "surrogatepass")
    value = len(raw)
    for at in range(0, len(raw), 8):
        value = (value ^ int.from_bytes(raw[at : at + 8], "little")) * FOLD & _WORD
        value ^= value >> 32
    for shift, factor in FINISH:
        value = (value ^ (value >> shift)) * factor & _WORD
    return value % partitions


def describe(step: Step[Any] | Exchange) -> str:
    """Name a step for events and messages."""
    return step.name
