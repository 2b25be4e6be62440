"""Hold rows as token ids: flat NumPy arrays, an item a sequence that the network reads at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
IGNORE = -1
"""The target of a token that has no answer: a later sub-word, a special token, another window's word."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Rows cut into items. A row is one item, unless it is longer than the model and has several windows."""

    ids: Array
    """int32, one a token, the items end to end."""
    starts: Array
    """int64, items + 1: where each item's tokens begin."""
    rows: Array
    """int32, one an item: the row it comes from."""
    answers: Array
    """int64, rows + 1: where each row's answers begin. A class has one answer a row, tags have one a word."""
    kinds: Array | None = None
    """uint8, one a token: 1 for the second text of a pair."""
    words: Array | None = None
    """int32, one a token: which word of the row this token answers for, or -1. None: the item answers as a whole."""
    shapes: Array | None = None
    """uint8, one a token: how its word is spelt (case, digits, punctuation), or 0."""
    targets: Array | None = None
    """int32, one an item or one a token; or bool, items x labels."""
    truncated: Array
    """bool, one a row: some of it was cut off."""
    unknown: Array
    """float32, one a row: the share of its tokens that the vocabulary does not know."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lengths(self) -> Array:
        """Return the number of tokens in each item."""
        return np.diff(self.starts)

    @property
    def tokens(self) -> int:
        """Return the number of tokens, special ones counted."""
        return len(self.ids)


class Padded(NamedTuple):
    """Some items side by side, padded to the longest or to a given length."""

    ids: Array
    """int64, items x length."""
    mask: Array
    """bool, items x length: true where there is a token."""
    kinds: Array | None
    words: Array | None
    shapes: Array | None
    targets: Array | None


def ragged(lists: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Lay lists end to end: the values, and where each begins.

    >>> values, starts = ragged([[1, 2], [], [3]])
    >>> values.tolist(), starts.tolist()
    ([1, 2, 3], [0, 2, 2, 3])
    """
    starts = np.zeros(len(lists) + 1, np.int64)
    np.cumsum([len(one) for one in lists], out=starts[1:])
    values = np.fromiter((value for one in lists for value in one), np.int32, count=int(starts[-1]))
    return values, starts


def spans(starts: Array, chosen: Array) -> Array:
    """Return the flat positions of the chosen lists' values, list after list.

    >>> spans(np.array([0, 2, 2, 3]), np.array([2, 0])).tolist()
    [2, 0, 1]
    """
    lengths = starts[chosen + 1] - starts[chosen]
    total = int(lengths.sum())
    begin = np.repeat(starts[chosen] - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return begin + np.arange(total)


def pad(encoded: Encoded, items: Array, pad_id: int, length: int | None = None) -> Padded:
    """Put items side by side, padded on the right."""
    lengths = encoded.starts[items + 1] - encoded.starts[items]
    width = int(lengths.max()) if length is None else length
    mask = np.arange(width)[None, :] < lengths[:, None]
    flat = spans(encoded.starts, items)

    def lay(values: Array | None, fill: int) -> Array | None:
        if values is None:
            return None
        laid = np.full(mask.shape, fill, np.int64)
        laid[mask] = values[flat]
        return laid

    targets = encoded.targets
    if targets is not None:
        targets = targets[items] if encoded.words is None else lay(targets, IGNORE)
    ids = lay(encoded.ids, pad_id)
    assert ids is not None
    return Padded(ids, mask, lay(encoded.kinds, 0), lay(encoded.words, IGNORE), lay(encoded.shapes, 0), targets)


def concat(parts: Sequence[Encoded]) -> Encoded:
    """Join what was encoded batch by batch."""
    if len(parts) == 1:
        return parts[0]
    tokens = np.concatenate(([0], np.cumsum([part.tokens for part in parts])))
    rows = np.concatenate(([0], np.cumsum([len(part.truncated) for part in parts])))
    answers = np.concatenate(([0], np.cumsum([part.answers[-1] for part in parts])))

    def join(name: str) -> Array | None:
        arrays = [getattr(part, name) for part in parts]
        return None if arrays[0] is None else np.concatenate(arrays)

    def chain(name: str, before: Array) -> Array:
        return np.concatenate([[0], *(getattr(part, name)[1:] + at for part, at in zip(parts, before, strict=False))])

    joined = {name: join(name) for name in ("ids", "kinds", "words", "shapes", "targets", "truncated", "unknown")}
    return Encoded(
        starts=chain("starts", tokens),
        answers=chain("answers", answers),
        rows=np.concatenate([part.rows + at for part, at in zip(parts, rows, strict=False)]).astype(np.int32),
        **joined,  # type: ignore[arg-type]  # ids, truncated and unknown are never None
    )


def take_rows(encoded: Encoded, chosen: Array) -> Encoded:
    """Keep the chosen rows, in that order (each at most once)."""
    place = np.full(len(encoded.truncated), -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    items = np.flatnonzero(place[encoded.rows] >= 0)
    items = items[np.argsort(place[encoded.rows[items]], kind="stable")]
    flat = spans(encoded.starts, items)
    lengths = encoded.lengths[items]
    by_token = {"ids", "kinds", "words", "shapes"} | ({"targets"} if encoded.words is not None else set())
    changed: dict[str, Any] = {}
    for name in ("ids", "kinds", "words", "shapes", "targets"):
        values = getattr(encoded, name)
        if values is not None:
            changed[name] = values[flat] if name in by_token else values[items]
    return dataclasses.replace(
        encoded,
        starts=np.concatenate(([0], np.cumsum(lengths))),
        rows=place[encoded.rows[items]].astype(np.int32),
        answers=np.concatenate(([0], np.cumsum(np.diff(encoded.answers)[chosen]))),
        truncated=encoded.truncated[chosen],
        unknown=encoded.unknown[chosen],
        **changed,
    )
