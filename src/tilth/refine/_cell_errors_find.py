"""Find the cells of a row that what was learnt contradicts, and what they should say where that is clear."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from tilth.refine._cell_errors_shape import WORDS, shape, words

Knowledge = dict[str, Any]
"""What was learnt, as plain JSON.

`dependencies`: [given, told, weight, {value: value}]; `except`: [told, column, value], where they don't hold;
`columns`: {name: {values, words: {common one: count}, seen, seen_words: {rare one: count}, shapes: [usual]}}.
"""
_TIMES, _TIMES_COMMON = 10, 30
"""How many times commoner the value next to a slip must be; and next to a slip that itself is common."""


class Suspect(NamedTuple):
    """A cell that is likely wrong, why, and what it should say (null: not clear)."""

    column: str
    why: str
    better: str | None


Row = Mapping[str, str | None]
Told = Mapping[str, Sequence[tuple[str, float, Mapping[str, str]]]]
"""For each column what tells it: the other column, how surely, and its values."""
Find = Callable[[Row], list[Suspect]]


def finder(knowledge: Knowledge) -> Find:
    """Return the function that finds a row's suspect cells."""
    told: dict[str, list[tuple[str, float, Mapping[str, str]]]] = defaultdict(list)
    for given, column, weight, values in knowledge["dependencies"]:
        told[column].append((given, weight, values))
    spelling = {name: lru_cache(maxsize=1 << 14)(partial(_alone, its)) for name, its in knowledge["columns"].items()}
    exempt: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for column, other, value in knowledge["except"]:
        exempt[column].append((other, value))
    return partial(_suspects, told, exempt, spelling)


def _suspects(told: Told, exempt: Mapping[str, Any], spelling: Mapping[str, Any], row: Row) -> list[Suspect]:
    asked = {
        column: told.get(column, ())
        for column, cell in row.items()
        if column in spelling
        and cell is not None
        and not any(row[other] == value for other, value in exempt.get(column, ()))
    }
    accused = _accused(asked, row)
    found = []
    for column, dependencies in asked.items():
        cell = row[column] or ""
        if column in accused:
            found.append(Suspect(column, "dependency", accused[column]))
        elif _told(cell, dependencies, row, accused)[1] == 0 and (suspect := spelling[column](cell)):
            found.append(Suspect(column, *suspect))
    return found


def _accused(asked: Told, row: Row) -> dict[str, str | None]:
    """Return the columns that the row's other cells outvote, and what these tell; the most outvoted first.

    A cell that is out has no vote any more. Of cells that only accuse one another all are out, and none is repaired.
    """
    accused: dict[str, str | None] = {}
    while True:
        leads = {
            column: _told(row[column] or "", dependencies, row, accused)
            for column, dependencies in asked.items()
            if dependencies and column not in accused
        }
        most = max((lead for _, lead in leads.values()), default=0.0)
        if most <= 0:
            return accused
        worst = [column for column, (_, lead) in leads.items() if lead == most]
        for column in worst:
            others = [*accused, *(other for other in worst if other != column)]
            better, lead = _told(row[column] or "", asked[column], row, others)
            leads[column] = (better if lead > 0 else None, lead)
        accused |= {column: leads[column][0] for column in worst}


def _told(cell: str, dependencies: Sequence[Any], row: Row, silent: Collection[str]) -> tuple[str | None, float]:
    """Return the value that the row's other cells tell, and by how much it outweighs what the cell says."""
    votes: dict[str, float] = defaultdict(float)
    for given, weight, values in dependencies:
        value = values.get(row[given] or "") if given not in silent else None
        if value is not None:
            votes[value] += weight
    own = votes.pop(cell, 0.0)
    if not votes:
        return None, -own
    best = min(votes, key=lambda value: (-votes[value], value))
    return best, round(votes[best] - own, 6)


def _alone(column: Mapping[str, Any], cell: str) -> tuple[str, str | None] | None:
    """Judge a cell by its column alone: a slip of a common value, a slip in a common word, an unusual shape."""
    values, common = column["values"], column["words"]
    near = _near(cell, column["seen"].get(cell, 1), values)
    if near:
        return "typo", near
    if cell in values:
        return None
    slips = {word: right for word in words(cell) if (right := _near(word, column["seen_words"].get(word, 1), common))}
    if slips:
        return "typo", WORDS.sub(lambda word: slips.get(word.group(), word.group()), cell)
    if column["shapes"] and shape(cell) not in column["shapes"]:
        return "shape", None
    return None


def _near(cell: str, count: int, common: Mapping[str, int]) -> str | None:
    """Return the one common value a few letters away, if it is much commoner; numbers are no slips of numbers."""
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    if not common or len(cell) < 3 or not any(mark.isalpha() for mark in cell):
        return None
    own = common.get(cell)
    most, times = (max(1, len(cell) // 8), _TIMES_COMMON * own) if own else (max(1, len(cell) // 4), _TIMES * count)
    found = process.extract(cell, list(common), scorer=OSA.distance, score_cutoff=min(most, 3), limit=4)
    good = [
        (distance, -common[value], value)
        for value, distance, _ in found
        if distance and common[value] >= times and _digits(value) == _digits(cell)
    ]
    return min(good)[2] if good else None


def _digits(text: str) -> str:
    return "".join(mark for mark in text if mark.isdigit())
