"""Look at the versions of a project's data sets: which there are, and how two differ, row by row."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from tilth.bytes.lease import lease
from tilth.core.batch import ID, SPLIT, Batch, canonical, cell_bytes, for_python, user_columns
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows
from tilth.core.errors import DataError, did_you_mean
from tilth.core.groups import whole
from tilth.core.secret import shown_url
from tilth.core.shard import Shard, Version
from tilth.run.sidecar import chained
from tilth.run.stages import Book
from tilth.tables import gc as tables_gc
from tilth.tables._compact import Compacted
from tilth.tables.gc import GRACE, Swept
from tilth.tables.project import Project
from tilth.tables.table import Committed, Table

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
DIFFERENCE = pa.schema([(ID, pa.string()), ("what", pa.string()), ("columns", pa.list_(pa.string()))])
_SAID = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("side", pa.int8()), ("said", pa.list_(pa.uint64()))])
_PARTITIONS = 16


class Compared(NamedTuple):
    """Two versions, and the rows that differ."""

    before: Version
    after: Version
    rows: Rows
    """`_id`; what: added, removed or changed; and for a changed row the columns that differ."""


def data_sets(project: Project) -> list[str]:
    """Name the project's data sets."""
    return sorted(table.name.removeprefix("data/") for table in project.tables() if table.name.startswith("data/"))


def history(project: Project, data: str) -> list[Committed]:
    """List a data set's versions, newest first. Raises `DataError` when there is no such data set."""
    return _table(project, data).versions()


def compare(project: Project, data: str, before: int | None, after: int | None, engine: Engine) -> Compared:
    """Compare two versions of a data set, by default the newest with the one before it, cell by cell.

    Rows are the same when their ids are. Raises `DataError` when there is no such version.
    """
    table = _table(project, data)
    listed = [one.version.number for one in table.versions()]
    later = table.version(_chosen(after, listed, listed[0] if listed else None, data))
    older = [number for number in listed if number < later.number]
    earlier = table.version(_chosen(before, listed, older[0] if older else None, data))
    one, other = table.scan(earlier), table.scan(later)
    names = sorted(
        {
            name
            for version in (earlier, later)
            for name in (*user_columns(table.schema(version)), SPLIT)
            if name in table.schema(version).names
        }
    )
    sides = [
        Rows(shards=rows.shards, read=_Said(read=rows.read, side=side, names=tuple(names)))
        for side, rows in enumerate((one, other))
    ]
    step = Exchange(name="diff", emit=_emit, gather=_Differences(tuple(names)), partitions=_PARTITIONS)
    return Compared(earlier, later, engine.exchange(step, chained(*sides)))


def restore(project: Project, data: str, number: int) -> Version:
    """Make an earlier version of a data set the newest again.

    Raises `DataError` when there is no such version, `LeaseHeld` while a run is at work.
    """
    table = _table(project, data)
    # A table elsewhere has no project: its commit alone sees to it that nobody else's is lost.
    alone = contextlib.nullcontext() if is_elsewhere(data) else lease(project.root, owner=f"data checkout {data}")
    with alone:
        newest = table.version()
        version = table.version(_chosen(number, [one.version.number for one in table.versions()], None, data))
        return newest if version == newest else table.restore(version, newest)


def is_elsewhere(data: str) -> bool:
    """Tell whether a name is the folder or URL of a table, such as s3://bucket/tickets, and not a project's data set.

    >>> is_elsewhere("s3://bucket/tickets"), is_elsewhere("./out"), is_elsewhere("tickets")
    (True, True, False)
    """
    return "/" in data


def collect(data: str, grace: float, versions: int | None, days: float | None) -> Swept:
    """Remove what crashes left in a table elsewhere, and give old versions up where `versions` or `days` says so."""
    return tables_gc.collect(_existing(data), grace=grace, versions=versions, days=days)


def compact(data: str, target_bytes: int | None = None) -> Compacted:
    """Bundle the small parts of a table elsewhere."""
    table = _existing(data)
    return table.compact() if target_bytes is None else table.compact(target_bytes=target_bytes)


def _existing(data: str) -> Table:
    table = Table(data, name=shown_url(data) if "://" in data else data)
    if not table.exists():
        raise DataError("no table is there", where=table.name, wanted="the folder or URL of a Delta table")
    return table


def sweep(project: Project, grace: float = GRACE) -> Swept:
    """Remove what crashes left behind `grace` seconds ago or more: no version, and nothing a stopped run goes on from.

    Raises `LeaseHeld` while a run is at work.
    """
    if not project.folder.is_dir():
        raise DataError("no project", where=str(project.folder.parent), do="Run: tilth run recipe.yaml")
    with lease(project.root, owner="data gc") as held:
        return tables_gc.sweep(project, held, grace=grace, keep=_promised(project))


def _promised(project: Project) -> set[str]:
    """Name the parts that finished shards of stages wrote: they are committed when the stage is."""
    books = (Book(folder) for folder in project.stages.glob("*") if folder.is_dir())
    return {path for book in books for value in book.kept().values() for path in _paths(value)}


def _paths(value: Any) -> Iterator[str]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("path"), str):
        yield value["path"]
    for one in inner:
        yield from _paths(one)


def _table(project: Project, data: str) -> Table:
    if is_elsewhere(data):
        return _existing(data)
    known = data_sets(project)
    if data not in known:
        raise DataError(
            f'no data set "{data}"',
            where=str(project.folder),
            wanted=f"one of {', '.join(known)}" if known else "a project in which a recipe has run",
            do=did_you_mean(data, known) if known else "Run: tilth run recipe.yaml",
        )
    return project.table(data)


def _chosen(asked: int | None, listed: list[int], default: int | None, data: str) -> int:
    chosen = default if asked is None else asked
    if chosen is None or chosen not in listed:
        raise DataError(
            "there is no version before it" if asked is None else f"no version {asked}",
            where=data,
            wanted=f"one of {', '.join(map(str, sorted(listed)))}" if listed else "a committed version",
        )
    return chosen


def _emit(batch: Batch) -> Batch:
    return batch


@dataclass(frozen=True)
class _Said:
    """Read rows as their ids and a hash of each cell; a column that is not there says what a null does."""

    read: Reader
    side: int
    names: tuple[str, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            hashed = [_hashes(batch, name) for name in self.names]
            cells = np.stack(hashed, axis=1).ravel() if hashed else np.zeros(0, np.uint64)
            offsets = pa.array(np.arange(batch.num_rows + 1) * len(self.names), pa.int32())
            said = pa.ListArray.from_arrays(offsets, pa.array(cells))
            ids = batch.column(ID)
            side = pa.array(np.full(batch.num_rows, self.side, np.int8))
            yield pa.RecordBatch.from_arrays([ids, ids, side, said], schema=_SAID)


def _hashes(batch: Batch, name: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    if name not in batch.schema.names:
        return np.zeros(batch.num_rows, np.uint64)
    column = batch.column(name)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    # A text and a number that is written alike are not the same.
    seed = int(text)
    cells = (
        cell_bytes(column)
        if text
        else (None if cell is None else canonical(cell).encode() for cell in for_python(column).to_pylist())
    )
    found = (0 if cell is None else xxhash.xxh3_64_intdigest(cell, seed=seed) for cell in cells)
    return np.fromiter(found, np.uint64, batch.num_rows)


@dataclass(frozen=True)
class _Differences:
    """Tell of each id whether its row came, went or changed."""

    names: tuple[str, ...]

    def __call__(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in whole(batches, KEY):
            found: dict[str, list[object]] = {name: [] for name in DIFFERENCE.names}
            # Acquired rows may repeat a key, and so an id.
            sides: dict[str, dict[int, list[list[int]]]] = {}
            columns = (batch.column(name).to_pylist() for name in (ID, "side", "said"))
            for row, side, said in zip(*columns, strict=True):
                sides.setdefault(row, {}).setdefault(side, []).append(said)
            for row, held in sides.items():
                one, other = sorted(held.get(0, [])), sorted(held.get(1, []))
                if one == other:
                    continue
                found[ID].append(row)
                found["what"].append(CHANGED if one and other else ADDED if other else REMOVED)
                found["columns"].append(self._columns(one, other) if one and other else None)
            if found[ID]:
                yield pa.RecordBatch.from_pydict(found, schema=DIFFERENCE)

    def _columns(self, one: list[list[int]], other: list[list[int]]) -> list[str]:
        pairs = list(zip(one, other, strict=False))
        return [name for at, name in enumerate(self.names) if any(left[at] != right[at] for left, right in pairs)]
