"""Walk rows that are sorted by a key group by group, a batch at a time and without a Python step a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch


class Headed(NamedTuple):
    """A batch, and the first row of each row's group."""

    batch: Batch
    head: pa.Array
    """For each row, where in the batch the first row of its group lies."""
    again: int
    """1 where the batch's first row was in an earlier batch already: the head of a group that goes on; else 0."""
    alone: bool
    """Whether that head had no other row of its group in an earlier batch."""


def headed(batches: Iterable[Batch], column: str) -> Iterator[Headed]:
    """Yield batches with their groups' heads; a group that straddles batches brings its head along.

    >>> first, second = (pa.RecordBatch.from_pydict({"k": keys}) for keys in (["a", "a", "b"], ["b", "c"]))
    >>> [(found.head.to_pylist(), found.again, found.alone) for found in headed([first, second], "k")]
    [([0, 0, 2], 0, False), ([0, 0, 2], 1, True)]
    """
    held: Batch | None = None
    alone = False
    for batch in batches:
        if not batch.num_rows:
            continue
        again = held is not None and held.column(column)[0] == batch.column(column)[0]
        if again:
            batch = pa.concat_batches([held, batch])
        head = heads(batch.column(column))
        yield Headed(batch, head, int(again), again and alone)
        last = head[-1].as_py()
        alone = batch.num_rows - last == 1
        held = batch.slice(last, 1)


def heads(keys: pa.Array) -> pa.Array:
    """Return, for each row, where its run of equal keys begins.

    >>> heads(pa.array(["a", "a", "b"])).to_pylist()
    [0, 0, 2]
    """
    places = pa.arange(0, len(keys))
    return pc.fill_null_forward(pc.if_else(begins(keys), places, pa.scalar(None, pa.int64())))


def begins(keys: pa.Array) -> pa.Array:
    """Tell for each row whether its key differs from the one before; no key is null.

    >>> begins(pa.array(["a", "a", "b"])).to_pylist()
    [True, False, True]
    """
    first = pa.array([True] * min(len(keys), 1), pa.bool_())
    return pa.concat_arrays([first, pc.not_equal(keys.slice(1), keys.slice(0, max(len(keys) - 1, 0)))])


def whole(batches: Iterable[Batch], column: str) -> Iterator[Batch]:
    """Yield the rows in batches that cut no group; holds one group's rows, or a batch, whichever is more.

    >>> parts = [pa.RecordBatch.from_pydict({"k": keys}) for keys in (["a", "b"], ["b"], ["b", "c"])]
    >>> [batch.column("k").to_pylist() for batch in whole(parts, "k")]
    [['a'], ['b', 'b', 'b'], ['c']]
    """
    held: list[Batch] = []
    for batch in batches:
        if not batch.num_rows:
            continue
        keys = batch.column(column)
        last = pc.index(keys, keys[-1]).as_py()
        ended = bool(held) and held[-1].column(column)[0] != keys[0]
        if last or ended:
            ready = [*held, batch.slice(0, last)] if last else held
            yield pa.concat_batches(ready) if len(ready) > 1 else ready[0]
            held = []
        held.append(batch.slice(last))
    if held:
        yield pa.concat_batches(held) if len(held) > 1 else held[0]
