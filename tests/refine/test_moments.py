"""Sums are exact, whatever the sizes of the numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine import _moments


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_the_mean_is_the_true_one_rounded_once(values: list[float]) -> None:
    (found,) = _moments.read(_moments.observe([np.array(values, np.float64)]))
    true = sum(map(Fraction, values), Fraction(0)) / max(1, len(values))
    assert (found.rows, found.mean) == (len(values), float(true))


@given(st.lists(st.floats(-1e200, 1e200), min_size=1, max_size=20))
def test_the_deviation_is_the_true_one_to_the_last_digits(values: list[float]) -> None:
    (found,) = _moments.read(_moments.observe([np.array(values)]))
    mean = sum(map(Fraction, values), Fraction(0)) / len(values)
    variance = sum(((Fraction(value) - mean) ** 2 for value in values), Fraction(0)) / len(values)
    assert abs(Fraction(found.deviation) ** 2 - variance) <= variance * Fraction(1, 2**50)


def test_states_stay_small() -> None:
    columns = [np.array([1e308, -5e-324, 1.0])] * 1000
    assert _moments.observe(columns).nbytes < 2 << 20
