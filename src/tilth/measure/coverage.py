"""Say how much of the text a model did not see, or could not read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.result import Result

LIMIT = 0.05
"""The share above which a warning is due."""


@dataclass(frozen=True, kw_only=True)
class Warned(Result):
    """One thing to look at."""

    name: str
    """`truncated` or `unknown`."""
    share: float
    limit: float
    message: str


@dataclass(frozen=True, kw_only=True)
class Coverage(Result):
    """How much of the text the model saw and knew."""

    rows: int
    tokens: int
    truncated_rows: int
    truncated_share: float
    """The share of rows cut short."""
    lost_share: float
    """The share of tokens cut off."""
    unknown_tokens: int
    unknown_share: float
    """The share of tokens, among those seen, that the vocabulary does not hold."""
    warnings: tuple[Warned, ...]


def coverage(
    tokens: ArrayLike, seen: ArrayLike, unknown: ArrayLike, *, limit: float = LIMIT, length: int | None = None
) -> Coverage:
    """Count truncated rows and unknown tokens; warn above a share of 5% of either.

    Three whole numbers a row: its tokens, how many of them the model saw, and how many of those were unknown. `length`
    is the model's longest input, for the message.

    >>> found = coverage(tokens=[600, 100], seen=[512, 100], unknown=[0, 0], length=512)
    >>> print(found.warnings[0].message)
    The model reads at most 512 tokens, and 1 of 2 rows (50.0%) are longer: 12.6% of all tokens are cut off.
    Raise the length, or split long rows.
    """
    every, kept, strange = _counts(tokens, "tokens"), _counts(seen, "seen"), _counts(unknown, "unknown")
    if not len(every) == len(kept) == len(strange):
        raise DataError(f"{len(every)}, {len(kept)} and {len(strange)} counts", wanted="three counts for each row")
    if (kept > every).any() or (strange > kept).any():
        row = int(np.flatnonzero((kept > every) | (strange > kept))[0])
        raise DataError(
            f"row {row}: {every[row]} tokens, {kept[row]} seen, {strange[row]} unknown",
            wanted="unknown <= seen <= tokens",
        )
    rows, total, saw, odd = len(every), int(every.sum()), int(kept.sum()), int(strange.sum())
    cut = int((kept < every).sum())
    truncated, lost, unread = cut / rows, (total - saw) / total if total else 0.0, odd / saw if saw else 0.0
    reads = f"The model reads at most {length} tokens" if length else "The model reads only the start of long rows"
    messages = {
        "truncated": (
            truncated,
            f"{reads}, and {cut} of {rows} rows ({truncated:.1%}) are longer: {lost:.1%} of all tokens are cut off. "
            "Raise the length, or split long rows.",
        ),
        "unknown": (
            unread,
            f"{odd} of {saw} tokens ({unread:.1%}) are not in the model's vocabulary: it cannot tell them apart. "
            "Choose a model or a tokenizer for this language.",
        ),
    }
    return Coverage(
        rows=rows,
        tokens=total,
        truncated_rows=cut,
        truncated_share=truncated,
        lost_share=lost,
        unknown_tokens=odd,
        unknown_share=unread,
        warnings=tuple(
            Warned(name=name, share=share, limit=limit, message=message)
            for name, (share, message) in messages.items()
            if share > limit
        ),
    )


def _counts(values: ArrayLike, name: str) -> NDArray[np.int64]:
    array = np.asarray(values)
    if array.ndim != 1 or not len(array):
        raise DataError(f"{name} has shape {array.shape}", wanted="one count for each of at least one row")
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0:
        raise DataError(f"{name} does not hold counts", wanted="whole numbers, 0 or more")
    return array.astype(np.int64)
