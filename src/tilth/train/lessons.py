"""Read a view once into arrays: rows in the order of their ids, whatever shards they came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from tilth.core.batch import Batch
from tilth.core.engine import Rows
from tilth.core.errors import DataError
from tilth.train.encoded import Array, Encoded, concat, take_rows
from tilth.train.task import Spelling, Task, column, row_names

LAST = np.iinfo(np.int64).max
"""The stage of rows without one: with the last."""


class Lessons(NamedTuple):
    """A view, encoded."""

    encoded: Encoded
    names: list[str]
    """The rows' ids, sorted."""
    skipped: int
    strangers: int
    stages: Array | None = None
    """int64, one an item: when it is learnt, where a column says so."""

    @property
    def notes(self) -> dict[str, Any]:
        """Return what a report says of the view."""
        encoded = self.encoded
        return {
            "rows": len(self.names),
            "skipped": self.skipped,
            "unknown_labels": self.strangers,
            "tokens": encoded.tokens,
            "truncated": int(encoded.truncated.sum()),
            "unknown_tokens": round(float(encoded.unknown.mean()), 4) if len(self.names) else 0.0,
        }

    def digest(self) -> str:
        """Return a hash of all that training reads."""
        hasher = xxhash.xxh3_128("\0".join(self.names).encode("utf-8", "surrogatepass"))
        encoded = self.encoded
        for part in (encoded.ids, encoded.starts, encoded.rows, encoded.kinds, encoded.shapes, encoded.targets):
            hasher.update(b"\0" if part is None else np.ascontiguousarray(part).tobytes())
        if self.stages is not None:
            hasher.update(b"\0" + self.stages.tobytes())
        return hasher.hexdigest()


def read(
    rows: Rows, task: Task, spelling: Spelling, labels: Sequence[str], *, stages: str | None = None
) -> Lessons | None:
    """Encode a view batch by batch; None where it holds no usable row. `stages` names a column of whole numbers."""
    parts = []
    names: list[str] = []
    told: dict[str, int] = {}
    skipped = strangers = 0
    for batch in rows.batches():
        lesson = task.lesson(batch, spelling, labels)
        if stages is not None:
            told.update(zip(row_names(batch), _stages(batch, stages), strict=True))
        skipped, strangers = skipped + lesson.skipped, strangers + lesson.strangers
        if lesson.ids:
            parts.append(lesson.encoded)
            names += lesson.ids
    if not parts:
        return None
    order = np.array(sorted(range(len(names)), key=names.__getitem__))
    encoded, sorted_names = take_rows(concat(parts), order), [names[at] for at in order]
    staged = None
    if stages is not None:
        known = np.array([told[name] for name in sorted_names], np.int64)
        # Rows without a stage are read with the last there is.
        known[known == LAST] = known[known < LAST].max(initial=0)
        staged = known[encoded.rows]
    return Lessons(encoded, sorted_names, skipped, strangers, staged)


def _stages(batch: Batch, name: str) -> list[int]:
    found = column(batch, name, "stages")
    try:
        return pc.fill_null(found.cast(pa.int64()), LAST).to_pylist()  # type: ignore[no-any-return]
    except pa.ArrowInvalid as error:
        raise DataError(
            f'column "{name}" is {found.type}',
            where="train.curriculum",
            wanted="whole numbers, the stage of each row",
            do="Add them with the operator `curriculum`.",
        ) from error
