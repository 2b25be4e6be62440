"""Say in which stage of training a row should be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _quantiles
from tilth.refine._columns import floats


@dataclass(frozen=True, kw_only=True)
class Curriculum:
    """Cut the train rows into stages of equal size by a column of numbers: quality, length, difficulty.

    >>> from tilth.testing import batch
    >>> rows = batch(number=[0.1, 0.9, 0.5, None])
    >>> staged = Curriculum(column="number", stages=3).finish(Curriculum(column="number", stages=3).observe(rows))
    >>> staged.map(rows).column("stage").to_pylist()
    [0, 2, 1, None]

    Adds a column with the stage of each row, from 0: easy rows first (Bengio et al. 2009, "Curriculum Learning"), or
    the best last, to anneal on. No row is dropped or moved; `train: {curriculum: stage}` reads each epoch in the order
    of the stages. A row without a number has no stage. The limits are quantiles of the train rows, exact up to 65,536
    distinct numbers; rows with one number are in one stage.
    """

    fits_on: ClassVar[FitsOn] = "train"

    column: str
    """The number column to order by."""
    stages: int = 4
    """How many stages there are."""
    first: Literal["lowest", "highest"] = "lowest"
    """Which rows come first."""
    into: str = "stage"
    """The name of the column that is added."""

    def __post_init__(self) -> None:
        """Refuse fewer than two stages, and more than can be told apart."""
        if not 2 <= self.stages <= 1000:
            raise RecipeError(f"stages {self.stages}", where=name_of(self), wanted="2 to 1000")
        if self.into.startswith("_") or not self.into:
            raise RecipeError(f'into "{self.into}"', where=name_of(self), wanted="a name without a leading _")

    def observe(self, batch: Batch) -> pa.Table:
        """Count the numbers of a batch."""
        return _quantiles.observe([floats(batch, self.column, self)])

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        return _quantiles.merge(left, right, 1)

    def finish(self, state: pa.Table) -> Staged:
        """Return the mapper that adds the column."""
        (counted,) = _quantiles.read(state, 1)
        levels = [stage / self.stages for stage in range(1, self.stages)]
        limits = _quantiles.quantiles(counted, levels) if len(counted.values) else []
        return Staged(column=self.column, limits=tuple(limits), descending=self.first == "highest", into=self.into)


@dataclass(frozen=True, kw_only=True)
class Staged:
    """Add the stage of each row. Made by `Curriculum`.

    >>> from tilth.testing import batch
    >>> staged = Staged(column="number", limits=(1.0,), descending=True, into="stage")
    >>> staged.map(batch(number=[0.0, 5.0])).column("stage").to_pylist()
    [1, 0]
    """

    column: str
    """The number column to order by."""
    limits: tuple[float, ...]
    """The greatest number of each stage but the last, ascending."""
    descending: bool
    """Whether the greatest numbers come first."""
    into: str
    """The name of the column that is added."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the column; null where the number is."""
        numbers = floats(batch, self.column, self)
        stages = np.searchsorted(np.array(self.limits, np.float64), numbers, side="left")
        if self.descending:
            stages = len(self.limits) - stages
        return with_column(batch, self.into, pa.array(stages.astype(np.int64), pa.int64(), mask=np.isnan(numbers)))


EXAMPLES = (
    Curriculum(column="number"),
    Curriculum(column="count", stages=2, first="highest", into="turn"),
)
