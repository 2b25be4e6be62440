"""Decisions depend on the rows alone; a decider that breaks a promise is named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tilth.core.batch import Batch
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.core.operator import DECISION
from tilth.testing import batch, check_decider, decide

ROWS = batch(text=[f"row {number % 5}" for number in range(20)], number=[float(number) for number in range(20)])


def same_text(rows: Batch) -> Batch:
    keyed = rows.filter(pc.is_valid(rows.column("text")))
    return pa.RecordBatch.from_arrays([keyed.column("text"), keyed.column("_id")], names=[KEY, "_id"])


def first_stays(
    keyed: Iterator[Batch],
    *,
    keep: int = 0,
    value: float = 1.0,
    cluster: int = 0,
    twice: bool = False,
    rule: str | None = "same",
) -> Iterator[Batch]:
    lines = [(line[KEY], line["_id"]) for part in keyed for line in part.to_pylist()]
    for _, group in itertools.groupby(lines, key=lambda line: line[0]):
        ids = [row for _, row in group]
        if len(ids) > 1:
            stays, name = ids[keep], ids[cluster]
            decided = [
                (row, name, row == stays, None, None, None, None)
                if row == stays
                else (row, name, False, rule, value, 0.5, stays)
                for row in ids
            ]
            columns = zip(*(decided * 2 if twice else decided), strict=True)
            yield pa.RecordBatch.from_arrays(
                [pa.array(c, f.type) for c, f in zip(columns, DECISION, strict=True)], schema=DECISION
            )


@dataclass(frozen=True, kw_only=True)
class Same:
    """Decide by any function."""

    columns_read: ClassVar[Any] = None
    gather: Any = first_stays
    """From keyed rows to decisions."""
    local: bool = False
    """Decide about the first shard alone."""

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        if self.local:
            rows = Rows(shards=rows.shards[:1], read=rows.read)
        return engine.exchange(Exchange(name="same", emit=same_text, gather=self.gather), rows)


def test_a_sound_decider_passes() -> None:
    check_decider(Same(), ROWS)
    assert sum(not found["keep"] for found in decide(Same(), ROWS).values()) == 15


@pytest.mark.parametrize(
    ("decider", "promise"),
    [
        (Same(local=True), "the decisions depend on the shards"),
        (Same(gather=partial(first_stays, cluster=1)), "a cluster is not named by its smallest id"),
        (Same(gather=partial(first_stays, value=0.4)), "goes below the threshold"),
        (Same(gather=partial(first_stays, twice=True)), "a row has two decisions"),
        (Same(gather=partial(first_stays, rule=None)), "goes without a rule"),
    ],
)
def test_a_decider_that_breaks_a_promise_is_named(decider: Same, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_decider(decider, ROWS)
