"""Deal with numbers far from the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import VERDICT, verdicts
from tilth.core.registry import name_of
from tilth.refine import _isolation, _quantiles
from tilth.refine._columns import Floats, floats, put_floats

_FOREST = "outliers isolation_forest"
_NORMAL = 0.6745
"""The upper quartile of the standard normal: MAD / 0.6745 estimates its standard deviation."""


@dataclass(frozen=True, kw_only=True)
class Outliers:
    """Fit fences on train rows, and drop, clip or blank what lies outside them.

    >>> from tilth.testing import batch
    >>> rows = batch(number=[1.0, 2.0, 3.0, 4.0, 100.0, None])
    >>> fold = Outliers(columns=("number",))
    >>> fold.finish(fold.observe(rows)).judge(rows).is_valid().to_pylist()
    [False, False, False, False, True, False]

    `iqr`: Tukey's fences (Exploratory Data Analysis, 1977), `factor` (1.5) interquartile ranges below the first and
    above the third quartile. `mad`: modified z-score (Iglewicz and Hoaglin 1993), `factor` (3.5) times MAD / 0.6745
    around the median. A column whose middle half is one value has no fences, and neither has one without train rows:
    nothing in it is an outlier. An infinity is one wherever there are fences; a null never is.

    `isolation_forest` looks at all columns together (Liu, Ting, Zhou 2008): rows that few random cuts set apart from a
    sample of train rows score near 1. `factor` (0.6) is the score from which a row is an outlier, unless `share` says
    which share of train rows is. A null counts as its column's median. The sample is the rows with the smallest hashes
    of id, 25,600 at most; only `drop` makes sense.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...]
    """The number columns."""
    method: Literal["iqr", "mad", "isolation_forest"] = "iqr"
    """How to place the fences, a column at a time; or a forest over all columns."""
    factor: float | None = None
    """How far out the fences are (the forest: the least score); null takes the method's own, 1.5, 3.5 or 0.6."""
    share: float | None = None
    """With the forest: the share of train rows (above 0, below 0.5) that are outliers; replaces `factor`."""
    seed: int = 1
    """With the forest: chooses its sample and its cuts."""
    trees: int = 100
    """With the forest: how many trees; more make scores steadier."""
    action: Literal["drop", "clip", "null"] = "drop"
    """Drop the row, move the number to the fence, or turn it into null."""

    def __post_init__(self) -> None:
        """Refuse options that do not go together."""
        where = name_of(self)
        forest = self.method == "isolation_forest"
        if forest and self.action != "drop":
            raise RecipeError(f"isolation_forest with action {self.action}", where=where, wanted="action: drop")
        if self.share is not None and not (forest and 0 < self.share < 0.5):
            raise RecipeError(f"share {self.share}", where=where, wanted="above 0, below 0.5, with isolation_forest")
        if forest and not self.columns:
            raise RecipeError("no columns", where=where, wanted="one or more number columns")
        if self.trees < 1:
            raise RecipeError(f"trees {self.trees}", where=where, wanted="1 or more")

    def observe(self, batch: Batch) -> pa.Table:
        """Count the values of a batch, or sample its rows."""
        if self.method == "isolation_forest":
            return _isolation.observe(batch, self.columns, self.seed, self)
        return _quantiles.observe([floats(batch, column, self) for column in self.columns])

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts, or sample both; exact."""
        if self.method == "isolation_forest":
            return _isolation.merge(left, right)
        return _quantiles.merge(left, right, len(self.columns))

    def finish(self, state: pa.Table) -> OutliersDropped | OutliersReplaced | OutliersIsolated:
        """Return the operator for all rows."""
        if self.method == "isolation_forest":
            return self._isolated(state)
        columns, low, high = [], [], []
        for column, counted in zip(self.columns, _quantiles.read(state, len(self.columns)), strict=True):
            centre, spread = self._fences(counted) if len(counted.values) else (0.0, 0.0)
            if spread > 0 and math.isfinite(centre - spread) and math.isfinite(centre + spread):
                columns.append(column)
                low.append(centre - spread)
                high.append(centre + spread)
        if self.action == "drop":
            return OutliersDropped(columns=tuple(columns), low=tuple(low), high=tuple(high))
        return OutliersReplaced(columns=tuple(columns), low=tuple(low), high=tuple(high), clip=self.action == "clip")

    def _isolated(self, state: pa.Table) -> OutliersIsolated:
        forest, medians, scores = _isolation.fit(state, self.columns, self.seed, self.trees)
        least = 0.6 if self.factor is None else self.factor
        if self.share is not None and len(scores):
            least = float(np.quantile(scores, 1 - self.share, method="higher"))
        return OutliersIsolated(
            columns=self.columns,
            medians=tuple(medians.tolist()),
            features=tuple(forest.features.tolist()),
            cuts=tuple(forest.cuts.tolist()),
            usual=forest.usual,
            score=least,
        )

    def _fences(self, counted: _quantiles.Counted) -> tuple[float, float]:
        """Return the middle between the fences, and how far it is to each."""
        if self.method == "iqr":
            first, third = _quantiles.quantiles(counted, [0.25, 0.75])
            factor = 1.5 if self.factor is None else self.factor
            return first / 2 + third / 2, (third - first) * (0.5 + factor) if third > first else 0.0
        (median,) = _quantiles.quantiles(counted, [0.5])
        (deviation,) = _quantiles.quantiles(_quantiles.deviations(counted, median), [0.5])
        return median, deviation / _NORMAL * (3.5 if self.factor is None else self.factor)


@dataclass(frozen=True, kw_only=True)
class OutliersDropped:
    """Drop rows with a number outside its column's fences. Made by `Outliers`.

    >>> from tilth.testing import batch
    >>> verdicts = OutliersDropped(columns=("number",), low=(0.0,), high=(9.0,)).judge(batch(number=[5, 10, None]))
    >>> verdicts.is_valid().to_pylist(), verdicts[1].as_py()["threshold"]
    ([False, True, False], 9.0)
    """

    columns: tuple[str, ...]
    """The number columns that have fences."""
    low: tuple[float, ...]
    """The lower fence of each."""
    high: tuple[float, ...]
    """The upper fence of each."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row with an outlier: the first such column, its number, the fence it crosses."""
        found: list[dict[str, str | float] | None] = [None] * batch.num_rows
        for column, low, high in reversed(list(zip(self.columns, self.low, self.high, strict=True))):
            numbers = floats(batch, column, self)
            for row in np.flatnonzero((numbers < low) | (numbers > high)).tolist():
                value = float(numbers[row])
                found[row] = {"rule": f"outliers {column}", "value": value, "threshold": low if value < low else high}
        return pa.array(found, VERDICT)


@dataclass(frozen=True, kw_only=True)
class OutliersReplaced:
    """Clip or blank numbers outside their column's fences. Made by `Outliers`.

    >>> from tilth.testing import batch
    >>> clipped = OutliersReplaced(columns=("number",), low=(0.0,), high=(9.0,), clip=True)
    >>> clipped.map(batch(number=[5, 10, None])).column("number").to_pylist()
    [5.0, 9.0, None]
    """

    columns: tuple[str, ...]
    """The number columns that have fences."""
    low: tuple[float, ...]
    """The lower fence of each."""
    high: tuple[float, ...]
    """The upper fence of each."""
    clip: bool
    """Move outliers to the fence (true) or turn them into null (false)."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with outliers replaced; the columns become float64."""
        for column, low, high in zip(self.columns, self.low, self.high, strict=True):
            batch = put_floats(batch, column, self._replaced(floats(batch, column, self), low, high))
        return batch

    def _replaced(self, numbers: Floats, low: float, high: float) -> Floats:
        if self.clip:
            return np.clip(numbers, low, high)
        return np.where((numbers < low) | (numbers > high), np.nan, numbers)


@dataclass(frozen=True, kw_only=True)
class OutliersIsolated:
    """Drop rows that few random cuts set apart from train rows. Made by `Outliers`.

    >>> from tilth.testing import batch
    >>> forest = OutliersIsolated(columns=("number",), medians=(0.0,), features=(), cuts=(), usual=1.0, score=0.6)
    >>> forest.judge(batch(number=[1.0, None])).null_count
    2
    """

    columns: tuple[str, ...]
    """The number columns."""
    medians: tuple[float, ...]
    """What a null counts as, in each."""
    features: tuple[int, ...]
    """Which column each node cuts, tree by tree; -1 is a leaf."""
    cuts: tuple[float, ...]
    """Where it cuts; a leaf's path length."""
    usual: float
    """The usual path length."""
    score: float
    """The score from which a row is an outlier."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each outlier, with its score."""
        if not self.features:
            return verdicts([False] * batch.num_rows, _FOREST)
        rows = _isolation.filled(batch, self.columns, np.array(self.medians), self)
        forest = _isolation.Forest(np.array(self.features, np.int64), np.array(self.cuts, np.float64), self.usual)
        scores = _isolation.scores(forest, rows)
        return verdicts((scores >= self.score).tolist(), _FOREST, values=scores.tolist(), threshold=self.score)


EXAMPLES = (
    Outliers(columns=("number",)),
    Outliers(columns=("number", "count"), method="mad", action="clip"),
    Outliers(columns=("number",), factor=3.0, action="null"),
    Outliers(columns=("number", "count"), method="isolation_forest", trees=5),
    Outliers(columns=("number", "count"), method="isolation_forest", share=0.1, seed=3, trees=2),
)
