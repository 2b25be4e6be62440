"""The tables say of every code point what Python says, and fold it as Python folds it."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text import _points, words

POINTS = [point for point in range(0x33500) if not 0xD800 <= point < 0xE000]


def flags(point: int) -> int:
    tables = _points.tables()
    return int(tables.flags[tables.classes[int(tables.class_block[point >> 8]) * 256 + (point & 255)]])


def folded(point: int) -> str:
    tables = _points.tables()
    change = int(tables.folds[int(tables.fold_block[point >> 8]) * 256 + (point & 255)])
    if change < _points.LONG:
        return chr(point + change)
    first = change & 0xFFFF
    return "".join(map(chr, tables.expansions[first : first + ((change >> 16) & 31)].tolist()))


@pytest.mark.slow
def test_each_code_point_is_what_python_says() -> None:
    table = words.table()
    for point in POINTS[: words.LAST]:
        mark, said = chr(point), flags(point)
        category = unicodedata.category(mark)
        assert said & _points.KIND == table.kind[min(point, words.LAST)]
        assert bool(said & _points.ALPHA) == mark.isalpha()
        assert bool(said & _points.DECIMAL) == mark.isdecimal()
        assert bool(said & _points.UPPER) == mark.isupper()
        assert bool(said & _points.SPACE) == mark.isspace()
        assert bool(said & _points.PUNCTUATION) == category.startswith("P")
        assert bool(said & (_points.ALPHA | _points.DIGIT)) == mark.isalnum()
        assert words.categories()[point][0] == category[0] if point < words.LAST else True


@pytest.mark.slow
def test_each_code_point_that_is_folded_by_table_folds_as_by_itself() -> None:
    hard = 0
    for point in POINTS:
        if flags(point) & _points.HARD:
            hard += 1
        else:
            assert words.fold(chr(point)) == folded(point)
    assert hard < 3500


EASY = st.sampled_from([chr(p) for p in POINTS if unicodedata.category(chr(p)) != "Cn"]).filter(
    lambda mark: not flags(ord(mark)) & _points.HARD
)


@given(st.lists(EASY, max_size=12))
def test_what_is_folded_by_table_does_not_depend_on_its_neighbours(marks: list[str]) -> None:
    assert words.fold("".join(marks)) == "".join(folded(ord(mark)) for mark in marks)


def test_tables_cannot_be_written_to() -> None:
    for table in _points.tables():
        with pytest.raises(ValueError, match="read-only"):
            table[0] = np.zeros(1, table.dtype)[0]


def test_ascii_is_what_reading_eight_letters_at_once_takes_it_for() -> None:
    tables = _points.tables()
    assert tables.classes[int(tables.class_block[0]) << 8 :][: _points.ASCII].tolist() == list(range(_points.ASCII))
    assert (tables.classes >= _points.ASCII).sum() == len(tables.classes) - _points.ASCII
    for point in range(_points.ASCII):
        mark, said = chr(point), flags(point)
        assert said & _points.KIND == (words.RUN if mark.isalnum() else words.BREAK)
        assert bool(said & _points.FOLDS) == mark.isupper()
        assert not said & _points.HARD
    swapped = tables.classes.copy()
    swapped[[int(tables.class_block[0]) * 256 + at for at in (65, 66)]] = 66, 65
    assert not _points._fit(tables._asdict() | {"classes": swapped})
