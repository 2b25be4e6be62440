"""Keep what became of the rows of a data set: a Delta table of `FATE` rows, written by workers beside the rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.errors import DataError
from tilth.core.fate import FATE, FATES
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version
from tilth.tables._parts import ShardWriter
from tilth.tables.table import Table

_PLACE = re.compile(r"(?P<stage>\w+)\[(?P<at>\d+)\]")
_STAGES = ("acquire", "split", "refine", "augment", "store")


class Count(NamedTuple):
    """How often a rule of an operator met a fate."""

    operator: str
    fate: str
    rule: str | None
    rows: int


class Happening(NamedTuple):
    """What befell a row once; the fields are those of `FATE`."""

    id: str
    fate: str
    operator: str
    column: str | None
    rule: str | None
    value: float | None
    threshold: float | None
    other_id: str | None
    start: int | None
    end: int | None
    new_end: int | None
    reason: str | None


@dataclass(frozen=True)
class Fates:
    """The fates of one data set.

    >>> import tempfile
    >>> fates = Fates(Table(tempfile.mkdtemp() + "/fates"))
    >>> one = {"_id": "a", "fate": "dropped", "operator": "refine[0] too_short", "rule": "too_short"}
    >>> with fates.writer(Shard(id="0")) as writer:
    ...     writer.add(pa.RecordBatch.from_pylist([one], schema=FATE))
    ...     receipt = writer.finish()
    >>> version = fates.commit([receipt], RunKey("run-1"), expected=None)
    >>> fates.counts(version)
    [Count(operator='refine[0] too_short', fate='dropped', rule='too_short', rows=1)]
    """

    table: Table

    def writer(self, shard: Shard) -> FateWriter:
        """Return what a worker writes the fates of a shard's rows with, in the pass that writes the rows."""
        return FateWriter(self.table.home, shard, self.table.name)

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
        """Commit under the key that the rows are committed under: `version_of` then finds the fates of a version."""
        return self.table.commit(receipts, key, cursor, expected, schema=FATE, mode=mode, fingerprint=fingerprint)

    def version_of(self, rows: Version) -> Version | None:
        """Return the fates that were committed under the key of a version of the rows."""
        return self.table.version_of(rows.key)

    def counts(self, version: Version | None = None) -> list[Count]:
        """Count happenings by operator, fate and rule, in the order of the recipe."""
        keys = ["operator", "fate", "rule"]
        totals: Counter[tuple[str, str, str | None]] = Counter()
        for batch in self.table.scan(version, keys).batches():
            grouped = pa.table(batch).group_by(keys).aggregate([([], "count_all")])
            for line in grouped.to_pylist():
                totals[line["operator"], line["fate"], line["rule"]] += line["count_all"]
        counts = [Count(*key, rows=rows) for key, rows in totals.items()]
        return sorted(counts, key=lambda count: (_place(count.operator), count.fate, count.rule or ""))

    def of(self, row_id: str, version: Version | None = None) -> list[Happening]:
        """List all that befell a row, in the order of the recipe, and within an operator as it was written."""
        found = [
            Happening(**{"id" if name == ID else name: value for name, value in line.items()})
            for batch in self.table.scan(version, FATE.names, {ID: [row_id]}).batches()
            for line in batch.to_pylist()
        ]
        return sorted(found, key=lambda happening: _place(happening.operator))


class FateWriter(ShardWriter):
    """Writes fates, and refuses what is none."""

    def add(self, raw: Batch) -> None:
        """Write a batch of `FATE` rows. Raises `DataError` for other columns or an unknown fate."""
        if not raw.schema.equals(FATE):
            raise DataError("these rows are not fates", where=self.where, wanted=f"the columns {', '.join(FATE.names)}")
        known = pc.is_in(raw.column("fate"), value_set=pa.array(FATES))
        if pc.all(known).as_py() is False:
            other = raw.column("fate").filter(pc.invert(known))[0].as_py()
            raise DataError(f'no fate "{other}"', where=self.where, wanted=f"one of {', '.join(FATES)}")
        super().add(raw)


def _place(operator: str) -> tuple[int, int, str]:
    found = _PLACE.match(operator)
    if not found or found["stage"] not in _STAGES:
        return (len(_STAGES), 0, operator)
    return (_STAGES.index(found["stage"]), int(found["at"]), operator)
