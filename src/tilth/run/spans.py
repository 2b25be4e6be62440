"""Say where two versions of a text differ: one span, in characters, found on their UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from tilth.core.batch import cell_bytes, for_python
from tilth.text import _compile

Span: TypeAlias = tuple[int | None, int | None, int | None]
"""Start, end in the old text, end in the new; None each where one of the two is no text."""
MANY = 256
"""So many rows are worth loading compiled code for."""


def spans(old: pa.Array, new: pa.Array, rows: Sequence[int]) -> list[Span]:
    """Return the span of each of these rows.

    >>> spans(pa.array(["same", "a  b"]), pa.array(["same", "a b"]), [1])
    [(2, 3, 2)]
    """
    if len(rows) >= MANY and _are_texts(old) and _are_texts(new) and _compile.available():
        return _compiled(old, new, rows)
    was, now = _cells(old), _cells(new)
    return [_span(was[row], now[row]) for row in rows]


def _are_texts(column: pa.Array) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _compiled(old: pa.Array, new: pa.Array, rows: Sequence[int]) -> list[Span]:
    from tilth.text import _span
    from tilth.text._columns import buffers

    found = np.empty((len(rows), 3), np.int64)
    _span.find(buffers(old), buffers(new), np.asarray(rows, np.int64), found)
    some = old.is_valid().to_numpy(zero_copy_only=False) & new.is_valid().to_numpy(zero_copy_only=False)
    return [(a, b, c) if some[row] else (None, None, None) for row, (a, b, c) in zip(rows, found.tolist(), strict=True)]


def _cells(column: pa.Array) -> list[memoryview | bytes | None]:
    if _are_texts(column):
        return list(cell_bytes(column))
    return [cell.encode() if isinstance(cell, str) else None for cell in for_python(column).to_pylist()]


def _span(was: memoryview | bytes | None, now: memoryview | bytes | None) -> Span:
    if was is None or now is None:
        return None, None, None
    old, new = bytes(was), bytes(now)
    limit = min(len(old), len(new))
    start = _differ(old[:limit], new[:limit]).find(1)
    start = limit if start < 0 else start
    while start and (_within(old, start) or _within(new, start)):
        start -= 1
    limit -= start
    tail = limit - 1 - _differ(old[len(old) - limit :], new[len(new) - limit :]).rfind(1)
    while tail and _within(old, len(old) - tail):
        tail -= 1
    before = _characters(old, 0, start)
    return before, before + _characters(old, start, len(old) - tail), before + _characters(new, start, len(new) - tail)


def _characters(text: bytes, start: int, end: int) -> int:
    return len(text[start:end].decode())


def _differ(one: bytes, other: bytes) -> bytes:
    """Tell of each byte whether it is another, as 1 or 0."""
    differ: bytes = (np.frombuffer(one, np.uint8) != np.frombuffer(other, np.uint8)).tobytes()
    return differ


def _within(text: bytes, at: int) -> bool:
    """Tell whether a place lies within a character."""
    return at < len(text) and text[at] & 0xC0 == 0x80
