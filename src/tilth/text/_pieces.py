"""Measure repeated lines and paragraphs of one text, compiled, without building a string.

A table is open addressing over their numbers; a line is compared letter by letter with the one that it repeats, so no
hash can make two of them equal.
"""

from __future__ import annotations

import numpy as np

from tilth.text._compile import Array, Number, inlined, inner
from tilth.text._eights import mix
from tilth.text._scan import AT, trim

_PIECES, _DUP_LINES, _DUP_LINE_CHARS = AT["line_pieces"], AT["dup_lines"], AT["dup_line_chars"]
_DUP_BLANK_LINE_CHARS = AT["dup_blank_line_chars"]
_PARAGRAPHS, _DUP_PARAGRAPHS = AT["paragraphs"], AT["dup_paragraphs"]
_DUP_PARAGRAPH_CHARS = AT["dup_paragraph_chars"]
_PRIME = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0xD1342543DE82EF95)


@inner
def table_size(entries: Number) -> Number:
    """Return the power of two that leaves a table at most half full."""
    size = 8
    while size < 2 * entries:
        size *= 2
    return size


@inner
def same(points: Array, left: Number, right: Number, size: Number) -> Number:
    """Tell whether two stretches hold the same code points."""
    step = 0
    while step < size and points[left + step] == points[right + step]:
        step += 1
    return step == size


@inlined
def _first(
    points: Array, starts: Array, ends: Array, hashes: Array, piece: Number, table: Array, mask: Number
) -> Number:
    """Return the first piece equal to this one, entering it where there is none before."""
    slot = np.int64(hashes[piece] & np.uint64(mask))
    size = ends[piece] - starts[piece]
    while table[slot]:
        other = table[slot] - 1
        if (
            hashes[other] == hashes[piece]
            and ends[other] - starts[other] == size
            and same(points, starts[other], starts[piece], size)
        ):
            return other
        slot = (slot + 1) & mask
    table[slot] = piece + 1
    return piece


@inlined
def _said(points: Array, start: Number, end: Number) -> Number:
    """Hash a stretch of code points, four at a time in two chains that the processor works on at once."""
    left, right, at = np.uint64(end - start), _BASE, start
    while at + 4 <= end:
        left = (left ^ (np.uint64(points[at]) | (np.uint64(points[at + 1]) << np.uint64(32)))) * _PRIME
        right = (right ^ (np.uint64(points[at + 2]) | (np.uint64(points[at + 3]) << np.uint64(32)))) * _BASE
        at += 4
    while at < end:
        left = (left ^ np.uint64(points[at])) * _PRIME
        at += 1
    return mix(left ^ (right >> np.uint64(29)) ^ right)


@inner
def repeated_lines(
    points: Array,
    classes: Array,
    count: Number,
    flags: Array,
    starts: Array,
    ends: Array,
    hashes: Array,
    found: Number,
    table: Array,
    out: Array,
) -> None:
    """Count lines that stood before; `starts` and `ends` tell those that are not empty."""
    before = count > 0 and points[0] == 10
    after = count == 0 or points[count - 1] == 10
    out[_PIECES] = found + before + after
    out[_DUP_LINES] += before and after
    mask = table_size(found) - 1
    table[: mask + 1] = 0
    for piece in range(found):
        hashes[piece] = _said(points, starts[piece], ends[piece])
        if _first(points, starts, ends, hashes, piece, table, mask) != piece:
            size = ends[piece] - starts[piece]
            out[_DUP_LINES] += 1
            out[_DUP_LINE_CHARS] += size
            first, last = trim(classes, flags, np.int64(starts[piece]), np.int64(ends[piece]))
            if first == last:
                out[_DUP_BLANK_LINE_CHARS] += size


@inner
def repeated_paragraphs(
    points: Array,
    classes: Array,
    count: Number,
    flags: Array,
    starts: Array,
    ends: Array,
    hashes: Array,
    lines: Number,
    table: Array,
    out: Array,
) -> None:
    """Count paragraphs, lines with one break between them, and those that stood before; overwrites the lines.

    A paragraph's hash is made of its lines' hashes.
    """
    start, end = trim(classes, flags, np.int64(0), count)
    found = 0
    for line in range(lines):
        if ends[line] <= start or starts[line] >= end:
            continue
        said = hashes[line]
        if starts[line] < start or ends[line] > end:
            said = _said(points, max(np.int64(starts[line]), start), min(np.int64(ends[line]), end))
        if found and starts[line] == ends[found - 1] + 1:
            ends[found - 1] = min(ends[line], end)
            hashes[found - 1] = mix(hashes[found - 1] ^ (said * _PRIME))
        else:
            starts[found], ends[found] = max(starts[line], start), min(ends[line], end)
            hashes[found] = said
            found += 1
    out[_PARAGRAPHS] = max(found, 1)
    if found < 2:
        return
    mask = table_size(found) - 1
    table[: mask + 1] = 0
    for piece in range(found):
        if _first(points, starts, ends, hashes, piece, table, mask) != piece:
            out[_DUP_PARAGRAPHS] += 1
            out[_DUP_PARAGRAPH_CHARS] += ends[piece] - starts[piece]
