"""Read whole columns of texts in one compiled pass: statistics, shingles, signatures, whatever is asked of the three.

Only this module's functions are kept on disk (`_compile.entry`); those they call are compiled into them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tilth.text import _eights, _pieces, _scan, _shingles, _words
from tilth.text import _grams as grams
from tilth.text import _points as p
from tilth.text._compile import Array, Number, entry, inner

CHARACTERS, LINES, WORDS, REPEATS, SHINGLES, SORTED, SIGNATURES, ONE_NUMBER, COUNT, RUN, PHRASES = (
    1 << bit for bit in range(11)
)
"""What to make; repeats need words, and what is sorted are shingles; the count is of words, and needs no word."""
STATISTICS = CHARACTERS | LINES | WORDS | REPEATS | COUNT | RUN | PHRASES
PARTS = {
    "characters": CHARACTERS,
    "lines": LINES,
    "phrases": LINES | PHRASES,
    "run": RUN,
    "count": COUNT,
    "words": WORDS,
    "repeats": WORDS | REPEATS,
    "shingles": SHINGLES,
    "sorted": SHINGLES | SORTED,
    "signatures": SIGNATURES,
}
_CHARS, _BYTES, _RUN = _scan.AT["chars"], _scan.AT["bytes"], _scan.AT["longest_run"]
_SMALL = 1 << 16


class Texts(NamedTuple):
    """Text `i` is `data[offsets[i]:offsets[i + 1]]`, in UTF-8; an empty array is what cannot be."""

    data: Array
    offsets: Array
    valid: Array
    """Which are not null; no entry where all are."""


class Folded(NamedTuple):
    """The texts that only Unicode's own folding can fold: `place[i]` is that of text `i`, or -1."""

    data: Array
    offsets: Array
    place: Array


class Signing(NamedTuple):
    """How to make shingles and sign them."""

    ngram: Number
    weights: Array
    multipliers: Array
    addends: Array


@entry
def hard(texts: Texts, tables: p.Tables) -> Array:
    """Tell which texts hold a code point that cannot be folded by table."""
    found = np.zeros(len(texts.offsets) - 1, np.bool_)
    point = np.zeros(2, np.uint32)
    kind = np.zeros(2, np.uint8)
    for row in range(len(found)):
        at, end = texts.offsets[row], texts.offsets[row + 1]
        if len(texts.valid) and not texts.valid[row]:
            continue
        while at < end:
            lead = texts.data[at]
            if lead < 0x80:
                at += 1
                continue
            size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            _scan.decode(texts.data, at, min(at + size, end), tables, point, kind)
            if tables.flags[kind[0]] & p.HARD:
                found[row] = True
                break
            at += size
    return found


@entry
def read(
    texts: Texts,
    folded: Folded,
    tables: p.Tables,
    powers: Array,
    parts: Number,
    signing: Signing,
    out: Array,
    signed: Array,
    numbers: Array,
    sizes: Array,
) -> Array:
    """Fill a row of each result for each text, and return the shingles of all on end; `sizes` gets their counts."""
    longest = 0
    for row in range(len(texts.offsets) - 1):
        longest = max(longest, texts.offsets[row + 1] - texts.offsets[row])
    for row in range(len(folded.offsets) - 1):
        longest = max(longest, folded.offsets[row + 1] - folded.offsets[row])
    flags = tables.flags
    beyond = longest + 1 + max(_scan.BEYOND, _eights.BEYOND)
    points, classes, kept = np.empty(beyond, np.uint32), np.empty(beyond, np.uint8), np.empty(beyond, np.uint32)
    spare = np.zeros(_scan.STATISTICS, np.int64)
    prefix = np.empty(longest + 2 if parts & REPEATS else 0, np.uint64)
    histogram = np.empty(2 * len(flags), np.int64)
    room, nothing = np.int64(0), np.int64(0)
    hashes, other_hashes = np.empty(0, np.uint64), np.empty(0, np.uint64)
    starts, ends, table = np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.int32)
    ids, counts, more_ids, more_counts = (
        np.empty(0, np.int32),
        np.empty(0, np.int32),
        np.empty(0, np.int32),
        np.empty(0, np.int32),
    )
    seen, sieve = np.empty(0, np.uint32), np.empty(0, np.uint8)
    low, high = np.empty(0, np.uint32), np.empty(0, np.uint32)
    shingles, used = np.empty(1024 if parts & SHINGLES else 0, np.uint64), np.int64(0)
    buckets = np.empty(256, np.int64)
    for row in range(len(texts.offsets) - 1):
        if len(texts.valid) and not texts.valid[row]:
            continue
        start, end = texts.offsets[row], texts.offsets[row + 1]
        count = _scan.decode(texts.data, start, end, tables, points, classes)
        needed = count if count <= _SMALL else _needed(points, classes, count, flags)
        hard_at = folded.place[row] if len(folded.place) else -1
        if hard_at >= 0:
            needed = max(needed, folded.offsets[hard_at + 1] - folded.offsets[hard_at])
        if needed + _shingles.LANES > room:
            room = 2 * needed + 2 * _shingles.LANES
            hashes, other_hashes = np.empty(room, np.uint64), np.empty(room, np.uint64)
            starts, ends = np.empty(room, np.int32), np.empty(room, np.int32)
            table = np.empty(_pieces.table_size(room), np.int32)
            ids, counts = np.empty(room, np.int32), np.empty(room, np.int32)
            more_ids, more_counts = np.empty(room, np.int32), np.empty(room, np.int32)
            seen = np.empty(room, np.uint32)
            sieve = np.empty(_pieces.table_size(8 * room) if parts & REPEATS else 0, np.uint8)
            low, high = np.empty(room, np.uint32), np.empty(room, np.uint32)
        figures = out[row] if parts & STATISTICS else spare
        figures[_CHARS], figures[_BYTES] = count, end - start
        if parts & (CHARACTERS | LINES):
            _scan.characters(points, classes, count, flags, histogram, figures)
        if parts & RUN:
            figures[_RUN] = _scan.longest_run(points, classes, count, flags)
        if parts & LINES:
            events = _scan.EVENTS_OF_PHRASES if parts & PHRASES else _scan.EVENTS
            lines = _scan.lines(points, classes, count, flags, events, figures, starts, ends)
            _pieces.repeated_lines(points, classes, count, flags, starts, ends, hashes, lines, table, figures)
            _pieces.repeated_paragraphs(points, classes, count, flags, starts, ends, hashes, lines, table, figures)
        if parts & COUNT:
            figures[_words.WORDS] = _words.count_alone(classes, count, flags)
        words = -1
        if parts & WORDS:
            words = _words.split(points, classes, count, flags, kept, starts, seen, hashes, figures)
            grams.distinct(hashes, starts, words, table, ids, figures)
            if parts & REPEATS:
                grams.top(starts, words, table, ids, more_ids, counts, ends, more_counts, sieve, other_hashes, figures)
                grams.sums(kept, starts[words], prefix)
                grams.repeated_words(kept, starts, words, prefix, powers, table, ids, sieve, figures)
        if parts & (SHINGLES | SIGNATURES):
            if hard_at >= 0:
                words, start, end = -1, folded.offsets[hard_at], folded.offsets[hard_at + 1]
                count = _scan.decode(folded.data, start, end, tables, points, classes)
            if words < 0:
                words = _words.split(points, classes, count, flags, kept, starts, seen, hashes, spare)
            _words.fold(kept, starts, seen, words, tables, parts & ONE_NUMBER > 0, hashes)
            if not parts & ONE_NUMBER:
                numbers[row] = _shingles.said_numbers(hashes, seen, words)
            made = _shingles.roll(hashes, words, signing.ngram, signing.weights, other_hashes)
            if parts & SIGNATURES:
                _shingles.sign(other_hashes, made, signing.multipliers, signing.addends, low, high, signed[row])
            if parts & SHINGLES:
                made = _shingles.unique(other_hashes, made, table)
                if parts & SORTED:
                    _shingles.sort(other_hashes, made, hashes, buckets)
                if used + made > len(shingles):
                    larger = np.empty(2 * (used + made), np.uint64)
                    _copy(shingles, used, larger, nothing)
                    shingles = larger
                _copy(other_hashes, made, shingles, used)
                used += made
            sizes[row] = made
    return shingles[:used]


@inner
def _needed(points: Array, classes: Array, count: Number, flags: Array) -> Number:
    """Return how many words, lines or paragraphs a long text may have: room for one a character would be much."""
    breaks = 0
    for at in range(count):
        breaks += points[at] == 10
    return max(_words.bound(classes, count, flags), breaks) + 1


@inner
def _copy(source: Array, count: Number, target: Array, at: Number) -> None:
    # Numba's own assignment of slices brings its string functions with it, which take seconds to compile.
    for step in range(count):
        target[at + step] = source[step]
