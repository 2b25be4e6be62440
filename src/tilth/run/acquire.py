"""Acquire: read every source once, give rows their ids, keep what could not be read as fates.

A source that is `incremental` is read since its cursor; what it gives is joined to what it gave before (`growing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tilth.core.errors import DataError
from tilth.core.events import Noticed
from tilth.core.shard import RunKey, Shard, Version
from tilth.recipe import licence
from tilth.run.agreed import judged
from tilth.run.collect import (
    check_bad_rows,
    finish,
    first_reason,
    in_common_types,
    numbered,
    parts_of_source,
    readers,
    schema_of,
    source_facts,
    spec_with_agreement,
    stable,
    unified,
)
from tilth.run.fingerprint import digest
from tilth.run.growing import Carried, Growing, before, cursor_of, state_of
from tilth.run.landing import STAGE, Planned, Plans, landed, name_of
from tilth.run.reading import schema_from
from tilth.run.stages import Book, Work, receipt_from
from tilth.tables.table import Table


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


def acquire(work: Work) -> Acquired:
    """Read all sources into one table. Raises `DataError`, `TooManyBadRows`; finished shards are kept."""
    entries = work.recipe.acquire
    names = [name_of(entry) for entry in entries]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(f'two sources are named "{min(twice)}"', where="acquire", do="Give each a `name:` of its own.")
    table = work.project.acquired(work.data)
    base = table.newest()
    known = before(work, names, base)
    sources = [landed(entry, work) for entry in entries]
    plans = Plans(work)
    with plans:
        planned = [
            plans.of(entry, source, known[at].cursor if at in known else None)
            for at, (entry, source) in enumerate(zip(entries, sources, strict=True))
        ]
        found = _acquired(work, planned, known, table, base)
    _tell(work, planned, found.sources)
    return found


def _acquired(
    work: Work, planned: list[Planned], known: dict[int, Carried], table: Table, base: Version | None
) -> Acquired:
    if any(one.since is not None for one in planned):
        assert base is not None
        grown = Growing(work, planned, known, table, base).grown()
        return Acquired(
            version=grown.version,
            table=table,
            key=grown.key,
            skipped=not grown.changed,
            sources=tuple(grown.facts),
            fates=_fates(grown.facts),
        )
    return _anew(work, planned, table)


def _anew(work: Work, planned: list[Planned], table: Table) -> Acquired:
    """Read all that there is, unless that was done before."""
    specs = [[*spec_with_agreement(one.entry), one.name, stable(one)] for one in planned]
    key = digest(STAGE, work.data, specs, work.sample)
    book = Book(work.project.stages / f"{STAGE}-{key}")
    done = table.version_of(RunKey(key))
    skipped = done is not None and book.get("_sources") is not None
    if not skipped:
        _read_all(work, planned, table, book, key)
        done = table.version_of(RunKey(key))
    assert done is not None
    facts = book.get("_sources") or {}
    return Acquired(
        version=done,
        table=table,
        key=key,
        skipped=skipped,
        sources=tuple(facts["sources"]),
        fates=_fates(facts["sources"]),
    )


def _fates(sources: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    return tuple(receipt for source in sources for receipt in source["fates"])


def _read_all(work: Work, planned: list[Planned], table: Table, book: Book, key: str) -> None:
    total = sum(shard.bytes for one in planned for shard in one.shards) or 1
    reading = readers(work, planned, table)
    shards: list[Shard] = []
    for number, one in enumerate(planned):
        for shard in one.shards:
            share = None if work.sample is None else -(-work.sample * max(shard.bytes, 1) // total)
            shards.append(numbered(number, 0, shard, share))
    receipts = finish(work, book, shards, reading)
    schemas = {name: schema_from(receipt["schema"]) for name, receipt in receipts.items() if receipt["schema"]}
    if not schemas:
        nothing = [source_facts(number, one, receipts) for number, one in enumerate(planned)]
        judged(work, planned, receipts, nothing, {}, table, key, grows=False)
        raise DataError("the sources hold no readable row", where=planned[0].entry.at, do=first_reason(receipts))
    whole = unified(schemas, planned)
    receipts |= in_common_types(work, book, shards, reading, schemas, whole)
    sources = [source_facts(number, one, receipts) for number, one in enumerate(planned)]
    for one, facts in zip(planned, sources, strict=True):
        check_bad_rows(work, one, facts)
    held = {at: parts_of_source(receipts, at) for at in range(len(planned))}
    judged(work, planned, receipts, sources, held, table, key, grows=False)
    states = {one.name: state_of(number, one, 0, schema_of(number, schemas)) for number, one in enumerate(planned)}
    book.keep("_sources", {"sources": sources})
    table.commit(
        [receipt_from(receipts[name]["rows"]) for name in sorted(receipts)],
        RunKey(key),
        cursor_of(planned, states),
        table.newest(),
        schema=whole,
        mode="overwrite",
        fingerprint=key,
    )


def _tell(work: Work, planned: Sequence[Planned], sources: Sequence[Mapping[str, Any]]) -> None:
    """Say what a person should know of each source."""
    for one, source in zip(planned, sources, strict=True):
        if source["rows"] == 0 and source["rejected"] == 0:
            work.tell(Noticed(stage=STAGE, what=f"{one.name}: no rows", warning=True))
        given = getattr(one.entry.part, "licence", None)
        if licence.unknown(given):
            what = (
                f'{one.name}: the licence "{given}" is not one Tilth knows'
                if given
                else f"{one.name}: no licence stated"
            )
            work.tell(Noticed(stage=STAGE, what=f"{what}; check that you may use these rows", warning=bool(given)))
        for note in source["notes"]:
            work.tell(Noticed(stage=STAGE, what=note))
