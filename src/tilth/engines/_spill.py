"""Sort rows that do not fit in memory: sorted runs on disk, merged in blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Exchange, Reader, partition_of
from tilth.core.shard import Shard

RUN_BYTES = 32 << 20
"""How many bytes of keyed rows a worker holds before it writes sorted runs."""
BUNDLE_BYTES = 4 << 20
BLOCK_ROWS = 16_384
WRITE = ipc.IpcWriteOptions(compression="lz4")


def bundled(shards: Sequence[Shard]) -> list[Shard]:
    """Join small neighbouring shards, so that a long chain of exchanges over few rows is not all small files."""
    bundles: list[list[Shard]] = []
    room = 0
    for shard in shards:
        # An unknown size may be a large one.
        if not shard.bytes or shard.bytes > room or not bundles:
            bundles.append([])
            room = BUNDLE_BYTES if shard.bytes else 0
        bundles[-1].append(shard)
        room -= shard.bytes
    return [
        Shard(id=f"{held[0].id}+{len(held) - 1}", where={"held": held}, bytes=sum(shard.bytes for shard in held))
        for held in bundles
    ]


def scatter(shard: Shard, *, folder: str, step: Exchange, read: Reader) -> list[tuple[int, str]]:
    """Key a bundle's rows and write them as sorted runs, one a partition; returns (partition, path) in order."""
    stem = hashlib.blake2b(shard.id.encode(), digest_size=8).hexdigest()
    runs: list[tuple[int, str]] = []
    held: list[Batch] = []
    size = 0

    def flush() -> None:
        nonlocal size
        table = pa.Table.from_batches(held)
        partitions = pa.array([partition_of(key, step.partitions) for key in table.column(KEY).to_pylist()], pa.int32())
        for number in sorted(set(partitions.to_pylist())):
            path = f"{folder}/{stem}-{len(runs):05d}-p{number:04d}.arrow"
            _write(path, _ordered(table.filter(pc.equal(partitions, number))))
            runs.append((number, path))
        held.clear()
        size = 0

    for batch in (batch for held in shard.where["held"] for batch in read(held)):
        if batch.num_rows == 0:
            continue
        keyed = step.emit(batch)
        if keyed.num_rows:
            held.append(keyed)
            size += keyed.nbytes
        if size >= RUN_BYTES:
            flush()
    if held:
        flush()
    return runs


def gather(shard: Shard, *, folder: str, step: Exchange) -> Shard:
    """Merge a partition's runs, pass them to `step.gather`, and write what comes back."""
    path = Path(folder) / f"out-{shard.id}.arrow"
    rows = 0
    writer: ipc.RecordBatchFileWriter | None = None
    try:
        for batch in step.gather(merged(shard.where["runs"])):
            if batch.num_rows == 0:
                continue
            if writer is None:
                writer = ipc.new_file(str(path), batch.schema, options=WRITE)
            writer.write_batch(batch)
            rows += batch.num_rows
    finally:
        if writer is not None:
            writer.close()
    for run in shard.where["runs"]:
        Path(run).unlink(missing_ok=True)
    size = path.stat().st_size if rows else 0
    return Shard(id=shard.id, where={"path": str(path)}, rows=rows, bytes=size)


def read(shard: Shard) -> Iterator[Batch]:
    """Read a spill file, a batch at a time."""
    with pa.memory_map(shard.where["path"]) as source:
        reader = ipc.open_file(source)
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


def merged(paths: list[str]) -> Iterator[Batch]:
    """Merge sorted runs into batches sorted by (`_key`, `_id`); ties come in the order of the runs."""
    if len(paths) == 1:
        yield from read(Shard(id=paths[0], where={"path": paths[0]}))
        return
    runs = [_Run(path) for path in paths]
    while runs := [run for run in runs if run.fill()]:
        # Every run's rows up to the smallest of the runs' last loaded rows are safe to give out.
        bound = min(run.last() for run in runs)
        ready = [part for run in runs if (part := run.take(bound)).num_rows]
        yield from _ordered(pa.Table.from_batches(ready)).to_batches(max_chunksize=BLOCK_ROWS)


class _Run:
    """One sorted run, a block in memory at a time."""

    def __init__(self, path: str) -> None:
        self._batches = read(Shard(id=path, where={"path": path}))
        self._block: Batch | None = None

    def fill(self) -> bool:
        while self._block is None or self._block.num_rows == 0:
            block = next(self._batches, None)
            if block is None:
                return False
            self._block = block
        return True

    def last(self) -> tuple[str, str]:
        assert self._block is not None
        return self._block.column(KEY)[-1].as_py(), self._block.column(ID)[-1].as_py()

    def take(self, bound: tuple[str, str]) -> Batch:
        assert self._block is not None
        keys, ids = self._block.column(KEY), self._block.column(ID)
        below = pc.or_(pc.less(keys, bound[0]), pc.and_(pc.equal(keys, bound[0]), pc.less_equal(ids, bound[1])))
        count = pc.sum(below).as_py() or 0
        part, self._block = self._block.slice(0, count), self._block.slice(count)
        return part


def _ordered(table: pa.Table) -> pa.Table:
    # Arrow's sort is stable only by luck of the kernel: the row number makes it so.
    numbered = table.append_column("_n", pa.array(range(table.num_rows), pa.int64()))
    order = pc.sort_indices(numbered, sort_keys=[(KEY, "ascending"), (ID, "ascending"), ("_n", "ascending")])
    return table.take(order).combine_chunks()


def _write(path: str, table: pa.Table) -> None:
    with ipc.new_file(path, table.schema, options=WRITE) as writer:
        writer.write_table(table, max_chunksize=BLOCK_ROWS)
