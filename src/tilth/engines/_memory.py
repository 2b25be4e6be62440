"""Exchange few rows in one process's memory: the same rows and batches as by way of the disk, without files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Rows
from tilth.core.shard import Shard
from tilth.engines import _spill

RUNS = 3
"""So many times `RUN_BYTES` of keyed rows are exchanged in memory; sorting them takes as much again, twice."""


@dataclass(frozen=True)
class Held:
    """Read what an exchange left: batches in memory, or a spill file where there was too much."""

    batches: tuple[tuple[Batch, ...], ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        """Read a partition."""
        return iter(self.batches[shard.where["at"]]) if "at" in shard.where else _spill.read(shard)


def exchange(step: Exchange, keyed: Sequence[Batch], *, folder: str) -> Rows:
    """Group keyed rows; what `gather` gives beyond as much is written into the folder."""
    shards: list[Shard] = []
    held: list[tuple[Batch, ...]] = []
    room = RUNS * _spill.RUN_BYTES
    for number, part in _spill.parted(keyed, step.partitions) if keyed else ():
        name = f"p{number:04d}"
        found, size, rest = _take(step.gather(iter(_spill.blocks(part))), room)
        if rest is not None:
            shards.append(_spill.write(_chained(found, rest), path=f"{folder}/out-{name}.arrow", shard=name))
        elif found:
            rows = sum(batch.num_rows for batch in found)
            shards.append(Shard(id=name, where={"at": len(held)}, rows=rows, bytes=size))
            held.append(tuple(found))
            room -= size
    return Rows(shards=tuple(shard for shard in shards if shard.rows), read=Held(tuple(held)))


def _take(batches: Iterable[Batch], room: int) -> tuple[list[Batch], int, Iterator[Batch] | None]:
    """Return the batches that have rows, their size, and what is left where they are more than fit."""
    found: list[Batch] = []
    size = 0
    rest = iter(batches)
    for batch in rest:
        if batch.num_rows:
            found.append(batch)
            size += batch.nbytes
            if size > room:
                return found, size, rest
    return found, size, None


def _chained(found: list[Batch], rest: Iterator[Batch]) -> Iterator[Batch]:
    yield from found
    yield from rest
