"""Columns get centre and scale from train rows, the same to the last bit however the rows were cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.refine.standardise import Standardise, Standardised
from tilth.testing import batch

FLOATS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40)


def fitted(values: list[float | None], method: str = "mean") -> Standardised:
    fold = Standardise(columns=("number",), method=method)  # type: ignore[arg-type]
    return fold.finish(fold.observe(batch(number=values)))


def test_mean_and_population_deviation() -> None:
    operator = fitted([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0, None])
    assert (operator.centres, operator.scales) == ((5.0,), (2.0,))


def test_a_tiny_spread_on_a_large_offset_is_not_lost() -> None:
    operator = fitted([1e15 + 1, 1e15 + 2, 1e15 + 3])
    assert operator.centres == (1e15 + 2,)
    assert operator.scales == (pytest.approx(math.sqrt(2 / 3), rel=1e-15),)


def test_huge_numbers_do_not_overflow() -> None:
    assert fitted([1e308, -1e308]).scales == (1e308,)
    assert fitted([5e-324, 0.0]).scales[0] > 0


@given(FLOATS, st.integers(0, 40))
def test_cutting_the_rows_changes_no_bit(values: list[float], at: int) -> None:
    fold = Standardise(columns=("number",))
    rows = batch(number=values)
    at = min(at, len(values))
    cut = fold.merge(fold.observe(rows.slice(at)), fold.observe(rows.slice(0, at)))
    assert fold.finish(cut) == fold.finish(fold.observe(rows))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40))
def test_agrees_with_numpy(values: list[float]) -> None:
    operator = fitted(list(values))
    assert operator.centres[0] == pytest.approx(float(np.mean(values)), rel=1e-9, abs=1e-9)
    deviation = float(np.std(values))
    assert operator.scales[0] == pytest.approx(deviation, rel=1e-6, abs=1e-6) or deviation < 1e-6


def test_robust_centre_and_scale_ignore_an_outlier() -> None:
    assert fitted([1.0, 2.0, 3.0, 4.0, 1e9], "robust") == Standardised(
        columns=("number",), centres=(3.0,), scales=(2.0,)
    )


def test_a_column_of_one_value_becomes_zero() -> None:
    rows = batch(number=[7.0, 7.0, None])
    for method in ("mean", "robust"):
        assert fitted([7.0, 7.0], method).map(rows).column("number").to_pylist() == [0.0, 0.0, None]


def test_what_is_not_finite_becomes_null_and_is_not_fitted() -> None:
    operator = fitted([1.0, 3.0, math.inf, math.nan])
    assert operator.centres == (2.0,)
    assert operator.map(batch(number=[math.inf, math.nan, 1.0])).column("number").to_pylist() == [None, None, -1.0]


def test_a_column_without_train_numbers_is_an_error_and_not_a_guess() -> None:
    for method in ("mean", "robust"):
        with pytest.raises(DataError, match='standardise: column "number" holds no number in the train rows'):
            fitted([None], method)
