"""Measure classification with one label a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilth.measure.counts import Counts
from tilth.measure.labels import Values, encode, row_ids
from tilth.measure.report import ClassificationReport, lay_out


def report(truth: Values, predicted: Values, labels: Sequence[Any] | None = None) -> ClassificationReport:
    """Report precision, recall, F1 and support of each class, and their micro, macro and weighted averages.

    The numbers equal scikit-learn's `classification_report(zero_division=0)`. With `labels`, the report holds those
    classes only (a class without a case scores 0); its `accuracy` is None when they leave out a class that occurs.
    Raises `DataError` for no rows, nulls, or columns that do not fit together.

    >>> print(report(["a", "b", "b"], ["a", "b", "a"]).as_text())
                  precision    recall  f1-score   support
    <BLANKLINE>
               a       0.50      1.00      0.67         1
               b       1.00      0.50      0.67         2
    <BLANKLINE>
        accuracy                           0.67         3
       macro avg       0.75      0.75      0.67         3
    weighted avg       0.83      0.67      0.67         3
    """
    coded = encode(truth, predicted, labels)
    right = coded.truth == coded.predicted
    size = len(coded.labels)
    return lay_out(
        coded.labels,
        _tally(coded.truth[right], size),
        _tally(coded.predicted, size),
        _tally(coded.truth, size),
        accuracy=float(right.mean()) if coded.complete else None,
    )


def label_counts(ids: Values, truth: Values, predicted: Values) -> Counts:
    """Return what each row adds to the metrics of a single-label task.

    A null prediction is an answer that was not given: it counts as wrong, and for no class.

    >>> label_counts([1, 2], ["a", "b"], ["a", None]).value("accuracy")
    0.5
    """
    coded = encode(truth, predicted, unanswered=True)
    right = coded.truth == coded.predicted
    return Counts(
        ids=row_ids(ids, len(right)),
        classes=coded.labels,
        hits=_one_hot(np.where(right, coded.truth, -1), len(coded.labels)),
        predicted=_one_hot(coded.predicted, len(coded.labels)),
        true=_one_hot(coded.truth, len(coded.labels)),
        right=right.astype(np.int64),
        units=np.ones(len(right), dtype=np.int64),
    )


def _tally(codes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    return np.bincount(codes[codes >= 0], minlength=size).astype(np.int64)


def _one_hot(codes: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    table = np.zeros((len(codes), size), dtype=np.int32)
    rows = np.flatnonzero(codes >= 0)
    table[rows, codes[rows]] = 1
    return table
