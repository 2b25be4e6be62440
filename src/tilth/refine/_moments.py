"""Add up numbers and their squares without rounding, so that mean and variance do not depend on how rows were cut.

A float is an integer times a power of two, so a sum of floats is an exact integer over one fixed power of two. Chan,
Golub and LeVeque (1979) merge means and variances pairwise in floats; their result depends, in the last bits, on the
cuts. Exact sums cost about 0.2 microseconds a value and round once, at the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tilth.refine._columns import Floats

STATE = pa.schema([("column", pa.int16()), ("count", pa.int64()), ("sum", pa.string()), ("squares", pa.string())])
_SCALE = 1126
"""The least float is 2^-1074 = 2^52 * 2^-1126: a mantissa of 53 bits times 2^-1126 reaches all of them."""


class Moments(NamedTuple):
    """How many values, their mean and their standard deviation (of the population: divided by n)."""

    rows: int
    mean: float
    deviation: float


def observe(columns: Sequence[Floats]) -> pa.Table:
    """Sum each column's finite values."""
    return _table([_sums(numbers[np.isfinite(numbers)]) for numbers in columns])


def merge(left: pa.Table, right: pa.Table) -> pa.Table:
    """Add two sums; exact."""
    return _table(
        [
            tuple(a + b for a, b in zip(one, other, strict=True))
            for one, other in zip(_read(left), _read(right), strict=True)
        ]
    )


def read(state: pa.Table) -> list[Moments]:
    """Return each column's moments, rounded once."""
    found = []
    for count, total, squares in _read(state):
        mean = Fraction(total, count << _SCALE) if count else Fraction(0)
        variance = Fraction(squares, count << (2 * _SCALE)) - mean * mean if count else Fraction(0)
        found.append(Moments(count, float(mean), _root(variance)))
    return found


def _sums(numbers: Floats) -> tuple[int, int, int]:
    fractions, exponents = np.frexp(numbers)
    mantissas = np.ldexp(fractions, 53).astype(np.int64)
    total = squares = 0
    for exponent in np.unique(exponents):
        shift = int(exponent) - 53 + _SCALE
        some = mantissas[exponents == exponent].tolist()
        total += sum(some) << shift
        squares += sum(mantissa * mantissa for mantissa in some) << (2 * shift)
    return len(numbers), total, squares


def _root(number: Fraction) -> float:
    """Return the square root; the square itself may lie beyond the range of a float."""
    top, bottom = number.numerator, number.denominator
    shift = max(0, 80 + (bottom.bit_length() - top.bit_length()) // 2)
    return float(Fraction(math.isqrt((top << (2 * shift)) // bottom), 1 << shift))


def _read(state: pa.Table) -> list[tuple[int, ...]]:
    columns = (state[name].to_pylist() for name in ("count", "sum", "squares"))
    return [(count, int(total, 16), int(squares, 16)) for count, total, squares in zip(*columns, strict=True)]


def _table(sums: Sequence[tuple[int, ...]]) -> pa.Table:
    return pa.table(
        [
            pa.array(range(len(sums)), pa.int16()),
            pa.array([count for count, _, _ in sums], pa.int64()),
            pa.array([hex(total) for _, total, _ in sums], pa.string()),
            pa.array([hex(squares) for _, _, squares in sums], pa.string()),
        ],
        schema=STATE,
    )
