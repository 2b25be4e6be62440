"""Read one shard of a source on a worker: give rows their ids, set aside what can't be read or breaks the agreement."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.agreement import Agreement
from tilth.core.batch import (
    AT,
    ID,
    LICENCE,
    OPERATOR,
    PARENTS,
    REV,
    SOURCE,
    SPLIT,
    SUBJECT,
    SYSTEM_FIELDS,
    Batch,
    keyed_hash,
    revisions,
    row_ids,
)
from tilth.core.connector import Record, Reject
from tilth.core.errors import DataError
from tilth.core.retry import persistent
from tilth.core.shard import Shard
from tilth.measure.agreement import State, check, merge
from tilth.measure.agreement_quarantine import quarantined
from tilth.run.ledger import Ledger
from tilth.run.stages import receipt_json
from tilth.tables.table import Table

STAGE = "acquire"
GONE = pa.schema([(ID, pa.string()), (SOURCE, pa.string())])
"""A tombstone: a row that was deleted outside."""


@dataclass(frozen=True, kw_only=True)
class ReadSource:
    """Read one shard of a source into the acquired table (on a worker)."""

    source: Any
    name: str
    licence: str | None
    split: str | None
    salt: bytes
    rows: Table
    fates: Table
    agreement: Agreement | None = None
    """What the rows must be; those that are not go to `aside`."""
    aside: Table | None = None
    gone: Table | None = None
    """Where tombstones go; None where the source is read anew, so that what is gone isn't there anyway."""

    def __call__(self, shard: Shard) -> dict[str, Any]:
        """Write the rows and the fates of what could not be read; returns receipts and counts as JSON values.

        A transient failure of the outer system reads the shard again from its beginning.
        """
        return persistent(lambda: self._read(shard))

    def _read(self, shard: Shard) -> dict[str, Any]:
        seen = Seen()
        batches = self._identified(shard, seen)
        if shard.where["limit"] is not None:
            batches = _smallest_ids(batches, shard.where["limit"])
        receipt = self.rows.write(shard, batches)
        fates = self.fates.write(shard, self._failed(seen))
        aside = None if self.aside is None else receipt_json(self.aside.write(shard, seen.aside))
        gone = None if self.gone is None else receipt_json(self.gone.write(shard, self._tombstones(seen.gone)))
        return {
            "rows": receipt_json(receipt),
            "fates": receipt_json(fates),
            **({"gone": gone} if gone else {}),
            **({"aside": aside, "agreement": seen.state.to_json()} if aside else {}),
            "schema": schema_text(seen.schema) if seen.schema is not None else None,
            "rejected": len(seen.rejects),
            "reasons": seen.reasons(),
            "notes": sorted(seen.notes),
        }

    def _identified(self, shard: Shard, seen: Seen) -> Iterator[Batch]:
        number = 0
        # `cast` is the schema to write in, where an earlier reading found that files differ.
        cast = schema_from(shard.where["cast"]) if "cast" in shard.where else None
        for record in self.source.read(Shard(**shard.where["inner"])):
            seen.rejects += record.rejects
            seen.notes.update(record.notes)
            seen.gone += record.gone if self.gone is not None else ()
            batch = record.batch
            if batch.num_rows == 0:
                continue
            record = self._agreed(record, seen)
            batch = record.batch
            if batch.num_rows == 0:
                continue
            if cast is not None:
                batch = as_typed(batch, cast)
            whole = self._with_system(batch, record, shard.id, number)
            number += batch.num_rows
            seen.schema = whole.schema if seen.schema is None else pa.unify_schemas([seen.schema, whole.schema])
            yield whole

    def _agreed(self, record: Record, seen: Seen) -> Record:
        """Return a record's rows that are as agreed; the others are set aside with their reasons."""
        if self.agreement is None:
            return record
        checked = check(self.agreement, record.batch)
        seen.state = merge(seen.state, checked.state)
        if checked.keep.num_rows == record.batch.num_rows:
            return record._replace(batch=checked.keep)
        ids = row_ids(record.names, self.name, self.salt)
        aside = quarantined(record.batch, checked, ids=ids, source=self.name, subjects=record.subjects)
        seen.aside.append(aside)
        seen.broken += zip(aside.column(ID).to_pylist(), map(_reason, aside.column("breaks").to_pylist()), strict=True)
        kept = checked.kept.to_pylist()
        subjects = None if record.subjects is None else tuple(itertools.compress(record.subjects, kept))
        names = tuple(itertools.compress(record.names, kept))
        return record._replace(batch=checked.keep, names=names, subjects=subjects)

    def _with_system(self, batch: Batch, record: Record, at: str, number: int) -> Batch:
        count = batch.num_rows
        clash = [name for name in batch.schema.names if name in SYSTEM_FIELDS]
        if clash:
            raise DataError(
                f'the column name "{clash[0]}" is taken by Tilth', where=self.name, do="Rename it with `rename:`."
            )
        values: dict[str, Any] = {
            ID: row_ids(record.names, self.name, self.salt),
            REV: revisions(batch, self.salt),
            SOURCE: [self.name] * count,
            LICENCE: [self.licence] * count,
            SUBJECT: list(record.subjects) if record.subjects else [None] * count,
            SPLIT: [self.split] * count,
            PARENTS: [None] * count,
            OPERATOR: [None] * count,
            AT: [f"{at}:{number + row:012d}" for row in range(count)],
        }
        for name, column in values.items():
            batch = batch.append_column(
                pa.field(name, SYSTEM_FIELDS.get(name, pa.string())),
                pa.array(column, SYSTEM_FIELDS.get(name, pa.string())),
            )
        return batch

    def _failed(self, seen: Seen) -> Iterator[Batch]:
        rejects = seen.rejects
        ledger = Ledger()
        ledger.write(
            STAGE,
            "failed",
            {
                "_id": [keyed_hash(self.salt, self.name, f"{one.path}:{one.ordinal}") for one in rejects],
                "rule": ["unreadable"] * len(rejects),
                "reason": [f"{one.path} record {one.ordinal + 1}: {one.reason}" for one in rejects],
            },
            len(rejects),
        )
        broken = {"_id": [row for row, _ in seen.broken], "reason": [reason for _, reason in seen.broken]}
        ledger.write(STAGE, "failed", {**broken, "rule": ["agreement"] * len(seen.broken)}, len(seen.broken))
        yield from ledger.batches()

    def _tombstones(self, gone: list[str]) -> Iterator[Batch]:
        if gone:
            ids = pa.array(row_ids(gone, self.name, self.salt), pa.string())
            yield pa.RecordBatch.from_arrays([ids, pa.array([self.name] * len(gone), pa.string())], schema=GONE)


@dataclass
class Seen:
    """What a shard's reading came across beside its rows."""

    rejects: list[Reject] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    state: State = field(default_factory=State)
    aside: list[Batch] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    """Ids of rows that were set aside, and why."""
    schema: pa.Schema | None = None

    def reasons(self) -> list[str]:
        """Say where the first rejects are, and why they were not read."""
        return [f"{one.path} record {one.ordinal + 1}: {one.reason}" for one in self.rejects[:5]]


def _reason(breaks: list[dict[str, str]]) -> str:
    return "; ".join(f"{one['column']}: {one['rule']} {one['bound']}" for one in breaks)


def _smallest_ids(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """Keep the rows with the smallest ids: ids are keyed hashes, so this is a uniform sample that never changes."""
    held: pa.Table | None = None
    for batch in batches:
        table = pa.Table.from_batches([batch])
        held = table if held is None else pa.concat_tables([held, table], promote_options="permissive")
        if held.num_rows > count:
            order = pc.sort_indices(held, sort_keys=[(ID, "ascending"), (AT, "ascending")])
            held = held.take(order.slice(0, count))
    if held is not None:
        held = held.take(pc.sort_indices(held, sort_keys=[(AT, "ascending")]))
        yield from held.combine_chunks().to_batches(max_chunksize=8192)


def schema_text(schema: pa.Schema) -> str:
    """Write a schema as text for a JSON file."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def schema_from(text: str) -> pa.Schema:
    """Read a schema that `schema_text` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def as_typed(batch: Batch, schema: pa.Schema) -> Batch:
    """Return a batch whose columns have the types that the schema gives them."""
    columns = []
    for name in batch.schema.names:
        column = batch.column(name)
        columns.append(column.cast(schema.field(name).type) if name in schema.names else column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
