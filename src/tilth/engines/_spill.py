"""Sort rows that do not fit in memory: sorted runs on disk, merged in blocks.

Files are Arrow IPC without compression, mapped into memory: a reader that wants one column touches only its pages.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Exchange, Reader
from tilth.core.shard import Shard
from tilth.engines._order import order_of
from tilth.engines._partition import partitions_of

RUN_BYTES = 32 << 20
"""How many bytes of keyed rows a worker holds before it writes sorted runs."""
BUNDLE_BYTES = 4 << 20
BLOCK_ROWS = 16_384
BLOCK_BYTES = 512 << 10
"""A block is so many rows or bytes; one of each run is in memory while runs are merged."""


def bundled(shards: Sequence[Shard], *, parts: int = 1) -> list[Shard]:
    """Join small neighbouring shards: runs of few rows are many small files, and slow to merge.

    There are at least so many bundles as `parts`, where the rows are more than a few.
    """
    least = min(RUN_BYTES, max(BUNDLE_BYTES, sum(shard.bytes for shard in shards) // parts))
    bundles: list[list[Shard]] = []
    room = 0
    for shard in shards:
        # An unknown size may be a large one.
        if not shard.bytes or shard.bytes > room or not bundles:
            bundles.append([])
            room = least if shard.bytes else 0
        bundles[-1].append(shard)
        room -= shard.bytes
    return [
        Shard(id=f"{held[0].id}+{len(held) - 1}", where={"held": held}, bytes=sum(shard.bytes for shard in held))
        for held in bundles
    ]


def scatter(shard: Shard, *, folder: str, step: Exchange, read: Reader) -> list[tuple[int, str]]:
    """Key a bundle's rows and write them as sorted runs, one a partition; returns (partition, path) in order."""
    stem = hashlib.blake2b(shard.id.encode(), digest_size=8).hexdigest()
    return write_runs(keyed(shard, step=step, read=read), folder=folder, stem=stem, partitions=step.partitions)


def keyed(shard: Shard, *, step: Exchange, read: Reader) -> Iterator[Batch]:
    """Key a bundle's rows."""
    for batch in (batch for held in shard.where["held"] for batch in read(held)):
        if batch.num_rows:
            found = step.emit(batch)
            if found.num_rows:
                yield found


def write_runs(batches: Iterable[Batch], *, folder: str, stem: str, partitions: int) -> list[tuple[int, str]]:
    """Write keyed rows as sorted runs, as many at a time as fit in memory."""
    runs: list[tuple[int, str]] = []
    for place, part in sorted_runs(batches, partitions):
        path = f"{folder}/{stem}-{len(runs):05d}-p{place:04d}.arrow"
        write_run(part, path)
        runs.append((place, path))
    return runs


def sorted_runs(batches: Iterable[Batch], partitions: int) -> Iterator[tuple[int, pa.Table]]:
    """Yield sorted runs of keyed rows with their partitions, as many rows at a time as fit in memory."""
    held: list[Batch] = []
    size = 0
    for batch in batches:
        held.append(batch)
        size += batch.nbytes
        if size >= RUN_BYTES:
            yield from parted(held, partitions)
            held.clear()
            size = 0
    if held:
        yield from parted(held, partitions)


def write_run(part: pa.Table, sink: str | IO[bytes]) -> None:
    """Write a run, in the blocks in which it is merged."""
    with ipc.new_file(sink, part.schema) as writer:
        for block in blocks(part):
            writer.write_batch(block)


def parted(batches: Sequence[Batch], partitions: int) -> list[tuple[int, pa.Table]]:
    """Sort keyed rows by partition, `_key` and `_id`; returns the partitions that have rows."""
    table = pa.Table.from_batches(batches).combine_chunks()
    keys, ids = _column(table, KEY), _column(table, ID)
    order = order_of(keys, ids)
    places = partitions_of(keys, partitions)[order]
    if partitions > 1:
        by_place = np.argsort(places.astype(np.uint16) if partitions <= 1 << 16 else places, kind="stable")
        order, places = order[by_place], places[by_place]
    table = table.take(pa.array(order))
    cuts = np.flatnonzero(np.diff(places, prepend=-1, append=-1))
    return [(int(places[start]), table.slice(start, end - start)) for start, end in itertools.pairwise(cuts.tolist())]


def gather(shard: Shard, *, folder: str, step: Exchange) -> Shard:
    """Merge a partition's runs, pass them to `step.gather`, and write what comes back."""
    return write(step.gather(merged(shard.where["runs"])), path=f"{folder}/out-{shard.id}.arrow", shard=shard.id)


def write(batches: Iterable[Batch], *, path: str, shard: str) -> Shard:
    """Write batches as one file; returns the shard that `read` reads."""
    rows = 0
    writer: ipc.RecordBatchFileWriter | None = None
    try:
        for batch in batches:
            if batch.num_rows == 0:
                continue
            if writer is None:
                writer = ipc.new_file(path, batch.schema)
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    return Shard(id=shard, where={"path": path}, rows=rows, bytes=Path(path).stat().st_size if rows else 0)


def read(shard: Shard) -> Iterator[Batch]:
    """Read a spill file, a batch at a time."""
    with pa.memory_map(shard.where["path"]) as source:
        reader = ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def merged(paths: Sequence[str]) -> Iterator[Batch]:
    """Merge sorted runs into batches sorted by (`_key`, `_id`); ties come in the order of the runs."""
    if len(paths) == 1:
        yield from _read(paths[0])
        return
    if sum(Path(path).stat().st_size for path in paths) <= RUN_BYTES:
        yield from blocks(_ordered(pa.Table.from_batches([batch for path in paths for batch in _read(path)])))
        return
    runs = [_Run(path) for path in paths]
    while runs := [run for run in runs if run.fill()]:
        # Every run's rows up to the smallest of the runs' last loaded rows are safe to give out.
        bound = min(run.last() for run in runs)
        ready = [part for run in runs if (part := run.take(bound)).num_rows]
        yield from blocks(_ordered(pa.Table.from_batches(ready)))


def blocks(table: pa.Table) -> list[Batch]:
    """Cut rows into batches of so many rows or bytes, whichever is less; a row is never cut."""
    if table.num_rows == 0:
        return []
    found: list[Batch] = table.to_batches(
        max_chunksize=max(1, min(BLOCK_ROWS, BLOCK_BYTES * table.num_rows // max(1, table.nbytes)))
    )
    return found


class _Run:
    """One sorted run, a block in memory at a time."""

    def __init__(self, path: str) -> None:
        self._batches = _read(path)
        self._block: Batch | None = None

    def fill(self) -> bool:
        while self._block is None or self._block.num_rows == 0:
            block = next(self._batches, None)
            if block is None:
                return False
            self._block = block
        return True

    def last(self) -> tuple[Any, Any]:
        return self._at(-1)

    def take(self, bound: tuple[Any, Any]) -> Batch:
        assert self._block is not None
        low, high = 0, self._block.num_rows
        while low < high:
            middle = (low + high) // 2
            if self._at(middle) <= bound:
                low = middle + 1
            else:
                high = middle
        part, self._block = self._block.slice(0, low), self._block.slice(low)
        return part

    def _at(self, row: int) -> tuple[Any, Any]:
        # Strings compare as Python does, by code points: the order of their UTF-8 bytes.
        assert self._block is not None
        return self._block.column(KEY)[row].as_py(), self._block.column(ID)[row].as_py()


def _read(path: str) -> Iterator[Batch]:
    return read(Shard(id=path, where={"path": path}))


def _ordered(table: pa.Table) -> pa.Table:
    table = table.combine_chunks()
    return table.take(pa.array(order_of(_column(table, KEY), _column(table, ID))))


def _column(table: pa.Table, name: str) -> pa.Array:
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
