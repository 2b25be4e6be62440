"""Draw intervals around metrics by the Poisson bootstrap, for one model, for two, and over seeds.

Rows are weighted by a hash of their id (see `poisson`), so that any order and any sharding gives the same interval, and
two models measured on the same rows meet the same weights. Ids that occur twice share their weights: give the ids of
groups (customers, documents) to draw whole groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean, stdev
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.counts import Counts, Metric
from tilth.measure.interval import Interval, student_quantile, wilson
from tilth.measure.poisson import row_keys, weights
from tilth.measure.result import Result
from tilth.measure.scores import Floats

Method: TypeAlias = Literal["percentile", "bca"]
_BLOCK = 512


@dataclass(frozen=True, kw_only=True)
class Bootstrap:
    """How intervals are drawn."""

    replicates: int = 1000
    """How many times the rows are drawn anew."""
    level: float = 0.95
    """The share of such intervals that hold the true figure."""
    method: Method = "percentile"
    """`percentile` (Efron 1979), or `bca`: corrected for bias and skewness (Efron 1987)."""
    seed: int = 0
    """Another seed draws other rows."""


@dataclass(frozen=True, kw_only=True)
class Difference(Result):
    """By how much one model's figure exceeds another's, on the same rows."""

    metric: str
    ours: float
    theirs: float
    difference: Interval
    better: float
    """The share of replicates in which ours is ahead."""
    p_value: float
    """Two-sided: how often a difference this far from 0 would turn up between equal models."""


@dataclass(frozen=True, kw_only=True)
class OverSeeds(Result):
    """A figure over several training seeds."""

    mean: Interval
    """The mean and its t-interval (Student 1908); no interval for a single seed."""
    sd: float | None
    """The standard deviation (n - 1 in the denominator); None for a single seed."""
    values: tuple[float, ...]


def intervals(
    counts: Counts, metrics: Sequence[str] | Mapping[str, Metric], how: Bootstrap | None = None
) -> dict[str, Interval]:
    """Return an interval for each metric: names that `Counts.metric` knows, or functions of `Counts.statistics()` sums.

    Replicates in which a metric is undefined (a class that was not drawn) are left out. Where all rows say the same, so
    that every replicate gives 0 or 1, the bootstrap knows no uncertainty and Wilson's interval stands in.

    >>> from tilth.measure.classification import label_counts
    >>> found = intervals(label_counts(range(100), [1] * 100, [1] * 80 + [0] * 20), ["accuracy"])["accuracy"]
    >>> found.value, found.low < 0.75, found.high > 0.85
    (0.8, True, True)
    """
    how = how or Bootstrap()
    named = metrics if isinstance(metrics, Mapping) else {name: counts.metric(name) for name in metrics}
    keys, table = _by_key(row_keys(counts.ids, how.seed), counts.statistics())
    sums, total = _replicate(keys, table, how.replicates), table.sum(axis=0)
    return {name: _interval(metric, sums, total, table, how) for name, metric in named.items()}


def interval(counts: Counts, metric: str | Metric, how: Bootstrap | None = None) -> Interval:
    """Return the interval of one metric; see `intervals`."""
    return intervals(counts, [metric] if isinstance(metric, str) else {"metric": metric}, how)[
        metric if isinstance(metric, str) else "metric"
    ]


def paired_difference(ours: Counts, theirs: Counts, metric: str, how: Bootstrap | None = None) -> Difference:
    """Compare two models on the same rows: both meet the same weights in each replicate, whatever their order of rows.

    The p-value is the share of replicates on the far side of 0, doubled (Efron and Tibshirani 1993, chapters 15, 16),
    counted as (k + 1) / (replicates + 1) so that it is never 0. Raises `DataError` when the rows are not the same.

    >>> from tilth.measure.classification import label_counts
    >>> truth, better, worse = [0, 1] * 50, [0, 1] * 45 + [1, 0] * 5, [0, 1] * 30 + [1, 0] * 20
    >>> ours, theirs = (label_counts(range(100), truth, told) for told in (better, worse))
    >>> found = paired_difference(ours, theirs, "accuracy")
    >>> round(found.difference.value, 2), found.p_value < 0.01
    (0.3, True)
    """
    how = how or Bootstrap()
    one, two = (_by_key(row_keys(side.ids, how.seed), side.statistics()) for side in (ours, theirs))
    if not np.array_equal(one[0], two[0]) or len(ours) != len(theirs):
        shared = len(np.intersect1d(one[0], two[0]))
        raise DataError(
            f"the two models were measured on different rows ({len(ours)} and {len(theirs)}, {shared} of them shared)",
            wanted="the same row ids on both sides",
        )
    width = one[1].shape[1]
    table = np.hstack([one[1], two[1]])
    measure_one, measure_two = ours.metric(metric), theirs.metric(metric)

    def difference(sums: Floats) -> Floats:
        return measure_one(sums[..., :width]) - measure_two(sums[..., width:])

    sums, total = _replicate(one[0], table, how.replicates), table.sum(axis=0)
    found = difference(sums)
    found = found[~np.isnan(found)]
    tails = (int((found <= 0).sum()), int((found >= 0).sum()))
    return Difference(
        metric=metric,
        ours=ours.value(metric),
        theirs=theirs.value(metric),
        difference=_interval(difference, sums, total, table, how, bounded=False),
        better=float((found > 0).mean()) if len(found) else 0.0,
        p_value=min(1.0, 2 * (min(tails) + 1) / (len(found) + 1)),
    )


def over_seeds(values: Sequence[float], level: float = 0.95) -> OverSeeds:
    """Return the mean, the standard deviation and the t-interval of a figure over training seeds.

    >>> found = over_seeds([0.8, 0.9])
    >>> round(found.mean.value, 2), round(found.sd, 3)
    (0.85, 0.071)
    """
    if not values:
        raise DataError("no values to average", wanted="one value a seed")
    if not all(math.isfinite(value) for value in values):
        raise DataError("a value over seeds is not a finite number", wanted="finite numbers")
    middle, count = fmean(values), len(values)
    spread = stdev(values) if count > 1 else None
    half = None if spread is None else student_quantile(level, count - 1) * spread / math.sqrt(count)
    return OverSeeds(
        mean=Interval(
            value=middle,
            low=None if half is None else middle - half,
            high=None if half is None else middle + half,
            level=level,
            method="t",
            rows=count,
        ),
        sd=spread,
        values=tuple(map(float, values)),
    )


def _by_key(keys: NDArray[np.uint64], table: Floats) -> tuple[NDArray[np.uint64], Floats]:
    # Sorted by key, the sums do not depend on the order of rows; rows of one id become one row.
    order = np.argsort(keys, kind="stable")
    keys, first = np.unique(keys[order], return_index=True)
    if not len(keys):
        raise DataError("no rows to measure", wanted="at least one row")
    return keys, np.add.reduceat(table[order], first, axis=0)


def _replicate(keys: NDArray[np.uint64], table: Floats, replicates: int) -> Floats:
    sums = np.zeros((replicates, table.shape[1]))
    for start in range(0, len(keys), _BLOCK):
        sums += weights(keys[start : start + _BLOCK], replicates).astype(np.float64) @ table[start : start + _BLOCK]
    return sums


def _interval(
    metric: Metric, sums: Floats, total: Floats, table: Floats, how: Bootstrap, *, bounded: bool = True
) -> Interval:
    value, found = float(metric(total)), metric(sums)
    found = found[~np.isnan(found)]
    plain = Interval(
        value=0.0 if math.isnan(value) else value,
        low=None,
        high=None,
        level=how.level,
        method=how.method,
        rows=len(table),
    )
    if math.isnan(value) or not len(found):
        return plain
    if bounded and value in (0.0, 1.0) and (found == value).all():
        # Rows that say nothing of the metric (neither of the class nor taken for it) are no trials of it.
        trials = int((~np.isnan(metric(table))).sum()) or len(table)
        low, high = wilson(value * trials, trials, how.level)
        return replace(plain, low=low, high=high, method="wilson")
    tails = np.array([(1 - how.level) / 2, (1 + how.level) / 2])
    if how.method == "bca" and found.min() < found.max():
        tails = _bca_tails(metric, value, found, total, table, tails)
    low, high = np.quantile(found, tails).tolist()
    return replace(plain, low=low, high=high)


def _bca_tails(metric: Metric, value: float, found: Floats, total: Floats, table: Floats, tails: Floats) -> Floats:
    normal = NormalDist()
    below = float((found < value).mean() + (found == value).mean() / 2)
    shift = normal.inv_cdf(min(max(below, 0.5 / len(found)), 1 - 0.5 / len(found)))
    blocks = [metric(total - table[start : start + _BLOCK]) for start in range(0, len(table), _BLOCK)]
    jack = np.concatenate(blocks)
    jack = jack[~np.isnan(jack)]
    gap = jack.mean() - jack
    spread = float((gap**2).sum())
    skew = float((gap**3).sum()) / (6 * spread**1.5) if spread else 0.0
    z = [normal.inv_cdf(float(tail)) for tail in tails]
    return np.array([normal.cdf(shift + (shift + at) / (1 - skew * (shift + at))) for at in z])
