from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from tilth.core.errors import DataError
from tilth.measure.thresholds import Thresholds, fit_thresholds

SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=25)


@settings(max_examples=100, deadline=None)
@given(SCORED)
def test_no_threshold_has_a_better_f1(rows: list[tuple[float, bool]]) -> None:
    shares, truth = np.array([[share] for share, _ in rows]), np.array([[true] for _, true in rows])
    if not truth.any():
        return
    found = fit_thresholds(shares, truth, ["a"], fewest=1)

    def f1(told: np.ndarray) -> float:
        return float(2 * (told & truth).sum() / (told.sum() + truth.sum()))

    assert f1(found.apply(shares)) == pytest.approx(found.f1[0])
    assert found.f1[0] >= max(f1(shares >= cut) for cut in np.r_[np.unique(shares), np.unique(shares) + 1e-9]) - 1e-12


def test_of_equally_good_cuts_the_usual_one_is_taken() -> None:
    assert fit_thresholds([[0.9], [0.1]], [[1], [0]], ["a"], fewest=1).values == (0.5,)
    assert fit_thresholds([[0.9], [0.6]], [[1], [0]], ["a"], fewest=1).values == (0.75,)


def test_a_label_with_few_true_rows_keeps_the_usual_threshold() -> None:
    found = fit_thresholds([[0.3, 0.9]] * 6, [[1, 0]] * 3 + [[0, 1]] * 3, ["a", "b"], fewest=4)
    assert found.values == (0.5, 0.5)
    assert found.unfitted == ("a", "b")
    assert found.f1 == pytest.approx((0.0, 2 / 3))


def test_an_imbalanced_label_gains_from_its_own_threshold() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random((2000, 1)) < 0.1
    shares = np.clip(0.15 + 0.2 * truth + rng.normal(0, 0.07, truth.shape), 0, 1)
    found = fit_thresholds(shares[:1000], truth[:1000], ["rare"])
    usual = metrics.f1_score(truth[1000:, 0], shares[1000:, 0] >= 0.5, zero_division=0)
    chosen = metrics.f1_score(truth[1000:, 0], found.apply(shares[1000:])[:, 0], zero_division=0)
    assert chosen > 0.7 > 0.2 > usual


def test_neighbouring_floats_are_still_parted() -> None:
    high = np.nextafter(0.7, 1)
    found = fit_thresholds([[high], [0.7]], [[1], [0]], ["a"], fewest=1)
    assert found.apply([[high], [0.7]]).tolist() == [[True], [False]]


def test_thresholds_survive_json_and_refuse_strangers() -> None:
    found = fit_thresholds([[0.9, 0.2]] * 6, [[1, 0]] * 6, ["a", "b"])
    assert Thresholds.from_json(json.loads(json.dumps(found.to_json()))) == found
    with pytest.raises(DataError, match="1 columns of probabilities for 2 labels"):
        found.apply([[0.5]])
    with pytest.raises(DataError, match="NaN"):
        found.apply([[float("nan"), 0.5]])
    with pytest.raises(DataError, match="2 labels for 1 columns"):
        fit_thresholds([[0.5]], [[1]], ["a", "b"])
