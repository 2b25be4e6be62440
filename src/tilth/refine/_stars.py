"""Choose which row of each component stays: greedy stars in id order (Aslam, Pelekhov, Rus 1999).

Root       components and pairs    key: the smaller id   gives each pair its component's smallest id
Stars      rooted pairs            key: the component    gives the decisions about leaders
Followers  decisions and sets      key: the leader       gives the decisions about all rows
Named      decisions               key: the component    names rows by their ids, where ranks were put before these
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY
from tilth.core.groups import headed
from tilth.core.operator import DECISION
from tilth.refine._ranks import ids_of
from tilth.refine._rows import batches, groups

_RULE = "near_duplicates"
_KEY_ID = [(KEY, pa.string()), (ID, pa.string())]
_DECIDED = pa.schema([*_KEY_ID, *((field.name, field.type) for field in DECISION if field.name != ID)])
Rows = npt.NDArray[np.int64]
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
        for batch, head, _, _ in headed(keyed, KEY):
            # The head is the component's row: it comes before all pairs.
            root = batch.column("root").take(head)
            found = [root, *(batch.column(name) for name in (KEY, ID, "value"))]
            pairs = pc.not_equal(head, pa.arange(0, len(head)))
            yield pa.RecordBatch.from_arrays(found, schema=_ROOTED).filter(pairs)


@dataclass(frozen=True, kw_only=True)
class Stars:
    """Walk a component's pairs in id order: who is not covered stays and covers its neighbours.

    Holds the ids of one component that are covered or waiting, about 200 bytes each; never a text.
    """

    threshold: float

    def emit(self, batch: Batch) -> Batch:
        """Key pairs by their component, in the order of the smaller id, then the greater."""
        root, one, other, value = batch.columns
        order = pc.binary_join_element_wise(one, other, "\0")
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
        if "cluster" in batch.schema.names:
            row, *rest = batch.columns
            first = pa.array([""] * batch.num_rows, pa.string())
            return pa.RecordBatch.from_arrays([row, first, *rest], schema=_DECIDED)
        followers = batch.filter(pc.not_equal(batch.column("leader"), batch.column(ID)))
        nothing = [pa.nulls(followers.num_rows, field.type) for field in list(_DECIDED)[2:]]
        return pa.RecordBatch.from_arrays([followers.column("leader"), followers.column(ID), *nothing], schema=_DECIDED)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Pass decisions on; a follower goes for its leader, or for the row its leader goes for."""
        for batch, head, again, _ in headed(keyed, KEY):
            rows = np.arange(batch.num_rows)
            decided = pc.equal(batch.column(ID), "").to_numpy(zero_copy_only=False)
            # A leader that was like no other has no decision: the first follower brings it.
            leads = np.flatnonzero((head.to_numpy() == rows) & (rows >= again) & ~decided)
            follows = np.flatnonzero(~decided & (rows >= again))
            passed = np.flatnonzero(decided & (rows >= again))
            found = pa.concat_batches(
                [_passed(batch, passed), self._leaders(batch, leads), self._followers(batch, follows, head)]
            )
            order = np.lexsort(
                (
                    np.repeat([0, 1, 2], [len(passed), len(leads), len(follows)]),
                    np.concatenate([passed, leads, follows]),
                )
            )
            yield found.take(pa.array(order))

    def _leaders(self, batch: Batch, rows: Rows) -> Batch:
        leader = batch.column(KEY).take(pa.array(rows))
        return _decisions(leader, leader, keep=pa.array([True] * len(rows), pa.bool_()))

    def _followers(self, batch: Batch, rows: Rows, head: pa.Array) -> Batch:
        lead = head.take(pa.array(rows))
        leader = batch.column(KEY).take(lead)
        told = {name: batch.column(name).take(lead) for name in ("cluster", "keep", "value", "other_id")}
        stays = pc.fill_null(told["keep"], True)
        return _decisions(
            batch.column(ID).take(pa.array(rows)),
            pc.coalesce(told["cluster"], leader),
            keep=pa.array([False] * len(rows), pa.bool_()),
            rule=pa.array([_RULE] * len(rows), pa.string()),
            value=pc.if_else(stays, 1.0, told["value"]),
            threshold=pa.array([self.threshold] * len(rows), pa.float64()),
            other_id=pc.if_else(stays, leader, told["other_id"]),
        )


@dataclass(frozen=True, kw_only=True)
class Named:
    """Name rows and clusters by their ids again, where ranks were put before them."""

    def emit(self, batch: Batch) -> Batch:
        """Key decisions by their cluster, in the order of ids."""
        row, cluster, *rest, other = batch.columns
        return pa.RecordBatch.from_arrays([cluster, ids_of(row), cluster, *rest, ids_of(other)], schema=_DECIDED)

    def gather(self, keyed: Iterator[Batch]) -> Iterable[Batch]:
        """Name each cluster by its smallest id."""
        for batch, head, again, _ in headed(keyed, KEY):
            _, row, _, *rest = batch.columns
            yield pa.RecordBatch.from_arrays([row, row.take(head), *rest], schema=DECISION).slice(again)


def _passed(batch: Batch, rows: Rows) -> Batch:
    key, _, *rest = batch.take(pa.array(rows)).columns
    return pa.RecordBatch.from_arrays([key, *rest], schema=DECISION)


def _decisions(row: pa.Array, cluster: pa.Array, **given: pa.Array) -> Batch:
    found = {ID: row, "cluster": cluster, **given}
    columns = [found[field.name] if field.name in found else pa.nulls(len(row), field.type) for field in DECISION]
    return pa.RecordBatch.from_arrays(columns, schema=DECISION)
