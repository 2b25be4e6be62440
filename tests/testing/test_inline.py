"""The engine in memory is the reference: it groups and sorts, and takes only work that can travel."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tilth.core.batch import Batch
from tilth.core.engine import KEY, Exchange, Step
from tilth.core.shard import Shard
from tilth.testing import InlineEngine, MemoryRows, batch, cut

ROWS = batch(text=[f"row {number % 5}" for number in range(20)], number=[float(number) for number in range(20)])


def same_text(rows: Batch) -> Batch:
    keyed = rows.filter(pc.is_valid(rows.column("text")))
    return pa.RecordBatch.from_arrays([keyed.column("text"), keyed.column("_id")], names=[KEY, "_id"])


def test_an_exchange_brings_all_of_a_key_together_sorted() -> None:
    found = InlineEngine().exchange(
        Exchange(name="all", emit=same_text, gather=iter, partitions=4), MemoryRows(*cut(ROWS, 3))
    )
    groups = [[(line[KEY], line["_id"]) for line in part.to_pylist()] for part in found.batches()]
    assert all(group == sorted(group) for group in groups)
    keys = [{key for key, _ in group} for group in groups]
    assert sum(len(some) for some in keys) == len(set().union(*keys)) == 5


def test_a_step_that_does_not_travel_to_a_worker_is_found_out() -> None:
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        list(InlineEngine().run(Step(name="local", work=lambda shard: 1), [Shard(id="a")]))
