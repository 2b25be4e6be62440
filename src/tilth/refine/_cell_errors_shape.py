"""Reduce a cell to its shape: what kinds of marks it is made of, in which order.

Runs of digits become 9, runs of letters a; other marks stand for themselves (the generalisation that Raha, Mahdavi et
al. 2019, and most profilers use).
"""

from __future__ import annotations

import re

_RUNS = re.compile(r"(?P<digits>\d+)|(?P<letters>[^\W\d_]+)|(?P<space>\s+)")
WORDS = re.compile(r"[^\W\d_]{3,}")


def shape(text: str) -> str:
    """Return the shape of a cell.

    >>> shape("95%"), shape("95x"), shape("3x patients")
    ('9%', '9a', '9a a')
    """
    return _RUNS.sub(lambda run: {"digits": "9", "letters": "a", "space": " "}[run.lastgroup or "space"], text)


def words(text: str) -> list[str]:
    """Return the runs of three letters or more.

    >>> words("21 pxtients")
    ['pxtients']
    """
    return WORDS.findall(text)
