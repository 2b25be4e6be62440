"""Lay out rows that were set aside: one table for every source, each row whole, with the rules that it breaks."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, SOURCE, SUBJECT, Batch, for_python
from tilth.measure.agreement import Checked

QUARANTINE = pa.schema(
    [
        (ID, pa.string()),
        (SOURCE, pa.string()),
        (SUBJECT, pa.string()),
        ("breaks", pa.list_(pa.struct([("column", pa.string()), ("rule", pa.string()), ("bound", pa.string())]))),
        ("row", pa.string()),
    ]
)
"""`row` is the row as a JSON object, so that one table holds rows of any columns, and `files` reads them again."""


def quarantined(
    batch: Batch, checked: Checked, *, ids: Sequence[str], source: str, subjects: Sequence[str | None] | None = None
) -> Batch:
    """Return those rows of a batch that were set aside, as `QUARANTINE` holds them.

    `ids` and `subjects` are those of all rows of the batch that was checked.
    """
    rows = pc.indices_nonzero(pc.invert(checked.kept)).to_pylist()
    breaks: dict[int, list[dict[str, Any]]] = {row: [] for row in rows}
    for line in checked.broken.to_pylist():
        breaks[line.pop("row")].append(line)
    aside = batch.filter(pc.invert(checked.kept))
    plain = pa.RecordBatch.from_arrays([for_python(column) for column in aside.columns], names=aside.schema.names)
    return pa.RecordBatch.from_pydict(
        {
            ID: [ids[row] for row in rows],
            SOURCE: [source] * len(rows),
            SUBJECT: [subjects[row] if subjects is not None else None for row in rows],
            "breaks": [breaks[row] for row in rows],
            "row": [json.dumps(_plain(row), ensure_ascii=False, allow_nan=False) for row in plain.to_pylist()],
        },
        schema=QUARANTINE,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
