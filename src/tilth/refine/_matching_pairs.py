"""Find pairs of rows that may be one entity, and compare their cells: four exchanges, each an `emit` and a `gather`.

Write    rows of the data       key: the row         gives each row's cells as their kinds are compared
Meet     written rows           key: a block         gives candidate pairs
Ship     written rows, pairs    key: the smaller id  gives each pair once, with the smaller one's cells
Compare  written rows, shipped  key: the greater id  gives each pair's levels of agreement
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch, user_columns
from tilth.core.engine import KEY
from tilth.refine import _blocking
from tilth.refine._matching_compare import compare, highest
from tilth.refine._matching_profile import Field, Sketch, written
from tilth.refine._matching_text import writer
from tilth.refine._rows import batches, groups

_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_CELLS = pa.list_(pa.string())
_ROW = [("full", pa.int64()), ("known", pa.string()), ("cells", _CELLS)]
WRITTEN = pa.schema([(ID, pa.string()), *_ROW])
"""A row: how much it says in all its columns, who it is where that is known, and its compared cells."""
PAIRS = pa.schema([("one", pa.string()), ("other", pa.string())])
SHIPPED = pa.schema([("one", pa.string()), ("other", pa.string()), *_ROW])
COMPARED = pa.schema(
    [
        *_KEY_ID,
        ("levels", pa.binary()),
        ("rarity", pa.float64()),
        ("known", pa.int8()),
        ("one_full", pa.int64()),
        ("other_full", pa.int64()),
    ]
)
"""A pair: `_key` is the smaller id; a byte a field (255: a cell is empty); what rare agreement adds; whether known."""
_CHUNK = 1 << 14
_ORDER = 64
"""So many characters of its other cells order a row in its block."""
_RAREST = 2.0
"""The most that agreeing on a rare value adds, and on a common one takes away (natural log)."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """Write each row's cells in the form in which their kinds are compared; one row an id."""

    fields: tuple[Field, ...]
    known: str | None
    operator: Any

    def emit(self, batch: Batch) -> Batch:
        """Key rows by themselves."""
        columns = []
        for field in self.fields:
            write = writer(field.kind)
            columns.append([write(text) if text else "" for text in written(batch, field.column, self.operator)])
        known = written(batch, self.known, self.operator) if self.known else [None] * batch.num_rows
        lists = [list(row) for row in zip(*columns, strict=True)]
        ids = batch.column(ID)
        return pa.RecordBatch.from_arrays(
            [ids, ids, _fullness(batch, lists), pa.array(known, pa.string()), pa.array(lists, _CELLS)],
            schema=pa.schema([*_KEY_ID, *_ROW]),
        )

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give one row an id, if it says anything."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for row, group in groups(keyed, (KEY, "full", "known", "cells")):
                _, full, known, said = min(group, key=repr)
                if any(said):
                    yield row, full, known, said

        return batches(rows(), WRITTEN)


@dataclass(frozen=True, kw_only=True)
class Meet:
    """Pair the rows of each block: all of a small one; in a large one neighbours in the order of their cells.

    The neighbours are those of the sorted neighbourhood method (Hernández and Stolfo 1995).
    """

    fields: tuple[Field, ...]
    sketch: Sketch
    block: int
    window: int

    def emit(self, batch: Batch) -> Batch:
        """Key rows by their blocks, in the order of the cells after the field that the block is of."""
        found: list[tuple[str, str, str]] = []
        for row, said in zip(batch.column(ID).to_pylist(), batch.column("cells").to_pylist(), strict=True):
            for at, (field, cell) in enumerate(zip(self.fields, said, strict=True)):
                keys = dict.fromkeys(_blocking.keys(field.kind, cell, partial(self.sketch.count, at, "w")))
                order = "\0".join((*said[at + 1 :], *said[:at]))[:_ORDER] if keys else ""
                found += [(f"{at} {key}", f"{order}\0{row}", row) for key in keys]
        schema = pa.schema([*_KEY_ID, ("row", pa.string())])
        columns = zip(*found, strict=True) if found else ((), (), ())
        return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Pair the rows of each block, smaller id first; holds `block` rows."""

        def rows() -> Iterator[tuple[str, str]]:
            for _, group in groups(keyed, (KEY, "row")):
                first = [row for _, row in itertools.islice(group, self.block + 1)]
                near = self.window if len(first) > self.block else self.block
                before: collections.deque[str] = collections.deque(maxlen=near)
                for row in itertools.chain(first, (row for _, row in group)):
                    yield from ((one, row) if one < row else (row, one) for one in before)
                    before.append(row)

        return batches(rows(), PAIRS)


@dataclass(frozen=True, kw_only=True)
class Ship:
    """Give each pair the cells of its smaller row, once however many blocks they share."""

    def emit(self, batch: Batch) -> Batch:
        """Key rows by themselves (before all pairs) and pairs by the smaller id."""
        schema = pa.schema([*_KEY_ID, *_ROW])
        if "cells" in batch.schema.names:
            first = pa.array([""] * batch.num_rows, pa.string())
            return pa.RecordBatch.from_arrays([batch.column(ID), first, *batch.columns[1:]], schema=schema)
        nothing = [pa.nulls(batch.num_rows, kind) for _, kind in _ROW]
        return pa.RecordBatch.from_arrays([*batch.columns, *nothing], schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Copy a row's cells to its pairs."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for one, group in groups(keyed, (KEY, ID, "full", "known", "cells")):
                _, _, *own = next(group)
                for other, _ in itertools.groupby(group, key=lambda row: row[1]):
                    yield one, other, *own

        return batches(rows(), SHIPPED)


@dataclass(frozen=True, kw_only=True)
class Compare:
    """Compare the cells of each pair, many pairs at a time."""

    fields: tuple[Field, ...]
    sketch: Sketch

    def emit(self, batch: Batch) -> Batch:
        """Key rows by themselves (before all pairs) and pairs by the greater id."""
        schema = pa.schema([*_KEY_ID, *_ROW])
        if "one" in batch.schema.names:
            one, other, *own = batch.columns
            return pa.RecordBatch.from_arrays([other, one, *own], schema=schema)
        first = pa.array([""] * batch.num_rows, pa.string())
        return pa.RecordBatch.from_arrays([batch.column(ID), first, *batch.columns[1:]], schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Compare the pairs of this partition in chunks."""

        def pairs() -> Iterator[tuple[Any, ...]]:
            for other, group in groups(keyed, (KEY, ID, "full", "known", "cells")):
                _, _, *own = next(group)
                for _, one, *its in group:
                    yield one, other, its, own

        found = pairs()
        while chunk := list(itertools.islice(found, _CHUNK)):
            yield self._compared(chunk)

    def _compared(self, chunk: Sequence[tuple[Any, ...]]) -> Batch:
        one, other, its, own = zip(*chunk, strict=True)
        levels = np.empty((len(chunk), len(self.fields)), np.int8)
        rarity = np.zeros(len(chunk))
        for at, field in enumerate(self.fields):
            left, right = [row[2][at] for row in its], [row[2][at] for row in own]
            levels[:, at] = compare(field.kind, left, right)
            rarity += self._rarity(at, left, levels[:, at] == highest(field.kind))
        known = [
            -1 if not row[1] or not its_row[1] else int(row[1] == its_row[1])
            for row, its_row in zip(own, its, strict=True)
        ]
        full = [[row[0] for row in side] for side in (its, own)]
        return pa.RecordBatch.from_arrays(
            [
                pa.array(one, pa.string()),
                pa.array(other, pa.string()),
                pa.array([row.tobytes() for row in levels], pa.binary()),
                pa.array(rarity),
                pa.array(known, pa.int8()),
                *(pa.array(side, pa.int64()) for side in full),
            ],
            schema=COMPARED,
        )

    def _rarity(self, field: int, cells: Sequence[str], exact: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Return how much more (or less) agreeing on just this value says than agreeing on any does.

        Winkler's frequency-based matching (1989), bounded both ways.
        """
        worth = np.zeros(len(cells))
        usual = self.sketch.agreement(field)
        for at in np.flatnonzero(exact).tolist():
            worth[at] = math.log(usual / self.sketch.share(field, cells[at]))
        return np.clip(worth, -_RAREST, _RAREST)


def _fullness(batch: Batch, cells: list[list[str]]) -> pa.Array:
    """Count a row's columns that say something; among equals, more characters in the compared cells say more."""
    columns = np.zeros(batch.num_rows, np.int64)
    for name in user_columns(batch.schema):
        column = batch.column(name)
        says = column.is_valid()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            says = pc.and_(says, pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0))
        columns += pc.fill_null(says, False).to_numpy(zero_copy_only=False).astype(np.int64)
    length = np.fromiter((min(sum(map(len, row)), 99_999) for row in cells), np.int64, batch.num_rows)
    return pa.array(columns * 100_000 + length)
