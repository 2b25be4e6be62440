"""Measure whether a confidence of 0.8 is right 8 times in 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.probabilities import Floats, codes, distributions, matrix, truths, unit
from tilth.measure.result import Result

BINS = 15
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Bin(Result):
    """One bar of a reliability diagram."""

    low: float
    high: float
    """The bin holds confidences in (low, high]; the first also holds `low` itself."""
    rows: int
    confidence: float
    """The mean confidence of its rows."""
    accuracy: float
    """The share of its rows that are right."""


@dataclass(frozen=True, kw_only=True)
class Calibration(Result):
    """How far a model's probabilities are from frequencies; 0 is best everywhere."""

    rows: int
    ece: float
    """Expected calibration error: the mean gap between confidence and accuracy, over 15 bins of equal width."""
    ece_equal_mass: float
    """The same over bins that hold equal numbers of rows."""
    largest_gap: float
    """The largest gap of a bin of equal width (the maximum calibration error)."""
    brier: float
    """The mean squared distance between probabilities and truth, summed over classes: 0 to 2."""
    brier_by_class: dict[str, float]
    nll: float
    """The mean negative log-likelihood, in nats; a probability of 0 counts as 2.2e-16."""
    reliability: tuple[Bin, ...]
    """The bins of equal width that hold rows."""


@dataclass(frozen=True, kw_only=True)
class MultilabelCalibration(Result):
    """Calibration of each label's probability, and the means over labels."""

    rows: int
    ece: float
    ece_equal_mass: float
    brier: float
    nll: float
    labels: dict[str, Calibration]
    """Of each label: the predicted probability against how often it holds."""


def calibration(probabilities: ArrayLike, truth: ArrayLike, labels: Sequence[str]) -> Calibration:
    """Measure the calibration of a single-label model; `truth` holds class indices.

    ECE and maximum error after Naeini, Cooper and Hauskrecht (2015), of the most probable class in 15 bins as in Guo et
    al. (2017); bins of equal mass after Nguyen and O'Connor (2015); the Brier score in Brier's own (1950) form, summed
    over classes. Raises `DataError` for NaN, values outside 0 to 1, and rows that do not sum to 1.

    >>> found = calibration([[0.8, 0.2], [0.4, 0.6]], [0, 0], ["a", "b"])
    >>> round(found.ece, 2), round(found.brier, 2)
    (0.4, 0.4)
    """
    shares = distributions(probabilities)
    rows, classes = shares.shape
    true = codes(truth, rows, classes)
    _matching(labels, classes)
    squares = (shares - np.eye(classes)[true]) ** 2
    return _calibration(
        confidence=shares.max(axis=1),
        right=shares.argmax(axis=1) == true,
        by_class=dict(zip(map(str, labels), squares.mean(axis=0).tolist(), strict=True)),
        brier=float(squares.sum(axis=1).mean()),
        likelihood=shares[np.arange(rows), true],
    )


def multilabel_calibration(probabilities: ArrayLike, truth: ArrayLike, labels: Sequence[str]) -> MultilabelCalibration:
    """Measure the calibration of each label of a multi-label model, as a yes-or-no question.

    `probabilities` and the boolean `truth` have shape (rows, labels). A label's bins are over the probability that it
    holds; its Brier score is the mean of (probability - truth) squared, 0 to 1.
    """
    shares = unit(matrix(probabilities, "probabilities"))
    true = truths(truth, shares.shape)
    _matching(labels, shares.shape[1])
    found: dict[str, Calibration] = {}
    for at, label in enumerate(map(str, labels)):
        brier = float(((shares[:, at] - true[:, at]) ** 2).mean())
        found[label] = _calibration(
            confidence=shares[:, at],
            right=true[:, at],
            by_class={label: brier},
            brier=brier,
            likelihood=np.where(true[:, at], shares[:, at], 1 - shares[:, at]),
        )
    each = list(found.values())
    return MultilabelCalibration(
        rows=len(shares),
        ece=float(np.mean([one.ece for one in each])),
        ece_equal_mass=float(np.mean([one.ece_equal_mass for one in each])),
        brier=float(np.mean([one.brier for one in each])),
        nll=float(np.mean([one.nll for one in each])),
        labels=found,
    )


def reliability(confidence: ArrayLike, right: ArrayLike, *, bins: int = BINS, equal_mass: bool = False) -> list[Bin]:
    """Return the bins that hold rows, for a reliability diagram (DeGroot and Fienberg 1983).

    Rows of equal confidence always share a bin, so that bins of equal mass may differ where confidences tie.

    >>> [(bin.rows, bin.accuracy) for bin in reliability([0.1, 0.9, 0.95], [0, 1, 0], bins=2)]
    [(1, 0.0), (2, 0.5)]
    """
    sure = unit(confidence, "confidences")
    hits = truths(right, sure.shape)
    if bins < 1:
        raise DataError(f"{bins} bins", wanted="at least one bin")
    if equal_mass:
        ends = np.ceil(np.arange(1, bins + 1) * len(sure) / bins).astype(np.int64) - 1
        tops = np.unique(np.sort(sure)[np.maximum(ends, 0)])
        bottoms = np.r_[sure.min(), tops[:-1]]
    else:
        tops = np.arange(1, bins + 1) / bins
        bottoms = np.arange(bins) / bins
    place = np.searchsorted(tops, sure, side="left")
    rows = np.bincount(place, minlength=len(tops))
    total, good = (np.bincount(place, weights=values, minlength=len(tops)) for values in (sure, hits))
    return [
        Bin(
            low=float(bottoms[at]),
            high=float(tops[at]),
            rows=int(rows[at]),
            confidence=float(total[at] / rows[at]),
            accuracy=float(good[at] / rows[at]),
        )
        for at in np.flatnonzero(rows)
    ]


def expected_error(table: Sequence[Bin]) -> float:
    """Return the mean gap between confidence and accuracy over bins, weighted by their rows (ECE)."""
    rows = sum(bin.rows for bin in table)
    return sum(bin.rows * abs(bin.confidence - bin.accuracy) for bin in table) / rows


def _calibration(
    *, confidence: Floats, right: NDArray[np.bool_], by_class: dict[str, float], brier: float, likelihood: Floats
) -> Calibration:
    table = reliability(confidence, right)
    return Calibration(
        rows=len(confidence),
        ece=expected_error(table),
        ece_equal_mass=expected_error(reliability(confidence, right, equal_mass=True)),
        largest_gap=max(abs(bin.confidence - bin.accuracy) for bin in table),
        brier=brier,
        brier_by_class=by_class,
        nll=float(-np.log(np.maximum(likelihood, _LEAST)).mean()),
        reliability=tuple(table),
    )


def _matching(labels: Sequence[str], columns: int) -> None:
    if len(labels) != columns:
        raise DataError(f"{len(labels)} labels for {columns} columns of probabilities", wanted="one label a column")
