"""Rows are cut into stages of equal size by the train rows' numbers; none is dropped or moved."""

from __future__ import annotations

from collections import Counter

import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.refine.curriculum import Curriculum, Staged
from tilth.testing import batch

ROWS = batch(quality=[float(number) for number in range(100)] + [None, float("nan"), float("inf")])


def fitted(curriculum: Curriculum) -> Staged:
    return curriculum.finish(curriculum.observe(ROWS))


def test_stages_have_equal_sizes_and_rise_with_the_number() -> None:
    stages = fitted(Curriculum(column="quality", stages=4)).map(ROWS).column("stage").to_pylist()
    assert Counter(stages[:100]) == {0: 25, 1: 25, 2: 25, 3: 25}
    assert stages[:100] == sorted(stages[:100]) and stages[100:] == [None, None, 3]


def test_the_highest_may_come_first() -> None:
    stages = fitted(Curriculum(column="quality", stages=2, first="highest")).map(ROWS).column("stage").to_pylist()
    assert (stages[0], stages[99]) == (1, 0)


def test_rows_with_one_number_are_in_one_stage() -> None:
    rows = batch(quality=[1, 1, 1, 1, 2])
    operator = Curriculum(column="quality", stages=5)
    assert operator.finish(operator.observe(rows)).map(rows).column("stage").to_pylist() == [0, 0, 0, 0, 4]


def test_without_a_number_in_train_all_rows_are_in_the_first_stage() -> None:
    operator = Curriculum(column="quality")
    empty = operator.observe(batch(quality=[None, None]))
    assert operator.finish(empty).map(batch(quality=[1.0, None])).column("stage").to_pylist() == [0, None]


def test_a_column_of_words_has_no_order() -> None:
    with pytest.raises(DataError, match='column "quality" holds string. Wanted: a column of numbers'):
        Curriculum(column="quality").observe(batch(quality=["good"]))


@pytest.mark.parametrize("options", [{"stages": 1}, {"stages": 5000}, {"into": "_split"}, {"into": ""}])
def test_what_cannot_be_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Curriculum(column="quality", **options)  # type: ignore[arg-type]
