"""Keep at most so many train rows of each group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import DataError, RecipeError
from tilth.core.fold import STATE_LIMIT, FitsOn
from tilth.core.operator import VERDICT
from tilth.core.registry import name_of
from tilth.refine import _lots
from tilth.refine._labels import labels_of


@dataclass(frozen=True, kw_only=True)
class Cap:
    """Keep at most `at_most` train rows of each class, source, cluster or other value of a column.

    >>> from tilth.testing import batch
    >>> rows = batch(_split=["train"] * 4 + ["test"], label=["a", "a", "a", "b", "a"])
    >>> capped = Cap(by="label", at_most=2).finish(Cap(by="label", at_most=2).observe(rows))
    >>> dropped = [verdict for verdict in capped.judge(rows).to_pylist() if verdict]
    >>> [(verdict["rule"], verdict["value"], verdict["threshold"]) for verdict in dropped]
    [('cap', 3.0, 2.0)]

    Exactly `at_most` rows of a group that has more stay: those with the smallest hashes of their ids under the seed, so
    that shards do not matter and a new row displaces at most one other. A row without a value is not capped. Groups
    have to share 16 MiB, about two million rows that stay or might; more is refused, never cut short. Only rows of
    `splits` count and leave.
    """

    by: str
    """The column that says which group a row is in: a label, `_source`, a cluster."""
    at_most: int
    """The greatest number of rows of a group."""
    seed: int = 0
    """Another seed keeps other rows."""
    splits: tuple[_lots.Split, ...] = ("train",)
    """The splits to thin; each group is counted over all of them together."""

    def __post_init__(self) -> None:
        """Refuse a cap below one."""
        if self.at_most < 1:
            raise RecipeError(f"at_most {self.at_most}", where=name_of(self), wanted="1 or more")

    @property
    def fits_on(self) -> FitsOn:
        """Train rows, unless other splits are thinned too."""
        return "train" if self.splits == ("train",) else "all"

    def observe(self, batch: Batch) -> pa.Table:
        """Hold the smallest lots of each group of a batch."""
        rows = batch.filter(pa.array(_lots.counted(batch, self.splits)))
        return self._held(_lots.hold(labels_of(rows, self.by, self), _lots.lots(rows, self.seed), self.at_most))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Hold the smallest lots of each group of both; exact."""
        return self._held(_lots.merge(left, right, self.at_most))

    def finish(self, state: pa.Table) -> Capped:
        """Return the filter that keeps the rows with these lots; only groups with too many rows have a limit."""
        rows: dict[str, int] = {}
        below: dict[str, int] = {}
        held, start = _lots.flat(state, "lots"), 0
        for group, count, size in zip(
            state["group"].to_pylist(), state["rows"].to_pylist(), _lots.sizes(state).tolist(), strict=True
        ):
            start += size
            if count > self.at_most:
                rows[group], below[group] = count, int(held[start - 1]) + 1
        return Capped(by=self.by, at_most=self.at_most, rows=rows, below=below, seed=self.seed, splits=self.splits)

    def _held(self, state: pa.Table) -> pa.Table:
        if state.nbytes > STATE_LIMIT:
            raise DataError(
                f'column "{self.by}" has {state.num_rows:,} groups: up to {self.at_most:,} rows of each take more than'
                f" {STATE_LIMIT >> 20} MiB",
                where=name_of(self),
                do="Lower `at_most`, or cap by a column with fewer values.",
            )
        return state


@dataclass(frozen=True, kw_only=True)
class Capped:
    """Drop rows of a large group whose lot is not among the smallest. Made by `Cap`.

    >>> from tilth.testing import batch
    >>> capped = Capped(by="label", at_most=1, rows={"a": 9}, below={"a": 0}, seed=0, splits=("train",))
    >>> capped.judge(batch(_split=["train", "train"], label=["a", "b"])).is_valid().to_pylist()
    [True, False]
    """

    by: str
    """The column that says which group a row is in."""
    at_most: int
    """The greatest number of rows of a group."""
    rows: Mapping[str, int]
    """How many rows each group has that has too many."""
    below: Mapping[str, int]
    """Rows of such a group with a lot below this stay."""
    seed: int
    """The seed of the lots."""
    splits: tuple[_lots.Split, ...]
    """The splits to thin."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row too many: how many rows its group has, and the greatest number."""
        groups = labels_of(batch, self.by, self)
        limits = np.array(
            [_lots.ALL if group is None else self.below.get(group, _lots.ALL) for group in groups], np.int64
        )
        drop = _lots.thinned(batch, self.splits) & (_lots.lots(batch, self.seed) >= limits)
        return pa.array(
            [
                {"rule": "cap", "value": float(self.rows.get(group or "", 0)), "threshold": float(self.at_most)}
                if goes
                else None
                for goes, group in zip(drop.tolist(), groups, strict=True)
            ],
            VERDICT,
        )


EXAMPLES = (Cap(by="label", at_most=2), Cap(by="count", at_most=1, seed=3, splits=("train", "valid", "test")))
