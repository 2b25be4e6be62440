"""Decide by cost, and leave doubtful rows to a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.probabilities import Floats, distributions, finite, truths, unit
from tilth.measure.result import Result

ABSTAIN = -1
"""The code of a row left undecided."""


@dataclass(frozen=True, kw_only=True)
class Point(Result):
    """What answering only from a confidence upwards gives."""

    threshold: float
    coverage: float
    """The share of rows answered."""
    accuracy: float
    """The share of answered rows that are right."""


@dataclass(frozen=True, kw_only=True)
class RiskCoverage(Result):
    """Accuracy against the share of rows answered."""

    rows: int
    points: tuple[Point, ...]
    """From few rows answered to all."""
    area: float
    """The area under the curve of errors among answered rows (AURC): 0 is best."""


@dataclass(frozen=True, kw_only=True)
class Abstention(Result):
    """Answer where the confidence is at least the threshold, else abstain."""

    threshold: float
    cost: float
    """The mean cost of a row on validation at this threshold."""
    cost_always: float
    """The mean cost of a row on validation when every row is answered."""
    coverage: float
    accuracy: float | None
    """The accuracy of answered validation rows; None when none is answered."""


def chow_threshold(*, error: float, abstain: float) -> float:
    """Return the confidence from which answering costs less than abstaining: 1 - abstain / error (Chow 1970).

    It is the best rule there is when confidences are calibrated; a right answer costs nothing.

    >>> chow_threshold(error=10, abstain=1)
    0.9
    """
    if not 0 <= abstain <= error or error <= 0:
        raise DataError(
            f"an error costs {error}, an abstention {abstain}", wanted="0 <= cost of abstaining <= cost of an error"
        )
    return 1 - abstain / error


def decide(probabilities: ArrayLike, costs: ArrayLike, *, abstain: float | None = None) -> NDArray[np.int64]:
    """Choose the class of least expected cost in each row, or -1 where abstaining costs less.

    `costs[true, answered]` is the cost of an answer (rows are the truth); probabilities must be calibrated. With equal
    costs of all errors this is Chow's rule (Chow 1970; Elkan 2001 for cost matrices).

    >>> decide([[0.6, 0.4], [0.95, 0.05]], [[0, 1], [10, 0]], abstain=0.6).tolist()
    [1, 0]
    >>> decide([[0.6, 0.4]], [[0, 1], [1, 0]], abstain=0.3).tolist()
    [-1]
    """
    shares = distributions(probabilities)
    table = finite(costs, "costs")
    if table.shape != (shares.shape[1],) * 2:
        raise DataError(f"the costs have shape {table.shape}", wanted=f"{shares.shape[1]} true by as many answered")
    expected = shares @ table
    chosen = np.asarray(expected.argmin(axis=1), dtype=np.int64)
    if abstain is not None:
        chosen[expected.min(axis=1) > abstain] = ABSTAIN
    return chosen


def fit_abstention(confidence: ArrayLike, right: ArrayLike, *, error: float, abstain: float) -> Abstention:
    """Choose, on validation rows, the confidence threshold of least mean cost.

    Chow's threshold is best where confidences are calibrated; this one is the best there was on these rows. Where cuts
    cost the same, the one nearest to Chow's wins.

    >>> fit_abstention([0.9, 0.8, 0.3], [1, 1, 0], error=4, abstain=1).coverage
    0.6666666666666666
    """
    chow = chow_threshold(error=error, abstain=abstain)
    ranked, wrong, told = _ranked(confidence, right)
    rows = len(ranked)
    answered = np.r_[0, told]
    errors = np.r_[0, np.cumsum(wrong)[told - 1]]
    cost = (errors * error + (rows - answered) * abstain) / rows
    above, below = np.r_[np.inf, ranked[told - 1]], np.r_[ranked[0], np.r_[ranked, 0.0][told]]
    # The middle of the gap; above the surest row no more than 1 can be asked for, and where that row has 1, more.
    top = np.where(np.isinf(above), np.nextafter(max(1.0, float(ranked[0])), 2.0), above)
    middle = np.where((top + below) / 2 > below, (top + below) / 2, top)
    cuts = np.where((below < chow) & (chow <= above), chow, middle)
    best = np.flatnonzero(np.isclose(cost, cost.min(), rtol=1e-12, atol=0))
    at = int(best[np.argmin(np.abs(cuts[best] - chow))])
    return Abstention(
        threshold=float(cuts[at]),
        cost=float(cost[at]),
        cost_always=float(cost[-1]),
        coverage=float(answered[at] / rows),
        accuracy=float(1 - errors[at] / answered[at]) if answered[at] else None,
    )


def risk_coverage(confidence: ArrayLike, right: ArrayLike, *, points: int = 100) -> RiskCoverage:
    """Return accuracy against coverage as the confidence asked for falls (El-Yaniv and Wiener 2010).

    At most `points` points are kept, evenly over coverage; the area (Geifman, Uziel and El-Yaniv 2019) is the mean,
    over all rows, of the error rate among rows at least as sure.

    >>> [(round(point.coverage, 2), point.accuracy) for point in risk_coverage([0.9, 0.8, 0.3], [1, 1, 0]).points]
    [(0.33, 1.0), (0.67, 1.0), (1.0, 0.6666666666666667)]
    """
    ranked, wrong, told = _ranked(confidence, right)
    rows = len(ranked)
    risk = np.cumsum(wrong)[told - 1] / told
    area = float((risk * np.diff(np.r_[0, told])).sum() / rows)
    keep: Sequence[int] = np.unique(
        np.searchsorted(told, np.ceil(np.linspace(1 / points, 1, points) * rows - 1e-9))
    ).tolist()
    found = tuple(
        Point(threshold=float(ranked[told[at] - 1]), coverage=float(told[at] / rows), accuracy=float(1 - risk[at]))
        for at in keep
    )
    return RiskCoverage(rows=rows, points=found, area=area)


def _ranked(confidence: ArrayLike, right: ArrayLike) -> tuple[Floats, NDArray[np.bool_], NDArray[np.int64]]:
    """Return confidences from high to low, which of these rows are wrong, and after how many rows one may cut."""
    sure = unit(confidence, "confidences")
    if sure.ndim != 1:
        raise DataError(f"confidences have {sure.ndim} dimensions", wanted="one confidence a row")
    wrong = ~truths(right, sure.shape)
    order = np.argsort(-sure, kind="stable")
    ranked = sure[order]
    told = np.flatnonzero(np.r_[ranked[1:] != ranked[:-1], True]) + 1
    return ranked, wrong[order], told.astype(np.int64)
