"""Say how well two cells agree, as a level: 0 not at all, the kind's highest level exactly, -1 one of them is empty.

Similarities are Jaro-Winkler (Winkler 1990) for names and streets, optimal string alignment for codes and dates, and
token-sorted and token-set ratios (as in fuzzywuzzy) for words in any order; rapidfuzz computes them in bulk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from tilth.refine._matching_text import Kind

Levels = npt.NDArray[np.int8]
_Scores = npt.NDArray[np.float32]
Cells = Sequence[str]


def highest(kind: Kind) -> int:
    """Return the level of exact agreement."""
    return {"name": 3, "org": 5, "address": 5, "code": 3, "date": 3, "number": 3}[kind]


def compare(kind: Kind, one: Cells, other: Cells) -> Levels:
    """Return the level of each pair of cells, written by `writer(kind)`.

    >>> compare("name", ["anna", "anna", "anna", ""], ["anna", "ana", "otto", "otto"]).tolist()
    [3, 2, 0, -1]
    >>> compare("code", ["19560409"] * 3, ["19560409", "19560490", "20110101"]).tolist()
    [3, 2, 0]
    """
    levels = np.full(len(one), -1, np.int8)
    left, right = np.array(one, np.object_), np.array(other, np.object_)
    equal = (left == right).astype(np.bool_)
    said = (left != "").astype(np.bool_) & (right != "").astype(np.bool_)
    levels[said & equal] = highest(kind)
    asked = np.flatnonzero(said & ~equal)
    if len(asked):
        places = asked.tolist()
        levels[asked] = _BY[kind]([one[at] for at in places], [other[at] for at in places])
    return levels


def _name(one: Cells, other: Cells) -> Levels:
    alike = _jaro_winkler(one, other)
    levels: Levels = np.digitize(alike, [0.85, 0.92]).astype(np.int8)
    return levels


def _org(one: Cells, other: Cells) -> Levels:
    """4: the same words but for spelling; 3: one's words among the other's; 2, 1: half alike."""
    from rapidfuzz import fuzz

    ordered = _ratios(fuzz.token_sort_ratio, one, other)
    within = _ratios(fuzz.token_set_ratio, one, other)
    levels: Levels = np.digitize(np.maximum(ordered, 0.9 * within), [60.0, 75.0]).astype(np.int8)
    levels[(within >= 95) | (ordered >= 85)] = 3
    levels[ordered >= 92] = 4
    return levels


def _address(one: Cells, other: Cells) -> Levels:
    """4: number and street; 3: number, and nearly the street; 2: the street alone; 1: the number alone."""
    numbers, streets = ([cell.split("|", 2)[at] for cell in one] for at in (0, 1))
    others, ways = ([cell.split("|", 2)[at] for cell in other] for at in (0, 1))
    same = np.fromiter((a == b for a, b in zip(numbers, others, strict=True)), np.bool_, len(one))
    bare = np.fromiter((not a and not b for a, b in zip(numbers, others, strict=True)), np.bool_, len(one))
    alike = _jaro_winkler(streets, ways)
    levels = np.zeros(len(one), np.int8)
    levels[same & ~bare] = 1
    levels[~same & (alike >= 0.92)] = 2
    levels[same & (alike >= 0.8)] = 3
    levels[same & (alike >= 0.9)] = 4
    return levels


def _code(one: Cells, other: Cells) -> Levels:
    from rapidfuzz.distance import OSA

    apart = _ratios(OSA.distance, one, other)
    length = np.fromiter((min(len(a), len(b)) for a, b in zip(one, other, strict=True)), np.int64, len(one))
    levels = np.zeros(len(one), np.int8)
    levels[(apart <= 2) & (length >= 6)] = 1
    levels[(apart <= 1) & (length >= 3)] = 2
    return levels


def _number(one: Cells, other: Cells) -> Levels:
    a, b = np.array(one, np.float64), np.array(other, np.float64)
    scale = np.maximum(np.abs(a), np.abs(b))
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.abs(a / scale - b / scale)
    levels: Levels = (2 - np.digitize(np.nan_to_num(off, nan=2.0), [0.01, 0.1])).astype(np.int8)
    return levels


def _jaro_winkler(one: Cells, other: Cells) -> _Scores:
    from rapidfuzz.distance import JaroWinkler

    return _ratios(JaroWinkler.similarity, one, other)


def _ratios(scorer: Callable[..., float], one: Cells, other: Cells) -> _Scores:
    from rapidfuzz import process

    found: _Scores = process.cpdist(one, other, scorer=scorer, dtype=np.float32, workers=1)
    return found


_BY: dict[Kind, Callable[[Cells, Cells], Levels]] = {
    "name": _name,
    "org": _org,
    "address": _address,
    "code": _code,
    "date": _code,
    "number": _number,
}
