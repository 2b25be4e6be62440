"""Write down what became of rows: the fates of a shard, and what each operator did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.fate import FATE


@dataclass
class Tally:
    """Count what an operator did to rows; tallies of shards add up."""

    rows_in: int = 0
    changed: int = 0
    dropped: int = 0
    failed: int = 0
    by_rule: dict[str, int] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Add another shard's counts."""
        self.rows_in += other.rows_in
        self.changed += other.changed
        self.dropped += other.dropped
        self.failed += other.failed
        for rule, count in other.by_rule.items():
            self.by_rule[rule] = self.by_rule.get(rule, 0) + count


class Ledger:
    """Collect fates of one shard, and the tally of each place.

    One that does not `keep` forgets them: for a pass that only wants the rows.
    """

    def __init__(self, *, keep: bool = True) -> None:
        self.keep = keep
        self.tallies: dict[str, Tally] = {}
        self._parts: list[Batch] = []

    def tally(self, place: str) -> Tally:
        """Return the counts of a place."""
        return self.tallies.setdefault(place, Tally())

    def write(self, place: str, fate: str, columns: dict[str, Any], rows: int) -> None:
        """Add fates of one kind at one place; columns not given are null."""
        if not rows or not self.keep:
            return
        whole = {"operator": [place] * rows, "fate": [fate] * rows, **columns}
        arrays = [_typed(whole.get(name.name), name.type, rows) for name in FATE]
        self._parts.append(pa.RecordBatch.from_arrays(arrays, schema=FATE))

    def batches(self) -> list[Batch]:
        """Return the fates so far and forget them."""
        parts, self._parts = self._parts, []
        return parts


def _typed(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        found = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
        return found if found.type == kind else found.cast(kind)
    return pa.array(values, kind)
