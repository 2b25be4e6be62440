"""Keep the few rows that lie nearest to a threshold, whatever the order they come in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tilth.report.inspection import Example

FEW = 4
LONGEST = 200
"""Characters of an example."""


class Near(NamedTuple):
    """One row: how far it is, its id (which breaks ties), and what to show of it."""

    distance: float
    id: str
    example: Example


@dataclass(kw_only=True)
class Nearest:
    """The rows with the smallest distances."""

    rows: list[Near] = field(default_factory=list)

    def add(self, distances: npt.NDArray[np.float64], ids: list[str], show: Callable[[int], Example]) -> None:
        """Look at some rows; `show` is asked for those only that stay."""
        if not len(distances):
            return
        bound = self.rows[-1].distance if len(self.rows) == FEW else np.inf
        if len(distances) > FEW:
            bound = min(bound, float(np.partition(distances, FEW - 1)[FEW - 1]))
        places = np.flatnonzero(distances <= bound).tolist()
        places.sort(key=lambda place: (distances[place], ids[place]))
        found = [Near(float(distances[place]), ids[place], show(place)) for place in places[:FEW]]
        self.rows = sorted([*self.rows, *found], key=lambda row: row[:2])[:FEW]

    def merge(self, other: Nearest) -> None:
        """Look at another shard's rows."""
        self.rows = sorted([*self.rows, *other.rows], key=lambda row: row[:2])[:FEW]

    def examples(self) -> tuple[Example, ...]:
        """Return what to show, nearest first."""
        return tuple(row.example for row in self.rows)


def shown(text: object) -> str:
    """Cut a text for showing.

    >>> len(shown("long " * 100))
    200
    """
    said = "" if text is None else str(text)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"
