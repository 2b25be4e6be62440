"""List the worst errors, for a person to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError
from tilth.measure.labels import Lists, Values, arrow, row_ids
from tilth.measure.probabilities import Floats, codes, distributions, matrix, truths, unit
from tilth.measure.result import Result
from tilth.measure.tags import Entity, entities_by_row

By: TypeAlias = Literal["confidence", "loss"]
_LEAST = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, kw_only=True)
class Mistake(Result):
    """A row with the wrong label."""

    id: str
    truth: str
    predicted: str
    confidence: float
    """The probability of the predicted label."""
    loss: float
    """Minus the logarithm of the true label's probability, in nats."""


@dataclass(frozen=True, kw_only=True)
class MultilabelMistake(Result):
    """A row with at least one wrong label."""

    id: str
    truth: tuple[str, ...]
    predicted: tuple[str, ...]
    label: str
    """The label that is most surely wrong."""
    confidence: float
    """The probability of the answer given for that label."""
    loss: float
    """The sum over labels of minus the logarithm of the truth's probability, in nats."""


@dataclass(frozen=True, kw_only=True)
class TaggingMistake(Result):
    """A row with wrong entities."""

    id: str
    missed: tuple[Entity, ...]
    """True entities that were not predicted."""
    invented: tuple[Entity, ...]
    """Predicted entities that are not true."""


def worst(
    ids: Values,
    truth: ArrayLike,
    probabilities: ArrayLike,
    labels: Sequence[str],
    *,
    most: int = 50,
    by: By = "confidence",
) -> tuple[Mistake, ...]:
    """Return wrong rows, the surest of the wrong label first, or the least sure of the true one (`by="loss"`).

    `truth` holds class indices, `probabilities` has shape (rows, classes). Ties go by id. These rows are where label
    errors in the data set hide.

    >>> worst(["r1", "r2"], [0, 1], [[0.9, 0.1], [0.8, 0.2]], ["ham", "spam"])[0].predicted
    'ham'
    """
    shares = distributions(probabilities)
    true = codes(truth, *shares.shape)
    _one_label_a_column(labels, shares)
    names = _names(ids, len(shares))
    told, every = shares.argmax(axis=1), np.arange(len(shares))
    sure, loss = shares[every, told], -np.log(np.maximum(shares[every, true], _LEAST))
    chosen = _first(np.flatnonzero(told != true), sure if by == "confidence" else loss, names, most)
    return tuple(
        Mistake(
            id=names[at],
            truth=str(labels[true[at]]),
            predicted=str(labels[told[at]]),
            confidence=float(sure[at]),
            loss=float(loss[at]),
        )
        for at in chosen
    )


def worst_multilabel(
    ids: Values,
    truth: ArrayLike,
    probabilities: ArrayLike,
    predicted: ArrayLike,
    labels: Sequence[str],
    *,
    most: int = 50,
    by: By = "confidence",
) -> tuple[MultilabelMistake, ...]:
    """Return rows with a wrong label, the surest wrong answer first, or the largest loss first.

    All three matrices have shape (rows, labels); `predicted` is the boolean answer at the thresholds in use.

    >>> worst_multilabel(["r1"], [[1, 0]], [[0.9, 0.8]], [[1, 1]], ["spam", "offer"])[0].label
    'offer'
    """
    shares = unit(matrix(probabilities, "probabilities"))
    true, told = truths(truth, shares.shape), truths(predicted, shares.shape)
    _one_label_a_column(labels, shares)
    names = _names(ids, len(shares))
    sure = np.where(told, shares, 1 - shares)
    wrong = np.where(told != true, sure, -1.0)
    loss = -np.log(np.maximum(np.where(true, shares, 1 - shares), _LEAST)).sum(axis=1)
    rows = np.flatnonzero((told != true).any(axis=1))
    chosen = _first(rows, wrong.max(axis=1) if by == "confidence" else loss, names, most)

    def named(flags: NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(str(label) for label, flag in zip(labels, flags, strict=True) if flag)

    return tuple(
        MultilabelMistake(
            id=names[at],
            truth=named(true[at]),
            predicted=named(told[at]),
            label=str(labels[int(wrong[at].argmax())]),
            confidence=float(wrong[at].max()),
            loss=float(loss[at]),
        )
        for at in chosen
    )


def worst_tagging(ids: Values, truth: Lists, predicted: Lists, *, most: int = 50) -> tuple[TaggingMistake, ...]:
    """Return the rows with the most missed and invented entities, the most first; ties go by id.

    >>> worst_tagging(["r1"], [["B-PER", "O"]], [["B-LOC", "O"]])[0].missed
    (Entity(type='PER', start=0, end=1),)
    """
    real, seen = entities_by_row(truth), entities_by_row(predicted)
    if len(real) != len(seen):
        raise DataError(f"truth has {len(real)} rows, predicted has {len(seen)}", wanted="a list of tags a row")
    found = [
        TaggingMistake(
            id=name,
            missed=tuple(one for one in true if one not in told),
            invented=tuple(one for one in told if one not in true),
        )
        for name, true, told in zip(_names(ids, len(real)), real, seen, strict=True)
        if true != told
    ]
    return tuple(sorted(found, key=lambda one: (-len(one.missed) - len(one.invented), one.id))[:most])


def _first(rows: NDArray[np.int64], badness: Floats, names: Sequence[str], most: int) -> list[int]:
    return sorted(rows.tolist(), key=lambda at: (-badness[at], names[at]))[:most]


def _names(ids: Values, rows: int) -> list[str]:
    row_ids(ids, rows)
    return [str(name) for name in arrow(ids, "ids").to_pylist()]


def _one_label_a_column(labels: Sequence[str], shares: Floats) -> None:
    if len(labels) != shares.shape[1]:
        raise DataError(f"{len(labels)} labels for {shares.shape[1]} columns of probabilities", wanted="one a column")
