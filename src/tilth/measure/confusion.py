"""Count which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tilth.core.errors import DataError
from tilth.measure.counts import Counts
from tilth.measure.labels import Values, encode
from tilth.measure.result import Result


class Mix(NamedTuple):
    """How often one class was taken for another."""

    truth: str
    predicted: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Confusion(Result):
    """The confusion matrix: a line for each true class, a column for each predicted one."""

    labels: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def most_confused(self, most: int = 20) -> tuple[Mix, ...]:
        """Return the pairs of different classes with the most rows, the most first."""
        pairs = [
            Mix(true, told, count)
            for true, line in zip(self.labels, self.rows, strict=True)
            for told, count in zip(self.labels, line, strict=True)
            if count and true != told
        ]
        return tuple(sorted(pairs, key=lambda mix: (-mix.rows, mix.truth, mix.predicted))[:most])


def confusion(truth: Values, predicted: Values, labels: Sequence[Any] | None = None) -> Confusion:
    """Count rows by true and predicted class; with `labels`, rows of those classes only.

    >>> confusion(["a", "b", "b"], ["a", "b", "a"]).rows
    ((1, 0), (1, 1))
    """
    coded = encode(truth, predicted, labels)
    return _tabulate(coded.labels, coded.truth, coded.predicted)


def confusion_of(counts: Counts) -> Confusion:
    """Read the confusion matrix off the counts of a single-label task; rows without an answer are left out.

    >>> from tilth.measure.classification import label_counts
    >>> confusion_of(label_counts([1, 2, 3], ["a", "b", "b"], ["a", "a", None])).rows
    ((1, 0), (1, 0))
    """
    if counts.multilabel or (counts.true.sum(axis=1) != 1).any() or (counts.predicted.sum(axis=1) > 1).any():
        raise DataError("rows with several labels have no confusion matrix", wanted="one label a row")
    answered = counts.predicted.any(axis=1)
    told = np.where(answered, counts.predicted.argmax(axis=1), -1)
    return _tabulate(counts.classes, counts.true.argmax(axis=1).astype(np.int64), told)


def _tabulate(labels: tuple[str, ...], truth: NDArray[np.int64], predicted: NDArray[np.int64]) -> Confusion:
    size = len(labels)
    inside = (truth >= 0) & (predicted >= 0)
    flat = np.bincount(truth[inside] * size + predicted[inside], minlength=size * size)
    return Confusion(labels=labels, rows=tuple(map(tuple, flat.reshape(size, size).tolist())))
