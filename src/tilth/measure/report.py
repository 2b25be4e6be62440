"""Lay out precision, recall and F1 of every class and their averages, as people know the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilth.measure import scores
from tilth.measure.counts import PARTS, Counts
from tilth.measure.result import Result
from tilth.measure.scores import Scores


@dataclass(frozen=True, kw_only=True)
class Score(Result):
    """One line of a report."""

    name: str
    """The class, or the average."""
    precision: float
    recall: float
    f1: float
    support: int
    """How many true cases there are."""


@dataclass(frozen=True, kw_only=True)
class ClassificationReport(Result):
    """Scores of every class, and their averages."""

    classes: tuple[Score, ...]
    micro: Score
    macro: Score
    weighted: Score
    samples: Score | None = None
    """The mean over rows; multi-label only."""
    accuracy: float | None = None
    """The share of rows (or tokens) that are right; multi-label: all labels right. None where it has no meaning."""

    def as_text(self, digits: int = 2) -> str:
        """Return the table that scikit-learn's `classification_report` prints, to the letter."""
        width = max(*(len(score.name) for score in self.classes), len("weighted avg"), digits)
        line = "{:>{width}s} " + " {:>9.{digits}f}" * 3 + " {:>9}\n"
        text = ("{:>{width}s} " + " {:>9}" * 4).format(
            "", "precision", "recall", "f1-score", "support", width=width
        ) + "\n\n"

        def row(score: Score) -> str:
            cells = (score.precision, score.recall, score.f1, score.support)
            return line.format(score.name, *cells, width=width, digits=digits)

        text += "".join(map(row, self.classes)) + "\n"
        if self.accuracy is not None and self.samples is None:
            middle = "{:>{width}s} " + " {:>9}" * 2 + " {:>9.{digits}f} {:>9}\n"
            text += middle.format("accuracy", "", "", self.accuracy, self.micro.support, width=width, digits=digits)
        else:
            text += row(self.micro)
        text += row(self.macro) + row(self.weighted)
        return text + (row(self.samples) if self.samples is not None else "")


def summarise(counts: Counts, *, leave_out: str | None = None) -> ClassificationReport:
    """Return the report of all rows, over every class but the one left out.

    With a class left out the report has no accuracy: its averages no longer see every row.
    """
    columns = [at for at, name in enumerate(counts.classes) if name != leave_out]
    hits, predicted, true = (
        side.sum(axis=0, dtype=np.int64)[columns] for side in (counts.hits, counts.predicted, counts.true)
    )
    sums = counts.statistics().sum(axis=0) if counts.multilabel else None
    return lay_out(
        [counts.classes[at] for at in columns],
        hits,
        predicted,
        true,
        accuracy=counts.value("accuracy") if len(columns) == len(counts.classes) else None,
        samples=Scores(*(counts.metric(f"samples_{part}")(sums) for part in PARTS)) if sums is not None else None,
    )


def lay_out(
    names: Sequence[str],
    hits: NDArray[np.generic],
    predicted: NDArray[np.generic],
    true: NDArray[np.generic],
    *,
    accuracy: float | None = None,
    samples: Scores | None = None,
) -> ClassificationReport:
    """Return the report of summed counts, one value a class in each array.

    Averages are over all the classes named, also one without a case, as scikit-learn does for given labels.
    """
    each = scores.scores(hits, predicted, true)
    support = int(np.sum(true))

    def score(name: str, values: Scores, count: int) -> Score:
        precision, recall, f1 = (float(np.nan_to_num(value)) for value in values)
        return Score(name=name, precision=precision, recall=recall, f1=f1, support=count)

    everywhere = np.ones(len(names), dtype=np.bool_)
    return ClassificationReport(
        classes=tuple(
            score(name, Scores(*(part[at] for part in each)), int(true[at])) for at, name in enumerate(names)
        ),
        micro=score("micro avg", scores.micro(hits, predicted, true), support),
        macro=score("macro avg", scores.macro(each, everywhere), support),
        weighted=score("weighted avg", scores.weighted(each, true), support),
        samples=None if samples is None else score("samples avg", samples, support),
        accuracy=accuracy,
    )
