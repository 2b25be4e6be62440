"""Check what an Editor promises: cuts that depend on rows alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.edit import EDIT, Editor, cut
from tilth.testing.inline import InlineEngine
from tilth.testing.rows import MemoryRows, variants
from tilth.testing.rows import cut as parted


def check_editor(editor: Editor, rows: Batch) -> None:
    """Check that cuts lie within their texts and do not depend on shards or order."""
    for name, some in variants(rows).items():
        ids = [f"{name} {row:08}" for row in range(some.num_rows)]
        some = some.set_column(some.schema.get_field_index(ID), ID, pa.array(ids, pa.string()))
        texts = dict(zip(ids, some.column(editor.column).to_pylist(), strict=True))
        found = edits(editor, some)
        order = pa.array(sorted(range(some.num_rows), key=lambda row: (row * 7919) % 104729), pa.int64())
        assert edits(editor, *parted(some, 7)) == found, f"{name}: the cuts depend on the shards"
        assert edits(editor, *parted(some.take(order), 3)) == found, f"{name}: the cuts depend on the order of rows"
        for row, cuts in found.items():
            assert row in texts and texts[row] is not None, f"{name}: a cut in a row without a text"
            places = [place for one in cuts for place in (one["start"], one["end"])]
            assert cuts and places == sorted(places), f"{name}: the cuts of {row} overlap or come out of order"
            assert places[0] >= 0 and places[-1] <= len(texts[row]), f"{name}: a cut of {row} lies outside its text"
            assert all(one["start"] < one["end"] for one in cuts), f"{name}: a cut of {row} takes nothing away"
            assert all(one["other_id"] in {None, *texts} - {row} for one in cuts), f"{name}: {row} names no other row"


def edits(editor: Editor, *batches: Batch) -> dict[str, list[dict[str, Any]]]:
    """Run an editor on batches, one shard each, and return the cuts by row id; each row has at most one list."""
    found = list(editor.edits(MemoryRows(*batches), InlineEngine()).batches())
    assert all(part.schema == EDIT for part in found), "the edits have another schema"
    listed = [edit for part in found for edit in part.to_pylist()]
    by_row = {edit[ID]: edit["cuts"] for edit in listed}
    assert len(by_row) == len(listed), "a row has two lists of cuts"
    return by_row


def edited(editor: Editor, rows: Batch) -> list[str | None]:
    """Run an editor on a batch and return its texts without their cuts.

    >>> from tilth.refine.repeated_lines import RepeatedLines
    >>> from tilth.testing import batch
    >>> rows = batch(text=[f"{name}\\nsent from my small phone" for name in ("ann", "bob", "cat")])
    >>> edited(RepeatedLines(), rows)
    ['ann\\nsent from my small phone', 'bob', 'cat']
    """
    found = edits(editor, rows)
    cells = zip(rows.column(ID).to_pylist(), rows.column(editor.column).to_pylist(), strict=True)
    return [text if row not in found else cut(text, found[row]) for row, text in cells]
