"""Join rows that lie in several places, walk keyed rows group by group, and cut answers into batches."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.engine import Rows
from tilth.core.shard import Shard

Hashes = npt.NDArray[np.uint64]
HASHES = pa.list_(pa.uint64())
_ROWS = 1 << 14
_HASHES = 1 << 21
"""A batch is cut at so many rows, or at so many hashes (16 MiB)."""


@dataclass(frozen=True, kw_only=True)
class _Union:
    parts: tuple[Rows, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        part = self.parts[shard.where["part"]]
        yield from part.read(part.shards[shard.where["shard"]])


def union(*parts: Rows) -> Rows:
    """Return the rows of all parts; their schemas may differ, so the next emitter tells them apart."""
    shards = [
        Shard(id=f"{at}-{shard.id}", where={"part": at, "shard": place}, bytes=shard.bytes, rows=shard.rows)
        for at, part in enumerate(parts)
        for place, shard in enumerate(part.shards)
    ]
    return Rows(shards=tuple(shards), read=_Union(parts=parts))


def tuples(batches: Iterable[Batch], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Walk the rows of all batches; a column of hash lists comes as one NumPy array a row."""
    for batch in batches:
        found = [_values(batch.column(column)) for column in columns]
        yield from zip(*found, strict=True)


def groups(batches: Iterable[Batch], columns: Sequence[str]) -> Iterator[tuple[Any, Iterator[tuple[Any, ...]]]]:
    """Walk rows that are sorted by their first column, one group a key; a group may straddle batches."""
    return itertools.groupby(tuples(batches, columns), key=lambda row: row[0])


def crowded(keyed: Iterable[Batch], column: str) -> Iterator[Batch]:
    """Leave out rows that are alone with their key, where one batch can tell; most keys of a band or hash are.

    >>> keyed = pa.RecordBatch.from_pydict({"_key": ["a", "b", "b", "c", "d"]})
    >>> [part.column("_key").to_pylist() for part in crowded([keyed], "_key")]
    [['a', 'b', 'b', 'd']]
    """
    for batch in keyed:
        keys = batch.column(column)
        if len(keys) < 2:
            yield batch
            continue
        as_before = pc.equal(keys.slice(1), keys.slice(0, len(keys) - 1)).to_numpy(zero_copy_only=False)
        stays = np.ones(len(keys), np.bool_)
        stays[1:-1] = as_before[1:] | as_before[:-1]
        yield batch.filter(pa.array(stays))


def batches(rows: Iterable[Sequence[Any]], schema: pa.Schema) -> Iterator[Batch]:
    """Build batches from rows; hash lists are NumPy arrays or None."""
    waiting: list[Sequence[Any]] = []
    lists = [at for at, field in enumerate(schema) if field.type == HASHES]
    held = 0
    for row in rows:
        waiting.append(row)
        held += sum(len(row[at]) for at in lists if row[at] is not None)
        if len(waiting) >= _ROWS or held >= _HASHES:
            yield _batch(waiting, schema)
            waiting, held = [], 0
    if waiting:
        yield _batch(waiting, schema)


def hash_lists(lists: Sequence[Hashes | None]) -> pa.Array:
    """Return a list array of one array of hashes a row."""
    sizes = [0 if one is None else len(one) for one in lists]
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    values = np.concatenate([np.zeros(0, np.uint64), *(one for one in lists if one is not None)])
    return pa.ListArray.from_arrays(offsets, pa.array(values), mask=pa.array([one is None for one in lists]))


def _batch(rows: list[Sequence[Any]], schema: pa.Schema) -> Batch:
    columns = list(zip(*rows, strict=True))
    arrays = [
        hash_lists(column) if field.type == HASHES else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _values(column: pa.Array) -> Sequence[Any]:
    if column.type != HASHES:
        values: list[Any] = column.to_pylist()
        return values
    hashes, offsets = column.values.to_numpy(), column.offsets.to_numpy()
    return [
        hashes[start:end] if valid else None
        for start, end, valid in zip(offsets[:-1], offsets[1:], column.is_valid().to_pylist(), strict=True)
    ]
