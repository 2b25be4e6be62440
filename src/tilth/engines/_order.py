"""Sort rows by two columns: eight bytes at a time, and only where the bytes before do not tell rows apart.

Arrow compares strings one pair after another; keys and ids are mostly hashes, whose first bytes decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.engines._partition import buffers, word_at

Rows = npt.NDArray[np.int64]
Word = Callable[[Rows], npt.NDArray[np.uint64]]


def order_of(*columns: pa.Array) -> Rows:
    """Return the rows in ascending order of the columns (strings by their bytes, or uint64); rows that tie keep theirs.

    >>> order_of(pa.array(["b", "a", "b"]), pa.array(["y", "z", "x"])).tolist()
    [1, 2, 0]
    """
    count = len(columns[0])
    order = np.arange(count)
    begins = np.zeros(count, np.bool_)
    begins[:1] = True
    for column in columns:
        _refine(order, begins, column)
    return order


def _refine(order: Rows, begins: npt.NDArray[np.bool_], column: pa.Array) -> None:
    """Sort each run of rows that tie so far, in place; `begins` tells where a run begins."""
    for word in _words(column):
        ends = np.append(begins[1:], True)
        at = np.flatnonzero(~(begins & ends))
        if not len(at) or (column.type != pa.uint64() and _alike(column, order[at], begins[at])):
            return
        values = word(order[at])
        run = np.cumsum(begins[at])
        sorts = _stable(values) if run[-1] == 1 else np.lexsort((values, run))
        order[at] = order[at][sorts]
        values = values[sorts]
        begins[at[1:]] |= values[1:] != values[:-1]


def _stable(values: npt.NDArray[np.uint64]) -> Rows:
    """Sort stably: NumPy's fast sort is not, so rows of one value are put back in their order."""
    sorts = np.argsort(values)
    found = values[sorts]
    begins = np.append(True, found[1:] != found[:-1])
    at = np.flatnonzero(~(begins & np.append(begins[1:], True)))
    if len(at):
        rows = sorts[at]
        sorts[at] = rows[np.argsort(np.cumsum(begins[at]) * len(values) + rows)]
    return sorts


def _words(column: pa.Array) -> Iterator[Word]:
    """Yield what tells rows apart, the weightiest first."""
    if column.type == pa.uint64():
        numbers = column.to_numpy()
        yield lambda rows: numbers[rows]
        return
    starts, lengths, raw = buffers(column)
    for number in range((int(lengths.max(initial=0)) + 7) // 8):
        yield partial(_word, starts, lengths, raw, number)
    # "a" and "a\\0" have the same words.
    yield lambda rows: lengths[rows].astype(np.uint64)


def _word(starts: Rows, lengths: Rows, raw: npt.NDArray[np.uint8], number: int, rows: Rows) -> npt.NDArray[np.uint64]:
    return word_at(starts[rows], lengths[rows], raw, number).byteswap()


def _alike(column: pa.Array, rows: Rows, begins: npt.NDArray[np.bool_]) -> bool:
    """Tell whether all rows of each run hold the same."""
    found = column.take(pa.array(rows))
    same = pc.equal(found.slice(1), found.slice(0, len(found) - 1)).to_numpy(zero_copy_only=False)
    return bool((same | begins[1:]).all())
