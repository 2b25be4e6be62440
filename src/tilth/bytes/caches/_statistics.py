"""Count what came of a cache's calls."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Statistics:
    """What came of the calls so far; a lookup is a hit or a miss."""

    hits: int = 0
    misses: int = 0
    refused: int = 0
    """Values that came back and were not what this project put there, and values that the cache would not take."""
    errors: int = 0
    """Calls that failed or took too long."""

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))
