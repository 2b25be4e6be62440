"""Compare pairs of sets, block by block: no pair is believed before its sets were compared."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Rows
from tilth.refine._sets import Block, Hashes, Places, blocks, by_partition
from tilth.text import _compile

ALIKE = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("value", pa.float64())])
"""A verified pair of names: `_key` is the smaller. `core.components` reads it as it is."""
_PAIRS = 1 << 18
"""How many pairs are compared at a time."""

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Keep the pairs whose sets reach the threshold."""

    threshold: float
    sets: Rows
    partitions: int

    def emit(self, batch: Batch) -> Batch:
        """Pairs are keyed as they are: each goes where the first one's set lies."""
        return batch

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Compare each pair once, and give the alike with their similarity."""
        for ones, others in _chunks(keyed):
            wanted, row = by_partition(ones, self.partitions)
            for block in blocks(self.sets, wanted, self.partitions):
                mine = (row >= block.first) & (row < block.last)
                yield from self._compare(block, row[mine] - block.first, others[mine])

    def _compare(self, block: Block, rows: Numbers, others: Places) -> Iterator[Batch]:
        """Compare a block's sets with others, a block of these after another."""
        wanted, row = by_partition(others, self.partitions)
        for theirs in blocks(self.sets, wanted, self.partitions):
            mine = np.flatnonzero((row >= theirs.first) & (row < theirs.last))
            left, right = rows[mine], row[mine] - theirs.first
            values = jaccards(block, theirs, left, right)
            found = np.flatnonzero(values >= self.threshold)
            if len(found):
                names = [block.names.take(pa.array(left[found])), theirs.names.take(pa.array(right[found]))]
                pairs = pa.RecordBatch.from_arrays([*names, pa.array(values[found])], schema=ALIKE)
                # Where an id stands twice, a row is not its own duplicate.
                yield pairs.filter(pc.not_equal(*names))


def _chunks(keyed: Iterator[Batch]) -> Iterator[tuple[Places, Places]]:
    """Yield distinct pairs in order, so many at a time; one that met in several bands comes several times in a row."""
    held: list[tuple[Places, Places]] = []
    size = 0
    last: tuple[int, int] | None = None
    for batch in keyed:
        ones, others = batch.column(KEY).to_numpy(), batch.column(ID).to_numpy()
        if not len(ones):
            continue
        new = np.ones(len(ones), np.bool_)
        new[1:] = (ones[1:] != ones[:-1]) | (others[1:] != others[:-1])
        new[0] = last != (int(ones[0]), int(others[0]))
        last = int(ones[-1]), int(others[-1])
        held.append((ones[new], others[new]))
        size += len(held[-1][0])
        if size >= _PAIRS:
            yield _joined(held)
            held, size = [], 0
    if size:
        yield _joined(held)


def _joined(held: list[tuple[Places, Places]]) -> tuple[Places, Places]:
    return np.concatenate([ones for ones, _ in held]), np.concatenate([others for _, others in held])


def jaccards(left: Block, right: Block, ones: Numbers, others: Numbers) -> npt.NDArray[np.float64]:
    """Return the exact Jaccard similarity of each pair of one set of the left block and one of the right."""
    common = np.zeros(len(ones), np.int64)
    order = np.argsort(ones, kind="stable")
    _compiled()(left.hashes, left.offsets, right.hashes, right.offsets, ones[order], others[order], common)
    sizes = np.diff(left.offsets)[ones[order]] + np.diff(right.offsets)[others[order]] - common
    values = np.empty(len(ones))
    values[order] = common / sizes
    return values


@functools.cache
def _compiled() -> Callable[..., None]:
    return _compile.entry(_count_common) if _compile.available() else _count_common


def _count_common(
    left: Hashes,
    left_ends: Numbers,
    right: Hashes,
    right_ends: Numbers,
    ones: Numbers,
    others: Numbers,
    common: Numbers,
) -> None:
    """Count what two sets share: each left set is put into a hash table once, and the right ones look themselves up.

    Pairs come sorted by the left set. Shingle hashes are random bits already, so their lower ones are the slot.
    """
    most = 0
    for set_ in range(len(left_ends) - 1):
        most = max(most, left_ends[set_ + 1] - left_ends[set_])
    slots = 1
    while slots < 2 * most:
        slots *= 2
    table = np.zeros(slots, np.uint64)
    filled = np.full(slots, -1, np.int64)
    mask = np.uint64(slots - 1)
    now = -1
    for pair in range(len(ones)):
        one = ones[pair]
        if one != now:
            now = one
            for at in range(left_ends[one], left_ends[one + 1]):
                slot = left[at] & mask
                while filled[slot] == now:
                    slot = (slot + np.uint64(1)) & mask
                table[slot] = left[at]
                filled[slot] = now
        count = 0
        for at in range(right_ends[others[pair]], right_ends[others[pair] + 1]):
            slot = right[at] & mask
            while filled[slot] == now:
                if table[slot] == right[at]:
                    count += 1
                    break
                slot = (slot + np.uint64(1)) & mask
        common[pair] = count
