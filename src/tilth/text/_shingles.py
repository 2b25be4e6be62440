"""Hash runs of words into a text's shingle set and its MinHash signature, compiled."""

from __future__ import annotations

import numpy as np

from tilth.text import _points as p
from tilth.text._compile import Array, Number, inner
from tilth.text._eights import mix
from tilth.text._pieces import table_size

_GOLDEN = 0x9E3779B97F4A7C15
LANES = 32
"""The signature's loop takes this many hashes at a time, so that it has no remainder."""


def weights(ngram: int) -> Array:
    """Return the odd number that each word of a shingle is multiplied by."""
    return np.array([pow(_GOLDEN, step + 1, 1 << 64) | 1 for step in range(max(ngram, 2))], np.uint64)


@inner
def roll(hashes: Array, words: Number, ngram: Number, weigh: Array, rolled: Array) -> Number:
    """Write the hash of each run of `ngram` words, or of each pair, or of the one word; return how many."""
    size = ngram if words >= ngram else min(words, 2)
    if size == 0:
        return 0
    for at in range(words - size + 1):
        total = np.uint64(size)
        for step in range(size):
            total += hashes[at + step] * weigh[step]
        rolled[at] = mix(total)
    return words - size + 1


@inner
def unique(values: Array, count: Number, table: Array) -> Number:
    """Move the first of each value to the front; return how many there are. Zero is a value as any other."""
    mask = table_size(count) - 1
    table[: mask + 1] = 0
    kept = 0
    for at in range(count):
        slot = np.int64(values[at] & np.uint64(mask))
        while table[slot] and values[table[slot] - 1] != values[at]:
            slot = (slot + 1) & mask
        if not table[slot]:
            values[kept] = values[at]
            kept += 1
            table[slot] = kept
    return kept


@inner
def sort(values: Array, count: Number, room: Array, ends: Array) -> None:
    """Sort numbers in place, a byte at a time from the least (radix sort); `room` is as long as they are."""
    source, target = values, room
    for shift in range(0, 64, 8):
        ends[:] = 0
        for at in range(count):
            ends[np.int64((source[at] >> np.uint64(shift)) & np.uint64(255))] += 1
        before = 0
        for byte in range(256):
            size = ends[byte]
            ends[byte] = before
            before += size
        for at in range(count):
            place = np.int64((source[at] >> np.uint64(shift)) & np.uint64(255))
            target[ends[place]] = source[at]
            ends[place] += 1
        source, target = target, source


@inner
def said_numbers(hashes: Array, seen: Array, words: Number) -> Number:
    """Hash the words that hold a digit, in their order; 0 where there is none."""
    total, place = np.uint64(0), np.uint64(0)
    for word in range(words):
        if seen[word] & np.uint32(p.DIGIT):
            total += mix(hashes[word] + place * np.uint64(_GOLDEN))
            place += np.uint64(1)
    return mix(total) if place else np.uint64(0)


@inner
def sign(
    values: Array, count: Number, multipliers: Array, addends: Array, low: Array, high: Array, signed: Array
) -> None:
    """Write the least value of each permutation, upper 32 bits of 64 of `value * multiplier + addend`.

    64-bit products are made of 32-bit ones, of which a processor makes eight at a time: only the upper half counts, so
    of the cross products the lower halves do.
    """
    if count == 0:
        return
    padded = -(-count // LANES) * LANES
    for at in range(padded):
        value = values[min(at, count - 1)]
        low[at] = np.uint32(value)
        high[at] = np.uint32(value >> np.uint64(32))
    for column in range(len(multipliers)):
        below = np.uint32(multipliers[column])
        above = np.uint32(multipliers[column] >> np.uint64(32))
        addend = addends[column]
        least = np.uint32(0xFFFFFFFF)
        for at in range(padded):
            product = np.uint64(low[at]) * np.uint64(below) + addend
            upper = np.uint32(product >> np.uint64(32)) + np.uint32(low[at] * above) + np.uint32(high[at] * below)
            least = min(least, np.uint32(upper))
        signed[column] = least
