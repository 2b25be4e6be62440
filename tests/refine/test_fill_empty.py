"""Cells that say nothing are filled, or become null; words that only look empty stay."""

from __future__ import annotations

import datetime

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.refine.fill_empty import FillEmpty
from tilth.testing import batch


def filled(values: object, **options: object) -> list[object]:
    found: list[object] = FillEmpty(**options).map(batch(text=values)).column("text").to_pylist()  # type: ignore[arg-type]
    return found


def test_blank_and_marker_cells_become_null() -> None:
    assert filled(["", "  ", "\u200b", None, "N/A", " nan ", "NULL", "#N/A"]) == [None] * 8


def test_names_that_look_like_nothing_stay() -> None:
    assert filled(["None", "NA", "-", "0", "Null Island"]) == ["None", "NA", "-", "0", "Null Island"]


def test_own_markers_replace_the_defaults() -> None:
    assert filled(["-", "n/a"], markers=("-",), value="?") == ["?", "n/a"]


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        (pa.array([1, None]), 0, [1, 0]),
        (pa.array([1.5, float("nan"), None]), 2, [1.5, 2.0, 2.0]),
        (pa.array([True, None]), False, [True, False]),
        (pa.array([None, None]), "x", ["x", "x"]),
        (pa.array(["a", None]).dictionary_encode(), "b", ["a", "b"]),
        (pa.array([datetime.date(2024, 5, 1), None]), None, [datetime.date(2024, 5, 1), None]),
    ],
)
def test_fills_columns_of_other_types(values: pa.Array, value: object, expected: list[object]) -> None:
    assert filled(values, value=value) == expected


def test_a_value_of_another_type_is_refused() -> None:
    with pytest.raises(DataError, match=r"fill_empty: the value 'x' does not fit column \"text\", which holds int64"):
        filled(pa.array([1, None]), value="x")


def test_a_missing_column_is_named_with_the_likely_typo() -> None:
    with pytest.raises(DataError, match=r'fill_empty: no column "txt".*Did you mean "text"'):
        filled(["a"], columns=("txt",))
