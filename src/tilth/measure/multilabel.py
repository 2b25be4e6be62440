"""Measure classification with a set of labels a row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.counts import Counts
from tilth.measure.labels import Values, row_ids
from tilth.measure.probabilities import truths
from tilth.measure.report import ClassificationReport, summarise


def multilabel_report(truth: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> ClassificationReport:
    """Report precision, recall, F1 and support of each label, with micro, macro, weighted and samples averages.

    `truth` and `predicted` are boolean matrices (rows, labels); `accuracy` is the subset accuracy: the share of rows
    with every label right. The numbers equal scikit-learn's `classification_report(zero_division=0)`.

    >>> found = multilabel_report([[1, 0], [1, 1]], [[1, 0], [0, 1]], ["spam", "offer"])
    >>> found.accuracy, round(found.micro.f1, 2), found.samples.recall
    (0.5, 0.8, 0.75)
    """
    counts = multilabel_counts(np.arange(len(np.asarray(truth))), truth, predicted, labels)
    if not len(counts) or not counts.classes:
        raise DataError("no rows to measure", wanted="at least one row and one label")
    return summarise(counts)


def multilabel_counts(ids: Values, truth: ArrayLike, predicted: ArrayLike, labels: Sequence[str]) -> Counts:
    """Return what each row adds to the metrics of a multi-label task; `truth` and `predicted` as for the report.

    >>> multilabel_counts([7], [[1, 0]], [[1, 1]], ["spam", "offer"]).value("micro_precision")
    0.5
    """
    true, told = _matrices(truth, predicted, labels)
    return Counts(
        ids=row_ids(ids, len(true)),
        classes=tuple(map(str, labels)),
        hits=(true & told).astype(np.int32),
        predicted=told.astype(np.int32),
        true=true.astype(np.int32),
        right=(true == told).all(axis=1).astype(np.int64),
        units=np.ones(len(true), dtype=np.int64),
        multilabel=True,
    )


def _matrices(
    truth: ArrayLike, predicted: ArrayLike, labels: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    told = np.asarray(predicted)
    if told.ndim != 2 or told.shape[1] != len(labels):
        raise DataError(
            f"predicted has shape {told.shape}, and there are {len(labels)} labels",
            wanted="a boolean matrix: rows by labels",
        )
    return truths(truth, told.shape), truths(told, told.shape)
