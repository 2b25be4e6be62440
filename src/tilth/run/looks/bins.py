"""Count numbers into bins whose edges are fixed beforehand, so that one pass does and counts of shards add exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tilth.report.inspection import Histogram

Floats = npt.NDArray[np.float64]
Side = Literal["least", "most"]
_SMALL = np.linspace(0.0, 1.0, 201)
_LARGE = np.exp2(np.arange(1, 24 * 36) / 24)
EDGES: Floats = np.concatenate([_SMALL, _LARGE])
"""Steps of 0.005 up to 1, for shares; steps of 3% from there to 64 thousand million, for counts and lengths."""


@dataclass(kw_only=True)
class Bins:
    """Counts of the finite numbers between edges; a threshold is an edge, so what lies beyond it is exact."""

    edges: Floats
    closed: Literal["left", "right"]
    counts: npt.NDArray[np.int64]
    total: float = 0.0
    low: float = np.inf
    high: float = -np.inf
    whole: bool = True

    @classmethod
    def new(cls, side: Side | None = None, threshold: float | None = None) -> Bins:
        """Return empty bins: closed so that a number on a `least` threshold lies above it, on a `most` one below."""
        edges = EDGES if threshold is None else np.unique(np.append(EDGES, threshold))
        return cls(edges=edges, closed="right" if side == "most" else "left", counts=np.zeros(len(edges) + 1, np.int64))

    def add(self, values: npt.NDArray[Any]) -> None:
        """Count some numbers."""
        numbers = values[np.isfinite(values)].astype(np.float64)
        if not len(numbers):
            return
        places = np.searchsorted(self.edges, numbers, side="right" if self.closed == "left" else "left")
        self.counts += np.bincount(places, minlength=len(self.counts))
        self.total += float(numbers.sum())
        self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
        self.whole = self.whole and bool((numbers == np.floor(numbers)).all())

    def merge(self, other: Bins) -> None:
        """Add another shard's counts."""
        self.counts += other.counts
        self.total += other.total
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.whole = self.whole and other.whole

    def histogram(self, *, threshold: float | None = None) -> Histogram:
        """Return what was counted; edges between empty bins are left out, the threshold's stays."""
        rows = int(self.counts.sum())
        if not rows:
            only = () if threshold is None else (threshold,)
            return Histogram(edges=only, counts=(0,) * (len(only) + 1), closed=self.closed)
        edges, counts = self._snapped(threshold) if self.whole else (self.edges, self.counts)
        filled = counts > 0
        keep = filled[1:] | filled[:-1]
        if threshold is not None:
            keep |= edges == threshold
        # Bins whose edge goes are empty, or hold rows that then fall to their neighbour only where that is empty.
        bins = np.concatenate([[0], np.cumsum(keep)])
        merged = np.bincount(bins, weights=counts, minlength=int(keep.sum()) + 1).astype(np.int64)
        return Histogram(
            edges=tuple(edges[keep].tolist()),
            counts=tuple(merged.tolist()),
            closed=self.closed,
            whole=self.whole,
            low=self.low,
            high=self.high,
            mean=self.total / rows,
        )

    def _snapped(self, threshold: float | None) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Move edges to the next whole number: whole numbers fall alike, and edges that mean the same become one."""
        snap = np.ceil if self.closed == "left" else np.floor
        own, first = np.unique(snap(self.edges), return_index=True)
        # Between edges that become one lies nothing.
        counts = np.add.reduceat(self.counts, np.concatenate([[0], first + 1]))
        if threshold is not None:
            own[own == snap(threshold)] = threshold
        return own, counts
