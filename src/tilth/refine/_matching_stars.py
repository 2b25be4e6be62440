"""Choose which record of each component stays: greedy stars, fullest record first (Aslam, Pelekhov, Rus 1999).

Root   components and pairs  key: the smaller id  gives each pair its component
Stars  rooted pairs          key: the component   gives the decisions
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.operator import DECISION
from tilth.refine._rows import batches, groups

_RULE = "match_records"
_MOST = 10**18
_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_PAIR = [("value", pa.float64()), ("one_full", pa.int64()), ("other_full", pa.int64())]
_ROOTED = pa.schema([("root", pa.string()), ("one", pa.string()), ("other", pa.string()), *_PAIR])


@dataclass(frozen=True, kw_only=True)
class Root:
    """Tell each likely pair its component."""

    def emit(self, batch: Batch) -> Batch:
        """Key components by their node (before all pairs) and pairs by the smaller id."""
        schema = pa.schema([*_KEY_ID, ("root", pa.string()), *_PAIR])
        rows = batch.num_rows
        if "cluster" in batch.schema.names:
            first = pa.array([""] * rows, pa.string())
            nothing = [pa.nulls(rows, kind) for _, kind in _PAIR]
            return pa.RecordBatch.from_arrays(
                [batch.column(ID), first, batch.column("cluster"), *nothing], schema=schema
            )
        one, other, *pair = batch.columns
        return pa.RecordBatch.from_arrays([one, other, pa.nulls(rows, pa.string()), *pair], schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give each pair the root of its key."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for one, group in groups(keyed, (KEY, ID, "root", "value", "one_full", "other_full")):
                _, _, root, *_ = next(group)
                for _, other, _, *pair in group:
                    yield root, one, other, *pair

        return batches(rows(), _ROOTED)


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Walk a component's pairs, fullest record first: who is not covered stays and covers its neighbours.

    Of several that cover a record, the likeliest stays in its place. So a chain a-b-c does not make a and c one: a
    record goes only for one that it is itself likely to be. Holds the ids of one component, never a cell.
    """

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key pairs by their component, in the order of the fuller record, then the other."""
        schema = pa.schema([*_KEY_ID, ("first", pa.string()), ("then", pa.string()), ("value", pa.float64())])
        rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        found = []
        for root, one, other, value, one_full, other_full in rows:
            first, then = sorted((f"{_MOST - one_full:020} {one}", f"{_MOST - other_full:020} {other}"))
            found.append((root, f"{first} {then}", first, then, value))
        columns = zip(*found, strict=True) if found else ((),) * len(schema)
        return pa.RecordBatch.from_arrays(
            [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
        )

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Decide about every record that has a pair."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for root, group in groups(keyed, (KEY, "first", "then", "value")):
                waiting: dict[str, tuple[str, float] | None] = {}
                current, covered = "", None
                for _, first, then, value in group:
                    if first != current:
                        current, covered = first, waiting.pop(first, None)
                        yield self._decision(first, root, covered)
                    by = waiting.setdefault(then, None)
                    if covered is None and (by is None or by[1] < value):
                        waiting[then] = (first, value)
                for row, by in waiting.items():
                    yield self._decision(row, root, by)

        return batches(rows(), DECISION)

    def _decision(self, row: str, root: str, by: tuple[str, float] | None) -> tuple[Any, ...]:
        if by is None:
            return _id(row), root, True, None, None, None, None
        return _id(row), root, False, _RULE, by[1], self.threshold, _id(by[0])


def _id(place: str) -> str:
    return place[21:]
