"""Acquire: read every source once, give rows their ids, keep what could not be read as fates."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

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
from tilth.core.engine import Step
from tilth.core.errors import DataError, TooManyBadRows
from tilth.core.events import Noticed, ShardDone, StageStarted
from tilth.core.shard import Cursor, RunKey, Shard, Version
from tilth.core.spec import spec_of
from tilth.recipe import licence
from tilth.recipe.model import Entry
from tilth.run.fingerprint import digest
from tilth.run.ledger import Ledger
from tilth.run.stages import Book, Work, cursor_json, receipt_from, receipt_json
from tilth.tables.table import Table

STAGE = "acquire"


@dataclass(frozen=True, kw_only=True)
class Acquired:
    """What acquire left: the version of the acquired table, and counts by source."""

    version: Version
    table: Table
    key: str
    skipped: bool
    sources: tuple[dict[str, Any], ...]
    fates: tuple[dict[str, Any], ...] = ()
    """Receipts of the fates, committed together with those of refine."""


@dataclass(frozen=True, kw_only=True)
class _Planned:
    entry: Entry
    source: Any
    name: str
    shards: tuple[Shard, ...]
    cursor: Cursor


def acquire(work: Work) -> Acquired:
    """Read all sources into one table. Raises `DataError`, `TooManyBadRows`; finished shards are kept."""
    planned = [_plan(entry, work) for entry in work.recipe.acquire]
    twice = {one.name for one in planned if sum(one.name == other.name for other in planned) > 1}
    if twice:
        raise DataError(f'two sources are named "{min(twice)}"', where="acquire", do="Give each a `name:` of its own.")
    key = digest(
        STAGE,
        work.data,
        [[spec_of(one.entry.part), one.name, _stable(one)] for one in planned],
        work.sample,
    )
    table = work.project.acquired(work.data)
    book = Book(work.project.stages / f"{STAGE}-{key}")
    done = table.version_of(RunKey(key))
    if done is None or book.get("_sources") is None:
        _read_all(work, planned, table, book, key)
        done = table.version_of(RunKey(key))
        assert done is not None
        skipped = False
    else:
        skipped = True
    facts = book.get("_sources") or {}
    for one, source in zip(planned, facts["sources"], strict=True):
        if source["rows"] == 0 and source["rejected"] == 0:
            work.tell(Noticed(stage=STAGE, what=f"{one.name}: no rows", warning=True))
        if licence.unknown(getattr(one.entry.part, "licence", None)):
            given = getattr(one.entry.part, "licence", None)
            what = (
                f'{one.name}: the licence "{given}" is not one Tilth knows'
                if given
                else f"{one.name}: no licence stated"
            )
            work.tell(Noticed(stage=STAGE, what=f"{what}; check that you may use these rows", warning=bool(given)))
        for note in source["notes"]:
            work.tell(Noticed(stage=STAGE, what=note))
    return Acquired(
        version=done,
        table=table,
        key=key,
        skipped=skipped,
        sources=tuple(facts["sources"]),
        fates=tuple(facts["fates"]),
    )


def _plan(entry: Entry, work: Work) -> _Planned:
    folder = Path(work.recipe.path).resolve().parent
    source = entry.part.anchored(folder) if hasattr(entry.part, "anchored") else entry.part
    try:
        shards, cursor = source.plan(None)
    except DataError as error:
        raise DataError(error.what, where=entry.at, wanted=error.wanted, do=error.do) from error
    name = getattr(entry.part, "name", None) or getattr(entry.part, "path", None) or entry.name
    return _Planned(entry=entry, source=source, name=str(name), shards=tuple(shards), cursor=cursor)


def _stable(planned: _Planned) -> Any:
    """Fingerprint what a source holds now, not where it lies."""
    fingerprint = getattr(planned.source, "fingerprint", None)
    return fingerprint(planned.cursor) if fingerprint else cursor_json(planned.cursor)


def _read_all(work: Work, planned: list[_Planned], table: Table, book: Book, key: str) -> None:
    salt = work.project.salt
    shards: list[Shard] = []
    total = sum(shard.bytes for one in planned for shard in one.shards) or 1
    readers = tuple(
        ReadSource(
            source=one.source,
            name=one.name,
            licence=getattr(one.entry.part, "licence", None),
            split=getattr(one.entry.part, "split", None),
            salt=salt,
            rows=table,
            fates=work.project.fates(work.data).table,
        )
        for one in planned
    )
    for number, one in enumerate(planned):
        for shard in one.shards:
            share = None if work.sample is None else -(-work.sample * max(shard.bytes, 1) // total)
            where = {"source": number, "inner": dataclasses.asdict(shard), "limit": share}
            shards.append(Shard(id=f"{number:03d}-{shard.id}", where=where, bytes=shard.bytes))
    receipts = _finish(work, book, shards, readers)
    schemas = {name: _schema(receipt["schema"]) for name, receipt in receipts.items() if receipt["schema"]}
    if not schemas:
        raise DataError("the sources hold no readable row", where=planned[0].entry.at, do=_first_reason(receipts))
    whole = _unified(schemas, planned)
    again = [name for name, schema in schemas.items() if any(whole.field(f.name).type != f.type for f in schema)]
    if again:
        # One file's 3 is another's 3.5: read those shards once more in the common types.
        tag = digest(_written(whole))[:8]
        redo = [
            dataclasses.replace(shard, id=f"{shard.id}.{tag}", where={**shard.where, "cast": _written(whole)})
            for shard in shards
            if shard.id in again
        ]
        redone = _finish(work, book, redo, readers)
        receipts |= {name: redone[f"{name}.{tag}"] for name in again}
    sources = [_source_facts(number, one, receipts) for number, one in enumerate(planned)]
    for one, facts in zip(planned, sources, strict=True):
        _check_bad_rows(work, one, facts)
    cursor = Cursor(position={one.name: cursor_json(one.cursor) for one in planned})
    book.keep("_sources", {"sources": sources, "fates": [receipt["fates"] for receipt in receipts.values()]})
    table.commit(
        [receipt_from(receipts[name]["rows"]) for name in sorted(receipts)],
        RunKey(key),
        cursor,
        table.newest(),
        schema=whole,
        mode="overwrite",
        fingerprint=key,
    )


def _finish(work: Work, book: Book, shards: list[Shard], readers: tuple[ReadSource, ...]) -> dict[str, dict[str, Any]]:
    """Read the shards that no earlier run finished."""
    tables = {"rows": readers[0].rows, "fates": readers[0].fates} if readers else {}
    kept = {shard.id: found for shard in shards if (found := book.finished(shard.id, tables)) is not None}
    waiting = [shard for shard in shards if shard.id not in kept]
    work.tell(StageStarted(stage=STAGE, shards=len(shards), done=len(kept)))
    for shard, result in work.engine.run(Step(name=STAGE, work=partial(_read, readers=readers)), waiting):
        book.keep(shard.id, result)
        kept[shard.id] = result
        work.tell(ShardDone(stage=STAGE, shard=shard.id, rows=result["rows"]["rows"]))
    return kept


def _read(shard: Shard, *, readers: tuple[ReadSource, ...]) -> dict[str, Any]:
    result: dict[str, Any] = readers[shard.where["source"]](shard)
    return result


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

    def __call__(self, shard: Shard) -> dict[str, Any]:
        """Write the rows and the fates of what could not be read; returns receipts and counts as JSON values."""
        seen = _Seen()
        batches = self._identified(shard, seen)
        if shard.where["limit"] is not None:
            batches = _smallest_ids(batches, shard.where["limit"])
        receipt = self.rows.write(shard, batches)
        fates = self.fates.write(shard, self._failed(seen.rejects))
        return {
            "rows": receipt_json(receipt),
            "fates": receipt_json(fates),
            "schema": _written(seen.schema) if seen.schema is not None else None,
            "rejected": len(seen.rejects),
            "reasons": seen.reasons(),
            "notes": sorted(seen.notes),
        }

    def _identified(self, shard: Shard, seen: _Seen) -> Iterator[Batch]:
        number = 0
        # `cast` is the schema to write in, where an earlier reading found that files differ.
        cast = _schema(shard.where["cast"]) if "cast" in shard.where else None
        for record in self.source.read(Shard(**shard.where["inner"])):
            seen.rejects += record.rejects
            seen.notes.update(record.notes)
            batch = record.batch
            if batch.num_rows == 0:
                continue
            if cast is not None:
                batch = _cast(batch, cast)
            whole = self._with_system(batch, record, shard.id, number)
            number += batch.num_rows
            seen.schema = whole.schema if seen.schema is None else pa.unify_schemas([seen.schema, whole.schema])
            yield whole

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

    def _failed(self, rejects: list[Reject]) -> Iterator[Batch]:
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
        yield from ledger.batches()


@dataclass
class _Seen:
    rejects: list[Reject] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    schema: pa.Schema | None = None

    def reasons(self) -> list[str]:
        return [f"{one.path} record {one.ordinal + 1}: {one.reason}" for one in self.rejects[:5]]


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


def _written(schema: pa.Schema) -> str:
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def _schema(text: str) -> pa.Schema:
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def _cast(batch: Batch, schema: pa.Schema) -> Batch:
    columns = []
    for name in batch.schema.names:
        column = batch.column(name)
        columns.append(column.cast(schema.field(name).type) if name in schema.names else column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _unified(schemas: dict[str, pa.Schema], planned: list[_Planned]) -> pa.Schema:
    """Join the shards' columns; numbers widen, anything else that differs is an error the user decides."""
    whole: dict[str, pa.Field] = {}
    first: dict[str, str] = {}
    for name, schema in sorted(schemas.items()):
        source = planned[int(name[:3])].name
        for column in schema:
            old = whole.get(column.name)
            if old is None:
                whole[column.name], first[column.name] = column, source
                continue
            try:
                both = pa.unify_schemas([pa.schema([old]), pa.schema([column])], promote_options="permissive")
            except (pa.ArrowTypeError, pa.ArrowInvalid) as error:
                raise DataError(
                    f'the column "{column.name}" is {old.type} in {first[column.name]} and {column.type} here',
                    where=source,
                    do=f"Give it one type in both sources: `types: {{{column.name}: string}}`.",
                ) from error
            whole[column.name] = both.field(0)
    return pa.schema(list(whole.values()))


def _source_facts(number: int, one: _Planned, receipts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    mine = [receipt for name, receipt in sorted(receipts.items()) if name.startswith(f"{number:03d}-")]
    return {
        "name": one.name,
        "kind": one.entry.name,
        "licence": getattr(one.entry.part, "licence", None),
        "rows": sum(receipt["rows"]["rows"] for receipt in mine),
        "rejected": sum(receipt["rejected"] for receipt in mine),
        "reasons": [reason for receipt in mine for reason in receipt["reasons"]][:5],
        "notes": [note for receipt in mine for note in receipt["notes"]],
    }


def _check_bad_rows(work: Work, one: _Planned, facts: dict[str, Any]) -> None:
    bad, rows = facts["rejected"], facts["rows"]
    if bad and bad > work.recipe.bad_rows * (rows + bad):
        raise TooManyBadRows(
            f"{bad} of {bad + rows} records cannot be read, for instance {facts['reasons'][0]}",
            where=one.entry.at,
            wanted=f"at most {work.recipe.bad_rows:.1%} (bad_rows)",
            do="Mend the source, or raise `bad_rows:`. Nothing was committed.",
        )


def _first_reason(receipts: dict[str, dict[str, Any]]) -> str | None:
    reasons = [reason for receipt in receipts.values() for reason in receipt["reasons"]]
    return f"First: {reasons[0]}" if reasons else None
