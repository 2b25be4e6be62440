"""Keep the lines of texts that C4's rules keep, compiled: one pass over a column's UTF-8 bytes.

What is kept is defined by `C4` in the refinery, text by text in Python. Where bytes do not tell what Python would say
(KELVIN SIGN is a "k" in lower case; `\\d` matches other scripts' digits), a text is left to that definition.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.text._columns import Buffers, _frozen, buffers
from tilth.text._compile import Array, Number, entry, inner
from tilth.text._marks import POLICY as POLICY_PHRASES

LOREM, JAVASCRIPT, POLICY, CITED, UNSURE = (1 << bit for bit in range(5))
"""What a text may hold."""
_ABOUT = LOREM | JAVASCRIPT | POLICY
_UNLIMITED = 1 << 62
_PAIRS = (b"ja", b"ki", b"cy", b"ps", b"ms", b"\xe2\x84")
"""A text is searched for these first: one is in each phrase, and few are in other words."""
_CITES = b"0123456789]ec" + bytes(range(0x80, 0x100))
"""What may follow the bracket of a citation mark."""

_BREAK = 1 << 7
"""The bit of line breaks in `Phrases.one` and `two`, above those of pairs and brackets."""
_BREAKS = (*range(0x0A, 0x0E), *range(0x1C, 0x1F), 0xC2, 0xE2)
"""The bytes that a line break may begin with."""
_WHITE, _DIGIT = 1, 2
_KINDS = np.zeros(256, np.uint8)
"""Which bytes may begin white space, or a digit that is not ASCII."""
_KINDS[[*range(0x09, 0x0E), *range(0x1C, 0x21), 0xC2, 0xE1, 0xE2, 0xE3]] |= _WHITE
_KINDS[[0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, *range(0xF0, 0xF5)]] |= _DIGIT
_LOWER = np.frombuffer(bytes(range(256)).lower(), np.uint8)
_COMPARE, _ENOUGH = 1, 2
_EMPTY = 256
_OPEN, _CLOSE, _CURLY, _POINT, _NEWLINE, _RETURN = b"[]{.\n\r"
_EDIT, _NEEDED = np.frombuffer(b"[edit]", np.uint8), np.frombuffer(b"[citation needed]", np.uint8)


class Strings(NamedTuple):
    """String `i` is `data[offsets[i]:offsets[i + 1]]`."""

    data: Array
    offsets: Array


class Marks(NamedTuple):
    """What a line may end in; `last` says of its last byte, if any: no mark, one to compare, or enough."""

    strings: Strings
    last: Array


class Phrases(NamedTuple):
    """Phrases in lower case, each with the bit of the two bytes it is found by, which stand `anchor` into it.

    At two bytes, in either case, those may stand whose bits are in both `one[byte]` and `two[next_byte]`; so too a line
    break.
    """

    strings: Strings
    kinds: Array
    anchors: Array
    bits: Array
    one: Array
    two: Array


class Rules(NamedTuple):
    """What a line must be to stay, as `rules` makes it."""

    marks: Marks
    phrases: Phrases
    min_words: Number
    max_word: Number
    curly: Number


def rules(
    *,
    end_marks: tuple[str, ...],
    min_words: int | None,
    max_word: int | None,
    citations: bool,
    javascript: bool,
    policy: bool,
    lorem_ipsum: bool,
    curly: bool,
) -> Rules:
    """Write C4's options as compiled code reads them."""
    asked: list[tuple[bytes, int]] = []
    if lorem_ipsum:
        asked.append((b"lorem ipsum", LOREM))
    if javascript:
        asked.append((b"javascript", JAVASCRIPT))
    if policy:
        asked += [(phrase.encode(), POLICY) for phrase in POLICY_PHRASES]
        asked.append(("\N{KELVIN SIGN}".encode(), UNSURE))
    return Rules(
        _marks([mark.encode("utf-8", "surrogatepass") for mark in end_marks]),
        _phrases(asked, citations),
        0 if min_words is None else max(0, min(min_words, _UNLIMITED)),
        _UNLIMITED if max_word is None else max(-1, min(max_word, _UNLIMITED)),
        bool(curly),
    )


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


def _strings(listed: list[bytes]) -> Strings:
    ends = np.cumsum([0, *map(len, listed)]).astype(np.int64)
    return Strings(np.frombuffer(b"".join(listed) or b"\0", np.uint8), ends)


def _marks(listed: list[bytes]) -> Marks:
    last = np.zeros(_EMPTY + 1, np.uint8)
    for mark in sorted(listed, key=len, reverse=True):
        last[mark[-1] if mark else slice(None)] = _COMPARE if len(mark) > 1 else _ENOUGH
    return Marks(_strings(listed), last)


def _phrases(asked: list[tuple[bytes, int]], citations: bool) -> Phrases:
    one, two = np.zeros(256, np.uint8), np.full(256, _BREAK, np.uint8)
    one[list(_BREAKS)] = _BREAK
    anchors, bits = [], []
    for phrase, _ in asked:
        pair = next(pair for pair in _PAIRS if pair in phrase)
        anchors.append(phrase.index(pair))
        bits.append(1 << _PAIRS.index(pair))
        one[[*pair[:1].lower(), *pair[:1].upper()]] |= bits[-1]
        two[[*pair[1:].lower(), *pair[1:].upper()]] |= bits[-1]
    if citations:
        asked = [*asked, (b"[", CITED)]
        anchors.append(0)
        bits.append(1 << len(_PAIRS))
        one[_OPEN] |= bits[-1]
        two[list(_CITES)] |= bits[-1]
    kinds = np.array([kind for _, kind in asked], np.int64)
    texts = _strings([phrase for phrase, _ in asked])
    return Phrases(texts, kinds, np.array(anchors, np.int64), np.array(bits, np.uint8), one, two)


@entry
def keep(texts: Buffers, judged: Array, asked: Rules, out: Array, seen: Array, ends: Array, unsure: Array) -> Number:
    """Write the texts on end, with where each ends, and tell whether any changed; those unsure are as they were.

    `seen` is `out`, to read: functions are compiled once for each kind of array, and this is the texts' own.
    """
    longest = 0
    for row in range(len(judged)):
        longest = max(longest, texts.offsets[row + 1] - texts.offsets[row])
    breaks, spare = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    used, changed = 0, False
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
            after = _copy(texts.data, start, end, out, used)
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
        if hit & _BREAK and _breaks(data, at, end):
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
        left, right = at, _strip(data, at, breaks[line])
        at = breaks[line]
        # A line behind a bracket may come to its end mark when a citation goes.
        byte = data[right - 1] if right > left else _EMPTY
        bracket = cites and byte == _CLOSE
        if marked and not last[byte] and not bracket:
            continue
        left = _skip(data, left, right)
        if marked and not bracket and not _ends_in(data, left, right, asked.marks):
            continue
        if marked and not cites and _trails_off(data, left, right):
            continue
        if right - left > limit and _has_longer(data, left, right, limit):
            continue
        if asked.min_words and not _has_words(data, left, right, asked.min_words):
            continue
        place = used + 1 if written else used
        if cites:
            after = _uncited(data, left, right, out, place)
            if after < 0:
                return -1
        else:
            after = _copy(data, left, right, out, place)
        if marked and cites and (not _ends_in(seen, place, after, asked.marks) or _trails_off(seen, place, after)):
            continue
        if held & _ABOUT and _about(seen, place, after, held, asked, spare):
            continue
        if written:
            out[used] = _NEWLINE
        used, written = after, True
    left = _skip(seen, begin, used)
    right = _strip(seen, left, used)
    return _copy(seen, left, right, out, begin) if left > begin else right


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
def _breaks(data: Array, at: Number, end: Number) -> Number:
    """Tell whether a byte that may begin a line break does, as `str.splitlines` sees it; of two, the second does."""
    if data[at] < 0x80:
        return data[at] != _RETURN or data[at + 1] != _NEWLINE
    if data[at] == 0xC2:
        return data[at + 1] == 0x85
    return at + 2 < end and data[at + 1] == 0x80 and (data[at + 2] == 0xA8 or data[at + 2] == 0xA9)


@inner
def _white(data: Array, at: Number, end: Number) -> Number:
    """Return how many bytes a code point of white space has that begins here, as `str.isspace` sees it; 0 for none."""
    lead = data[at]
    if not _KINDS[lead] & _WHITE:
        return 0
    if lead < 0x80:
        return 1
    if lead == 0xC2:
        return 2 if at + 1 < end and (data[at + 1] == 0x85 or data[at + 1] == 0xA0) else 0
    if at + 2 >= end:
        return 0
    middle, last = data[at + 1], data[at + 2]
    if lead == 0xE1:
        found = middle == 0x9A and last == 0x80
    elif lead == 0xE3:
        found = middle == 0x80 and last == 0x80
    elif middle == 0x80:
        found = last <= 0x8A or last == 0xA8 or last == 0xA9 or last == 0xAF
    else:
        found = middle == 0x81 and last == 0x9F
    return 3 if found else 0


@inner
def _skip(data: Array, at: Number, end: Number) -> Number:
    while at < end:
        byte = data[np.uint64(at)]
        size = np.int64(_KINDS[byte] & _WHITE)
        if size and byte >= 0x80:
            size = _white(data, at, end)
        if not size:
            break
        at += size
    return at


@inner
def _strip(data: Array, start: Number, end: Number) -> Number:
    while end > start:
        byte = data[np.uint64(end - 1)]
        if byte < 0x80:
            size = np.int64(_KINDS[byte] & _WHITE)
        else:
            size = 2 if end - 2 >= start and _white(data, end - 2, end) == 2 else 0
            if end - 3 >= start and _white(data, end - 3, end) == 3:
                size = 3
        if not size:
            break
        end -= size
    return end


@inner
def _ends_in(data: Array, start: Number, end: Number, marks: Marks) -> Number:
    said = marks.last[data[end - 1] if end > start else _EMPTY]
    if said != _COMPARE:
        return said == _ENOUGH
    held, offsets = marks.strings.data, marks.strings.offsets
    for which in range(len(offsets) - 1):
        first, last = offsets[which], offsets[which + 1]
        if last - first <= end - start and _same(data, end - last + first, end, held, first, last):
            return True
    return False


@inner
def _trails_off(data: Array, start: Number, end: Number) -> Number:
    return end - start >= 3 and data[end - 1] == _POINT and data[end - 2] == _POINT and data[end - 3] == _POINT


@inner
def _has_words(data: Array, at: Number, end: Number, least: Number) -> Number:
    """Tell whether a trimmed line has so many words between white space."""
    words, inside = 0, False
    for step in range(np.uint64(at), np.uint64(end)):
        if _KINDS[data[step]] & _WHITE and _white(data, np.int64(step), end):
            inside = False
        elif not inside and data[step] & 0xC0 != 0x80:
            inside = True
            words += 1
            if words >= least:
                return True
    return False


@inner
def _has_longer(data: Array, at: Number, end: Number, limit: Number) -> Number:
    """Tell whether a line has a word of more code points; no word at all counts as one of none."""
    if limit < 0:
        return True
    while end - at > limit:
        # White space near the end of what a word may take means that no longer one begins before it.
        back = at + limit
        while back >= at and not _white(data, back, end):
            back -= 1
        if back >= at:
            at = back + 1
            continue
        length = 0
        while at < end and not _white(data, at, end):
            length += data[at] & 0xC0 != 0x80
            at += 1
        if length > limit:
            return True
    return False


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
                place = _copy(data, begin, np.int64(step), out, place)
                begin = np.int64(step) + size
    return _copy(data, begin, end, out, place)


@inner
def _citation(data: Array, start: Number, end: Number) -> Number:
    """Return how many bytes a citation mark has that begins here; 0 for none, -1 where bytes do not tell."""
    for mark in (_EDIT, _NEEDED):
        if len(mark) <= end - start and _same(data, start, start + len(mark), mark, 0, len(mark)):
            return len(mark)
    at, plain = start + 1, True
    while at < end and (_KINDS[data[at]] & _DIGIT or 0x30 <= data[at] <= 0x39):
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


@inner
def _same(data: Array, start: Number, end: Number, other: Array, begin: Number, finish: Number) -> Number:
    if end - start != finish - begin:
        return False
    place, beside = np.uint64(start), np.uint64(begin)
    for step in range(np.uint64(end - start)):  # noqa: SIM110
        if data[place + step] != other[beside + step]:
            return False
    return True


@inner
def _copy(source: Array, start: Number, end: Number, target: Array, at: Number) -> Number:
    """Copy bytes, to the front where source and target are one, and return where they end."""
    first, place = np.uint64(start), np.uint64(at)
    for step in range(np.uint64(end - start)):
        target[place + step] = source[first + step]
    return at + end - start
