"""Apply what editors found: cuts come beside the rows, as notes, and are made at the editor's place in the recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.edit import CUT, cut
from tilth.core.engine import Reader
from tilth.core.shard import Shard
from tilth.run.ledger import Ledger
from tilth.text.words import blank

CUTS = "_cuts"
"""The column that a run attaches for editors: the cuts of all places."""
PLACED = pa.list_(pa.struct([("place", pa.string()), *CUT]))


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """Make the cuts of one place; a text that then says nothing leaves."""

    place: str
    column: str

    def carry(self, batch: Batch, ledger: Ledger) -> Batch:
        """Return the rows that are left, and write down their fates."""
        tally = ledger.tally(self.place)
        tally.rows_in += batch.num_rows
        if CUTS not in batch.schema.names or not batch.num_rows:
            return batch
        rule = self.place.rpartition(" ")[2]
        texts = batch.column(self.column).to_pylist()
        changes: dict[str, list[Any]] = {name: [] for name in (ID, "start", "end", "new_end", "other_id")}
        emptied: dict[str, list[Any]] = {name: [] for name in (ID, "value", "other_id")}
        stays = [True] * batch.num_rows
        for at, (row, cuts) in enumerate(zip(batch.column(ID).to_pylist(), self._mine(batch), strict=True)):
            if not cuts:
                continue
            left = cut(texts[at], cuts)
            for one in cuts:
                values = (row, one["start"], one["end"], one["start"], one["other_id"])
                for name, value in zip(changes, values, strict=True):
                    changes[name].append(value)
            if blank(left):
                stays[at] = False
                # A row named here may itself have lost what it held to an earlier one; the changes name them all.
                for name, value in zip(emptied, (row, 1 - len(left) / len(texts[at]), None), strict=True):
                    emptied[name].append(value)
            texts[at] = left
        changed, gone = len(set(changes[ID])), len(emptied[ID])
        if not changed:
            return batch
        tally.changed += changed
        count = len(changes[ID])
        ledger.write(self.place, "changed", {"column": [self.column] * count, "rule": [rule] * count, **changes}, count)
        batch = with_column(batch, self.column, pa.array(texts, batch.schema.field(self.column).type))
        if not gone:
            return batch
        tally.dropped += gone
        tally.by_rule[rule] = tally.by_rule.get(rule, 0) + gone
        ledger.write(self.place, "dropped", {"rule": [rule] * gone, **emptied}, gone)
        return batch.filter(pa.array(stays, pa.bool_()))

    def _mine(self, batch: Batch) -> Iterator[list[dict[str, Any]]]:
        for cuts in batch.column(CUTS).to_pylist():
            yield [one for one in cuts or () if one["place"] == self.place]


def beside(batch: Batch, note: Batch, links: Sequence[Any]) -> Batch:
    """Attach the cuts to a batch, where an operator makes them."""
    if not any(isinstance(link.operator, Cutting) for link in links):
        return batch
    return with_column(batch, CUTS, note.column("cuts"))


def without(batch: Batch) -> Batch:
    """Return the batch without the cuts."""
    return batch.drop_columns([CUTS]) if CUTS in batch.schema.names else batch


@dataclass(frozen=True)
class EditNotes:
    """Read edits as notes about rows: `_id` and `cuts`."""

    read: Reader
    place: str

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            lists = batch.column("cuts")
            cuts = lists.flatten()
            places = pa.array([self.place] * len(cuts), pa.string())
            placed = pa.StructArray.from_arrays(
                [places, *(cuts.field(field.name) for field in CUT)], fields=list(PLACED.value_type)
            )
            # A slice's offsets do not begin at 0, its flattened values do.
            offsets = pa.compute.subtract(lists.offsets, lists.offsets[0])
            noted = pa.ListArray.from_arrays(offsets, placed).cast(PLACED)
            yield pa.RecordBatch.from_arrays([batch.column(ID), noted], names=[ID, "cuts"])
