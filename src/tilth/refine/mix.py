"""Bring the train rows of several sources into given proportions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tilth.core.batch import SOURCE, Batch
from tilth.core.errors import DataError, RecipeError, did_you_mean
from tilth.core.fold import FitsOn
from tilth.core.operator import VERDICT
from tilth.core.registry import name_of
from tilth.refine import _lots, _order
from tilth.refine._labels import labels_of


@dataclass(frozen=True, kw_only=True)
class Mix:
    """Thin the train rows of each source (or language, class …) until their shares are the ones asked for.

    >>> from tilth.testing import batch
    >>> rows = batch(_split=["train"] * 9, label=["web"] * 6 + ["books"] * 3)
    >>> mix = Mix(by="label", weights={"web": 0.5, "books": 0.5})
    >>> mixed = mix.finish(mix.observe(rows))
    >>> [verdict is None for verdict in mixed.judge(rows).to_pylist()].count(True)
    6

    A group's share is its weight, or without weights its number of rows, to the power 1/`temperature`, divided by the
    sum: 1 leaves shares as they are, a higher temperature evens them out. It is the alpha of multilingual sampling with
    alpha = 1/temperature: 0.7 in mBERT (Devlin et al. 2019), 1/5 in Arivazhagan et al. (2019), 0.3 in XLM-R (Conneau et
    al. 2020).

    No row is repeated, so the group that is shortest of rows limits the mix: it stays whole, and the others are thinned
    to it. Which rows stay is decided by a hash of their ids: shards do not matter, and the sets only shift at their
    edge when the data grow. Numbers are exact up to 800,000 train rows; beyond, a group of `n` rows among `g` groups
    may keep up to `n * g / 400,000` fewer than asked.
    """

    by: str = SOURCE
    """The column that says which group a row is in; by default its source's name."""
    weights: Mapping[str, float] | None = None
    """How much of each group to have: numbers in proportion, 0 leaves it out. Every group must be named."""
    temperature: float = 1.0
    """Above 1 brings the shares closer together, below 1 further apart."""
    rows: int | None = None
    """How many rows to keep in all; by default as many as the proportions allow."""
    seed: int = 0
    """Another seed keeps other rows."""
    splits: tuple[_lots.Split, ...] = ("train",)
    """The splits to thin; groups are counted over all of them together."""

    def __post_init__(self) -> None:
        """Refuse weights that name no proportions."""
        numbers = list((self.weights or {"": 1.0}).values())
        if any(not 0 <= number < math.inf for number in numbers) or not sum(numbers):
            raise RecipeError("weights that are no proportions", where=name_of(self), wanted="0 or more, not all 0")
        if not 0 < self.temperature < math.inf:
            raise RecipeError(f"temperature {self.temperature}", where=name_of(self), wanted="above 0")
        if self.rows is not None and self.rows < 1:
            raise RecipeError(f"rows {self.rows}", where=name_of(self), wanted="1 or more")

    @property
    def fits_on(self) -> FitsOn:
        """Train rows, unless other splits are thinned too."""
        return "train" if self.splits == ("train",) else "all"

    def observe(self, batch: Batch) -> pa.Table:
        """Count the lots of each group of a batch."""
        rows = batch.filter(pa.array(_lots.counted(batch, self.splits)))
        return _order.observe(labels_of(rows, self.by, self), _lots.lots(rows, self.seed))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        return _order.merge(left, right)

    def finish(self, state: pa.Table) -> Mixed:
        """Return the filter that keeps each group's part."""
        there = _order.rows(state)
        shares = self._shares(there)
        whole = self._whole(there, shares)
        below = {
            group: _order.limit(state, group, min(count, math.floor(whole * shares[group] + 0.5)))
            if shares[group]
            else 0
            for group, count in there.items()
        }
        return Mixed(by=self.by, below=below, seed=self.seed, splits=self.splits)

    def _shares(self, there: Mapping[str, int]) -> dict[str, float]:
        weights: Mapping[str, float] = there if self.weights is None else self.weights
        for group in there:
            if group not in weights:
                raise DataError(
                    f'"{group}" has rows and no weight',
                    where=name_of(self),
                    wanted=f"a weight for each of {', '.join(sorted(there))}",
                    do=did_you_mean(group, weights) or "Give it one; 0 leaves its rows out.",
                )
        for group, weight in weights.items():
            if weight and group not in there:
                raise DataError(
                    f'"{group}" has a weight and no rows',
                    where=name_of(self),
                    wanted=f"one of {', '.join(sorted(there))}" if there else "train rows",
                    do=did_you_mean(group, there),
                )
        top = max((weight for weight in weights.values()), default=1.0)
        raised = {group: (weights[group] / top) ** (1 / self.temperature) if weights[group] else 0.0 for group in there}
        total = sum(raised.values())
        return {group: number / total for group, number in raised.items()}

    def _whole(self, there: Mapping[str, int], shares: Mapping[str, float]) -> float:
        """Return how many rows the mix has: those asked for, or what the shortest group allows."""
        room = {group: there[group] / share for group, share in shares.items() if share}
        if not room:
            return 0.0
        shortest = min(room, key=lambda group: (room[group], group))
        if self.rows is None:
            return room[shortest]
        if self.rows > room[shortest] + 0.5 / shares[shortest]:
            raise DataError(
                f'"{shortest}" has {there[shortest]:,} rows, and {shares[shortest]:.1%} of {self.rows:,} is more',
                where=name_of(self),
                wanted=f"rows up to {math.floor(room[shortest]):,}",
                do="Ask for fewer rows, give it less weight, or find more of it: no row is repeated.",
            )
        return float(self.rows)


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """Drop rows whose lot is above their group's limit. Made by `Mix`.

    >>> from tilth.testing import batch
    >>> mixed = Mixed(by="label", below={"web": 0}, seed=0, splits=("train",))
    >>> mixed.judge(batch(_split=["train", "train", "test"], label=["web", "books", "web"])).is_valid().to_pylist()
    [True, False, False]
    """

    by: str
    """The column that says which group a row is in."""
    below: Mapping[str, int]
    """Rows of a group with a lot below its limit stay."""
    seed: int
    """The seed of the lots."""
    splits: tuple[_lots.Split, ...]
    """The splits to thin."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row to leave out: its lot, from 0 to 1, and its group's share that stays."""
        groups = labels_of(batch, self.by, self)
        limits = np.array(
            [_lots.ALL if group is None else self.below.get(group, _lots.ALL) for group in groups], np.int64
        )
        drawn = _lots.lots(batch, self.seed)
        drop = _lots.thinned(batch, self.splits) & (drawn >= limits)
        return pa.array(
            [
                {"rule": "mix", "value": lot / _lots.ALL, "threshold": limit / _lots.ALL} if goes else None
                for goes, lot, limit in zip(drop.tolist(), drawn.tolist(), limits.tolist(), strict=True)
            ],
            VERDICT,
        )


EXAMPLES = (
    Mix(by="label", weights={"ham": 2, "bill": 1, "spam": 1}),
    Mix(by="label", temperature=3.0, seed=2, splits=("train", "valid")),
)
