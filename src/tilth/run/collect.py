"""Read the shards of sources into the acquired table: on workers, in types that all have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from tilth.core.engine import Step
from tilth.core.errors import DataError, TooManyBadRows
from tilth.core.events import ShardDone, StageStarted
from tilth.core.shard import Shard
from tilth.core.spec import spec_of
from tilth.measure.agreement import VERSION as AGREEMENT
from tilth.recipe.model import Entry
from tilth.run.fingerprint import digest
from tilth.run.landing import STAGE, Planned
from tilth.run.reading import ReadSource, schema_text
from tilth.run.stages import Book, Work, cursor_json
from tilth.tables.table import Table

Receipts = Mapping[str, Mapping[str, Any]]
"""What `ReadSource` returned, by shard."""


def readers(
    work: Work, planned: Sequence[Planned], table: Table, tombstones: Table | None = None
) -> tuple[ReadSource, ...]:
    """Return what reads each source, on workers."""
    salt = work.project.salt
    return tuple(
        ReadSource(
            source=one.source,
            name=one.name,
            licence=getattr(one.entry.part, "licence", None),
            split=getattr(one.entry.part, "split", None),
            salt=salt,
            rows=table,
            fates=work.project.fates(work.data).table,
            gone=tombstones if one.since is not None else None,
            agreement=one.entry.agreement,
            aside=work.project.quarantine(work.data) if one.entry.agreement else None,
        )
        for one in planned
    )


def numbered(source: int, generation: int, shard: Shard, limit: int | None = None) -> Shard:
    """Return the shard as the acquired table knows it: of which source, and of which of its readings."""
    name = f"{source:03d}-{f'{generation:06d}-' if generation else ''}{shard.id}"
    where = {"source": source, "inner": dataclasses.asdict(shard), "limit": limit}
    return Shard(id=name, where=where, bytes=shard.bytes)


def finish(
    work: Work, book: Book, shards: Sequence[Shard], readers: tuple[ReadSource, ...]
) -> dict[str, dict[str, Any]]:
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


def in_common_types(
    work: Work,
    book: Book,
    shards: Sequence[Shard],
    readers: tuple[ReadSource, ...],
    schemas: Mapping[str, pa.Schema],
    whole: pa.Schema,
) -> dict[str, dict[str, Any]]:
    """Read shards once more whose columns have other types than all have in common: one's 3 is another's 3.5."""
    again = [name for name, schema in schemas.items() if any(whole.field(f.name).type != f.type for f in schema)]
    if not again:
        return {}
    tag = digest(schema_text(whole))[:8]
    redo = [
        dataclasses.replace(shard, id=f"{shard.id}.{tag}", where={**shard.where, "cast": schema_text(whole)})
        for shard in shards
        if shard.id in again
    ]
    redone = finish(work, book, redo, readers)
    return {name: redone[f"{name}.{tag}"] for name in again}


def unified(schemas: Mapping[str, pa.Schema], planned: Sequence[Planned]) -> pa.Schema:
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


def schema_of(number: int, schemas: Mapping[str, pa.Schema]) -> str | None:
    """Return the columns of a source, as text; None where it has no row."""
    mine = [schema for name, schema in sorted(schemas.items()) if name.startswith(f"{number:03d}-")]
    return schema_text(pa.unify_schemas(mine, promote_options="permissive")) if mine else None


def spec_with_agreement(entry: Entry) -> list[Any]:
    """Return what decides a source's rows besides what it holds: its options, and its agreement where it has one."""
    return [spec_of(entry.part), *([AGREEMENT, entry.agreement.to_json()] if entry.agreement else [])]


def parts_of_source(receipts: Receipts, at: int) -> list[str]:
    """Return the parts that were written for a source."""
    mine = [found for name, found in sorted(receipts.items()) if name.startswith(f"{at:03d}-")]
    return [part["path"] for found in mine for part in found["rows"]["parts"]]


def stable(planned: Planned) -> Any:
    """Fingerprint what a source holds now, not where it lies."""
    fingerprint = getattr(planned.source, "fingerprint", None)
    return fingerprint(planned.cursor) if fingerprint else cursor_json(planned.cursor)


def latest(moments: Iterable[int | None]) -> int | None:
    """Return the latest moment that an agreement about freshness saw, in microseconds since 1970."""
    return max((moment for moment in moments if moment is not None), default=None)


def source_facts(number: int, one: Planned, receipts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Count what a source gave."""
    mine = [receipt for name, receipt in sorted(receipts.items()) if name.startswith(f"{number:03d}-")]
    return {
        "name": one.name,
        "kind": one.entry.name,
        "licence": getattr(one.entry.part, "licence", None),
        "rows": sum(receipt["rows"]["rows"] for receipt in mine),
        "rejected": sum(receipt["rejected"] for receipt in mine),
        "reasons": [reason for receipt in mine for reason in receipt["reasons"]][:5],
        "notes": [note for receipt in mine for note in receipt["notes"]],
        "fates": [receipt["fates"] for receipt in mine],
        "set_aside": sum(receipt["agreement"]["broken"] for receipt in mine if "agreement" in receipt),
        "newest": latest(receipt["agreement"]["newest"] for receipt in mine if "agreement" in receipt),
    }


def check_bad_rows(work: Work, one: Planned, facts: dict[str, Any]) -> None:
    """Raise `TooManyBadRows` where more of a source is unreadable than `bad_rows` allows."""
    bad, rows = facts["rejected"], facts["rows"]
    if bad and bad > work.recipe.bad_rows * (rows + bad):
        raise TooManyBadRows(
            f"{bad} of {bad + rows} records cannot be read, for instance {facts['reasons'][0]}",
            where=one.entry.at,
            wanted=f"at most {work.recipe.bad_rows:.1%} (bad_rows)",
            do="Mend the source, or raise `bad_rows:`. Nothing was committed.",
        )


def first_reason(receipts: dict[str, dict[str, Any]]) -> str | None:
    """Return what stood in the way of the first reject."""
    reasons = [reason for receipt in receipts.values() for reason in receipt["reasons"]]
    return f"First: {reasons[0]}" if reasons else None
