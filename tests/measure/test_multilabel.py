from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from tilth.core.errors import DataError
from tilth.measure.multilabel import multilabel_counts, multilabel_report

NAMES = ["billing", "delivery", "praise"]
MATRIX = arrays.arrays(np.bool_, st.tuples(st.integers(1, 20), st.just(3)))


def test_scores_by_hand() -> None:
    truth = np.array([[1, 1, 0], [0, 0, 0], [1, 0, 0]])
    told = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0]])
    found = multilabel_report(truth, told, NAMES)
    assert found.accuracy == pytest.approx(1 / 3)  # only the empty row has every label right
    assert (found.micro.precision, found.micro.recall) == (2 / 3, 2 / 3)
    assert found.samples is not None
    assert found.samples.precision == pytest.approx((1 + 0 + 0.5) / 3)
    assert found.samples.recall == pytest.approx((0.5 + 0 + 1) / 3)
    assert found.classes[2].f1 == 0.0  # a label that nobody has and nobody predicts


@settings(max_examples=50, deadline=None)
@given(MATRIX, st.integers(0, 2**32))
def test_numbers_and_text_equal_scikit_learn(truth: np.ndarray, seed: int) -> None:
    told = np.random.default_rng(seed).random(truth.shape) < 0.4
    found = multilabel_report(truth, told, NAMES)
    theirs = metrics.classification_report(truth, told, target_names=NAMES, zero_division=0, output_dict=True)
    for score in (*found.classes, found.micro, found.macro, found.weighted, found.samples):
        assert score is not None
        line = theirs[score.name]
        numbers = [score.precision, score.recall, score.f1, score.support]
        assert numbers == pytest.approx(
            [line["precision"], line["recall"], line["f1-score"], line["support"]], abs=1e-12
        )
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, told), abs=1e-12)
    assert found.as_text(6) == metrics.classification_report(truth, told, target_names=NAMES, zero_division=0, digits=6)


def test_matrices_that_do_not_fit_are_refused() -> None:
    with pytest.raises(DataError, match="there are 3 labels"):
        multilabel_report([[1, 0]], [[1, 0]], NAMES)
    with pytest.raises(DataError, match="shape"):
        multilabel_report([[1, 0, 1], [1, 1, 1]], [[1, 0, 1]], NAMES)
    with pytest.raises(DataError, match="other than 0 and 1"):
        multilabel_report([[1, 0, 1]], [[0.5, 0, 1]], NAMES)
    with pytest.raises(DataError, match="no rows to measure"):
        multilabel_report(np.zeros((0, 3), dtype=bool), np.zeros((0, 3), dtype=bool), NAMES)


def test_counts_know_samples_averages() -> None:
    counts = multilabel_counts([1, 2], [[1, 1], [1, 0]], [[1, 0], [1, 0]], ["a", "b"])
    assert "samples_f1" in counts.metric_names()
    assert counts.value("samples_f1") == pytest.approx((2 / 3 + 1) / 2)
    assert counts.value("accuracy") == 0.5
