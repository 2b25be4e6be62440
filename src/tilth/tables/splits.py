"""Keep which split each row is in: a Delta table that later runs add to, so that no row ever moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, SPLITS, Batch
from tilth.core.engine import Rows
from tilth.core.errors import DataError
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version
from tilth.tables._scan import NO_ROWS
from tilth.tables.table import Table

SPLIT_ROW = pa.schema([(ID, pa.string()), ("group", pa.string()), ("split", pa.string()), ("why", pa.string())])
"""One line a row: the group or cluster that was assigned as one, train / valid / test, and what decided it."""


@dataclass(frozen=True)
class SplitTable:
    """The splits of one data set.

    >>> import tempfile
    >>> splits = SplitTable(Table(tempfile.mkdtemp() + "/splits"))
    >>> line = {"_id": "a", "group": "customer 7", "split": "test", "why": "hash"}
    >>> receipt = splits.write(Shard(id="0"), [pa.RecordBatch.from_pylist([line], schema=SPLIT_ROW)])
    >>> _ = splits.commit([receipt], RunKey("run-1"), None)
    >>> [batch.to_pylist() for batch in splits.current().batches()] == [[line]]
    True
    """

    table: Table

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Write `SPLIT_ROW` lines; on workers. Raises `DataError` for other columns or another split."""
        return self.table.write(shard, map(self._checked, batches))

    def commit(
        self,
        receipts: Sequence[Receipt],
        key: RunKey,
        expected: Version | None,
        *,
        cursor: Cursor | None = None,
        mode: Literal["append", "overwrite"] = "append",
        fingerprint: str = "",
    ) -> Version:
        """Commit lines in one act, once per key."""
        return self.table.commit(receipts, key, cursor, expected, schema=SPLIT_ROW, mode=mode, fingerprint=fingerprint)

    def current(self, columns: Sequence[str] = tuple(SPLIT_ROW.names)) -> Rows:
        """Return all lines of the newest version; none when no split was assigned yet."""
        return self.table.scan(columns=columns) if self.table.exists() else NO_ROWS

    def _checked(self, batch: Batch) -> Batch:
        if not batch.schema.equals(SPLIT_ROW):
            wanted = f"the columns {', '.join(SPLIT_ROW.names)}"
            raise DataError("these rows assign no split", where=self.table.name, wanted=wanted)
        known = pc.is_in(batch.column("split"), value_set=pa.array(SPLITS))
        if pc.all(known).as_py() is False:
            other = batch.column("split").filter(pc.invert(known))[0].as_py()
            raise DataError(f'no split "{other}"', where=self.table.name, wanted=f"one of {', '.join(SPLITS)}")
        return batch
