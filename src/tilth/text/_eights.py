"""Read a word of ASCII letters and digits eight bytes at a time, compiled: where it ends, its hash, its nature."""

from __future__ import annotations

import numpy as np

from tilth.text import _points as p
from tilth.text._compile import Array, Number, inlined, inner

BEYOND = 8
"""So many letters behind a text may be read, and so many behind the last word overwritten."""
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ONES = 0x0101010101010101
_HIGH, _LOW = np.uint64(_ONES * 0x80), np.uint64(_ONES * 0x7F)
_SMALL = np.uint64(_ONES * 0x20)
"""What makes a capital a small letter."""
_A, _AFTER_Z = np.uint64(_ONES * (0x80 - 0x61)), np.uint64(_ONES * (0x80 - 0x7B))
_0, _AFTER_9 = np.uint64(_ONES * (0x80 - 0x30)), np.uint64(_ONES * (0x80 - 0x3A))
"""Added to a byte, each sets its high bit from that letter on."""
_EACH = np.uint64(_ONES)
_EIGHT, _TOP = np.uint64(8), np.uint64(56)
_ALPHA, _DIGIT, _FOLDS = np.uint32(p.ALPHA), np.uint32(p.DIGIT), np.uint32(p.FOLDS)
_NONE = np.uint32(0)


@inner
def mix(value: Number) -> Number:
    """Scramble a 64-bit number, as `minhash.mix`."""
    value = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@inlined
def word(points: Array, classes: Array, at: Number, kept: Array, length: Number) -> Number:
    """Copy the letters from `at` on that are ASCII letters and digits to `kept[length:]`.

    Returns how many, what eight of them at a time make, mixed and summed, and which of the flags ALPHA, DIGIT and
    FOLDS they have. The class of an ASCII letter is the letter, and other classes have the high bit.
    """
    total, number, size = np.uint64(0), np.uint64(0), np.uint64(0)
    alphas, digits, capitals, inside = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    while True:
        eight = _eight(classes, at + size)
        for step in range(np.uint64(8)):
            kept[length + size + step] = points[at + size + step]
        low = eight & _LOW
        small = low | _SMALL
        alpha = (small + _A) & ~(small + _AFTER_Z) & ~eight & _HIGH
        digit = (low + _0) & ~(low + _AFTER_9) & ~eight & _HIGH
        other = (alpha | digit) ^ _HIGH
        # The lowest high bit that is set is the first letter that does not belong to the word.
        inside = ((other & (~other + np.uint64(1))) >> np.uint64(7)) - np.uint64(1)
        alphas |= alpha & inside
        digits |= digit & inside
        capitals |= alpha & ~(low << np.uint64(2)) & inside
        if inside:
            total += mix((eight & inside) + number)
        if other:
            break
        size += _EIGHT
        number += _GOLDEN
    size += ((inside & _EACH) * _EACH) >> _TOP
    some = (_ALPHA if alphas else _NONE) | (_DIGIT if digits else _NONE) | (_FOLDS if capitals else _NONE)
    return size, total, some


@inlined
def _eight(letters: Array, at: Number) -> Number:
    """Read eight bytes as one number, the first the lowest."""
    whole = np.uint64(0)
    for step in range(np.uint64(8)):
        whole |= np.uint64(letters[at + step]) << (np.uint64(8) * step)
    return whole
