"""Hold what each row adds to a metric, so that reports, intervals, slices and shards all share one set of sums.

Accuracy, precision, recall, F1 and their averages are functions of sums over rows. `Counts` keeps the summands; a
subset of rows, a bootstrap replicate or a merge of shards is then another sum of the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.errors import DataError, did_you_mean
from tilth.measure import scores
from tilth.measure.scores import Floats

Metric: TypeAlias = Callable[[Floats], Floats]
"""A function from sums (..., columns) to values (...); NaN where the value is undefined."""

AVERAGES = ("micro", "macro", "weighted", "samples")
PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Counts:
    """What each row adds, for every class."""

    ids: pa.Array
    """The row ids, one a row."""
    classes: tuple[str, ...]
    """The classes, in the order of the columns below."""
    hits: NDArray[np.int32]
    """True positives (rows, classes)."""
    predicted: NDArray[np.int32]
    """Predicted positives (rows, classes)."""
    true: NDArray[np.int32]
    """True and missed positives (rows, classes)."""
    right: NDArray[np.int64]
    """How many units of the row are right: 0 or 1 for a class, tokens for tags (rows)."""
    units: NDArray[np.int64]
    """How many units the row has: 1, or its tokens (rows)."""
    multilabel: bool = False
    """True when a row has a set of labels, so that averages over rows ("samples") have a meaning."""

    def __len__(self) -> int:
        return len(self.units)

    def take(self, rows: NDArray[np.generic]) -> Counts:
        """Return the counts of some rows, given by index or by a boolean mask."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Counts(
            ids=self.ids.take(pa.array(index, pa.int64())),
            classes=self.classes,
            hits=self.hits[index],
            predicted=self.predicted[index],
            true=self.true[index],
            right=self.right[index],
            units=self.units[index],
            multilabel=self.multilabel,
        )

    def statistics(self) -> Floats:
        """Return the additive statistics (rows, columns): hits, predicted, true by class, then right, units, rows."""
        tail = [self.right, self.units, np.ones(len(self), dtype=np.int64)]
        if self.multilabel:
            tail += [np.nan_to_num(part) for part in scores.micro(self.hits, self.predicted, self.true)]
        return np.column_stack([self.hits, self.predicted, self.true, *tail]).astype(np.float64)

    def value(self, name: str) -> float:
        """Return a metric over all rows; an undefined one is 0."""
        if name == "accuracy":  # without building the wide table
            return float(np.nan_to_num(scores.ratio(self.right.sum(), self.units.sum())))
        return float(np.nan_to_num(self.metric(name)(self.statistics().sum(axis=0))))

    def metric_names(self) -> tuple[str, ...]:
        """List the metrics that `metric` knows, without those of single classes."""
        averages = AVERAGES if self.multilabel else AVERAGES[:3]
        return ("accuracy", *(f"{average}_{part}" for average in averages for part in PARTS))

    def metric(self, name: str) -> Metric:
        """Return a metric as a function of sums of `statistics()`.

        `accuracy`, `micro_f1`, `macro_recall`, `weighted_precision`, `samples_f1` … or, for one class, `f1:CLASS`.
        A macro average is over the classes that the summed rows hold or predict, so that a bootstrap replicate without
        a rare class is not punished for it.
        """
        count = len(self.classes)
        part, _, label = name.partition(":")
        if label and part in PARTS and label in self.classes:
            at, which = self.classes.index(label), PARTS.index(part)
            return lambda sums: scores.scores(*_split(sums, count))[which][..., at]
        if name == "accuracy":
            return lambda sums: scores.ratio(sums[..., 3 * count], sums[..., 3 * count + 1])
        if name not in self.metric_names():
            known = [*self.metric_names(), *(f"f1:{label}" for label in self.classes)]
            raise DataError(
                f'no metric "{name}"',
                wanted=f"one of {', '.join(self.metric_names())}, or f1:CLASS",
                do=did_you_mean(name, known),
            )
        average, _, part = name.partition("_")
        return _averaged(average, PARTS.index(part), count)


def _averaged(average: str, part: int, count: int) -> Metric:
    def value(sums: Floats) -> Floats:
        hits, predicted, true = _split(sums, count)
        if average == "micro":
            return scores.micro(hits, predicted, true)[part]
        if average == "samples":
            return scores.ratio(sums[..., 3 * count + 3 + part], sums[..., 3 * count + 2])
        each = scores.scores(hits, predicted, true)
        if average == "macro":
            return scores.macro(each, predicted + true > 0)[part]
        return scores.weighted(each, true)[part]

    return value


def _split(sums: Floats, count: int) -> tuple[Floats, Floats, Floats]:
    return sums[..., :count], sums[..., count : 2 * count], sums[..., 2 * count : 3 * count]
