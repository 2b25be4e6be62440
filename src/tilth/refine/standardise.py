"""Bring number columns to a common centre and scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.fold import FitsOn
from tilth.core.registry import name_of
from tilth.refine import _moments, _quantiles
from tilth.refine._columns import floats, put_floats


@dataclass(frozen=True, kw_only=True)
class Standardise:
    """Subtract the centre of the train rows and divide by their spread.

    >>> from tilth.testing import batch
    >>> rows = batch(number=[1.0, 3.0, None])
    >>> fold = Standardise(columns=("number",))
    >>> fold.finish(fold.observe(rows)).map(rows).column("number").to_pylist()
    [-1.0, 1.0, None]

    `mean`: mean and standard deviation of the population, from exact sums (see `_moments.py`). `robust`: median and
    interquartile range, which outliers hardly move. A column of one value becomes 0. Raises `DataError` for a column
    that holds no number in the train rows.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...]
    """The number columns."""
    method: Literal["mean", "robust"] = "mean"
    """Mean and standard deviation, or median and interquartile range."""

    def observe(self, batch: Batch) -> pa.Table:
        """Sum (or count) the values of a batch."""
        columns = [floats(batch, column, self) for column in self.columns]
        return _moments.observe(columns) if self.method == "mean" else _quantiles.observe(columns)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two sums (or counts); exact."""
        if self.method == "mean":
            return _moments.merge(left, right)
        return _quantiles.merge(left, right, len(self.columns))

    def finish(self, state: pa.Table) -> Standardised:
        """Return the operator for all rows."""
        centres, scales = [], []
        if self.method == "mean":
            for column, moments in zip(self.columns, _moments.read(state), strict=True):
                self._need(column, moments.rows)
                centres.append(moments.mean)
                scales.append(moments.deviation)
        else:
            for column, counted in zip(self.columns, _quantiles.read(state, len(self.columns)), strict=True):
                self._need(column, len(counted.values))
                first, median, third = _quantiles.quantiles(counted, [0.25, 0.5, 0.75])
                centres.append(median)
                scales.append(third - first)
        return Standardised(
            columns=self.columns, centres=tuple(centres), scales=tuple(scale if scale > 0 else 1.0 for scale in scales)
        )

    def _need(self, column: str, count: int) -> None:
        if not count:
            raise DataError(f'column "{column}" holds no number in the train rows', where=name_of(self))


@dataclass(frozen=True, kw_only=True)
class Standardised:
    """Subtract each column's centre and divide by its scale. Made by `Standardise`.

    >>> from tilth.testing import batch
    >>> fitted = Standardised(columns=("number",), centres=(2.0,), scales=(4.0,))
    >>> fitted.map(batch(number=[6, None])).column("number").to_pylist()
    [1.0, None]
    """

    columns: tuple[str, ...]
    """The number columns."""
    centres: tuple[float, ...]
    """What is subtracted from each."""
    scales: tuple[float, ...]
    """What each is divided by."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the columns as float64; what is not finite becomes null."""
        for column, centre, scale in zip(self.columns, self.centres, self.scales, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                scaled = (floats(batch, column, self) - centre) / scale
            batch = put_floats(batch, column, scaled)
        return batch


EXAMPLES = (Standardise(columns=("number", "count")), Standardise(columns=("number",), method="robust"))
