"""Collect a model's answers on one split, beside the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.batch import ID
from tilth.core.engine import Rows

ROWS = 4096
"""Rows a call of the model; the answers do not depend on it."""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """A split's rows with a model's answers: in memory, one line a row."""

    table: pa.Table
    """`_id`, the truth, what the model gives, the columns to slice by, and the text."""
    truth: str
    text: str

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def ids(self) -> list[str]:
        """The rows' ids."""
        return [str(name) for name in self.table.column(ID).to_pylist()]

    def column(self, name: str) -> pa.Array:
        """Return a column in one piece."""
        return self.table.column(name).combine_chunks()

    def logits(self) -> NDArray[np.float64]:
        """Return (rows, labels), or (tokens of all rows, tags) for a tagger."""
        column = self.column("logits")
        if pa.types.is_list(column.type.value_type):
            column = column.flatten()
        if len(column) == 0:
            return np.zeros((0, 0))
        flat = column.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        return np.asarray(flat.reshape(len(column), -1))


def collect(model: Any, rows: Rows, *, truth: str, text: str, also: Sequence[str] = ()) -> Answers:
    """Run the model over rows. Rows without a truth are left out: there is nothing to compare with."""
    parts: list[pa.Table] = []
    keep = [ID, truth, text, *also]
    for batch in rows.batches():
        batch = batch.filter(batch.column(truth).is_valid())
        for start in range(0, batch.num_rows, ROWS):
            answered = model.map(batch.slice(start, ROWS))
            given = [name for name in model.signature.outputs if name in answered.schema.names]
            names = list(dict.fromkeys([name for name in keep if name in answered.schema.names] + given))
            parts.append(pa.Table.from_batches([answered.select(names)]))
    table = (
        pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({ID: pa.array([], pa.string())})
    )
    return Answers(table=table, truth=truth, text=text)


def excerpt(value: Any, length: int = 240) -> str:
    """Shorten a text, or a list of words, for a person to read."""
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text if len(text) <= length else f"{text[: length - 1]}…"
