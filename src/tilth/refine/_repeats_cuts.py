"""Join the repeated places of each text to its cuts: the last exchange of an editor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.edit import EDIT
from tilth.core.engine import KEY
from tilth.refine._ranks import ids_of
from tilth.refine._rows import batches, groups

SPAN = pa.schema(
    [
        (ID, pa.string()),
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("lead", pa.int32()),
        ("last", pa.bool_()),
        ("other_id", pa.string()),
    ]
)
"""A repeated place: characters [`start`, `end`) of a row's text. Where it is the text's `last`, the `lead` characters
before it (a line break that would then end the text) go too."""
_KEYED = pa.schema([(KEY, pa.string()), *SPAN])


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """Bring the repeated places of each row together, and merge those that touch or overlap."""

    ranked: bool = False
    """Whether ranks stand before the ids, as `_ranks.named` puts them."""

    def emit(self, batch: Batch) -> Batch:
        """Key places by their row, in the order of the text."""
        order = pc.utf8_lpad(pc.cast(batch.column("start"), pa.string()), 10, "0")
        row, *places, other = batch.columns
        if self.ranked:
            row, other = ids_of(row), ids_of(other)
        return pa.RecordBatch.from_arrays([row, order, *places, other], schema=_KEYED)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give each row its cuts."""

        def rows() -> Iterator[tuple[str, list[dict[str, Any]]]]:
            for row, group in groups(keyed, (KEY, "start", "end", "lead", "last", "other_id")):
                yield row, merged(place[1:] for place in group)

        return batches(rows(), EDIT)


def merged(places: Iterable[tuple[int, int, int, bool, str | None]]) -> list[dict[str, Any]]:
    """Join places, ascending by start: what touches or overlaps is one cut where it names the same row.

    >>> merged([(0, 4, 0, False, "a"), (2, 6, 0, False, "a"), (6, 8, 0, False, "b")])
    [{'start': 0, 'end': 6, 'other_id': 'a'}, {'start': 6, 'end': 8, 'other_id': 'b'}]
    >>> merged([(4, 7, 1, False, "a"), (7, 9, 1, True, "a")])
    [{'start': 3, 'end': 9, 'other_id': 'a'}]
    """
    cuts: list[dict[str, Any]] = []
    first, lead, end = 0, 0, -1
    for start, stop, before, last, other in places:
        if start > end:
            first, lead = len(cuts), before
        start = max(start, end)
        if cuts and start == end and cuts[-1]["other_id"] == other:
            cuts[-1]["end"] = max(end, stop)
        elif start < stop:
            cuts.append({"start": start, "end": stop, "other_id": other})
        end = max(end, stop)
        if last:
            cuts[first]["start"] -= lead
    return cuts
