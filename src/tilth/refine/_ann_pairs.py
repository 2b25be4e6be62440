"""Compare all vectors of a cell, exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.refine._ann_vectors import GRID, Matrix, cosines, on_grid, slack
from tilth.refine._rows import batches

ALIKE = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("value", pa.float64())])
"""A verified pair: `_key` is the smaller id."""
_BLOCK = 256
_WINDOW = 1 << 15
"""A vector is compared with at most so many before it in its cell: 48 MiB at 384 numbers."""
_LOOKED = 48
_NEIGHBOURS = 16
"""How many neighbours before it, the smallest ids, a vector is paired with."""

Places = npt.NDArray[np.int64]
_Pair = tuple[str, str, float]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Find the pairs of a cell whose cosine reaches the threshold."""

    threshold: float
    width: int

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Walk each cell in the order of ids."""

        def rows() -> Iterator[_Pair]:
            cell, key = _Cell(self.threshold, self.width), None
            for batch in keyed:
                keys = batch.column(KEY).to_numpy()
                cuts = np.flatnonzero(keys[1:] != keys[:-1]) + 1
                for start, end in zip([0, *cuts.tolist()], [*cuts.tolist(), len(keys)], strict=True):
                    if start == end:
                        continue
                    if keys[start] != key:
                        yield from cell.end()
                        cell, key = _Cell(self.threshold, self.width), keys[start]
                    part = batch.slice(start, end - start)
                    yield from cell.add(part.column(ID).to_pylist(), _matrix(part.column("vector"), self.width))
            yield from cell.end()

        return batches(rows(), ALIKE)


class _Cell:
    """The vectors of one cell so far; equal ones are held once."""

    def __init__(self, threshold: float, width: int) -> None:
        self.threshold = threshold
        self.about = (threshold - slack(width)) * GRID * GRID
        self.ids: list[str] = []
        self.units = np.zeros((0, width), np.float32)
        self.grid = np.zeros((0, width), np.float32)
        self.same: dict[bytes, str] = {}
        self.neighbours: dict[str, list[tuple[str, float]]] = {}
        self.followers: dict[str, list[str]] = {}
        self.waiting: list[tuple[str, Matrix]] = []

    def add(self, ids: list[str], units: Matrix) -> Iterator[_Pair]:
        """Take vectors in, and compare whole blocks, so that batches do not show."""
        for row, unit in zip(ids, units, strict=True):
            first = self.same.setdefault(hashlib.blake2b(unit.tobytes(), digest_size=16).digest(), row)
            if first == row:
                self.waiting.append((row, unit))
            else:
                self.followers.setdefault(first, []).append(row)
            if len(self.waiting) == _BLOCK:
                yield from self._compare()

    def end(self) -> Iterator[_Pair]:
        """Compare what waits; vectors that equal an earlier one are alike to it and to its neighbours."""
        if self.waiting:
            yield from self._compare()
        for first, rows in self.followers.items():
            for row in rows:
                yield first, row, 1.0
                yield from ((one, row, value) for one, value in self.neighbours.get(first, ()))

    def _compare(self) -> Iterator[_Pair]:
        ids = [row for row, _ in self.waiting]
        units = np.stack([unit for _, unit in self.waiting])
        self.waiting.clear()
        before = len(self.ids)
        self.ids += ids
        self.units = np.concatenate([self.units, units])
        self.grid = np.concatenate([self.grid, on_grid(units)])
        close = self.grid[before:] @ self.grid.T >= self.about
        close &= np.arange(len(self.ids)) < np.arange(before, len(self.ids))[:, None]
        places = np.argwhere(close)
        row, other = _first(places[:, 0], places[:, 1], _LOOKED)
        values = cosines(self.units[before + row], self.units[other])
        enough = values >= self.threshold
        row, other, values = row[enough], other[enough], values[enough]
        row, kept = _first(row, np.arange(len(row)), _NEIGHBOURS)
        for at, one, value in zip(row.tolist(), other[kept].tolist(), values[kept].tolist(), strict=True):
            self.neighbours.setdefault(ids[at], []).append((self.ids[one], value))
            yield self.ids[one], ids[at], value
        if len(self.ids) > _WINDOW:
            self.ids = self.ids[-_WINDOW:]
            self.units, self.grid = self.units[-_WINDOW:], self.grid[-_WINDOW:]


def _first(row: Places, other: Places, count: int) -> tuple[Places, Places]:
    """Keep the first so many of each row; rows come ascending."""
    starts = np.flatnonzero(np.append(True, row[1:] != row[:-1])) if len(row) else np.zeros(0, np.int64)
    rank = np.arange(len(row)) - np.repeat(starts, np.diff(np.append(starts, len(row))))
    return row[rank < count], other[rank < count]


def _matrix(column: pa.Array, width: int) -> Matrix:
    raw = np.frombuffer(column.buffers()[1], np.float32)
    return raw[column.offset * width : (column.offset + len(column)) * width].reshape(len(column), width)
