"""The contract of editors catches what would cut the wrong place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.batch import ID
from tilth.core.edit import EDIT
from tilth.core.engine import Engine, Rows
from tilth.refine.repeated_text import RepeatedText
from tilth.testing import MemoryRows, example_batch
from tilth.testing.editors import check_editor


@dataclass(frozen=True)
class Wrong:
    """Cut the first text of each shard as it is told."""

    cuts: Callable[[str, str], list[dict[str, Any]]]
    column: str = "text"

    def edits(self, rows: Rows, engine: Engine) -> Rows:
        found = []
        for shard in rows.shards:
            for batch in rows.read(shard):
                for row, text in zip(batch.column(ID).to_pylist(), batch.column("text").to_pylist(), strict=True):
                    if text:
                        found.append({ID: row, "cuts": self.cuts(row, text)})
                        break
        return MemoryRows(pa.RecordBatch.from_pylist(found, schema=EDIT))


@pytest.mark.parametrize(
    "cuts",
    [
        lambda row, text: [{"start": 0, "end": 1, "other_id": None}],
        lambda row, text: [{"start": 0, "end": len(text) + 1, "other_id": None}],
        lambda row, text: [{"start": 1, "end": 1, "other_id": None}],
        lambda row, text: [{"start": 0, "end": 2, "other_id": None}, {"start": 1, "end": 2, "other_id": None}],
        lambda row, text: [{"start": 0, "end": 1, "other_id": row}],
        lambda row, text: [],
    ],
    ids=["by shard", "outside", "nothing", "overlap", "itself", "empty"],
)
def test_a_wrong_editor_is_found_out(cuts: Callable[[str, str], list[dict[str, Any]]]) -> None:
    with pytest.raises(AssertionError):
        check_editor(Wrong(cuts), example_batch())


def test_a_right_one_passes() -> None:
    check_editor(RepeatedText(min_words=4), example_batch())
