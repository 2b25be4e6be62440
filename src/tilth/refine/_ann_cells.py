"""Cut vectors into cells around centres, so that only vectors of one cell need comparing (SemDeDup).

The centres are k-means of a sample: the rows with the smallest hashes of their ids, whatever the shards are. Each
vector goes into its nearest few cells, so that a pair at the edge of one meets in another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Reader, Rows, Step
from tilth.core.errors import DataError
from tilth.core.shard import Shard
from tilth.refine._ann_vectors import GRID, Matrix, on_grid
from tilth.refine._ranks import named

Vectors = Callable[[Batch], tuple[Matrix, npt.NDArray[np.int64]]]
"""From a batch to the unit vectors of the rows that have one, and the places of those rows; picklable."""
CELL = 2000
"""About how many rows a cell is meant to have; up to twice as many rows are one cell, compared all with all."""
_MOST = 512
_PER_CELL = 16
_TURNS = 8


@dataclass(frozen=True, kw_only=True)
class Centres:
    """Points on the grid, `width` numbers each; no point where there are no vectors."""

    points: bytes
    width: int

    def matrix(self) -> Matrix:
        """Return one row a centre."""
        return (
            np.frombuffer(self.points, np.float32).reshape(-1, self.width)
            if self.width
            else np.zeros((0, 0), np.float32)
        )

    def nearest(self, units: Matrix, count: int) -> npt.NDArray[np.int64]:
        """Return the numbers of the nearest centres of each vector."""
        return _nearest(on_grid(units), self.matrix(), count)


def centres(rows: Rows, engine: Engine, look: Vectors, seed: int) -> Centres:
    """Fit the centres on a sample of at most 8192 vectors."""
    step = Step(name="semantic_duplicates.sample", work=_Sample(read=rows.read, look=look, seed=seed))
    total, lots, found, width = 0, np.zeros(0, np.uint64), np.zeros((0, 0), np.float32), 0
    for shard, (count, some, units) in engine.run(step, rows.shards):
        if not count:
            continue
        if width and units.shape[1] != width:
            raise DataError(
                f"vectors of {width} and of {units.shape[1]} numbers", where=shard.id, wanted="vectors of one length"
            )
        width = units.shape[1]
        found = units if not total else np.concatenate([found, units])
        lots = np.concatenate([lots, some])
        total += count
        lots, found = _smallest(lots, found)
    if not total:
        return Centres(points=b"", width=0)
    cells = 1 if total <= 2 * CELL else min(_MOST, -(-total // CELL))
    return Centres(points=_means(on_grid(found[: cells * _PER_CELL]), cells).tobytes(), width=width)


@dataclass(frozen=True, kw_only=True)
class _Sample:
    read: Reader
    look: Vectors
    seed: int

    def __call__(self, shard: Shard) -> tuple[int, npt.NDArray[np.uint64], Matrix]:
        """Return how many vectors a shard has, and those with the smallest hashes."""
        total, lots, found = 0, np.zeros(0, np.uint64), np.zeros((0, 0), np.float32)
        for batch in self.read(shard):
            units, rows = self.look(batch)
            if len(rows):
                own = np.array([self._lot(one) for one in batch.column(ID).take(pa.array(rows)).to_pylist()], np.uint64)
                both = units if not total else np.concatenate([found, units])
                lots, found = _smallest(np.concatenate([lots, own]), both)
                total += len(rows)
        return total, lots, found

    def _lot(self, row: str) -> int:
        salt = (self.seed & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little")
        digest = hashlib.blake2b(row.encode("utf-8", "surrogatepass"), digest_size=8, salt=salt).digest()
        return int.from_bytes(digest, "little")


def _smallest(lots: npt.NDArray[np.uint64], found: Matrix) -> tuple[npt.NDArray[np.uint64], Matrix]:
    order = np.argsort(lots, kind="stable")[: _MOST * _PER_CELL]
    return lots[order], found[order]


def _means(points: Matrix, cells: int) -> Matrix:
    """Move centres to the means of their points (Lloyd 1982), on the grid: whole numbers, so any machine agrees."""
    means = points[:cells].copy()
    for _ in range(_TURNS if cells > 1 else 0):
        nearest = _nearest(points, means, 1)[:, 0]
        sums = np.zeros((cells, points.shape[1]))
        np.add.at(sums, nearest, points.astype(np.float64))
        sizes = np.sqrt((sums**2).sum(axis=1))
        filled = sizes > 0
        means[filled] = np.rint(sums[filled] / sizes[filled, None] * GRID)
    return means


def _nearest(points: Matrix, means: Matrix, count: int) -> npt.NDArray[np.int64]:
    return np.argsort(-(points @ means.T), axis=1, kind="stable")[:, :count]


@dataclass(frozen=True, kw_only=True)
class Scatter:
    """Key each vector by its nearest cells."""

    look: Vectors
    centres: Centres
    probes: int
    prefer: str | None = None
    operator: Any = None
    """For messages."""

    def emit(self, batch: Batch) -> Batch:
        """Return a line for each vector and cell; the vector as its bytes."""
        units, rows = self.look(batch)
        schema = keyed_schema(self.centres.width)
        if not len(rows):
            return pa.RecordBatch.from_pylist([], schema=schema)
        if units.shape[1] != self.centres.width:
            raise DataError(
                f"vectors of {self.centres.width} and of {units.shape[1]} numbers", wanted="vectors of one length"
            )
        cells = self.centres.nearest(units, self.probes)
        repeated = pa.array(np.repeat(np.arange(len(rows)), cells.shape[1]))
        raw = pa.py_buffer(np.ascontiguousarray(units).tobytes())
        held = pa.Array.from_buffers(schema.field("vector").type, len(rows), [None, raw])
        ids = named(batch, self.prefer, self.operator).take(pa.array(rows))
        return pa.RecordBatch.from_arrays(
            [pa.array(cells.ravel().astype(np.uint64)), ids.take(repeated), held.take(repeated)], schema=schema
        )


def keyed_schema(width: int) -> pa.Schema:
    """Return the schema of vectors in cells."""
    return pa.schema([(KEY, pa.uint64()), (ID, pa.string()), ("vector", pa.binary(4 * width or 4))])
