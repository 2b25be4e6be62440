"""Say how sure a figure is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from tilth.measure.result import Result


@dataclass(frozen=True, kw_only=True)
class Interval(Result):
    """A figure and the interval around it."""

    value: float
    """The figure over all rows; 0 where it is undefined, as in a report."""
    low: float | None
    """The lower end; None where no interval can be drawn."""
    high: float | None
    level: float
    """The share of intervals drawn this way that hold the true figure, such as 0.95."""
    method: str
    """percentile, bca, wilson or t."""
    rows: int
    """How many independent units (rows, groups, seeds) stand behind it."""


def wilson(successes: float, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927), which holds up at 0, at 1 and for few trials.

    >>> [round(end, 3) for end in wilson(10, 10)]
    [0.722, 1.0]
    """
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share = successes / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def student_quantile(level: float, freedom: int) -> float:
    """Return t such that a share `level` of Student's distribution lies between -t and t.

    Solves the finite sums for whole degrees of freedom (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4) by bisection.

    >>> round(student_quantile(0.95, 4), 4)
    2.7764
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    total = term = 1.0 if freedom % 2 == 0 else cosine
    for k in range(2 if freedom % 2 == 0 else 3, freedom, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if freedom % 2 == 0:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
