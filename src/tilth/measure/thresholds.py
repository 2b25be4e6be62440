"""Choose, on validation rows, the probability from which each label is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.probabilities import Floats, matrix, truths, unit
from tilth.measure.result import Result


@dataclass(frozen=True, kw_only=True)
class Thresholds(Result):
    """A label is given where its probability is at least its threshold."""

    labels: tuple[str, ...]
    values: tuple[float, ...]
    f1: tuple[float, ...]
    """The F1 of each label on the validation rows it was chosen on: an optimistic figure."""
    unfitted: tuple[str, ...]
    """Labels with too few true rows to choose for; they keep the usual threshold."""

    def apply(self, probabilities: ArrayLike) -> NDArray[np.bool_]:
        """Return the labels given, as a boolean matrix (rows, labels)."""
        shares = unit(matrix(probabilities, "probabilities"))
        if shares.shape[1] != len(self.labels):
            raise DataError(
                f"{shares.shape[1]} columns of probabilities for {len(self.labels)} labels", wanted="one column a label"
            )
        return shares >= np.array(self.values)

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Thresholds:
        """Read what `to_json` wrote."""
        return cls(**{name: tuple(values) for name, values in saved.items()})


def fit_thresholds(
    probabilities: ArrayLike, truth: ArrayLike, labels: Sequence[str], *, fewest: int = 5, usual: float = 0.5
) -> Thresholds:
    """Choose for each label the threshold with the best F1 on validation rows.

    Every cut between two distinct probabilities is tried and the middle of the gap taken; of equal F1 the cut nearest
    to `usual` wins. A label with fewer than `fewest` true rows keeps `usual`: a threshold that maximises F1 on few rows
    gives the label to nearly everything or nothing (Lipton, Elkan and Naryanaswamy 2014).

    >>> fit_thresholds([[0.9], [0.5], [0.25]], [[1], [1], [0]], ["spam"], fewest=1, usual=0.7).values
    (0.375,)
    """
    shares = unit(matrix(probabilities, "probabilities"))
    true = truths(truth, shares.shape)
    if len(labels) != shares.shape[1]:
        raise DataError(f"{len(labels)} labels for {shares.shape[1]} columns of probabilities", wanted="one a column")
    values, reached, unfitted = [], [], []
    for at, label in enumerate(map(str, labels)):
        if true[:, at].sum() >= max(fewest, 1):
            cut, f1 = _best_cut(shares[:, at], true[:, at], usual)
        else:
            told = shares[:, at] >= usual
            cut, f1 = usual, _f1(int((told & true[:, at]).sum()), int(told.sum()), int(true[:, at].sum()))
            unfitted.append(label)
        values.append(cut)
        reached.append(f1)
    return Thresholds(labels=tuple(map(str, labels)), values=tuple(values), f1=tuple(reached), unfitted=tuple(unfitted))


def _best_cut(shares: Floats, true: NDArray[np.bool_], usual: float) -> tuple[float, float]:
    order = np.argsort(-shares, kind="stable")
    ranked = shares[order]
    last = np.r_[ranked[1:] != ranked[:-1], True]  # a cut may not part rows of one probability
    told = np.flatnonzero(last) + 1
    f1 = 2 * np.cumsum(true[order])[told - 1] / (told + true.sum())
    above, below = ranked[told - 1], np.r_[ranked, 0.0][told]
    middle = (above + below) / 2
    cuts = np.where((below < usual) & (usual <= above), usual, np.where(middle > below, middle, above))
    best = np.flatnonzero(f1 == f1.max())
    chosen = best[np.argmin(np.abs(cuts[best] - usual))]
    return float(cuts[chosen]), float(f1[chosen])


def _f1(hits: int, told: int, true: int) -> float:
    return 2 * hits / (told + true) if told + true else 0.0
