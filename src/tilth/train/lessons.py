"""Read a view once into arrays: rows in the order of their ids, whatever shards they came in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xxhash

from tilth.core.engine import Rows
from tilth.train.encoded import Encoded, concat, take_rows
from tilth.train.task import Spelling, Task


class Lessons(NamedTuple):
    """A view, encoded."""

    encoded: Encoded
    names: list[str]
    """The rows' ids, sorted."""
    skipped: int
    strangers: int

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
        return hasher.hexdigest()


def read(rows: Rows, task: Task, spelling: Spelling, labels: Sequence[str]) -> Lessons | None:
    """Encode a view batch by batch; None where it holds no usable row."""
    parts = []
    names: list[str] = []
    skipped = strangers = 0
    for batch in rows.batches():
        lesson = task.lesson(batch, spelling, labels)
        skipped, strangers = skipped + lesson.skipped, strangers + lesson.strangers
        if lesson.ids:
            parts.append(lesson.encoded)
            names += lesson.ids
    if not parts:
        return None
    order = np.array(sorted(range(len(names)), key=names.__getitem__))
    return Lessons(take_rows(concat(parts), order), [names[at] for at in order], skipped, strangers)
