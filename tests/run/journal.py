"""A source for tests that grows: a file of puts and deletes, read since the last number that was seen."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.core.connector import Record
from tilth.core.errors import Transient
from tilth.core.shard import Cursor, Shard


@dataclass(frozen=True, kw_only=True)
class Journal:
    """Read a journal's entries after the cursor, less an overlap that is read again."""

    path: str
    overlap: int = 0
    size: int = 3
    name: str | None = None
    licence: str | None = "own"
    incremental: bool = True

    def anchored(self, base: Path) -> Journal:
        return replace(self, path=str(base / self.path), name=self.name or self.path)

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        entries = self._entries()
        last = max((entry["n"] for entry in entries), default=-1)
        first = -1 if since is None else since.position["last"] - self.overlap
        due = [entry["n"] for entry in entries if entry["n"] > first]
        cuts = [due[at : at + self.size] for at in range(0, len(due), self.size)]
        shards = [Shard(id=f"j-{at}", where={"numbers": numbers}, bytes=1) for at, numbers in enumerate(cuts)]
        return shards, Cursor(position={"last": last})

    def read(self, shard: Shard) -> Iterator[Record]:
        trap = Path(self.path + ".fails")
        if trap.is_file() and int(trap.read_text()) > 0:
            trap.write_text(str(int(trap.read_text()) - 1))
            raise Transient("the journal is away")
        entries = [entry for entry in self._entries() if entry["n"] in shard.where["numbers"]]
        rows = [entry["row"] for entry in entries if "row" in entry]
        gone = tuple(entry["gone"] for entry in entries if "gone" in entry)
        batch = pa.RecordBatch.from_pylist(rows) if rows else pa.record_batch([pa.array([], pa.string())], ["key"])
        yield Record(batch, tuple(row["key"] for row in rows), gone=gone)

    def _entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(self.path).read_text().splitlines()]
