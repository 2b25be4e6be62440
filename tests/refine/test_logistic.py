"""The fit separates what can be separated, balances the kinds, and agrees with the closed form where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.refine import _logistic
from tilth.refine._examples import Features


def texts(*features: list[int]) -> Features:
    offsets = np.cumsum([0, *map(len, features)])
    return Features(np.array([value for one in features for value in one], np.uint32), offsets.astype(np.int64))


def test_what_can_be_separated_is() -> None:
    found = texts([0, 1], [0, 2], [3, 1], [3, 2])
    weights = _logistic.fit(np.array([True, True, False, False]), found, 4)
    assert (_logistic.predict(weights, found) > 0.5).tolist() == [True, True, False, False]
    assert weights.of[0] == pytest.approx(-weights.of[3]) and abs(weights.of[1]) < 1e-6


def test_the_kinds_weigh_the_same_however_many_there_are() -> None:
    found = texts([0], *[[0]] * 9)
    weights = _logistic.fit(np.array([True] + [False] * 9), found, 1)
    assert _logistic.predict(weights, found) == pytest.approx([0.5] * 10)


def test_one_feature_comes_to_its_log_odds() -> None:
    # Of the texts with feature 0 three in four are good, of those with feature 1 one in four.
    found = texts(*[[0]] * 4, *[[1]] * 4)
    weights = _logistic.fit(np.array([True, True, True, False, True, False, False, False]), found, 2)
    assert _logistic.predict(weights, found)[[0, 4]] == pytest.approx([0.75, 0.25], abs=0.01)


def test_a_text_without_features_is_as_likely_as_the_bias_says() -> None:
    assert _logistic.predict(_logistic.Weights(np.zeros(2), np.log(3.0)), texts([], [1])) == pytest.approx([0.75, 0.75])


def test_huge_weights_do_not_overflow() -> None:
    assert _logistic.predict(_logistic.Weights(np.array([1e9, -1e9]), 0.0), texts([0], [1])) == pytest.approx([1, 0])
