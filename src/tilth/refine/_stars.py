"""Choose which row of each component stays: greedy stars in id order (Aslam, Pelekhov, Rus 1999).

Root       components and pairs    key: the smaller id   gives each pair its component's smallest id
Stars      rooted pairs            key: the component    gives the decisions about leaders
Followers  decisions and sets      key: the leader       gives the decisions about all rows
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.operator import DECISION
from tilth.refine._rows import batches, groups

_RULE = "near_duplicates"
_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_ROOTED = pa.schema([("root", pa.string()), ("one", pa.string()), ("other", pa.string()), ("value", pa.float64())])


@dataclass(frozen=True, kw_only=True)
class Root:
    """Tell each verified pair its component."""

    def emit(self, batch: Batch) -> Batch:
        """Key components by their node (before all pairs) and pairs by the smaller id."""
        schema = pa.schema([*_KEY_ID, ("root", pa.string()), ("value", pa.float64())])
        rows = batch.num_rows
        if "cluster" in batch.schema.names:
            first = pa.array([""] * rows, pa.string())
            found = [batch.column(ID), first, batch.column("cluster"), pa.nulls(rows, pa.float64())]
        else:
            found = [batch.column(KEY), batch.column(ID), pa.nulls(rows, pa.string()), batch.column("value")]
        return pa.RecordBatch.from_arrays(found, schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Give each pair the root of its key."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for one, group in groups(keyed, (KEY, ID, "root", "value")):
                _, _, root, _ = next(group)
                for _, other, _, value in group:
                    yield root, one, other, value

        return batches(rows(), _ROOTED)


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Walk a component's pairs in id order: who is not covered stays and covers its neighbours.

    Holds the ids of one component that are covered or waiting, about 200 bytes each; never a text.
    """

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key pairs by their component, in the order of the smaller id, then the greater."""
        root, one, other, value = batch.columns
        order = pc.binary_join_element_wise(one, other, " ")
        return pa.RecordBatch.from_arrays(
            [root, order, one, other, value],
            schema=pa.schema([*_KEY_ID, ("one", pa.string()), ("other", pa.string()), ("value", pa.float64())]),
        )

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Decide about every leader that has a pair."""

        def rows() -> Iterator[tuple[Any, ...]]:
            for root, group in groups(keyed, (KEY, "one", "other", "value")):
                waiting: dict[str, tuple[str, float] | None] = {}
                current, covered = "", None
                for _, one, other, value in group:
                    if one != current:
                        current, covered = one, waiting.pop(one, None)
                        yield self._decision(one, root, covered)
                    if covered is None and waiting.get(other) is None:
                        waiting[other] = (one, value)
                    else:
                        waiting.setdefault(other, None)
                for row, by in waiting.items():
                    yield self._decision(row, root, by)

        return batches(rows(), DECISION)

    def _decision(self, row: str, root: str, by: tuple[str, float] | None) -> tuple[Any, ...]:
        if by is None:
            return row, root, True, None, None, None, None
        return row, root, False, _RULE, by[1], self.threshold, by[0]


@dataclass(frozen=True, kw_only=True)
class Followers:
    """Let the rows with a leader's own set share its fate."""

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key decisions by their row (before all followers) and followers by their leader."""
        schema = pa.schema([*_KEY_ID, *((field.name, field.type) for field in DECISION if field.name != ID)])
        if "cluster" in batch.schema.names:
            row, *rest = batch.columns
            first = pa.array([""] * batch.num_rows, pa.string())
            return pa.RecordBatch.from_arrays([row, first, *rest], schema=schema)
        followers = batch.filter(pc.is_null(batch.column("shingles")))
        nothing = [pa.nulls(followers.num_rows, field.type) for field in list(schema)[2:]]
        return pa.RecordBatch.from_arrays([followers.column("leader"), followers.column(ID), *nothing], schema=schema)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Pass decisions on; a follower goes for its leader, or for the row its leader goes for."""

        def rows() -> Iterator[tuple[Any, ...]]:
            columns = (KEY, ID, "cluster", "keep", "value", "other_id")
            for leader, group in groups(keyed, columns):
                cluster, keep, value, other, told = leader, True, None, None, False
                for _, row, *decision in group:
                    if not row:
                        cluster, keep, value, other = decision
                    if not told:
                        rule, threshold = (None, None) if keep else (_RULE, self.threshold)
                        yield leader, cluster, keep, rule, value, threshold, other
                        told = True
                    if row:
                        stays, alike = (leader, 1.0) if keep else (other, value)
                        yield row, cluster, False, _RULE, alike, self.threshold, stays

        return batches(rows(), DECISION)
