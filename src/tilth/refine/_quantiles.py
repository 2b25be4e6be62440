"""Count values so that counts add exactly and quantiles come out near: a histogram that coarsens itself.

Each value is cut to `bits` bits of mantissa (all 52 at first, so nothing is lost); when a column has more than its
share of distinct values, `bits` shrinks until they fit. A quantile is then off by a factor of 2^-bits at most. This is
the log-linear histogram of HdrHistogram and DDSketch (Masson, Rim, Lee 2019) with the uniform collapse of UDDSketch
(Epicoco et al. 2020), on the bits of the float. The final `bits` depends on the values alone: merging is exact,
associative and commutative, however the rows were cut.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.refine._columns import Floats

STATE = pa.schema([("column", pa.int16()), ("bits", pa.int8()), ("value", pa.float64()), ("count", pa.int64())])
_MANTISSA = 52
_MOST = 1 << 16
"""Distinct values a column, and 800 000 over all columns: the state stays under 16 MiB."""


class Counted(NamedTuple):
    """The distinct values of a column, ascending, how often each came, and to how many bits they are kept."""

    values: Floats
    counts: npt.NDArray[np.int64]
    bits: int = _MANTISSA


def observe(columns: Sequence[Floats]) -> pa.Table:
    """Count each column's finite values."""
    counted = []
    for numbers in columns:
        # Adding zero turns -0.0 into 0.0.
        values, counts = np.unique(numbers[np.isfinite(numbers)] + 0.0, return_counts=True)
        counted.append(_fitted(Counted(values, counts.astype(np.int64)), _share(len(columns))))
    return _table(counted)


def merge(left: pa.Table, right: pa.Table, columns: int) -> pa.Table:
    """Add two counts."""
    return _table(
        [
            _fitted(_added(one, other), _share(columns))
            for one, other in zip(read(left, columns), read(right, columns), strict=True)
        ]
    )


def read(state: pa.Table, columns: int) -> list[Counted]:
    """Return each column's counts."""
    owner = state["column"].to_numpy()
    cuts = np.searchsorted(owner, np.arange(columns + 1))
    bits, values, counts = (state[name].to_numpy() for name in ("bits", "value", "count"))
    return [
        Counted(values[start:end], counts[start:end], int(bits[start]) if end > start else _MANTISSA)
        for start, end in itertools.pairwise(cuts.tolist())
    ]


def quantiles(counted: Counted, levels: Sequence[float]) -> list[float]:
    """Return quantiles by linear interpolation (Hyndman and Fan 1996, type 7, as NumPy's default).

    >>> quantiles(Counted(np.array([1.0, 2.0, 4.0]), np.array([1, 1, 2])), [0, 0.5, 1])
    [1.0, 3.0, 4.0]
    """
    values = _middles(counted)
    last_rank = np.cumsum(counted.counts) - 1
    at = np.asarray(levels) * last_rank[-1]
    below, above = np.floor(at), np.ceil(at)
    low, high = values[np.searchsorted(last_rank, below)], values[np.searchsorted(last_rank, above)]
    share = at - below
    # Not low + (high - low) * share: that overflows between far ends.
    between = np.where(low == high, low, low * (1 - share) + high * share)
    return [float(number) for number in between]


def deviations(counted: Counted, centre: float) -> Counted:
    """Count the distances from a centre."""
    with np.errstate(over="ignore"):
        away = np.abs(_middles(counted) - centre)
    return _summed(away, counted.counts, _MANTISSA)


def _share(columns: int) -> int:
    return max(256, min(_MOST, 800_000 // max(1, columns)))


def _middles(counted: Counted) -> Floats:
    """Return the middle of each bin (the value itself while nothing was cut)."""
    if counted.bits == _MANTISSA:
        return counted.values
    return (counted.values.view(np.int64) | np.int64(1 << (_MANTISSA - counted.bits - 1))).view(np.float64)


def _added(one: Counted, other: Counted) -> Counted:
    bits = min(one.bits, other.bits)
    return _summed(
        np.concatenate([_cut(one.values, bits), _cut(other.values, bits)]),
        np.concatenate([one.counts, other.counts]),
        bits,
    )


def _summed(values: Floats, counts: npt.NDArray[np.int64], bits: int) -> Counted:
    order = np.argsort(values, kind="stable")
    starts = _starts(values[order])
    return Counted(values[order][starts], np.add.reduceat(counts[order], starts), bits)


def _starts(ordered: Floats) -> npt.NDArray[np.int64]:
    """Return where each run of equal values begins."""
    return np.flatnonzero(np.concatenate([ordered[:1] == ordered[:1], ordered[1:] != ordered[:-1]]))


def _fitted(counted: Counted, most: int) -> Counted:
    """Cut to the most bits at which the distinct values fit; cutting keeps their order, so bisection finds it."""
    if len(counted.values) <= most:
        return counted
    low, high = 0, counted.bits - 1
    while low < high:
        middle = (low + high + 1) // 2
        if len(_starts(_cut(counted.values, middle))) <= most:
            low = middle
        else:
            high = middle - 1
    return _summed(_cut(counted.values, low), counted.counts, low)


def _cut(values: Floats, bits: int) -> Floats:
    mask = np.int64(-1) << np.int64(_MANTISSA - bits)
    return (np.ascontiguousarray(values).view(np.int64) & mask).view(np.float64) + 0.0


def _table(counted: Sequence[Counted]) -> pa.Table:
    sizes = [len(column.values) for column in counted]
    return pa.table(
        [
            pa.array(np.repeat(np.arange(len(counted), dtype=np.int16), sizes)),
            pa.array(np.repeat(np.array([column.bits for column in counted], np.int8), sizes)),
            pa.array(np.concatenate([np.zeros(0), *(column.values for column in counted)])),
            pa.array(np.concatenate([np.zeros(0, np.int64), *(column.counts for column in counted)])),
        ],
        schema=STATE,
    )
