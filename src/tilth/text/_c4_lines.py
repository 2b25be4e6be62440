"""Keep the lines of texts that C4's rules keep, compiled: one pass over a column's UTF-8 bytes.

What is kept is defined by `C4` in the refinery, text by text in Python. Where bytes do not tell what Python would say
(KELVIN SIGN is a "k" in lower case; `\\d` matches other scripts' digits), a text is left to that definition.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.text._c4_rules import (
    BREAK,
    CITED,
    COMPARE,
    EMPTY,
    ENOUGH,
    JAVASCRIPT,
    LOREM,
    POLICY,
    UNSURE,
    Marks,
    Phrases,
    Rules,
)
from tilth.text._columns import Buffers, _frozen, buffers
from tilth.text._compile import Array, Number, entry, inner
from tilth.text._utf8 import begins_break, copy, has_longer_word, has_words, same, skip_white, strip_white

_ABOUT = LOREM | JAVASCRIPT | POLICY
_DIGIT = np.zeros(256, np.bool_)
"""Which bytes a digit that is not ASCII may begin with."""
_DIGIT[[0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, *range(0xF0, 0xF5)]] = True
_LOWER = np.frombuffer(bytes(range(256)).lower(), np.uint8)
_OPEN, _CLOSE, _CURLY, _POINT, _NEWLINE = b"[]{.\n"
_EDIT, _NEEDED = np.frombuffer(b"[edit]", np.uint8), np.frombuffer(b"[citation needed]", np.uint8)


def clean(texts: pa.Array, judged: npt.NDArray[np.bool_], asked: Rules, definition: Callable[[str], str]) -> pa.Array:
    """Return the texts, those judged with only the lines that stay; the array itself where that changes nothing."""
    column = buffers(texts)
    looked_at = judged & column.valid.astype(np.bool_) if len(column.valid) else judged.copy()
    out = np.empty(int(column.offsets[-1] - column.offsets[0]), np.uint8)
    ends, unsure = np.zeros(len(texts) + 1, np.int64), np.zeros(len(texts), np.bool_)
    changed = keep(column, looked_at, asked, out, _frozen(out), ends, unsure)
    if not changed and not unsure.any():
        return texts
    cleaned = pa.Array.from_buffers(
        texts.type,
        len(texts),
        [
            pa.array(column.valid).buffers()[1] if len(column.valid) else None,
            pa.py_buffer(ends if pa.types.is_large_string(texts.type) else ends.astype(np.int32)),
            pa.py_buffer(out[: ends[-1]]),
        ],
    )
    if not unsure.any():
        return cleaned
    left = texts.filter(pa.array(unsure)).to_pylist()
    others = [definition(text) for text in left]
    if not changed and left == others:
        return texts
    return pc.replace_with_mask(cleaned, pa.array(unsure), pa.array(others, texts.type))


@entry
def keep(texts: Buffers, judged: Array, asked: Rules, out: Array, seen: Array, ends: Array, unsure: Array) -> Number:
    """Write the texts on end, with where each ends, and tell whether any changed; those unsure are as they were.

    `seen` is `out`, to read: functions are compiled once for each kind of array, and this is the texts' own.
    """
    longest = 0
    for row in range(len(judged)):
        longest = max(longest, texts.offsets[row + 1] - texts.offsets[row])
    breaks, spare = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    # Not a plain 0: what is called with it would be compiled for that, too.
    used: Number = np.int64(0)
    changed = False
    for row in range(len(judged)):
        start, end = texts.offsets[row], texts.offsets[row + 1]
        if len(texts.valid) and not texts.valid[row]:
            ends[row + 1] = used
            continue
        after = -1
        if judged[row]:
            held, lines = _read(texts.data, start, end, asked.phrases, breaks)
            if not held & UNSURE:
                breaks[lines] = end
                after = _lines(texts.data, start, breaks, lines + 1, held, asked, out, seen, used, spare)
            unsure[row] = after < 0
        if after < 0:
            after = copy(texts.data, start, end, out, used)
        elif not changed:
            changed = after - used < end - start
            for which in range(lines):
                # As long as it was, a text has all its lines, and each break is one byte.
                changed |= texts.data[breaks[which]] != _NEWLINE
        used = ends[row + 1] = after
    return changed


@inner
def _read(data: Array, start: Number, end: Number, phrases: Phrases, breaks: Array) -> Number:
    """Return the kinds of phrases in a text, whatever the case of ASCII letters, and how many line breaks.

    A break that is the text's last byte is not among these: it is white space, and no line follows.
    """
    events = _events(data, start, end, phrases.one, phrases.two, breaks)
    found, lines = 0, 0
    for event in range(events):
        at = breaks[event]
        hit = phrases.one[data[at]] & phrases.two[data[at + 1]]
        if hit & BREAK and begins_break(data, at, end):
            breaks[lines] = at
            lines += 1
            continue
        for which in range(len(phrases.bits)):
            if phrases.bits[which] & hit and _stands(data, start, end, at, phrases, which):
                found |= phrases.kinds[which]
    return found, lines


@inner
def _events(data: Array, start: Number, end: Number, one: Array, two: Array, events: Array) -> Number:
    """List the places of pairs and what may be line breaks."""
    count = 0
    if end - start > 1:
        # Unsigned, so that no place is looked at as one counted from the end.
        byte = data[start]
        for at in range(np.uint64(start), np.uint64(end - 1)):
            after = data[at + np.uint64(1)]
            if one[byte] & two[after]:
                events[count] = at
                count += 1
            byte = after
    return count


@inner
def _lines(
    data: Array,
    at: Number,
    breaks: Array,
    lines: Number,
    held: Number,
    asked: Rules,
    out: Array,
    seen: Array,
    begin: Number,
    spare: Array,
) -> Number:
    """Write the lines that stay from `begin` on, and return where they end; -1 where bytes do not tell."""
    limit, last, marked = asked.max_word, asked.marks.last, len(asked.marks.strings.offsets) > 1
    used, written, cites = begin, False, held & CITED
    for line in range(lines):
        # The break before it is white space, and goes with the rest.
        left, right = at, strip_white(data, at, breaks[line])
        at = breaks[line]
        # A line behind a bracket may come to its end mark when a citation goes.
        byte = data[right - 1] if right > left else EMPTY
        bracket = cites and byte == _CLOSE
        if marked and not last[byte] and not bracket:
            continue
        left = skip_white(data, left, right)
        if marked and not bracket and not _ends_in(data, left, right, asked.marks):
            continue
        if marked and not cites and _trails_off(data, left, right):
            continue
        if right - left > limit and has_longer_word(data, left, right, limit):
            continue
        if asked.min_words and not has_words(data, left, right, asked.min_words):
            continue
        place = used + 1 if written else used
        if cites:
            after = _uncited(data, left, right, out, place)
            if after < 0:
                return -1
        else:
            after = copy(data, left, right, out, place)
        if marked and cites and (not _ends_in(seen, place, after, asked.marks) or _trails_off(seen, place, after)):
            continue
        if held & _ABOUT and _about(seen, place, after, held, asked, spare):
            continue
        if written:
            out[used] = _NEWLINE
        used, written = after, True
    left = skip_white(seen, begin, used)
    right = strip_white(seen, left, used)
    return copy(seen, left, right, out, begin) if left > begin else right


@inner
def _about(data: Array, start: Number, end: Number, held: Number, asked: Rules, spare: Array) -> Number:
    """Tell whether a line goes for what it is about; one that drops the whole text stays, for the judge to see."""
    # Only what the whole text held before citations went counts.
    found = held & _read(data, start, end, asked.phrases, spare)[0]
    if found & LOREM:
        return False
    if found & JAVASCRIPT:
        return True
    if not found & POLICY:
        return False
    if asked.curly:
        for at in range(start, end):
            if data[at] == _CURLY:
                return False
    return True


@inner
def _stands(data: Array, start: Number, end: Number, at: Number, phrases: Phrases, which: Number) -> Number:
    first, last = phrases.strings.offsets[which], phrases.strings.offsets[which + 1]
    begin = at - phrases.anchors[which]
    if begin < start or begin + last - first > end:
        return False
    for step in range(last - first):  # noqa: SIM110
        if _LOWER[data[begin + step]] != phrases.strings.data[first + step]:
            return False
    return True


@inner
def _ends_in(data: Array, start: Number, end: Number, marks: Marks) -> Number:
    said = marks.last[data[end - 1] if end > start else EMPTY]
    if said != COMPARE:
        return said == ENOUGH
    held, offsets = marks.strings.data, marks.strings.offsets
    for which in range(len(offsets) - 1):
        first, last = offsets[which], offsets[which + 1]
        if last - first <= end - start and same(data, end - last + first, end, held, first, last):
            return True
    return False


@inner
def _trails_off(data: Array, start: Number, end: Number) -> Number:
    return end - start >= 3 and data[end - 1] == _POINT and data[end - 2] == _POINT and data[end - 3] == _POINT


@inner
def _uncited(data: Array, at: Number, end: Number, out: Array, place: Number) -> Number:
    """Write a line without its citation marks, and return where it ends; -1 where bytes do not tell."""
    begin = at
    for step in range(np.uint64(at), np.uint64(end)):
        if data[step] == _OPEN and np.int64(step) >= begin:
            size = _citation(data, np.int64(step), end)
            if size < 0:
                return -1
            if size:
                place = copy(data, begin, np.int64(step), out, place)
                begin = np.int64(step) + size
    return copy(data, begin, end, out, place)


@inner
def _citation(data: Array, start: Number, end: Number) -> Number:
    """Return how many bytes a citation mark has that begins here; 0 for none, -1 where bytes do not tell."""
    for mark in (_EDIT, _NEEDED):
        if len(mark) <= end - start and same(data, start, start + len(mark), mark, 0, len(mark)):
            return len(mark)
    at, plain = start + 1, True
    while at < end and (_DIGIT[data[at]] or 0x30 <= data[at] <= 0x39):
        if data[at] < 0x80:
            at += 1
            continue
        plain = False
        at += 1
        while at < end and data[at] & 0xC0 == 0x80:
            at += 1
    if at >= end or data[at] != _CLOSE:
        return 0
    return at + 1 - start if plain else -1
