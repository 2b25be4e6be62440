"""Rows that say nothing leave; zero, false and punctuation say something."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.refine.empty import Empty
from tilth.testing import batch


def dropped(rows: pa.RecordBatch, **options: object) -> list[bool]:
    found: list[bool] = Empty(**options).judge(rows).is_valid().to_pylist()  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "", " \t\u3000", None, "\u200b\ufeff", "?", "👍"], [False, True, True, True, True, False, False]),
        (pa.array([0.0, float("nan"), None]), [False, True, True]),
        (pa.array([0, None]), [False, True]),
        (pa.array([False, None]), [False, True]),
        (pa.array([["a"], [], None]), [False, True, True]),
        (pa.array([None, None]), [True, True]),
    ],
)
def test_tells_nothing_from_something(values: object, expected: list[bool]) -> None:
    assert dropped(batch(text=values)) == expected


def test_any_or_all_of_the_columns() -> None:
    rows = batch(a=["x", "", ""], b=["y", "y", None])
    assert dropped(rows, columns=("a", "b")) == [False, True, True]
    assert dropped(rows, columns=("a", "b"), when="all") == [False, False, True]


def test_the_verdict_names_the_rule() -> None:
    assert Empty().judge(batch(text=[None]))[0].as_py() == {
        "rule": "empty",
        "value": None,
        "threshold": None,
        "other_id": None,
    }
