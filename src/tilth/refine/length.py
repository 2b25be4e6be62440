"""Drop rows whose text is too short or too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.errors import RecipeError
from tilth.core.operator import VERDICT
from tilth.core.registry import name_of
from tilth.refine._columns import strings
from tilth.text import words


@dataclass(frozen=True, kw_only=True)
class Length:
    """Drop rows whose text has fewer than `min` or more than `max` characters or words; a null has length 0.

    >>> from tilth.testing import batch
    >>> verdicts = Length(unit="words", min=2, max=5).judge(batch(text=["hello", "你好吗", "a b c d e f"])).to_pylist()
    >>> [verdict and verdict["rule"] for verdict in verdicts]
    ['too_short', None, 'too_long']

    Each character of a script without spaces (Chinese, Japanese, Thai …) counts as a word.
    """

    decides: ClassVar[tuple[str, ...]] = ("min", "max")

    column: str = "text"
    """The text column."""
    unit: Literal["characters", "words"] = "characters"
    """What to count."""
    min: int = 1
    """The least length that stays."""
    max: int | None = None
    """The greatest length that stays; null for no limit."""

    def __post_init__(self) -> None:
        """Refuse limits that no text can meet."""
        if self.max is not None and self.max < self.min:
            raise RecipeError(f"max {self.max} is less than min {self.min}", where=name_of(self))

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row outside the limits: its length, and the limit it crosses."""
        texts = strings(batch, self.column, self)
        if self.unit == "words":
            lengths = words.count(texts.to_pylist()).tolist()
        else:
            lengths = pc.fill_null(pc.utf8_length(texts), 0).to_pylist()
        return pa.array([self._verdict(length) for length in lengths], VERDICT)

    def _verdict(self, length: int) -> dict[str, str | float] | None:
        if length < self.min:
            return {"rule": "too_short", "value": float(length), "threshold": float(self.min)}
        if self.max is not None and length > self.max:
            return {"rule": "too_long", "value": float(length), "threshold": float(self.max)}
        return None
