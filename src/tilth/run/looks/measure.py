"""Look at one shard in one pass: its columns, what its texts measure, what each rule makes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core import registry
from tilth.core.batch import ID, STATISTICS, Batch, user_columns, with_column
from tilth.core.operator import Filter, Mapper
from tilth.core.shard import Shard
from tilth.run.ledger import Ledger
from tilth.run.looks.bins import Bins
from tilth.run.looks.columns import ColumnTally
from tilth.run.looks.rules import RuleTally, Seen, tried
from tilth.run.looks.target import PLACE, ROOM, ReadSources
from tilth.run.looks.together import Together
from tilth.run.pipe import Link, flow
from tilth.text import statistics

HEAD = 400
"""Characters of a text that its language is told by: the shares need no more."""


@dataclass(kw_only=True)
class Found:
    """What one shard, or all, held."""

    rows: int = 0
    rejected: int = 0
    reasons: list[str] = field(default_factory=list)
    columns: dict[str, ColumnTally] = field(default_factory=dict)
    languages: Counter[str] = field(default_factory=Counter)
    statistics: dict[str, Bins] = field(default_factory=dict)
    operators: dict[str, dict[str, int]] = field(default_factory=dict)
    rules: dict[str, RuleTally] = field(default_factory=dict)
    together: Together = field(default_factory=Together)
    operators_together: Together = field(default_factory=Together)

    def merge(self, other: Found) -> None:
        """Add the next shard's."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.reasons = [*self.reasons, *other.reasons][:5]
        self.languages.update(other.languages)
        for name, counts in other.operators.items():
            mine = self.operators.setdefault(name, dict.fromkeys(counts, 0))
            for what, count in counts.items():
                mine[what] += count
        for mine_by_name, others in (
            (self.columns, other.columns),
            (self.statistics, other.statistics),
            (self.rules, other.rules),
        ):
            _merge(mine_by_name, others)
        self.together.merge(other.together)
        self.operators_together.merge(other.operators_together)


def _merge(mine: dict[str, Any], others: dict[str, Any]) -> None:
    for name, other in others.items():
        if name in mine:
            mine[name].merge(other)
        else:
            mine[name] = other


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Look at one shard (on a worker)."""

    read: ReadSources
    column: str | None
    trials: tuple[Link, ...]
    chained: bool
    languages: bool

    def __call__(self, shard: Shard) -> Found:
        """Return what the shard holds."""
        found = Found()
        for batch, rejected, reasons in self.read.records(shard):
            found.rejected += rejected
            found.reasons = [*found.reasons, *reasons][:5]
            if batch.num_rows:
                self._add(batch, found)
        return found

    def _add(self, batch: Batch, found: Found) -> None:
        found.rows += batch.num_rows
        for name in user_columns(batch.schema):
            cells = batch.column(name)
            found.columns.setdefault(name, ColumnTally(name=name, type=_word(cells.type))).add(cells)
        if self.column is None and not self.trials:
            return
        seen = Seen(
            ids=batch.column(ID).to_pylist(),
            names=batch.column(PLACE).to_pylist(),
            texts=_texts(batch, self.column),
            languages=self._languages(batch),
        )
        found.languages.update(code for code in seen.languages.tolist() if code)
        if self.column is not None:
            batch = with_column(batch, self.column, seen.texts)
            batch = self._statistics(batch, found)
        self._try(batch, seen, found)

    def _statistics(self, batch: Batch, found: Found) -> Batch:
        """Measure the text once; the rules find the numbers beside it."""
        assert self.column is not None
        measured = statistics.measure(batch.column(self.column))
        valid = measured.is_valid().to_numpy(zero_copy_only=False)
        for name in statistics.NAMES:
            values = measured.field(name).to_numpy(zero_copy_only=False)
            found.statistics.setdefault(name, Bins.new()).add(values[valid])
        return with_column(batch, STATISTICS + self.column, measured)

    def _try(self, batch: Batch, seen: Seen, found: Found) -> None:
        whole, at, shown = batch, np.arange(batch.num_rows), seen
        every: list[Any] = []
        by_operator: dict[str, Any] = {}
        for link in self.trials:
            if not self.chained:
                batch, at = whole, np.arange(whole.num_rows)
            tally = found.operators.setdefault(link.place, dict.fromkeys(("rows", "changed", "failed", "dropped"), 0))
            tally["rows"] += batch.num_rows
            shown = shown if self.chained else seen
            if isinstance(link.operator, Mapper):
                batch, at = _mapped(batch, at, link, tally)
                shown = seen.rewritten(_texts(batch, self.column), at)
            if not isinstance(link.operator, Filter) or not batch.num_rows:
                continue
            name = registry.name_of(link.operator)
            batch = _attached(batch, link.operator)
            dropped = np.zeros(whole.num_rows, np.bool_)
            for one in tried(link.operator, name, link.place, batch):
                one = one.spread(at, whole.num_rows)
                key = one.name if link.place == name else f"{link.place.partition(' ')[0]} {one.name}"
                rule = found.rules.get(key)
                if rule is None:
                    rule = found.rules[key] = RuleTally(
                        name=one.name, operator=link.place, side=one.side, threshold=one.threshold
                    )
                rule.add(one, shown)
                every.append((key, one.fails))
                dropped |= one.fails
            tally["dropped"] += int(dropped.sum())
            by_operator[link.place] = dropped
        if every:
            found.together.add([key for key, _ in every], [fails for _, fails in every])
            found.operators_together.add(by_operator, list(by_operator.values()))

    def _languages(self, batch: Batch) -> Any:
        """Return each row's language: the data's own column, else what the language operator tells."""
        own = next((name for name in ("language", "lang") if name in batch.schema.names), None)
        if own is None and self.languages and self.column is not None:
            kind = registry.find(ROOM, "language")
            head = pc.utf8_slice_codeunits(_texts(batch, self.column), 0, HEAD)
            batch, own = (
                kind(column=self.column, into="_language").map(with_column(batch, self.column, head)),
                "_language",
            )
        codes = [None] * batch.num_rows if own is None else batch.column(own).to_pylist()
        return np.array(["" if code is None else str(code) for code in codes], object)


@dataclass(frozen=True)
class _MapOnly:
    """An operator that judges too, asked to map only."""

    operator: Any

    def map(self, batch: Batch) -> Any:
        return self.operator.map(batch)


def _mapped(batch: Batch, at: Any, link: Link, tally: dict[str, int]) -> tuple[Batch, Any]:
    """Map as a run would; `at` says where each row left stood."""
    ledger = Ledger()
    ids = batch.column(ID).to_pylist()
    batch = flow(batch, [Link(place=link.place, operator=_MapOnly(link.operator), where=link.where)], ledger)
    counts = ledger.tally(link.place)
    tally["changed"] += counts.changed
    tally["failed"] += counts.failed
    if batch.num_rows < len(ids):
        left = set(batch.column(ID).to_pylist())
        at = at[[id in left for id in ids]]
    return batch, at


def _attached(batch: Batch, operator: Any) -> Batch:
    """Measure what an operator decides by, where an operator above it rewrote the texts."""
    for column in getattr(operator, "measured", ()):
        if STATISTICS + column not in batch.schema.names and column in batch.schema.names:
            batch = with_column(batch, STATISTICS + column, statistics.measure(_texts(batch, column)))
    return batch


def _texts(batch: Batch, column: str | None) -> pa.Array:
    """Return the text column as strings; tokens with spaces between."""
    if column is None:
        return pa.nulls(batch.num_rows, pa.string())
    cells = batch.column(column)
    if pa.types.is_list(cells.type) or pa.types.is_large_list(cells.type):
        joined = [None if row is None else " ".join(str(token or "") for token in row) for row in cells.to_pylist()]
        return pa.array(joined, pa.string())
    return cells.cast(pa.string())


def _word(kind: pa.DataType) -> str:
    words = {
        "string": "text",
        "large_string": "text",
        "double": "number",
        "int64": "whole number",
        "bool": "true or false",
    }
    return words.get(str(kind), str(kind))
