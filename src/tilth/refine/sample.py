"""Keep a uniform sample of the train rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import verdicts
from tilth.core.registry import name_of
from tilth.refine import _lots

MOST = 1_000_000
"""The largest sample by rows: its lots are the fold's state, which may hold 16 MiB."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Keep exactly `rows` train rows, or about a `share` of them; every row has the same chance.

    >>> from tilth.testing import batch
    >>> rows = batch(_split=["train"] * 8 + ["test"] * 2, n=range(10))
    >>> sampled = Sample(rows=3).finish(Sample(rows=3).observe(rows))
    >>> [verdict is None for verdict in sampled.judge(rows).to_pylist()].count(True)
    5

    A row's lot is a hash of its id under the seed, and the rows with the smallest lots stay: a reservoir sample (Vitter
    1985) that any cut of the data into shards gives alike (bottom-k sampling, Cohen and Kaplan 2007). When the data
    grow, the sample changes by as many rows as a new sample must. With `share` a row stays or goes for good.

    Rows of other splits than those in `splits` are left alone, and so are rows that have none: what a served model is
    asked about is never thinned.
    """

    rows: int | None = None
    """How many rows to keep, up to 1,000,000; all of them where there are fewer."""
    share: float | None = None
    """Which share of the rows to keep, from 0 to 1, instead of a number."""
    seed: int = 0
    """Another seed keeps other rows."""
    splits: tuple[_lots.Split, ...] = ("train",)
    """The splits to thin. Thin test only if you mean to: its figures become less certain."""

    def __post_init__(self) -> None:
        """Refuse a sample that is not said, or too large to hold."""
        if (self.rows is None) == (self.share is None):
            raise RecipeError("say how much to keep", where=name_of(self), wanted="either rows or share")
        if self.rows is not None and not 0 <= self.rows <= MOST:
            raise RecipeError(
                f"rows {self.rows}",
                where=name_of(self),
                wanted=f"0 to {MOST:,}",
                do="Use `share` for a larger sample." if self.rows > MOST else None,
            )
        if self.share is not None and not 0 <= self.share <= 1:
            raise RecipeError(f"share {self.share}", where=name_of(self), wanted="0 to 1")

    @property
    def fits_on(self) -> FitsOn:
        """Train rows, unless other splits are thinned too."""
        return "train" if self.splits == ("train",) else "all"

    def observe(self, batch: Batch) -> pa.Table:
        """Hold the smallest lots of a batch."""
        drawn = _lots.lots(batch, self.seed)[_lots.counted(batch, self.splits)]
        return _lots.hold([""] * len(drawn), drawn, self.rows or 0)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Hold the smallest lots of both; exact."""
        return _lots.merge(left, right, self.rows or 0)

    def finish(self, state: pa.Table) -> Sampled:
        """Return the filter that keeps the rows with these lots."""
        below = _lots.ALL
        if self.share is not None:
            below = round(self.share * _lots.ALL)
        elif sum(state["rows"].to_pylist()) > (self.rows or 0):
            held = _lots.flat(state, "lots")
            below = int(held[-1]) + 1 if len(held) else 0
        return Sampled(below=below, seed=self.seed, splits=self.splits)


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """Drop rows whose lot is not small enough. Made by `Sample`.

    >>> from tilth.testing import batch
    >>> sampled = Sampled(below=0, seed=0, splits=("train",))
    >>> [verdict and verdict["threshold"] for verdict in sampled.judge(batch(_split=["train", "test"])).to_pylist()]
    [0.0, None]
    """

    below: int
    """Rows with a lot below this stay."""
    seed: int
    """The seed of the lots."""
    splits: tuple[_lots.Split, ...]
    """The splits to thin."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row to leave out: its lot as a share from 0 to 1, and the share that stays."""
        drawn = _lots.lots(batch, self.seed)
        drop = _lots.thinned(batch, self.splits) & (drawn >= np.int64(self.below))
        values = (drawn / _lots.ALL).tolist()
        return verdicts(drop.tolist(), "sample", values=values, threshold=self.below / _lots.ALL)


EXAMPLES = (Sample(rows=3), Sample(share=0.5, seed=7), Sample(rows=2, splits=("train", "valid")))
