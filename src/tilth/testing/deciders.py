"""Check what a Decider promises: decisions that depend on rows alone."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.operator import DECISION, Decider
from tilth.testing.inline import InlineEngine
from tilth.testing.rows import MemoryRows, cut, variants


def check_decider(decider: Decider, rows: Batch) -> None:
    """Check that decisions do not depend on shards or order, and that each dropped row names one that stays."""
    for name, some in variants(rows).items():
        ids = [f"{name} {row:08}" for row in range(some.num_rows)]
        some = some.set_column(some.schema.get_field_index(ID), ID, pa.array(ids, pa.string()))
        decisions = decide(decider, some)
        order = sorted(range(some.num_rows), key=lambda row: (row * 7919) % 104729)
        assert decide(decider, *cut(some, 7)) == decisions, f"{name}: the decisions depend on the shards"
        assert decide(decider, *cut(some.take(pa.array(order, pa.int64())), 3)) == decisions, (
            f"{name}: the decisions depend on the order of rows"
        )
        assert set(decisions) <= set(ids), f"{name}: a decision names a row that is not there"
        for row, decision in decisions.items():
            cluster = [other for other, its in decisions.items() if its["cluster"] == decision["cluster"]]
            assert decision["cluster"] == min(cluster), f"{name}: a cluster is not named by its smallest id"
            if decision["keep"]:
                continue
            other = decisions.get(decision["other_id"])
            assert other is not None and other["keep"], f"{name}: {row} goes, but {decision['other_id']} does not stay"
            assert other["cluster"] == decision["cluster"], f"{name}: {row} goes for a row of another cluster"
            assert decision["rule"], f"{name}: {row} goes without a rule"
            if decision["threshold"] is not None:
                assert decision["value"] >= decision["threshold"], f"{name}: {row} goes below the threshold"


def decide(decider: Decider, *batches: Batch) -> dict[str, dict[str, Any]]:
    """Run a decider on batches, one shard each, and return its decisions by row id; each row has at most one."""
    found = list(decider.decide(MemoryRows(*batches), InlineEngine()).batches())
    assert all(part.schema == DECISION for part in found), "the decisions have another schema"
    listed = [decision for part in found for decision in part.to_pylist()]
    decisions = {decision[ID]: decision for decision in listed}
    assert len(decisions) == len(listed), "a row has two decisions"
    return decisions
