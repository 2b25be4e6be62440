from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from tilth.core.errors import DataError
from tilth.measure.probabilities import codes, distributions, log_softmax, sigmoid, softmax, truths, unit


def test_softmax_and_sigmoid_equal_scipy_and_do_not_overflow() -> None:
    logits = np.array([[1000.0, 0.0, -1000.0], [0.1, 0.2, 0.3]])
    np.testing.assert_allclose(softmax(logits), special.softmax(logits, axis=1), atol=1e-15)
    np.testing.assert_allclose(log_softmax(logits), special.log_softmax(logits, axis=1), atol=1e-12)
    np.testing.assert_allclose(sigmoid(logits), special.expit(logits), atol=1e-15)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([[0.5, float("nan")]], "NaN or an infinity, the first in row 0"),
        ([[0.5, 0.5], [float("inf"), 0.0]], "first in row 1"),
        ([[1.5, -0.5]], "lie between -0.5 and 1.5"),
        ([[0.5, 0.4]], "row 0 sum to 0.9"),
        ([0.5, 0.5], "1 dimensions"),
        ([], "no probabilities to measure"),
    ],
)
def test_what_is_not_a_distribution_is_refused(values: list, says: str) -> None:
    with pytest.raises(DataError, match=says):
        distributions(values)


def test_half_precision_sums_pass() -> None:
    shares = softmax(np.random.default_rng(0).normal(size=(50, 7))).astype(np.float16)
    assert distributions(shares).dtype == np.float64


def test_a_probability_a_rounding_error_above_one_counts_as_one() -> None:
    assert unit([1.0 + 1e-9]).tolist() == [1.0]


def test_true_classes_must_be_indices_within_range() -> None:
    with pytest.raises(DataError, match="indices from 0 to 1"):
        codes([0, 2], 2, 2)
    with pytest.raises(DataError, match="class indices"):
        codes([0.0, 1.0], 2, 2)
    with pytest.raises(DataError, match="one class index for each of 3 rows"):
        codes([0, 1], 3, 2)


def test_a_multilabel_truth_must_be_boolean_and_of_the_same_shape() -> None:
    assert truths([[1, 0]], (1, 2)).dtype == np.bool_
    with pytest.raises(DataError, match="other than 0 and 1"):
        truths([[2, 0]], (1, 2))
    with pytest.raises(DataError, match="shape"):
        truths([[1]], (1, 2))
