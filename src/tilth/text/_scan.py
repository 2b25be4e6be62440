"""Read one text's characters and lines, compiled: decode, count by class, measure lines, find phrases.

All functions here work on scratch arrays that their caller owns and reuses: `points` holds the code points of one text,
`classes` the class of each (see `_points`).
"""

from __future__ import annotations

import numpy as np

from tilth.text import _phrases
from tilth.text import _points as p
from tilth.text._compile import Array, Number, inner
from tilth.text.reference import NAMES

AT = {name: place for place, name in enumerate(NAMES)}
STATISTICS = len(NAMES)
EVENTS = np.uint32(p.LINE_BREAK | p.SENTENCE)
"""What `lines` stops at."""
EVENTS_OF_PHRASES = np.uint32(p.LINE_BREAK | p.SENTENCE | p.TRIGGER | p.FURNITURE)
"""The same, where phrases are looked for."""
BEYOND = 4
"""So many classes are behind a text: of its line break, and of what `lines` reads along."""
_SHORT, _BRIEF = 30, 10
_1, _2, _3, _4, _5, _6, _7 = map(np.uint64, range(1, 8))
AT_SENTENCES, AT_ELLIPSES = (
    AT["sentences"],
    AT["ellipses"],
)
_URLS, _LOREM_AT = AT["urls"], AT["lorem_ipsum"]
_TEXT_LINES, _BULLETS, _ELLIPSIS_LINES = AT["text_lines"], AT["bullet_lines"], AT["ellipsis_lines"]
_JAVASCRIPT_LINES, _POLICY_LINES = AT["javascript_lines"], AT["policy_lines"]
_LINES, _LINE_CHARS, _SHORT_LINES, _BRIEF_LINES = AT["lines"], AT["line_chars"], AT["short_lines"], AT["brief_lines"]
_TERMINAL_LINES, _FURNITURE_LINES = AT["terminal_lines"], AT["boilerplate_lines"]

COUNTED = np.array(
    [
        (AT[name], mask, value)
        for name, mask, value in (
            ("letters", p.ALPHA, p.ALPHA),
            ("digits_chars", p.DECIMAL, p.DECIMAL),
            ("upper_chars", p.UPPER, p.UPPER),
            ("space_chars", p.SPACE, p.SPACE),
            ("punct_chars", p.PUNCTUATION, p.PUNCTUATION),
            ("control_chars", p.CONTROL, p.CONTROL),
            ("han_chars", p.HAN, p.HAN),
            ("kana_chars", p.KANA, p.KANA),
            ("hangul_chars", p.HANGUL, p.HANGUL),
            ("cjk_chars", p.HAN, p.HAN),
            ("cjk_chars", p.KANA, p.KANA),
            ("cjk_chars", p.HANGUL, p.HANGUL),
            ("simplified_chars", p.SIMPLIFIED, p.SIMPLIFIED),
            ("traditional_chars", p.TRADITIONAL, p.TRADITIONAL),
            ("cn_punct_chars", p.CHINESE_MARK, p.CHINESE_MARK),
            ("ascii_punct_chars", p.ASCII_MARK, p.ASCII_MARK),
            ("parentheses", p.PARENTHESIS, p.PARENTHESIS),
            ("hashes", p.SPECIAL, p.HASH),
            ("ellipses", p.SPECIAL, p.ELLIPSIS),
            ("curly", p.SPECIAL, p.CURLY),
            ("newlines", p.SPECIAL, p.NEWLINE),
        )
    ],
    np.int64,
)
"""Which statistic counts the classes whose flags, masked, have a value."""


@inner
def decode(data: Array, start: Number, end: Number, tables: Array, points: Array, classes: Array) -> Number:
    """Write a text's code points and their classes, and a line break behind; return how many they are.

    A broken sequence reads as U+FFFD.
    """
    # Unsigned places spare the question whether one counts from the end.
    count, at, last = np.uint64(0), np.uint64(start), np.uint64(end)
    while at < last:
        lead = np.uint32(data[at])
        if lead < 0x80:
            points[count] = lead
            classes[count] = lead
            count += np.uint64(1)
            at += np.uint64(1)
            # Eight letters at a time, as long as all are ASCII; read before any is written, so that they are one load.
            while at + np.uint64(8) <= last:
                a, b, c, d = data[at], data[at + _1], data[at + _2], data[at + _3]
                e, f, g, h = data[at + _4], data[at + _5], data[at + _6], data[at + _7]
                if (a | b | c | d | e | f | g | h) >= np.uint8(0x80):
                    break
                points[count], points[count + _1], points[count + _2], points[count + _3] = a, b, c, d
                points[count + _4], points[count + _5], points[count + _6], points[count + _7] = e, f, g, h
                classes[count], classes[count + _1], classes[count + _2], classes[count + _3] = a, b, c, d
                classes[count + _4], classes[count + _5], classes[count + _6], classes[count + _7] = e, f, g, h
                count += np.uint64(8)
                at += np.uint64(8)
            continue
        size = np.uint64(2 if lead < 0xE0 else 3 if lead < 0xF0 else 4)
        if at + size > last:
            point, size = np.uint32(0xFFFD), last - at
        else:
            point = lead & np.uint32(np.uint64(0xFF) >> (size + np.uint64(1)))
            for step in range(np.uint64(1), size):
                point = (point << np.uint32(6)) | (np.uint32(data[at + step]) & np.uint32(0x3F))
        points[count] = point
        classes[count] = class_of(np.uint32(point), tables)
        count += np.uint64(1)
        at += size
    points[count], classes[count] = np.uint32(10), np.uint8(10)
    return np.int64(count)


@inner
def class_of(point: Number, tables: Array) -> Number:
    """Look up the class of a code point."""
    block = point >> np.uint32(8)
    if block >= len(tables.class_block):
        return tables.classes[np.int64(tables.class_block[len(tables.class_block) - 1]) * 256 + 255]
    return tables.classes[np.int64(tables.class_block[block]) * 256 + np.int64(point & np.uint32(255))]


@inner
def characters(points: Array, classes: Array, count: Number, flags: Array, histogram: Array, out: Array) -> None:
    """Count the characters of each kind, and how often one stands in a row."""
    histogram[:] = 0
    half = len(flags)
    # Two histograms in turn: the processor need not wait for the last count of the same class.
    for at in range(0, count - 1, 2):
        histogram[classes[at]] += 1
        histogram[half + classes[at + 1]] += 1
    if count % 2:
        histogram[classes[count - 1]] += 1
    for kind in range(half):
        seen = histogram[kind] + histogram[half + kind]
        if seen:
            for row in range(len(COUNTED)):
                if np.int64(flags[kind]) & COUNTED[row, 1] == COUNTED[row, 2]:
                    out[COUNTED[row, 0]] += seen


@inner
def longest_run(points: Array, classes: Array, count: Number, flags: Array) -> Number:
    """Return how often a character other than white space stands in a row, at most."""
    # Each run that is not passed yet begins at or after `at`.
    at, longest = np.int64(0), np.int64(0)
    while at + longest < count:
        # A longer run would reach so far: where the last of it differs from those before, all these are passed over.
        last = at + longest
        before = last - 1
        while before >= at and points[before] == points[last]:
            before -= 1
        if before >= at:
            at = before + 1
            continue
        end = last + 1
        while end < count and points[end] == points[last]:
            end += 1
        if not flags[classes[last]] & p.SPACE:
            longest = end - at
        at = end
    return longest


@inner
def lines(
    points: Array,
    classes: Array,
    count: Number,
    flags: Array,
    events: Number,
    out: Array,
    starts: Array,
    ends: Array,
) -> Number:
    """Measure lines, sentences and phrases; write the place of each line that is not empty; return how many."""
    at: Number = 0
    found, line, split_line, trimmed = 0, np.int64(0), np.int64(0), np.int64(-1)
    first: Number = 0
    last: Number = 0
    javascript, policy, furniture = False, False, False
    sentence_from, sentence_until, dots_until = 0, 0, 0
    while True:
        # The line break behind the text ends this loop at the latest.
        place = np.uint64(at)
        # Four at a time, which may reach beyond the line break behind the text.
        while not (
            (
                flags[classes[place]]
                | flags[classes[place + _1]]
                | flags[classes[place + _2]]
                | flags[classes[place + _3]]
            )
            & events
        ):
            place += np.uint64(4)
        while True:
            event = flags[classes[place]] & events
            if event and (event != np.uint32(p.TRIGGER) or _phrases.likely(points, place)):
                break
            place += np.uint64(1)
        at = np.int64(place)
        flag, point = flags[classes[at]], points[at]
        if flag & p.SENTENCE and at >= sentence_until:
            full, sentence_until = False, at
            while flags[classes[sentence_until]] & p.SENTENCE:
                full |= flags[classes[sentence_until]] & p.FULL_SENTENCE > 0
                sentence_until += 1
            if full or flags[classes[sentence_until]] & (p.SPACE | p.CLOSER):
                out[AT_SENTENCES] += 1
                sentence_from = sentence_until
        if flag & p.TRIGGER:
            if point == 46 and at >= dots_until:
                dots_until = at
                while points[dots_until] == 46:
                    dots_until += 1
                out[AT_ELLIPSES] += (dots_until - at) // 3
            told = _phrases.told(points, count, at) if events & np.uint32(p.TRIGGER) else _phrases.NOTHING
            javascript |= told == _phrases.JAVASCRIPT
            policy |= told == _phrases.POLICY
            out[_URLS] += told == _phrases.ADDRESS
            if told == _phrases.LOREM_IPSUM:
                out[_LOREM_AT] = 1
        if flag & events & np.uint32(p.FURNITURE) and not furniture:
            furniture = _phrases.furniture(points, count, at)
        if flag & p.LINE_BREAK:
            if split_line < count and (point != 13 or at + 1 == count or points[at + 1] != 10):
                first, last = trim(classes, flags, split_line, at)
                trimmed = split_line
                _split_line(points, classes, flags, first, last, out)
                out[_JAVASCRIPT_LINES] += javascript
                out[_POLICY_LINES] += policy
                split_line, javascript, policy = at + 1, False, False
            if point == 10:
                if line < at:
                    starts[found], ends[found] = line, at
                    found += 1
                    if trimmed != line:
                        first, last = trim(classes, flags, line, at)
                    _line(classes, flags, line, at, first, last, sentence_from, furniture, out)
                line, furniture, sentence_from = at + 1, False, at + 1
        if at == count:
            return found
        at += 1


@inner
def _split_line(points: Array, classes: Array, flags: Array, first: Number, last: Number, out: Array) -> None:
    """Measure a line, trimmed, as `str.splitlines` cuts it."""
    out[_TEXT_LINES] += 1
    if first < last:
        out[_BULLETS] += flags[classes[first]] & p.SPECIAL == p.BULLET
        dots = last - first >= 3 and points[last - 1] == 46 and points[last - 2] == 46 and points[last - 3] == 46
        out[_ELLIPSIS_LINES] += dots or points[last - 1] == 0x2026


@inner
def _line(
    classes: Array,
    flags: Array,
    start: Number,
    end: Number,
    first: Number,
    last: Number,
    sentence_from: Number,
    furniture: Number,
    out: Array,
) -> None:
    """Measure a line as "\\n" cuts it, and which is from `first` to `last` when trimmed."""
    if first == last:
        return
    out[_LINES] += 1
    out[_LINE_CHARS] += end - start
    out[_SHORT_LINES] += end - start <= _SHORT
    out[_BRIEF_LINES] += last - first <= _BRIEF
    out[_TERMINAL_LINES] += flags[classes[end - 1]] & p.TERMINAL > 0
    out[_FURNITURE_LINES] += furniture
    at = sentence_from
    while at < end and not flags[classes[at]] & (p.ALPHA | p.DIGIT):
        at += 1
    out[AT_SENTENCES] += at < end


@inner
def trim(classes: Array, flags: Array, start: Number, end: Number) -> tuple[Number, Number]:
    """Return where a piece starts and ends without the white space around it; the same place twice when blank."""
    while start < end and flags[classes[start]] & p.SPACE:
        start += 1
    while start < end and flags[classes[end - 1]] & p.SPACE:
        end -= 1
    return start, end
