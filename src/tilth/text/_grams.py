"""Measure repeated runs of words of one text, compiled, without building a string.

Tables are open addressing over the numbers of words. A repeated run is compared letter by letter with the one that it
repeats, so no hash can make two of them equal.
"""

from __future__ import annotations

import numpy as np

from tilth.text._compile import Array, Number, inner
from tilth.text._pieces import same, table_size
from tilth.text._scan import AT

_DISTINCT, _TOP, _DUP = AT["distinct_words"], AT["top_2gram_chars"], AT["dup_5gram_chars"]
_FEWEST, _MOST = 5, 10
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0xD1342543DE82EF95)
_SECOND, _THIRD, _FOURTH = (np.uint64(pow(int(_BASE), exponent, 1 << 64)) for exponent in (2, 3, 4))


@inner
def distinct(hashes: Array, starts: Array, found: Number, table: Array, ids: Array, out: Array) -> None:
    """Give each word the number of the first like it."""
    mask = table_size(found) - 1
    table[: mask + 1] = 0
    different = 0
    for word in range(found):
        slot = np.int64(hashes[word] & np.uint64(mask))
        size = starts[word + 1] - starts[word]
        while True:
            other = table[slot] - 1
            if other < 0:
                table[slot] = word + 1
                ids[word] = word
                different += 1
                break
            if hashes[other] == hashes[word] and starts[other + 1] - starts[other] == size:
                ids[word] = other
                break
            slot = (slot + 1) & mask
    out[_DISTINCT] = different


@inner
def top(
    starts: Array,
    found: Number,
    table: Array,
    ids: Array,
    grams: Array,
    counts: Array,
    longer: Array,
    longer_counts: Array,
    sieve: Array,
    alive: Array,
    out: Array,
) -> None:
    """Measure the most frequent runs of 2, 3 and 4 words, of equals the first, a space between words.

    A run can be frequent only where the run without its last word is, and the one without its first: longer runs are
    looked up only there (`alive`). `grams` gives each run the number of the first like it, or -1 to one that stands
    alone; `sieve` first tells, by hash alone, which pairs do.
    """
    rough, fine = table_size(found), table_size(8 * found)
    mask, shift = rough - 1, _shift(rough)
    _sift(ids, found, sieve, fine)
    living, sieved = 0, _shift(fine)
    for at in range(found - 1):
        alive[living] = at
        living += sieve[_pair(ids[at], ids[at + 1]) >> sieved] > 1
    for size in range(2, 5):
        runs = found - size + 1
        if runs <= 0:
            return
        table[: mask + 1] = 0
        longer[:runs] = -1
        best: Number = 0
        best_count: Number = 1
        left = 0
        for at in range(living):
            word = np.int64(alive[at])
            if word >= runs:
                break
            before: Number = ids[word]
            if size > 2:
                before, after = grams[word], grams[word + 1]
                if after < 0 or counts[before] < 2 or counts[after] < 2:
                    continue
            alive[left] = word
            left += 1
            last = ids[word + size - 1]
            slot = np.int64(_pair(before, last) >> shift)
            while True:
                other = table[slot] - 1
                if other < 0:
                    table[slot] = word + 1
                    longer[word], longer_counts[word] = word, 1
                    break
                if ids[other + size - 1] == last and (ids[other] if size == 2 else grams[other]) == before:
                    longer[word] = other
                    count = longer_counts[other] + 1
                    longer_counts[other] = count
                    if count > best_count or (count == best_count and other < best):
                        best, best_count = np.int64(other), np.int64(count)
                    break
                slot = (slot + 1) & mask
        out[_TOP + size - 2] = best_count * (starts[best + size] - starts[best] + size - 1)
        living = left
        grams, longer = longer, grams
        counts, longer_counts = longer_counts, counts


@inner
def _sift(ids: Array, found: Number, sieve: Array, fine: Number) -> None:
    """Count pairs of words by their hash, up to 2."""
    sieve[:fine] = 0
    shift = _shift(fine)
    for word in range(found - 1):
        slot = _pair(ids[word], ids[word + 1]) >> shift
        sieve[slot] = min(sieve[slot] + 1, 2)


@inner
def _pair(one: Number, other: Number) -> Number:
    """Hash two numbers; the upper bits are the good ones (multiply-shift; Dietzfelbinger et al. 1997)."""
    return ((np.uint64(one) << np.uint64(32)) | np.uint64(other)) * _SPREAD


@inner
def _shift(size: Number) -> Number:
    """Return what moves a hash's upper bits to a place in a table of a power of two's size."""
    shift = np.uint64(64)
    while size > 1:
        size >>= 1
        shift -= np.uint64(1)
    return shift


@inner
def sums(kept: Array, length: Number, prefix: Array) -> None:
    """Write the polynomial hash of each beginning of the letters."""
    said = np.uint64(0)
    prefix[0] = said
    at = 0
    # Four letters at a time: each of the four sums needs the last of the four before, not the one before it.
    while at + 4 <= length:
        one = np.uint64(kept[at]) + np.uint64(1)
        two = one * _BASE + np.uint64(kept[at + 1]) + np.uint64(1)
        three = two * _BASE + np.uint64(kept[at + 2]) + np.uint64(1)
        four = three * _BASE + np.uint64(kept[at + 3]) + np.uint64(1)
        prefix[at + 1] = said * _BASE + one
        prefix[at + 2] = said * _SECOND + two
        prefix[at + 3] = said * _THIRD + three
        said = said * _FOURTH + four
        prefix[at + 4] = said
        at += 4
    while at < length:
        said = said * _BASE + np.uint64(kept[at]) + np.uint64(1)
        prefix[at + 1] = said
        at += 1


@inner
def repeated_words(
    kept: Array,
    starts: Array,
    found: Number,
    prefix: Array,
    powers: Array,
    table: Array,
    kin: Array,
    sieve: Array,
    out: Array,
) -> None:
    """Measure the runs of 5 to 10 words whose letters stood before, stepping over each; word seams do not count.

    Runs with the same letters have the same first letters, as many as the shortest run that begins there has: only
    words where those recur can begin a repeated run. That spares most texts the six tables; `sieve` tells them by hash,
    a few too many. `kin` gives each word the next one, itself included, that can.
    """
    if found < _FEWEST:
        return
    # Each word has a letter, so 5 letters tell of all; more tell better, where words are longer.
    _recurring(starts, found, prefix, powers, kin, sieve, 16 if starts[found] >= 3 * found else _FEWEST)
    following, candidates = found, 0
    for word in range(found - 1, -1, -1):
        if kin[word]:
            following = word
            candidates += 1
        kin[word] = following
    if candidates == 0:
        return
    rough = table_size(candidates)
    mask, shift = rough - 1, _shift(rough)
    for size in range(_FEWEST, _MOST + 1):
        table[: mask + 1] = 0
        word, repeated = 0, 0
        while word <= found - size:
            word = kin[word]
            if word > found - size:
                break
            start, end = starts[word], starts[word + size]
            slot = np.int64((prefix[end] - prefix[start] * power(powers, end - start)) * _SPREAD >> shift)
            again = False
            while table[slot] and not again:
                other = table[slot] - 1
                again = starts[other + size] - starts[other] == end - start and same(
                    kept, starts[other], start, end - start
                )
                slot = (slot + 1) & mask
            if again:
                repeated += end - start
                word += size
            else:
                table[slot] = word + 1
                word += 1
        out[_DUP + size - _FEWEST] = repeated


@inner
def _recurring(
    starts: Array, found: Number, prefix: Array, powers: Array, told: Array, sieve: Array, width: Number
) -> None:
    """Tell of words whether they begin a run of 5 and their next `width` letters recur.

    Where the run is shorter than `width`, that says nothing, and they are told of as if.
    """
    fine = table_size(8 * found)
    sieve[:fine] = 0
    shift, runs, length, factor = _shift(fine), found - _FEWEST + 1, starts[found], powers[width]
    for word in range(found):
        start = np.int64(starts[word])
        if start + width > length:
            told[word:found] = -1
            break
        slot = (prefix[start + width] - prefix[start] * factor) * _SPREAD >> shift
        sieve[slot] = min(sieve[slot] + 1, 2)
        told[word] = np.int64(slot) if word < runs and starts[word + _FEWEST] - start >= width else -1
    for word in range(runs):
        told[word] = told[word] < 0 or sieve[told[word]] > 1
    told[runs:found] = 0


@inner
def power(powers: Array, exponent: Number) -> Number:
    """Return the hash's base to a power, from the table or by squaring."""
    if exponent < len(powers):
        return powers[exponent]
    result, square = np.uint64(1), _BASE
    while exponent:
        if exponent & 1:
            result *= square
        square *= square
        exponent >>= 1
    return result


POWERS = np.array([pow(int(_BASE), exponent, 1 << 64) for exponent in range(1 << 12)], np.uint64)
"""The first powers of the hash's base."""
