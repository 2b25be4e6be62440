"""Store: bring the refined rows to each sink that the recipe names, each in one act, each with its own cursor.

No atomicity is claimed across sinks. A sink whose newest commit is of these rows is left alone; a run that dies between
two sinks goes on with the second.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tilth.core.connector import Sink
from tilth.core.engine import Rows, Step
from tilth.core.errors import DataError, Terminal
from tilth.core.events import Noticed, ShardDone, StageStarted
from tilth.core.retry import persistent
from tilth.core.shard import Receipt, RunKey, Shard, Version
from tilth.core.spec import spec_of
from tilth.recipe.model import Entry
from tilth.run.fingerprint import digest
from tilth.run.landing import anchored, pointing_to
from tilth.run.refine import Refined
from tilth.run.stages import Book, Work, receipt_from, receipt_json

STAGE = "store"


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What one sink holds now."""

    place: str
    kind: str
    version: int
    rows: int
    skipped: bool


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What all sinks hold now."""

    sinks: tuple[Delivered, ...] = ()

    @property
    def skipped(self) -> bool:
        """True where every sink had these rows already."""
        return all(one.skipped for one in self.sinks)


def store(work: Work, refined: Refined) -> Stored:
    """Bring the rows to each sink. Raises what a sink raises, pointing to its line; sinks before it keep the rows."""
    if work.sample is not None:
        what = f"a sample is not stored: {', '.join(entry.name for entry in work.recipe.store)} left as is"
        work.tell(Noticed(stage=STAGE, what=what))
        return Stored()
    rows = refined.table.scan(refined.version)
    return Stored(sinks=tuple(_deliver(work, entry, refined, rows) for entry in work.recipe.store))


def _deliver(work: Work, entry: Entry, refined: Refined, rows: Rows) -> Delivered:
    sink: Sink = anchored(entry, Path(work.recipe.path).resolve().parent)
    what = digest(STAGE, refined.key, spec_of(entry.part))
    with pointing_to(entry):
        newest = persistent(sink.newest, stop=work.stop)
        # These rows may come again after others: each delivery has a key of its own.
        key = RunKey(f"{what}-{newest.number + 1 if newest else 0}")
        skipped = newest is not None and newest.key.rpartition("-")[0] == what
        if skipped:
            assert newest is not None
            version = newest
        else:
            version = _carry(
                work, entry, sink, rows, Book(work.project.stages / f"{STAGE}-{key}"), key, newest, refined
            )
    return Delivered(place=entry.place, kind=entry.name, version=version.number, rows=refined.rows, skipped=skipped)


def _carry(
    work: Work,
    entry: Entry,
    sink: Sink,
    rows: Rows,
    book: Book,
    key: RunKey,
    newest: Version | None,
    refined: Refined,
) -> Version:
    """Write every shard that an earlier run did not, then commit."""

    def commit(receipts: Sequence[Receipt]) -> Version:
        cursor = refined.version.cursor
        return persistent(lambda: sink.commit(receipts, key, cursor, newest), stop=work.stop)

    before = len(book.kept())
    receipts = _write(work, entry, sink, rows, book)
    try:
        version = commit(receipts)
    except (DataError, Terminal):
        if not before:
            raise
        # What an earlier run left with the sink may be gone: write it once more.
        shutil.rmtree(book.folder, ignore_errors=True)
        version = commit(_write(work, entry, sink, rows, Book(book.folder)))
    shutil.rmtree(book.folder, ignore_errors=True)
    return version


def _write(work: Work, entry: Entry, sink: Sink, rows: Rows, book: Book) -> list[Receipt]:
    kept = {shard.id: found for shard in rows.shards if (found := book.get(shard.id)) is not None}
    waiting = [shard for shard in rows.shards if shard.id not in kept]
    work.tell(StageStarted(stage=f"{STAGE} {entry.name}", shards=len(rows.shards), done=len(kept)))
    step = Step(name=f"{STAGE} {entry.place}", work=partial(_write_shard, sink=sink, rows=rows))
    for shard, result in work.engine.run(step, waiting):
        book.keep(shard.id, result)
        kept[shard.id] = result
        work.tell(ShardDone(stage=f"{STAGE} {entry.name}", shard=shard.id, rows=result["rows"]))
    return [receipt_from(kept[shard.id]) for shard in rows.shards]


def _write_shard(shard: Shard, *, sink: Sink, rows: Rows) -> dict[str, Any]:
    return receipt_json(persistent(lambda: sink.write(shard, rows.read(shard))))
