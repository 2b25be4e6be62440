"""Learn from a sample of a table what its cells should look like: dependencies, closed vocabularies, shapes."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from tilth.refine._cell_errors_dependencies import Cells, dependencies
from tilth.refine._cell_errors_find import Knowledge, finder
from tilth.refine._cell_errors_shape import shape, words

_VALUES = 2_000
_LOOKED = 20_000
"""So many rows are looked through for exceptions."""
_OFTEN = 5
"""A value, word or shape that came so often is no slip."""
_CLOSED, _SPELT = 0.8, 0.95
"""The share of cells, or of words, that come often where slips are looked for."""
_SHAPED = 0.95
_USUAL = 0.02


def learn(table: Mapping[str, Cells], wrong: float) -> Knowledge:
    """Return what a table tells of itself; `wrong` is the largest share of rows that break a dependency."""
    counts = {name: Counter(cell for cell in cells if cell is not None) for name, cells in table.items()}
    knowledge = {
        "dependencies": dependencies(table, wrong),
        "columns": {name: _column(counts[name]) for name in table},
        "except": [],
    }
    return {**knowledge, "except": _exceptions(table, knowledge)}


def _exceptions(table: Mapping[str, Cells], knowledge: Knowledge) -> list[list[str]]:
    """Return [told, column, value] where half of the rows with that value seem wrong: it's the rule that doesn't hold.

    Slips fall anywhere; what one state, clinic or model has in common is a rule of its own.
    """
    find = finder(knowledge)
    # The sample comes in the order of hashes, so its head is a sample too.
    lines = itertools.islice(zip(*table.values(), strict=True), _LOOKED)
    rows = [dict(zip(table, row, strict=True)) for row in lines]
    broken: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        said = [(name, cell) for name, cell in row.items() if cell is not None]
        counts.update(said)
        for suspect in find(row):
            if suspect.why == "dependency":
                broken[suspect.column].update(pair for pair in said if pair[0] != suspect.column)
    return sorted(
        [told, *pair]
        for told, pairs in broken.items()
        for pair, times in pairs.items()
        if times >= _OFTEN and times >= 0.5 * counts[pair]
    )


def _column(counts: Counter[str]) -> dict[str, Any]:
    total = counts.total()
    often = {value: count for value, count in counts.items() if count >= _OFTEN}
    closed = total and sum(often.values()) >= _CLOSED * total
    said: Counter[str] = Counter()
    shapes: Counter[str] = Counter()
    for value, count in counts.items():
        for word in words(value):
            said[word] += count
        shapes[shape(value)] += count
    usual = {one: count for one, count in shapes.items() if count >= max(_OFTEN, _USUAL * total)}
    common = {word: count for word, count in said.items() if count >= _OFTEN}
    spelt = sum(common.values()) >= _SPELT * said.total()
    return {
        "values": _first(often) if closed else {},
        "words": _first(common) if spelt else {},
        "seen_words": _first({word: count for word, count in said.items() if count < _OFTEN}) if spelt else {},
        "shapes": sorted(usual) if total and sum(usual.values()) >= _SHAPED * total else [],
        "seen": {value: count for value, count in _first(counts).items() if count < _OFTEN} if closed else {},
    }


def _first(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the commonest, sorted by value."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_VALUES]
    return dict(sorted(ranked))
