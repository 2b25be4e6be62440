"""Measure repeated runs of words of one text, compiled, without building a string.

Tables are open addressing over the numbers of words. A repeated run is compared letter by letter with the one that it
repeats, so no hash can make two of them equal.
"""

from __future__ import annotations

import numpy as np

from tilth.text._compile import Array, Number, inner
from tilth.text._pieces import same, table_size
from tilth.text._scan import AT
from tilth.text._words import mix

_DISTINCT, _TOP, _DUP = AT["distinct_words"], AT["top_2gram_chars"], AT["dup_5gram_chars"]
_FEWEST, _MOST = 5, 10
_BASE = np.uint64(0xD1342543DE82EF95)


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
    out: Array,
) -> None:
    """Measure the most frequent runs of 2, 3 and 4 words, of equals the first, a space between words.

    A run can be frequent only where the run without its last word is, and the one without its first: longer runs are
    looked up only there. `grams` gives each run the number of the first like it, or -1 to one that stands alone;
    `sieve` first tells, by hash alone, which pairs do.
    """
    mask, fine = table_size(found) - 1, table_size(8 * found) - 1
    sieve[: fine + 1] = 0
    for word in range(found - 1):
        slot = mix(np.uint64(ids[word]) << np.uint64(32) | np.uint64(ids[word + 1])) & np.uint64(fine)
        sieve[slot] = min(sieve[slot] + 1, 2)
    for size in range(2, 5):
        runs = found - size + 1
        if runs <= 0:
            return
        table[: mask + 1] = 0
        for word in range(runs):
            before = ids[word]
            if size > 2:
                before, after = grams[word], grams[word + 1]
                if before < 0 or after < 0 or counts[before] < 2 or counts[after] < 2:
                    longer[word] = -1
                    continue
            last = ids[word + size - 1]
            said = mix((np.uint64(before) << np.uint64(32)) | np.uint64(last))
            if size == 2 and sieve[said & np.uint64(fine)] < 2:
                longer[word] = -1
                continue
            slot = np.int64(said & np.uint64(mask))
            while True:
                other = table[slot] - 1
                if other < 0:
                    table[slot] = word + 1
                    longer[word], longer_counts[word] = word, 1
                    break
                if ids[other + size - 1] == last and (ids[other] if size == 2 else grams[other]) == before:
                    longer[word] = other
                    longer_counts[other] += 1
                    break
                slot = (slot + 1) & mask
        best, best_count = 0, 1
        for word in range(runs):
            if longer[word] == word and longer_counts[word] > best_count:
                best, best_count = word, longer_counts[word]
        out[_TOP + size - 2] = best_count * (starts[best + size] - starts[best] + size - 1)
        grams, longer = longer, grams
        counts, longer_counts = longer_counts, counts


@inner
def sums(kept: Array, length: Number, prefix: Array) -> None:
    """Write the polynomial hash of each beginning of the letters."""
    said = np.uint64(0)
    prefix[0] = said
    for at in range(length):
        said = said * _BASE + np.uint64(kept[at]) + np.uint64(1)
        prefix[at + 1] = said


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

    Runs with the same letters have the same first letters: only words where those recur can begin a repeated run. That
    spares most texts the six tables; `sieve` tells them by hash, a few too many. `kin` gives each word
    the next one, itself included, that can.
    """
    runs = found - _FEWEST + 1
    if runs <= 0:
        return
    # Each word has a letter, so 5 always do; more tell better, where words are longer.
    width = _FEWEST if starts[found] < 3 * found else 16
    fine = table_size(8 * found) - 1
    sieve[: fine + 1] = 0
    kin[:found] = -1
    for word in range(runs):
        start = starts[word]
        if starts[word + _FEWEST] - start >= width:
            slot = mix(prefix[start + width] - prefix[start] * powers[width]) & np.uint64(fine)
            sieve[slot] = min(sieve[slot] + 1, 2)
            kin[word] = np.int64(slot)
    following, candidates = found, 0
    for word in range(found - 1, -1, -1):
        if word < runs and (kin[word] < 0 or sieve[kin[word]] > 1):
            following = word
            candidates += 1
        kin[word] = following
    if candidates == 0:
        return
    mask = table_size(candidates) - 1
    for size in range(_FEWEST, _MOST + 1):
        table[: mask + 1] = 0
        word, repeated = 0, 0
        while word <= found - size:
            word = kin[word]
            if word > found - size:
                break
            start, end = starts[word], starts[word + size]
            slot = np.int64(mix(prefix[end] - prefix[start] * power(powers, end - start)) & np.uint64(mask))
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
