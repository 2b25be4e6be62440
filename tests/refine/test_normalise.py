"""Train rows fill the range from 0 to 1; other rows stay inside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.refine.normalise import Normalise, Normalised
from tilth.testing import batch


def fitted(values: list[float | None], **options: object) -> Normalised:
    fold = Normalise(columns=("number",), **options)  # type: ignore[arg-type]
    return fold.finish(fold.observe(batch(number=values)))


def placed(operator: Normalised, *values: float | None) -> list[float | None]:
    found: list[float | None] = operator.map(batch(number=list(values))).column("number").to_pylist()
    return found


def test_by_range() -> None:
    assert placed(fitted([10.0, 20.0, None]), 10.0, 15.0, 20.0, 0.0, 99.0, None) == [0.0, 0.5, 1.0, 0.0, 1.0, None]


def test_by_rank_spreads_a_skewed_column_evenly() -> None:
    values = [float(2**power) for power in range(11)]
    operator = fitted(list(values), method="quantile", knots=11)
    assert placed(operator, *values) == pytest.approx([power / 10 for power in range(11)])


def test_by_rank_ties_get_the_middle_of_their_ranks() -> None:
    operator = fitted([0.0, 5.0, 5.0, 5.0, 9.0], method="quantile", knots=5)
    assert placed(operator, 0.0, 5.0, 9.0) == [0.0, 0.5, 1.0]


def test_a_column_of_one_value() -> None:
    assert placed(fitted([4.0, 4.0]), 4.0, 3.0, 5.0) == [0.0, 0.0, 1.0]
    assert placed(fitted([4.0, 4.0], method="quantile"), 4.0) == [0.5]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30), st.booleans())
def test_the_result_lies_in_range_and_keeps_the_order(values: list[float], by_rank: bool) -> None:
    operator = fitted(list(values), method="quantile" if by_rank else "range")
    found = placed(operator, *sorted(values))
    assert None not in found
    assert all(0 <= number <= 1 for number in found if number is not None)
    assert (np.diff(np.array(found, np.float64)) >= -1e-12).all()


def test_infinities_lie_at_the_ends_and_nan_is_null() -> None:
    assert placed(fitted([0.0, 1.0]), math.inf, -math.inf, math.nan) == [1.0, 0.0, None]


def test_a_column_without_train_numbers_is_an_error() -> None:
    for method in ("range", "quantile"):
        with pytest.raises(DataError, match='normalise: column "number" holds no number'):
            fitted([None, math.nan], method=method)
