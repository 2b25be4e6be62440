"""Find pairs of sets that may be alike: leaders that share a band of their signatures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.groups import heads
from tilth.refine._sets import words_of

BANDED = pa.schema([(KEY, pa.uint64()), (ID, pa.string()), ("at", pa.uint64()), ("size", pa.int64())])
PAIRS = pa.schema([(KEY, pa.uint64()), (ID, pa.uint64())])
"""Two places: `_key` that of the smaller name."""
_NEIGHBOURS = 15
"""How many predecessors, besides the smallest name, a row meets in a band."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Bands:
    """Bring leaders together that share a band (and, where they count, their numbers)."""

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key each leader by each of its bands."""
        leaders = batch.filter(pc.is_valid(batch.column("bands")))
        keys, offsets = words_of(leaders.column("bands"))
        row = pa.array(np.repeat(np.arange(leaders.num_rows), np.diff(offsets)))
        rest = leaders.select([ID, "at", "size"]).take(row)
        return pa.RecordBatch.from_arrays([pa.array(keys), *rest.columns], schema=BANDED)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Pair each row of a band with the smallest name and its predecessors, where the sizes allow the threshold."""
        carried: Batch | None = None
        for batch in keyed:
            if not batch.num_rows:
                continue
            batch = batch.select([KEY, "at", "size"])
            old = 0
            if carried is not None and carried.column(KEY)[0] == batch.column(KEY)[0]:
                old = carried.num_rows
                batch = pa.concat_batches([carried, batch])
            head = heads(batch.column(KEY)).to_numpy()
            ones, others = self._pairs(head, batch.column("size").to_numpy(), old)
            if len(ones):
                at = batch.column("at")
                yield pa.RecordBatch.from_arrays([at.take(pa.array(ones)), at.take(pa.array(others))], schema=PAIRS)
            carried = _tail(batch, int(head[-1]))

    def _pairs(self, head: Rows, sizes: Rows, old: int) -> tuple[Rows, Rows]:
        rows = np.arange(len(head))
        crowd = rows[head != rows]
        crowd = crowd[crowd >= old]
        ones, others = [head[crowd]], [crowd]
        place = crowd - head[crowd]
        for step in range(1, _NEIGHBOURS + 1):
            # The predecessor must not be the first: that one it has met.
            crowd, place = crowd[place > step], place[place > step]
            if not len(crowd):
                break
            ones.append(crowd - step)
            others.append(crowd)
        one, other = np.concatenate(ones), np.concatenate(others)
        # |A and B| / |A or B| is at most the smaller size over the greater.
        least, most = np.minimum(sizes[one], sizes[other]), np.maximum(sizes[one], sizes[other])
        may = least >= self.threshold * most
        return one[may], other[may]


def _tail(batch: Batch, head: int) -> Batch:
    """Return of the last band's rows the first and the last few: what rows still to come are paired with."""
    last = batch.num_rows - head
    if last <= _NEIGHBOURS + 1:
        return batch.slice(head)
    return pa.concat_batches([batch.slice(head, 1), batch.slice(batch.num_rows - _NEIGHBOURS)])
