"""Keep where rows came from and where they went: which row an operator made from which, which artefact used which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, OPERATOR, PARENTS, Batch
from tilth.core.engine import Rows
from tilth.core.shard import Receipt, RunKey, Shard, Version
from tilth.tables._scan import NO_ROWS
from tilth.tables.table import Table

LINEAGE = pa.schema(
    [
        ("child", pa.string()),
        ("parent", pa.string()),
        ("operator", pa.string()),
        ("table", pa.string()),
        ("version", pa.int64()),
    ]
)
"""One line a parent of a row that an operator made; `table` and `version` hold the child."""
USES = pa.schema([("artefact", pa.string()), ("table", pa.string()), ("version", pa.int64()), (ID, pa.string())])
"""One line a row that an artefact, such as `models/support/3`, used."""
COLUMNS = (ID, PARENTS, OPERATOR)
"""What `Lineage.write` reads of a row."""


class Link(NamedTuple):
    """A row, and one that it was made from."""

    child: str
    parent: str
    operator: str | None
    table: str
    version: int


class Use(NamedTuple):
    """An artefact that used a row of a version."""

    artefact: str
    table: str
    version: int


@dataclass(frozen=True)
class Lineage:
    """Which rows were made from which, in every version of every data set of a project."""

    table: Table

    def write(self, shard: Shard, rows: Iterable[Batch], version: Version) -> Receipt:
        """Write the links of rows (their columns `_id`, `_parents`, `_operator`) of a committed version; on workers.

        Use `table.scan(version, COLUMNS)`; a table whose rows have no parents needs no call.
        """
        return self.table.write(shard, (_links(batch, version) for batch in rows))

    def commit(self, receipts: Sequence[Receipt], version: Version) -> Version:
        """Commit the links of a version of rows, once."""
        key = RunKey(f"lineage/{version.table}/{version.number}")
        return self.table.append(receipts, key, schema=LINEAGE)

    def parents(self, row_id: str) -> list[Link]:
        """List what a row was made from."""
        return self._find("child", row_id)

    def children(self, row_id: str) -> list[Link]:
        """List what was made from a row."""
        return self._find("parent", row_id)

    def _find(self, column: str, row_id: str) -> list[Link]:
        if not self.table.exists():
            return []
        rows = self.table.scan(columns=LINEAGE.names, where={column: [row_id]})
        return sorted(
            (Link(**line) for batch in rows.batches() for line in batch.to_pylist()),
            key=lambda link: (link.table, link.version, link.child, link.parent),
        )


def _links(batch: Batch, version: Version) -> Batch:
    parents = batch.column(PARENTS)
    # A row's place in the batch, once for each of its parents.
    at = pc.list_parent_indices(parents)
    return pa.RecordBatch.from_arrays(
        [
            batch.column(ID).take(at),
            pc.list_flatten(parents),
            batch.column(OPERATOR).take(at),
            pa.repeat(pa.scalar(version.table, pa.string()), len(at)),
            pa.repeat(pa.scalar(version.number, pa.int64()), len(at)),
        ],
        schema=LINEAGE,
    )


@dataclass(frozen=True)
class Uses:
    """Which artefact used which rows of which version of which data set."""

    table: Table

    def write(self, shard: Shard, rows: Iterable[Batch], artefact: str, version: Version) -> Receipt:
        """Write that an artefact used these rows (their column `_id`) of a version; on workers."""
        return self.table.write(shard, (_used(batch, artefact, version) for batch in rows))

    def commit(self, receipts: Sequence[Receipt], artefact: str, version: Version) -> Version:
        """Commit what an artefact used of a version, once."""
        key = RunKey(f"uses/{artefact}/{version.table}/{version.number}")
        return self.table.append(receipts, key, schema=USES)

    def of_row(self, row_id: str) -> list[Use]:
        """List the artefacts that used a row."""
        if not self.table.exists():
            return []
        rows = self.table.scan(columns=list(Use._fields), where={ID: [row_id]})
        return sorted({Use(**line) for batch in rows.batches() for line in batch.to_pylist()})

    def of_artefact(self, artefact: str) -> Rows:
        """Return the rows that an artefact used: `USES` lines, as many as there were."""
        if not self.table.exists():
            return NO_ROWS
        return self.table.scan(columns=USES.names, where={"artefact": [artefact]})


def _used(batch: Batch, artefact: str, version: Version) -> Batch:
    count = batch.num_rows
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(pa.scalar(artefact, pa.string()), count),
            pa.repeat(pa.scalar(version.table, pa.string()), count),
            pa.repeat(pa.scalar(version.number, pa.int64()), count),
            batch.column(ID),
        ],
        schema=USES,
    )
