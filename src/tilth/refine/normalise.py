"""Bring number columns into the range from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _quantiles
from tilth.refine._columns import Floats, floats, put_floats

STATE = pa.schema([("column", pa.int16()), ("low", pa.float64()), ("high", pa.float64())])


@dataclass(frozen=True, kw_only=True)
class Normalise:
    """Scale numbers so that the train rows fill the range from 0 to 1.

    >>> from tilth.testing import batch
    >>> rows = batch(number=[10.0, 15.0, 20.0, None])
    >>> fold = Normalise(columns=("number",))
    >>> fold.finish(fold.observe(rows)).map(rows).column("number").to_pylist()
    [0.0, 0.5, 1.0, None]

    `range`: by the least and the greatest value. `quantile`: by rank, so that the result is spread evenly; ties get the
    middle of their ranks. A column of one value becomes 0 (by rank 0.5). A number beyond the train rows becomes 0 or 1.
    Raises `DataError` for a column that holds no number in the train rows.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...]
    """The number columns."""
    method: Literal["range", "quantile"] = "range"
    """By the least and the greatest value, or by rank."""
    knots: int = 101
    """How many quantiles are kept, with straight lines between them."""

    def observe(self, batch: Batch) -> pa.Table:
        """Note the ends (or count the values) of a batch."""
        columns = [floats(batch, column, self) for column in self.columns]
        if self.method == "quantile":
            return _quantiles.observe(columns)
        finite = [numbers[np.isfinite(numbers)] for numbers in columns]
        return pa.table(
            [
                pa.array(range(len(columns)), pa.int16()),
                pa.array([float(numbers.min()) if len(numbers) else None for numbers in finite], pa.float64()),
                pa.array([float(numbers.max()) if len(numbers) else None for numbers in finite], pa.float64()),
            ],
            schema=STATE,
        )

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Join two ends (or counts); exact."""
        if self.method == "quantile":
            return _quantiles.merge(left, right, len(self.columns))
        low = pc.min_element_wise(left["low"], right["low"], skip_nulls=True)
        high = pc.max_element_wise(left["high"], right["high"], skip_nulls=True)
        return pa.table([left["column"], low, high], schema=STATE).combine_chunks()

    def finish(self, state: pa.Table) -> Normalised:
        """Return the operator for all rows."""
        if self.method == "quantile":
            levels = np.linspace(0, 1, max(2, self.knots)).tolist()
            knots = [
                tuple(_quantiles.quantiles(counted, levels)) if len(counted.values) else ()
                for counted in _quantiles.read(state, len(self.columns))
            ]
        else:
            ends = zip(state["low"].to_pylist(), state["high"].to_pylist(), strict=True)
            knots = [() if low is None else (low, high) for low, high in ends]
        for column, found in zip(self.columns, knots, strict=True):
            if not found:
                raise DataError(f'column "{column}" holds no number in the train rows', where=name_of(self))
        return Normalised(columns=self.columns, knots=tuple(knots), by_rank=self.method == "quantile")


@dataclass(frozen=True, kw_only=True)
class Normalised:
    """Place each number between its column's knots, which stand evenly from 0 to 1. Made by `Normalise`.

    >>> from tilth.testing import batch
    >>> fitted = Normalised(columns=("number",), knots=((0.0, 1.0, 10.0),))
    >>> fitted.map(batch(number=[-5.0, 1.0, 5.5, 11.0])).column("number").to_pylist()
    [0.0, 0.5, 0.75, 1.0]
    """

    columns: tuple[str, ...]
    """The number columns."""
    knots: tuple[tuple[float, ...], ...]
    """Ascending values of each column: at least its least and greatest."""
    by_rank: bool = False
    """Give a value that several knots share the middle of their places, not the first."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the columns as float64; null and NaN become null."""
        for column, knots in zip(self.columns, self.knots, strict=True):
            batch = put_floats(batch, column, self._placed(floats(batch, column, self), np.array(knots)))
        return batch

    def _placed(self, numbers: Floats, knots: Floats) -> Floats:
        places = np.linspace(0, 1, len(knots))
        first = self._first(numbers, knots, places)
        if not self.by_rank:
            return first
        last = -self._first(-numbers, -knots[::-1], -places[::-1])
        return (first + last) / 2

    def _first(self, numbers: Floats, knots: Floats, places: Floats) -> Floats:
        """Interpolate; a value on several equal knots gets the place of the first."""
        at = np.clip(np.searchsorted(knots, numbers, side="left"), 1, len(knots) - 1)
        left, right = knots[at - 1], knots[at]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            # Halved, so that the width of the widest range is still finite.
            share = (numbers / 2 - left / 2) / (right / 2 - left / 2)
        share = np.where(right > left, np.nan_to_num(share), (numbers > right).astype(np.float64))
        placed = places[at - 1] + np.clip(share, 0, 1) * (places[at] - places[at - 1])
        return np.where(np.isnan(numbers), np.nan, placed)


EXAMPLES = (Normalise(columns=("number", "count")), Normalise(columns=("number",), method="quantile", knots=11))
