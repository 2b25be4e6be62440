"""Say how rows repeat: sizes of clusters and examples of the largest, by exchanges."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows, Step
from tilth.core.shard import Shard
from tilth.report.inspection import Cluster, Duplicates, Example
from tilth.run.looks.nearest import shown
from tilth.run.looks.target import PLACE
from tilth.run.pipe import Link

LARGEST = 8
EACH = 3
"""Clusters that are shown, and rows of each."""
_CLUSTER = pa.schema(
    [("cluster", pa.string()), ("rows", pa.int64()), ("dropped", pa.int64()), ("ids", pa.list_(pa.string()))]
)


def search(link: Link, rows: Rows, engine: Engine, column: str | None) -> Duplicates:
    """Run a decider and sum its clusters up; only counts and the largest clusters come to this process."""
    decided = link.operator.decide(rows, engine)
    summed = engine.exchange(Exchange(name="clusters", emit=_by_cluster, gather=_sum), decided)
    sizes: Counter[int] = Counter()
    count = dropped = 0
    largest: list[tuple[int, str, dict[str, Any]]] = []
    for batch in summed.batches():
        for line in batch.to_pylist():
            if line["rows"] < 2:
                continue
            sizes[line["rows"]] += 1
            count += line["rows"]
            dropped += line["dropped"]
            largest = heapq.nsmallest(
                LARGEST, [*largest, (-line["rows"], line["cluster"], line)], key=lambda one: one[:2]
            )
    wanted = {id for _, _, line in largest for id in line["ids"]}
    found = _examples(wanted, rows, engine, column) if wanted else {}
    return Duplicates(
        kind=link.place,
        clusters=sum(sizes.values()),
        rows=count,
        dropped=dropped,
        sizes={str(size): sizes[size] for size in sorted(sizes)},
        largest=tuple(
            Cluster(
                rows=line["rows"],
                dropped=line["dropped"],
                examples=tuple(found[id] for id in line["ids"] if id in found),
            )
            for _, _, line in largest
        ),
    )


def _by_cluster(batch: Batch) -> Batch:
    keep = pc.fill_null(batch.column("keep"), True)
    return pa.RecordBatch.from_arrays([batch.column("cluster"), batch.column(ID), keep], names=[KEY, ID, "keep"])


def _sum(batches: Iterator[Batch]) -> Iterable[Batch]:
    cluster: str | None = None
    rows = dropped = 0
    ids: list[str] = []
    lines: list[dict[str, Any]] = []

    def line() -> dict[str, Any]:
        return {"cluster": cluster, "rows": rows, "dropped": dropped, "ids": ids}

    for batch in batches:
        for key, id, keep in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if key != cluster:
                if cluster is not None:
                    lines.append(line())
                cluster, rows, dropped, ids = key, 0, 0, []
            rows += 1
            dropped += not keep
            if len(ids) < EACH:
                ids.append(id)
        if len(lines) >= 16_384:
            yield pa.RecordBatch.from_pylist(lines, schema=_CLUSTER)
            lines = []
    if cluster is not None:
        yield pa.RecordBatch.from_pylist([*lines, line()], schema=_CLUSTER)


def _examples(wanted: set[str], rows: Rows, engine: Engine, column: str | None) -> dict[str, Example]:
    step = Step(name="examples", work=partial(_look_up, wanted=frozenset(wanted), read=rows.read, column=column))
    return {id: example for _, found in engine.run(step, rows.shards) for id, example in found.items()}


def _look_up(shard: Shard, *, wanted: frozenset[str], read: Reader, column: str | None) -> dict[str, Example]:
    found: dict[str, Example] = {}
    ids = pa.array(sorted(wanted), pa.string())
    for batch in read(shard):
        part = batch.filter(pc.is_in(batch.column(ID), value_set=ids))
        for row in part.to_pylist():
            text = (
                row[column] if column else ", ".join(f"{name}: {row[name]}" for name in row if not name.startswith("_"))
            )
            found[row[ID]] = Example(row=row[PLACE], text=shown(text))
    return found


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """Read rows as a decider in a recipe sees them: after the operators above it."""

    links: tuple[Link, ...]
    read: Reader

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        from tilth.run.ledger import Ledger
        from tilth.run.pipe import flow

        ledger = Ledger()
        for batch in self.read(shard):
            found = flow(batch, self.links, ledger)
            ledger.batches()
            if found.num_rows:
                yield found
