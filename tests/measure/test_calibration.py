from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from tilth.core.errors import DataError
from tilth.measure.calibration import calibration, expected_error, multilabel_calibration, reliability


def test_the_expected_error_by_hand() -> None:
    # Two bins of ten: (0.5, 0.6] holds two rows, one right, mean 0.58; (0.9, 1] holds two rows, both right, mean 0.95.
    table = reliability([0.56, 0.6, 0.93, 0.97], [1, 0, 1, 1], bins=10)
    assert [(bin.rows, round(bin.confidence, 3), bin.accuracy) for bin in table] == [(2, 0.58, 0.5), (2, 0.95, 1.0)]
    assert expected_error(table) == pytest.approx((2 * 0.08 + 2 * 0.05) / 4)


def test_bins_are_open_below_and_closed_above() -> None:
    table = reliability([0.0, 0.5, 0.500001, 1.0], [0, 0, 1, 1], bins=2)
    assert [(bin.low, bin.high, bin.rows) for bin in table] == [(0.0, 0.5, 2), (0.5, 1.0, 2)]


def test_bins_of_equal_mass_hold_equal_numbers_and_ties_stay_together() -> None:
    sure = np.linspace(0.01, 0.99, 99)
    assert [bin.rows for bin in reliability(sure, sure > 0.5, bins=9, equal_mass=True)] == [11] * 9
    tied = reliability([0.7] * 8 + [0.9] * 2, [1] * 10, bins=5, equal_mass=True)
    assert [bin.rows for bin in tied] == [8, 2]
    few = reliability([0.2, 0.8], [0, 1], bins=15, equal_mass=True)
    assert [bin.rows for bin in few] == [1, 1]


def test_the_order_of_rows_changes_no_bin() -> None:
    rng = np.random.default_rng(0)
    sure, right = rng.random(500).round(2), rng.random(500) < 0.5
    mixed = rng.permutation(500)
    for equal_mass in (False, True):
        one = reliability(sure, right, equal_mass=equal_mass)
        two = reliability(sure[mixed], right[mixed], equal_mass=equal_mass)
        assert [bin.rows for bin in one] == [bin.rows for bin in two]
        assert expected_error(one) == pytest.approx(expected_error(two))


def test_brier_and_likelihood_equal_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    shares = special.softmax(rng.normal(size=(400, 4)), axis=1)
    truth = rng.integers(0, 4, 400)
    found = calibration(shares, truth, list("abcd"))
    assert found.nll == pytest.approx(metrics.log_loss(truth, shares))
    assert found.brier == pytest.approx(metrics.brier_score_loss(truth, shares, scale_by_half=False))
    assert found.brier == pytest.approx(sum(found.brier_by_class.values()))
    assert found.brier_by_class["b"] == pytest.approx(metrics.brier_score_loss(truth == 1, shares[:, 1]))


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (20_000, 3))
    shares = special.softmax(logits, axis=1)
    truth = (shares.cumsum(axis=1) > rng.random((20_000, 1))).argmax(axis=1)
    honest = calibration(shares, truth, list("abc"))
    boastful = calibration(special.softmax(3 * logits, axis=1), truth, list("abc"))
    assert honest.ece < 0.015
    assert honest.ece_equal_mass < 0.015
    assert boastful.ece > 0.15
    assert boastful.largest_gap > boastful.ece
    assert boastful.nll > honest.nll
    assert sum(bin.rows for bin in honest.reliability) == 20_000


def test_each_label_is_measured_as_a_yes_or_no_question() -> None:
    found = multilabel_calibration([[0.9, 0.2], [0.7, 0.2]], [[1, 0], [0, 0]], ["spam", "offer"])
    assert found.labels["spam"].ece == pytest.approx((0.1 + 0.7) / 2)
    assert found.labels["offer"].ece == pytest.approx(0.2)
    assert found.labels["spam"].brier == pytest.approx((0.01 + 0.49) / 2)
    assert found.ece == pytest.approx((0.4 + 0.2) / 2)
    assert found.labels["offer"].nll == pytest.approx(-np.log(0.8))
    json.dumps(found.to_json(), allow_nan=False)


def test_a_probability_of_zero_for_the_truth_stays_finite() -> None:
    assert calibration([[1.0, 0.0]], [1], ["a", "b"]).nll == pytest.approx(36.04, abs=0.01)


def test_what_is_not_a_probability_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        calibration([[float("nan"), 1.0]], [0], ["a", "b"])
    with pytest.raises(DataError, match="sum to"):
        calibration([[0.3, 0.3]], [0], ["a", "b"])
    with pytest.raises(DataError, match="between 0 and 1"):
        multilabel_calibration([[2.0]], [[1]], ["a"])
    with pytest.raises(DataError, match="1 labels for 2 columns"):
        calibration([[0.5, 0.5]], [0], ["a"])
    with pytest.raises(DataError, match="no probabilities"):
        calibration(np.zeros((0, 2)), [], ["a", "b"])
    with pytest.raises(DataError, match="at least one bin"):
        reliability([0.5], [1], bins=0)
