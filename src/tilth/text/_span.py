"""Find where two versions of texts differ, compiled; what is found is defined by `tilth.run.spans`."""

from __future__ import annotations

import numpy as np

from tilth.text._columns import Buffers
from tilth.text._compile import Array, Number, entry, inner

_STEP = 16
"""So many bytes are compared at once."""


@entry
def find(old: Buffers, new: Buffers, rows: Array, found: Array) -> None:
    """Write for each of the rows the span's start, its end in the old text and its end in the new, in characters."""
    for which in range(len(rows)):
        row = rows[which]
        left, right = old.offsets[row], new.offsets[row]
        until, till = old.offsets[row + 1], new.offsets[row + 1]
        limit = min(until - left, till - right)
        start = _alike(old.data, new.data, left, right, limit)
        while start and (_within(old.data, left + start, until) or _within(new.data, right + start, till)):
            start -= 1
        tail = _alike_before(old.data, new.data, until, till, limit - start)
        while tail and _within(old.data, until - tail, until):
            tail -= 1
        before = _characters(old.data, left, left + start)
        found[which, 0] = before
        found[which, 1] = before + _characters(old.data, left + start, until - tail)
        found[which, 2] = before + _characters(new.data, right + start, till - tail)


@inner
def _alike(one: Array, other: Array, left: Number, right: Number, limit: Number) -> Number:
    """Count how many bytes are equal from two places on."""
    same = 0
    while same + _STEP <= limit:
        differ = np.uint8(0)
        for step in range(_STEP):
            differ |= one[left + same + step] ^ other[right + same + step]
        if differ:
            break
        same += _STEP
    while same < limit and one[left + same] == other[right + same]:
        same += 1
    return same


@inner
def _alike_before(one: Array, other: Array, left: Number, right: Number, limit: Number) -> Number:
    """Count how many bytes are equal before two places."""
    same = 0
    while same + _STEP <= limit:
        differ = np.uint8(0)
        for step in range(_STEP):
            differ |= one[left - same - _STEP + step] ^ other[right - same - _STEP + step]
        if differ:
            break
        same += _STEP
    while same < limit and one[left - same - 1] == other[right - same - 1]:
        same += 1
    return same


@inner
def _characters(data: Array, start: Number, end: Number) -> Number:
    count = 0
    for at in range(start, end):
        count += data[at] & 0xC0 != 0x80
    return count


@inner
def _within(data: Array, at: Number, end: Number) -> Number:
    """Tell whether a place lies within a character."""
    return at < end and data[at] & 0xC0 == 0x80
