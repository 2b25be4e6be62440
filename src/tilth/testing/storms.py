"""Say how often a storm strikes."""

from __future__ import annotations

import os


def storm(few: int, full: int) -> int:
    """Return how often a storm (kills, faults, fuzz) strikes: `few` times, or as TILTH_STORM says: a number, or `full`.

    >>> storm(3, 20) >= 3
    True
    """
    said = os.environ.get("TILTH_STORM", "")
    return full if said == "full" else int(said) if said else few
