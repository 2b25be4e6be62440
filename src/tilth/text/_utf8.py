"""Walk UTF-8 bytes in compiled code, not decoded: white space, line breaks and words as Python's `str` sees them."""

from __future__ import annotations

import numpy as np

from tilth.text._compile import Array, Number, inlined, inner

BREAKS = (*range(0x0A, 0x0E), *range(0x1C, 0x1F), 0xC2, 0xE2)
"""The bytes that a line break may begin with."""
_WHITE = np.zeros(256, np.uint8)
"""1 for the bytes that white space may begin with."""
_WHITE[[*range(0x09, 0x0E), *range(0x1C, 0x21), 0xC2, 0xE1, 0xE2, 0xE3]] = 1
_NEWLINE, _RETURN = b"\n\r"


@inner
def begins_break(data: Array, at: Number, end: Number) -> Number:
    """Tell whether a byte that may begin a line break does, as `str.splitlines` sees it; of two, the second does."""
    if data[at] < 0x80:
        return data[at] != _RETURN or data[at + 1] != _NEWLINE
    if data[at] == 0xC2:
        return data[at + 1] == 0x85
    return at + 2 < end and data[at + 1] == 0x80 and (data[at + 2] == 0xA8 or data[at + 2] == 0xA9)


@inner
def white(data: Array, at: Number, end: Number) -> Number:
    """Return how many bytes a code point of white space has that begins here, as `str.isspace` sees it; 0 for none."""
    lead = data[at]
    if not _WHITE[lead]:
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


@inlined
def skip_white(data: Array, at: Number, end: Number) -> Number:
    """Return where the first code point stands that is not white space."""
    while at < end:
        byte = data[np.uint64(at)]
        size: Number = np.int64(_WHITE[byte])
        if size and byte >= 0x80:
            size = white(data, at, end)
        if not size:
            break
        at += size
    return at


@inlined
def strip_white(data: Array, start: Number, end: Number) -> Number:
    """Return where the last code point ends that is not white space."""
    while end > start:
        byte = data[np.uint64(end - 1)]
        if byte < 0x80:
            size: Number = np.int64(_WHITE[byte])
        else:
            size = 2 if end - 2 >= start and white(data, end - 2, end) == 2 else 0
            if end - 3 >= start and white(data, end - 3, end) == 3:
                size = 3
        if not size:
            break
        end -= size
    return end


@inner
def has_words(data: Array, at: Number, end: Number, least: Number) -> Number:
    """Tell whether a trimmed line has so many words between white space."""
    words, inside = 0, False
    for step in range(np.uint64(at), np.uint64(end)):
        if _WHITE[data[step]] and white(data, np.int64(step), end):
            inside = False
        elif not inside and data[step] & 0xC0 != 0x80:
            inside = True
            words += 1
            if words >= least:
                return True
    return False


@inner
def has_longer_word(data: Array, at: Number, end: Number, limit: Number) -> Number:
    """Tell whether a line has a word of more code points; no word at all counts as one of none."""
    if limit < 0:
        return True
    while end - at > limit:
        # White space near the end of what a word may take means that no longer one begins before it.
        back = at + limit
        while back >= at and not white(data, back, end):
            back -= 1
        if back >= at:
            at = back + 1
            continue
        length = 0
        while at < end and not white(data, at, end):
            length += data[at] & 0xC0 != 0x80
            at += 1
        if length > limit:
            return True
    return False


@inner
def same(data: Array, start: Number, end: Number, other: Array, begin: Number, finish: Number) -> Number:
    """Tell whether two runs of bytes are the same."""
    if end - start != finish - begin:
        return False
    place, beside = np.uint64(start), np.uint64(begin)
    for step in range(np.uint64(end - start)):  # noqa: SIM110
        if data[place + step] != other[beside + step]:
            return False
    return True


@inner
def copy(source: Array, start: Number, end: Number, target: Array, at: Number) -> Number:
    """Copy bytes, to the front where source and target are one, and return where they end."""
    first, place = np.uint64(start), np.uint64(at)
    for step in range(np.uint64(end - start)):
        target[place + step] = source[first + step]
    return at + end - start
