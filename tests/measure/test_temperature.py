from __future__ import annotations

import json

import numpy as np
import pytest
from scipy import optimize, special
from sklearn.linear_model import LogisticRegression

from tilth.core.errors import DataError
from tilth.measure.temperature import LabelSigmoids, Temperature, fit_sigmoids, fit_temperature


def logits_and_truth(rows: int, classes: int, overconfidence: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths from softmax(logits), then sharpen the logits: the best temperature is the overconfidence."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, classes))
    truth = (special.softmax(logits, axis=1).cumsum(axis=1) > rng.random((rows, 1))).argmax(axis=1)
    return logits * overconfidence, truth


@pytest.mark.parametrize("overconfidence", [0.3, 1.0, 2.5])
def test_the_temperature_undoes_overconfidence(overconfidence: float) -> None:
    logits, truth = logits_and_truth(20_000, 5, overconfidence)
    found = fit_temperature(logits, truth)
    assert found.temperature == pytest.approx(overconfidence, rel=0.04)
    assert found.nll_after <= found.nll_before
    assert not (found.smoothed or found.at_limit)


@pytest.mark.parametrize("seed", range(5))
def test_the_temperature_equals_a_numerical_search(seed: int) -> None:
    logits, truth = logits_and_truth(200, 3, 1.7, seed)

    def nll(temperature: float) -> float:
        return float(-special.log_softmax(logits / temperature, axis=1)[np.arange(200), truth].mean())

    search = optimize.minimize_scalar(nll, bounds=(0.05, 20), method="bounded", options={"xatol": 1e-9})
    found = fit_temperature(logits, truth)
    assert found.temperature == pytest.approx(search.x, rel=1e-5)
    assert found.nll_after == pytest.approx(search.fun, abs=1e-12)
    assert found.nll_before == pytest.approx(nll(1.0))


def test_probabilities_keep_their_order_and_survive_json() -> None:
    logits, truth = logits_and_truth(300, 4, 3.0)
    found = fit_temperature(logits, truth)
    again = Temperature.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    shares = again.apply(logits)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    np.testing.assert_array_equal(shares.argmax(axis=1), logits.argmax(axis=1))


def test_a_validation_set_without_errors_does_not_make_the_model_certain() -> None:
    logits = np.tile([[3.0, 0.0]], (50, 1))
    found = fit_temperature(logits, np.zeros(50, dtype=int))
    assert found.smoothed
    # One error expected in 52, spread over both classes: the probability of the first class is 1 - 0.5 / 52.
    assert found.apply(logits)[0, 0] == pytest.approx(1 - 0.5 / 52)


def test_a_model_that_is_always_wrong_says_so_at_the_limit() -> None:
    found = fit_temperature(np.tile([[3.0, 0.0]], (50, 1)), np.ones(50, dtype=int))
    assert (found.temperature, found.at_limit) == (20.0, True)


def test_huge_logits_do_not_overflow() -> None:
    logits, truth = logits_and_truth(500, 3, 4000.0)
    found = fit_temperature(logits, truth)
    assert np.isfinite([found.temperature, found.nll_before, found.nll_after]).all()
    assert found.at_limit


@pytest.mark.parametrize(
    ("logits", "truth", "says"),
    [
        ([[float("nan"), 0.0]], [0], "NaN"),
        (np.zeros((0, 2)), [], "no logits"),
        ([[1.0, 2.0]], [2], "indices from 0 to 1"),
        ([[1.0]], [0], "one class has nothing to calibrate"),
        ([1.0, 2.0], [0, 1], "1 dimensions"),
    ],
)
def test_logits_that_cannot_be_calibrated_are_refused(logits: list, truth: list, says: str) -> None:
    with pytest.raises(DataError, match=says):
        fit_temperature(logits, truth)


def test_label_sigmoids_equal_logistic_regression_on_many_rows() -> None:
    """With thousands of rows Platt's smoothing of the targets no longer shows."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 2))
    truth = rng.random((20_000, 2)) < special.expit(logits * [0.5, 2.0] + [-1.0, 0.7])
    found = fit_sigmoids(logits, truth, ["a", "b"])
    for at in range(2):
        theirs = LogisticRegression(C=1e9).fit(logits[:, [at]], truth[:, at])
        assert found.slopes[at] == pytest.approx(theirs.coef_[0, 0], rel=3e-3)
        assert found.biases[at] == pytest.approx(theirs.intercept_[0], abs=3e-3)
    assert found.unfitted == ()
    assert LabelSigmoids.from_json(json.loads(json.dumps(found.to_json()))) == found
    np.testing.assert_allclose(found.apply(logits).mean(axis=0), truth.mean(axis=0), atol=1e-3)


def test_labels_with_little_to_learn_from_stay_as_they_are() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(100, 3))
    truth = np.column_stack([np.arange(100) < 3, logits[:, 1] < 0, logits[:, 2] > 0])
    found = fit_sigmoids(logits, truth, ["rare", "backwards", "fine"])
    assert found.unfitted == ("rare", "backwards")
    assert found.slopes[:2] == (1.0, 1.0)
    assert found.slopes[2] > 1
    assert np.isfinite(found.apply(logits)).all()  # "fine" parts its rows perfectly; smoothing keeps it finite


def test_labels_and_columns_must_agree() -> None:
    with pytest.raises(DataError, match="1 labels for 2 columns"):
        fit_sigmoids([[0.0, 1.0]], [[0, 1]], ["a"])
