"""Cut rows into row groups at the same rows however they were batched, so that a part's bytes never depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as t

from tilth.core.batch import Batch

ROWS = 1 << 16
"""The most rows of a row group."""
BYTES = 32 << 20
"""A row group ends with the row that brings it to this many bytes of values."""

Weights: TypeAlias = npt.NDArray[np.int64]


class RowGroups:
    """Joins and cuts batches of one schema; holds less than one row group beside the batch it is given.

    >>> ten = pa.RecordBatch.from_pydict({"a": list(range(10))})
    >>> groups = RowGroups(rows=8)
    >>> [group.num_rows for group in [*groups.add(ten), *groups.add(ten), *groups.rest()]]
    [8, 8, 4]
    """

    def __init__(self, *, rows: int = ROWS, size: int = BYTES) -> None:
        self._rows, self._size = rows, size
        self._waiting: list[Batch] = []
        self._held_rows = self._held_bytes = 0

    def add(self, batch: Batch) -> Iterator[Batch]:
        """Yield the row groups that the batch fills."""
        ends = np.cumsum(sum((weights(column) for column in batch.columns), np.zeros(batch.num_rows, np.int64)))
        at = 0
        while at < batch.num_rows:
            before = int(ends[at - 1]) if at else 0
            full = int(np.searchsorted(ends, before + self._size - self._held_bytes)) + 1
            until = min(full, at + self._rows - self._held_rows, batch.num_rows)
            self._waiting.append(batch.slice(at, until - at))
            self._held_rows += until - at
            self._held_bytes += int(ends[until - 1]) - before
            at = until
            if self._held_rows >= self._rows or self._held_bytes >= self._size:
                yield from self.rest()

    def rest(self) -> Iterator[Batch]:
        """Yield what waits for more, as the last row group."""
        if self._waiting:
            yield pa.concat_batches(self._waiting)
        self._waiting, self._held_rows, self._held_bytes = [], 0, 0


def weights(column: pa.Array) -> Weights:
    """Count the bytes of each row's value, from the value alone: not from buffers, which depend on how it was made.

    >>> weights(pa.array(["ab", None, "c"])).tolist()
    [2, 0, 1]
    """
    kind = column.type
    if t.is_string(kind) or t.is_binary(kind):
        return _ints(pc.binary_length(column))
    if t.is_struct(kind):
        return sum((weights(child) for child in column.flatten()), np.zeros(len(column), np.int64))
    if t.is_map(kind):
        pairs = pa.struct([("key", kind.key_type), ("value", kind.item_type)])
        return weights(column.cast(pa.list_(pairs)))
    if t.is_list(kind):
        ends = np.cumsum(_ints(pc.list_value_length(column)))
        totals = np.concatenate([[0], np.cumsum(weights(column.flatten()))])
        return np.diff(totals[ends], prepend=0) + 4
    width = 0 if t.is_null(kind) else (kind.bit_width + 7) // 8
    return np.full(len(column), width, np.int64)


def _ints(lengths: pa.Array) -> Weights:
    return np.asarray(pc.fill_null(lengths, 0)).astype(np.int64)
