"""Empty cells take what train rows say is usual, in their group where that is known."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.refine.impute import Impute
from tilth.testing import batch, check_operator


def imputed(values: Any, **options: Any) -> list[Any]:
    rows = batch(cell=values)
    fold = Impute(columns=("cell",), **options)
    found: list[Any] = fold.finish(fold.observe(rows)).map(rows).column("cell").to_pylist()
    return found


@pytest.mark.parametrize(
    ("values", "options", "filled"),
    [
        ([1.0, 2.0, 10.0, None], {}, 2.0),
        ([1.0, 2.0, 10.0, 20.0, None], {}, 6.0),
        ([1.0, 2.0, 9.0, None], {"method": "mean"}, 4.0),
        ([5.0, 5.0, 1.0, float("inf"), None], {"method": "mode"}, 5.0),
        ([1.0, 2.0, None], {"method": "mode"}, 1.0),
        (pa.array([1, 2, 4, None], pa.int8()), {"method": "mean"}, 2),
        (["b", "a", "a", "n/a"], {}, "a"),
        (["b", "a", " "], {}, "a"),
        ([1e308, 1.7e308, None], {}, 1.35e308),
    ],
)
def test_the_usual_value_fills_what_is_empty(values: Any, options: dict[str, Any], filled: Any) -> None:
    found = imputed(values, **options)
    assert found[-1] == pytest.approx(filled) if isinstance(filled, float) else found[-1] == filled


def test_a_group_that_is_known_well_enough_takes_its_own() -> None:
    rows = batch(kind=["cat"] * 3 + ["dog"] * 3 + ["eel", None], kg=[4.0, 6.0, None, 20.0, 30.0, None, None, None])
    fold = Impute(columns=("kg",), by="kind", least=2)
    found = fold.finish(fold.observe(rows)).map(rows).column("kg").to_pylist()
    assert found == [4.0, 6.0, 5.0, 20.0, 30.0, 25.0, 13.0, 13.0]
    few = Impute(columns=("kg",), by="kind", least=3)
    assert few.finish(few.observe(rows)).map(rows).column("kg").to_pylist()[2] == 13.0


def test_a_flag_says_what_was_filled() -> None:
    rows = batch(cell=[1.0, None, float("nan")])
    fold = Impute(columns=("cell",), flag=True)
    found = fold.finish(fold.observe(rows)).map(rows)
    assert found.column("cell_empty").to_pylist() == [False, True, True]


def test_train_rows_alone_tell() -> None:
    fold = Impute(columns=("cell",))
    fitted = fold.finish(fold.observe(batch(cell=[1.0, 3.0])))
    assert fitted.map(batch(cell=[100.0, None])).column("cell").to_pylist() == [100.0, 2.0]


def test_what_cannot_be_learnt_is_said() -> None:
    with pytest.raises(DataError, match=r'impute: column "cell" says nothing in the train rows'):
        imputed(["n/a", None])
    with pytest.raises(DataError, match=r'impute: column "cell" holds texts. Wanted: method: mode or auto'):
        imputed(["a"], method="median")
    with pytest.raises(RecipeError, match=r"impute: columns"):
        Impute(columns=("cell",), by="cell")


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_operator(
        Impute(columns=("number", "word"), by="group", least=1, flag=True),
        batch(number=[1, None, 3], word=["a", "", None], group=["x", "x", "y"]),
    )
