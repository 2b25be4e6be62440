"""How alike two messages are: Jaccard similarity of their word 3-shingles, a Han character being a word."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_WORD: Final = re.compile(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+(?:['’][^\W_\u4e00-\u9fff]+)?")


def shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Return the runs of three words of a text (all its words, if there are fewer), without case.

    >>> sorted(shingles("Where is it now?"))
    [('is', 'it', 'now'), ('where', 'is', 'it')]
    """
    words = _WORD.findall(text.lower())
    if len(words) < 4:
        return frozenset([tuple(words)])
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def similarity(left: str, right: str) -> float:
    """Return the Jaccard similarity of two texts' shingles, from 0 to 1.

    >>> similarity("Where is it now?", "where is it NOW")
    1.0
    """
    a, b = shingles(left), shingles(right)
    return len(a & b) / len(a | b)


class Alike:
    """Remember texts and find the most similar one so far."""

    def __init__(self) -> None:
        self._sizes: list[int] = []
        self._places: dict[tuple[str, ...], list[int]] = {}

    def add(self, text: str) -> int:
        """Remember a text and return its number."""
        number, found = len(self._sizes), shingles(text)
        self._sizes.append(len(found))
        for shingle in found:
            self._places.setdefault(shingle, []).append(number)
        return number

    def nearest(self, text: str, *, but: int | None = None) -> float:
        """Return the similarity of the most similar text remembered, leaving out number `but`."""
        found = shingles(text)
        shared = Counter(number for shingle in found for number in self._places.get(shingle, ()))
        ratios = (both / (len(found) + self._sizes[number] - both) for number, both in shared.items() if number != but)
        return max(ratios, default=0.0)
