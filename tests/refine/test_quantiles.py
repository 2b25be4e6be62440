"""The histogram is exact while values are few, near when they are many, and never depends on the cuts."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.fold import STATE_LIMIT
from tilth.refine import _quantiles

LEVELS = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50))
def test_few_values_are_exact(values: list[float]) -> None:
    (counted,) = _quantiles.read(_quantiles.observe([np.array(values)]), 1)
    assert _quantiles.quantiles(counted, LEVELS) == pytest.approx(
        np.quantile(values, LEVELS).tolist(), rel=1e-12, abs=1e-300
    )


def test_many_values_stay_small_and_near() -> None:
    values = np.random.default_rng(1).lognormal(0, 3, 200_000)
    state = _quantiles.observe([values])
    assert state.nbytes < STATE_LIMIT / 8
    (counted,) = _quantiles.read(state, 1)
    assert counted.bits < 52
    found = _quantiles.quantiles(counted, LEVELS)
    assert found == pytest.approx(np.quantile(values, LEVELS).tolist(), rel=2.0**-counted.bits)
    assert 2.0**-counted.bits < 1e-3


@pytest.mark.parametrize("parts", [1, 3, 8])
def test_coarse_counts_merge_to_the_same_state_in_any_order(monkeypatch: pytest.MonkeyPatch, parts: int) -> None:
    monkeypatch.setattr(_quantiles, "_share", lambda columns: 100)
    values = np.concatenate([np.random.default_rng(2).normal(0, 1e3, 2_000), [0.0, -0.0, 5e-324, 1e308]])
    whole = _quantiles.observe([values])
    states = [_quantiles.observe([part]) for part in np.array_split(values, parts)]
    merge = functools.partial(_quantiles.merge, columns=1)
    assert whole.num_rows <= 100
    assert functools.reduce(lambda a, b: merge(a, b), states).equals(whole)
    assert functools.reduce(lambda a, b: merge(b, a), states).equals(whole)


def test_many_columns_share_the_room() -> None:
    columns = [np.random.default_rng(column).normal(size=20_000) for column in range(100)]
    assert _quantiles.observe(columns).nbytes <= STATE_LIMIT


def test_what_is_not_finite_is_not_counted() -> None:
    assert _quantiles.observe([np.array([np.nan, np.inf, -np.inf, 1.0])]).num_rows == 1
