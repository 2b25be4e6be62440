"""Run steps and exchanges in memory: the reference that every engine must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID
from tilth.core.engine import KEY, Exchange, Result, Rows, Step, partition_of
from tilth.core.errors import Stopped
from tilth.core.shard import Shard
from tilth.testing._compared import pickled
from tilth.testing.rows import MemoryRows


def _never() -> bool:
    return False


@dataclass(frozen=True, kw_only=True)
class InlineEngine:
    """Run steps and exchanges in this process, in memory: the reference that every engine must equal.

    It pickles each step, as an engine with worker processes would.
    """

    batch_rows: int = 3
    """Rows a batch that `gather` gets: few, so that keys straddle batches."""
    stop: Callable[[], bool] = _never
    """True when the user asked to stop: no further shard starts."""

    def run(self, step: Step[Result], shards: Sequence[Shard]) -> Iterator[tuple[Shard, Result]]:
        """Run the step on each shard, in order. Raises `Stopped` when `stop()` turned true."""
        work = pickled(step).work
        for shard in shards:
            if self.stop():
                raise Stopped(f"stopped in {step.name}", do="Run again to go on from here.")
            yield shard, work(shard)

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        """Group by key."""
        step, rows = pickled(step), pickled(rows)
        keyed = [step.emit(part) for part in rows.batches()]
        table = pa.Table.from_batches(keyed).sort_by([(KEY, "ascending"), (ID, "ascending")]) if keyed else None
        places = pa.array([partition_of(key, step.partitions) for key in table[KEY].to_pylist()] if table else [])
        gathered = {}
        for partition in range(step.partitions):
            mine = table.filter(pc.equal(places, partition)).combine_chunks() if table else None
            batches = mine.to_batches(max_chunksize=self.batch_rows) if mine else []
            found = [part for part in step.gather(iter(batches)) if part.num_rows]
            if found:
                gathered[f"p{partition:04}"] = pa.Table.from_batches(found).combine_chunks().to_batches()[0]
        return MemoryRows(*gathered.values(), ids=list(gathered))
