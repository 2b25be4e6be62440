"""Find which columns of a table tell which others: approximate functional dependencies, and what they tell.

A -> B (Huhtala et al. 1999, TANE) holds if A's value tells B's for all but a few rows; here each row is told by the
others that share its A, so that keys tell nothing. It must also say more than B's commonest value: leave less than half
the errors of always guessing that, or be right where it says another value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Cells = Sequence[str | None]
_PER_COLUMN = 8
"""Dependencies that are kept for a column: the surest."""
_GROUPS = 20_000
_SHARED = 0.3
"""So many rows must share their A with another row."""
_RARE = 10
_Codes = npt.NDArray[np.int64]


class _Column(NamedTuple):
    values: list[str]
    codes: _Codes
    """Where each row's cell stands among the sorted values; -1 is an empty cell."""
    counts: _Codes


def dependencies(table: Mapping[str, Cells], wrong: float) -> list[list[Any]]:
    """Return [given, told, share told rightly, {value: value}] for each; `wrong` is the largest share told wrongly."""
    columns = {name: _column(cells) for name, cells in table.items()}
    usable = {name: column for name, column in columns.items() if len(column.values) > 1}
    givers = {name: column for name, column in usable.items() if _repeats(column)}
    kept: list[list[Any]] = []
    for told, its in usable.items():
        found = [_dependency(other, its, wrong) if given != told else None for given, other in givers.items()]
        named = sorted((-one[0], given, one[1]) for given, one in zip(givers, found, strict=True) if one)
        kept += [[given, told, -share, values] for share, given, values in named[:_PER_COLUMN]]
    return kept


def _column(cells: Cells) -> _Column:
    values = sorted({cell for cell in cells if cell is not None})
    place = {value: at for at, value in enumerate(values)}
    codes = np.array([-1 if cell is None else place[cell] for cell in cells], np.int64)
    return _Column(values, codes, np.bincount(codes[codes >= 0], minlength=len(values)))


def _repeats(column: _Column) -> bool:
    shared = column.counts[column.counts > 1].sum()
    return bool(len(column.values) <= _GROUPS and shared >= _SHARED * column.counts.sum())


def _dependency(given: _Column, told: _Column, wrong: float) -> tuple[float, dict[str, str]] | None:
    both = (given.codes >= 0) & (told.codes >= 0)
    width = len(told.values)
    pairs, counts = np.unique(given.codes[both] * width + told.codes[both], return_counts=True)
    if not len(pairs):
        return None
    # The commonest value of each group first; of equals, the smaller.
    order = np.lexsort((pairs, -counts, pairs // width))
    group, value, counts = pairs[order] // width, pairs[order] % width, counts[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes, most, first = np.add.reduceat(counts, starts), counts[starts], value[starts]
    second = np.where(np.diff(np.r_[starts, len(group)]) > 1, np.r_[counts, 0][starts + 1], 0)
    shared, usual = sizes > 1, int(np.argmax(told.counts))
    asked, rare = int(sizes[shared].sum()), shared & (first != usual)
    # A row is told by the others: its own vote is left out.
    clear = shared & (most - 1 > second)
    if asked < max(1, _SHARED * told.counts.sum()):
        return None
    missed = 1 - int(most[clear].sum()) / asked
    rare_asked, rare_right = int(sizes[rare].sum()), int(most[clear & rare].sum())
    tells_rare = rare_asked >= _RARE and rare_right >= (1 - 2 * wrong) * rare_asked
    guessed = 1 - int(told.counts[usual]) / int(told.counts.sum())
    sure = np.flatnonzero(clear & (sizes >= 3))
    if missed > wrong or not (missed <= 0.5 * guessed or tells_rare) or not len(sure):
        return None
    names = zip(group[starts][sure].tolist(), first[sure].tolist(), strict=True)
    return round(1 - missed, 4), {given.values[one]: told.values[other] for one, other in names}
