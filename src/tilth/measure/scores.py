"""Turn counts into precision, recall and F1, and average them.

Every function works on arrays (..., classes), so that a thousand bootstrap replicates are one call.
A ratio with a zero denominator is undefined; it counts as 0 in a report, as scikit-learn's `zero_division=0` does.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]


class Scores(NamedTuple):
    """Precision, recall and F1 of one shape."""

    precision: Floats
    recall: Floats
    f1: Floats


def ratio(above: NDArray[np.generic], below: NDArray[np.generic]) -> Floats:
    """Divide; NaN where the denominator is 0.

    >>> ratio(np.array([1, 0]), np.array([2, 0])).tolist()
    [0.5, nan]
    """
    top, bottom = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    out = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def scores(hits: NDArray[np.generic], predicted: NDArray[np.generic], true: NDArray[np.generic]) -> Scores:
    """Return precision, recall and F1 = 2 hits / (predicted + true) of each class; NaN where undefined.

    >>> scores(np.array([1]), np.array([2]), np.array([1])).precision.tolist()
    [0.5]
    """
    both = np.asarray(predicted, dtype=np.float64) + np.asarray(true, dtype=np.float64)
    return Scores(ratio(hits, predicted), ratio(hits, true), ratio(2.0 * np.asarray(hits, dtype=np.float64), both))


def micro(hits: NDArray[np.generic], predicted: NDArray[np.generic], true: NDArray[np.generic]) -> Scores:
    """Return the scores of all classes pooled; NaN where undefined."""
    return scores(np.sum(hits, axis=-1), np.sum(predicted, axis=-1), np.sum(true, axis=-1))


def macro(values: Scores, among: NDArray[np.bool_]) -> Scores:
    """Return the plain mean over the classes in `among` (..., classes); an undefined score counts as 0."""
    return Scores(*(ratio(np.where(among, _zeroed(value), 0.0).sum(axis=-1), among.sum(axis=-1)) for value in values))


def weighted(values: Scores, true: NDArray[np.generic]) -> Scores:
    """Return the mean over classes weighted by support; an undefined score counts as 0."""
    support = np.asarray(true, dtype=np.float64)
    return Scores(*(ratio((_zeroed(value) * support).sum(axis=-1), support.sum(axis=-1)) for value in values))


def _zeroed(values: Floats) -> Floats:
    return np.nan_to_num(values, nan=0.0)
