"""Count which class is taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

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
    size = len(coded.labels)
    inside = (coded.truth >= 0) & (coded.predicted >= 0)
    flat = np.bincount(coded.truth[inside] * size + coded.predicted[inside], minlength=size * size)
    return Confusion(labels=coded.labels, rows=tuple(map(tuple, flat.reshape(size, size).tolist())))
