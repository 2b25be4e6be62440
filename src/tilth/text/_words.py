"""Split one text into words and hash each once, compiled; the rules are those of `words.split`."""

from __future__ import annotations

import numpy as np

from tilth.text import _eights, _marks, _plain, words
from tilth.text import _points as p
from tilth.text._compile import Array, Number, inner
from tilth.text._eights import mix
from tilth.text._scan import AT, class_of

_RUN, _SINGLE, _MARK, _IGNORE, _BREAK = words.RUN, words.SINGLE, words.MARK, words.IGNORE, words.BREAK
WORDS, _WORD_CHARS, _MAX_WORD_CHARS = AT["words"], AT["word_chars"], AT["max_word_chars"]
_WORDS_ALPHA, _SYMBOL_WORDS, _SYMBOL_WORD_CHARS = AT["words_alpha"], AT["symbol_words"], AT["symbol_word_chars"]
_STOP_WORDS, _STOP_WORDS_TOTAL = AT["stop_words"], AT["stop_words_total"]
_ZERO = np.uint32(48)
_PLACE = np.uint64(1 << 21)
_LONG = np.int32(p.LONG)


_WIDE, _BYTE, _EIGHT = np.uint64(128), np.uint64(8), np.uint64(64)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_STOPS = _plain.word_hashes(_marks.STOP_WORDS)
_LONGEST_STOP = max(map(len, _marks.STOP_WORDS))
_STOP_SHIFT = np.uint64(
    next(shift for shift in range(57) if len(set(_STOPS >> np.uint64(shift) & np.uint64(255))) == len(_STOPS))
)
"""Behind so many bits, one byte tells the stop words apart."""
_STOP_AT = np.zeros(256, np.uint8)
_STOP_AT[(_STOPS >> _STOP_SHIFT & np.uint64(255)).astype(np.int64)] = np.arange(len(_STOPS))


@inner
def bound(classes: Array, count: Number, flags: Array) -> Number:
    """Return at least as many as there are words."""
    most, before = 0, 0
    for at in range(count):
        kind = flags[classes[at]] & np.uint32(p.KIND)
        most += kind == _SINGLE or (before == 0 and kind != _BREAK and kind != _IGNORE)
        before = kind == _RUN
    return most


@inner
def count_alone(classes: Array, count: Number, flags: Array) -> Number:
    """Count the words, as `split` does."""
    found, before, odd = 0, False, False
    for at in range(count):
        kind = flags[classes[at]] & np.uint32(p.KIND)
        run = kind == _RUN
        found += (kind == _SINGLE) | (run & (not before))
        odd |= (kind == _MARK) | (kind == _IGNORE)
        before = run
    if not odd:
        return found
    # A mark hangs on what stands before it, and what is ignored parts nothing.
    found = 0
    state: Number = _BREAK
    for at in range(count):
        kind = flags[classes[at]] & np.uint32(p.KIND)
        if kind == _IGNORE or (kind == _MARK and state != _BREAK):
            continue
        if kind != _BREAK:
            found += not (kind == _RUN and state == _RUN)
        state = _SINGLE if kind == _MARK else np.int64(kind)
    return found


@inner
def split(
    points: Array,
    classes: Array,
    count: Number,
    flags: Array,
    kept: Array,
    starts: Array,
    seen: Array,
    hashes: Array,
    out: Array,
) -> Number:
    """Count the words, and write their letters on end (`kept`), where each starts there, its flags, its hash.

    `starts` gets one more entry, the end of the last word.
    """
    # Unsigned places spare the question whether one counts from the end.
    one, end = np.uint64(1), np.uint64(count)
    found, length, at = np.uint64(0), np.uint64(0), np.uint64(0)
    longest: Number = 0
    symbol_chars: Number = 0
    alpha, symbols, stops = 0, 0, 0
    stopped: Number = 0
    while at < end:
        flag = flags[classes[at]]
        kind = flag & np.uint32(p.KIND)
        if kind in (_BREAK, _IGNORE):
            at += one
            continue
        # A mark that hangs on nothing is a word of its own; what follows it begins another.
        run = kind == _RUN
        first, total = length, np.uint64(0)
        some, common = flag, flag
        whole = False
        if run and classes[at] < _WIDE:
            size, total, some = _eights.word(points, classes, at, kept, length)
            after = flags[classes[at + size]] & np.uint32(p.KIND)
            # Most often what follows ends the word: nothing hangs on it, and no letter beyond ASCII belongs to it.
            whole = after in (_BREAK, _SINGLE)
        if whole:
            at += size
            length += size
        else:
            place, wide, total, some = np.uint64(0), np.uint64(0), np.uint64(0), flag
            while True:
                some |= flag
                common &= flag
                place += _PLACE
                point = np.uint64(points[at])
                wide |= point
                total += mix(point | place)
                kept[length] = points[at]
                length += one
                at += one
                # The line break behind the text ends the last word.
                flag = flags[classes[at]]
                kind = flag & np.uint32(p.KIND)
                while kind == _IGNORE:
                    at += one
                    flag = flags[classes[at]]
                    kind = flag & np.uint32(p.KIND)
                if not (kind == _MARK or (run and kind == _RUN)):
                    break
            if wide < _WIDE:
                total = _packed(kept, first, length)
        said, size = mix(total), length - first
        starts[found], hashes[found], seen[found] = first, said, some
        found += one
        alpha += some & np.uint32(p.ALPHA) > 0
        longest = max(longest, np.int64(size))
        if common & np.uint32(p.SYMBOL):
            symbols += 1
            symbol_chars += np.int64(size)
        if size <= _LONGEST_STOP:
            stop = _STOP_AT[(said >> _STOP_SHIFT) & np.uint64(255)]
            if _STOPS[stop] == said:
                stopped |= 1 << np.int64(stop)
                stops += 1
    starts[found] = length
    out[WORDS], out[_WORD_CHARS], out[_MAX_WORD_CHARS], out[_WORDS_ALPHA] = found, length, longest, alpha
    out[_SYMBOL_WORDS], out[_SYMBOL_WORD_CHARS], out[_STOP_WORDS_TOTAL] = symbols, symbol_chars, stops
    while stopped:
        out[_STOP_WORDS] += stopped & 1
        stopped >>= 1
    return np.int64(found)


@inner
def _packed(kept: Array, start: Number, end: Number) -> Number:
    """Sum what eight letters of ASCII at a time make, mixed."""
    total, held, shift, number = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for at in range(start, end):
        held |= np.uint64(kept[at]) << shift
        shift += _BYTE
        if shift == _EIGHT:
            total += mix(held + number)
            held, shift, number = np.uint64(0), np.uint64(0), number + _GOLDEN
    return total + mix(held + number) if shift else total


@inner
def fold(
    kept: Array, starts: Array, seen: Array, found: Number, tables: Array, one_number: Number, hashes: Array
) -> None:
    """Hash those words anew that folding changes; with `one_number`, those with digits too, each run of them a "0"."""
    renewed = np.uint32(p.FOLDS | p.DIGIT) if one_number else np.uint32(p.FOLDS)
    for word in range(found):
        if not seen[word] & renewed:
            continue
        place, total, digit_before = np.uint64(0), np.uint64(0), False
        # Both sums, as only the last letter tells which is wanted.
        wide, narrow, held = np.uint64(0), np.uint64(0), np.uint64(0)
        shift, number = np.uint64(0), np.uint64(0)
        for at in range(starts[word], starts[word + 1]):
            point, change, first, size = kept[at], np.int32(0), 0, 1
            if one_number and tables.flags[class_of(point, tables)] & p.DIGIT:
                if digit_before:
                    continue
                point, digit_before = _ZERO, True
            else:
                digit_before = False
                change = fold_of(point, tables)
                if change >= _LONG:
                    first, size = int(change & 0xFFFF), int((change >> 16) & 31)
            for step in range(size):
                if change >= _LONG:
                    letter = np.uint64(tables.expansions[first + step])
                else:
                    letter = np.uint64(np.int64(point) + np.int64(change))
                place += _PLACE
                total += mix(letter | place)
                wide |= letter
                held |= letter << shift
                shift += _BYTE
                if shift == _EIGHT:
                    narrow += mix(held + number)
                    held, shift, number = np.uint64(0), np.uint64(0), number + _GOLDEN
        if wide < _WIDE:
            total = narrow + mix(held + number) if shift else narrow
        hashes[word] = mix(total)


@inner
def fold_of(point: Number, tables: Array) -> Number:
    """Look up what to add to a code point to fold it."""
    block = point >> np.uint32(8)
    if block >= len(tables.fold_block):
        return np.int32(0)
    return tables.folds[np.int64(tables.fold_block[block]) * 256 + np.int64(point & np.uint32(255))]
