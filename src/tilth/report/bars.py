"""Draw a histogram as one SVG path, and say where each edge lies in it, so that a threshold can move."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

from tilth.report.inspection import Histogram

WIDTH, HEIGHT = 600.0, 100.0
_BARS = 60
_SKEWED = 8.0
"""When the greatest number is so many times the mean, the axis is logarithmic."""


class Bars(NamedTuple):
    """A drawing."""

    path: str
    places: tuple[float, ...]
    """Where each edge lies, from 0 to `WIDTH`."""
    low: float
    high: float
    log: bool


def bars(found: Histogram) -> Bars | None:
    """Draw a histogram; heights grow with the square root, so that few rows show beside many.

    >>> drawn = bars(Histogram(edges=(1.0, 2.0), counts=(4, 0, 9), low=0.0, high=3.0, mean=1.5))
    >>> drawn.places, drawn.path.count("Z")
    ((200.0, 400.0), 40)
    """
    if found.low is None or found.high is None:
        return None
    low, high, edges, count = found.low, found.high, found.edges, _BARS
    log = low >= 0 and high > 20 and high > _SKEWED * (found.mean or 0.0)
    if found.whole:
        # Each whole number fills the step up to the next, whichever side its bin is closed on.
        edges = tuple(math.ceil(edge) if found.closed == "left" else math.floor(edge) + 1.0 for edge in edges)
        high += 1.0
        if high - low <= _BARS:
            log, count = False, round(high - low)
    elif high == low:
        high += 1.0
    scale = _scale(low, high, log)
    places = [scale(min(max(edge, low), high)) for edge in edges]
    heights = [0.0] * count
    for (start, end), rows in zip(itertools.pairwise([0.0, *places, 1.0]), found.counts, strict=True):
        _spread(heights, start, end, rows)
    return Bars(
        path=_path(heights),
        places=tuple(round(place * WIDTH, 1) for place in places),
        low=found.low,
        high=found.high,
        log=log,
    )


def _scale(low: float, high: float, log: bool) -> Callable[[float], float]:
    """Return the map from a number to its place, from 0 to 1."""
    bend: Callable[[float], float] = (lambda number: math.log1p(max(number, 0.0))) if log else float
    start, end = bend(low), bend(high)
    return lambda number: (bend(number) - start) / (end - start)


def _spread(heights: list[float], start: float, end: float, count: int) -> None:
    """Share a bin's rows out among the bars it reaches."""
    if not count:
        return
    first, last = (min(place * len(heights), len(heights) - 1e-9) for place in (start, end))
    if last - first < 1e-9:
        heights[int(first)] += count
        return
    for bar in range(int(first), int(last) + 1):
        heights[bar] += count * max(min(last, bar + 1) - max(first, bar), 0.0) / (last - first)


def _path(heights: list[float]) -> str:
    tallest = max(heights)
    wide = WIDTH / len(heights)
    parts = []
    for bar, height in enumerate(heights):
        if height > 0:
            top = HEIGHT - max(math.sqrt(height / tallest) * HEIGHT, 1.5)
            parts.append(f"M{bar * wide:.1f} {HEIGHT:g}V{top:.1f}H{(bar + 1) * wide - 1:.1f}V{HEIGHT:g}Z")
    return "".join(parts)
