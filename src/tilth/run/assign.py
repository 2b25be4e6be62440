"""Split: read what the assignment needs from the acquired table, assign, commit the split table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, SPLITS, Batch
from tilth.core.engine import Engine, Reader, Rows, Step
from tilth.core.errors import DataError, did_you_mean
from tilth.core.events import StageStarted
from tilth.core.shard import Receipt, RunKey, Shard
from tilth.recipe.model import Recipe
from tilth.run import sidecar, split
from tilth.run.acquire import Acquired
from tilth.run.cluster import Clustered, units
from tilth.run.fingerprint import digest
from tilth.run.prefix import LIGHT
from tilth.run.sidecar import NOTE, Sidecar, chained
from tilth.run.stages import Work
from tilth.tables.splits import SPLIT_ROW, SplitTable
from tilth.tables.table import Table

STAGE = "split"


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """The notes of every row: its split, or why it leaves."""

    light: Rows
    notes: Rows
    key: str
    how: str
    skipped: bool

    def beside(self, engine: Engine) -> Sidecar:
        """Join the notes to the acquired shards, for a worker that reads both."""
        return sidecar.build(self.light, self.notes, engine)


def assign(work: Work, acquired: Acquired, clustered: Clustered) -> Assigned:
    """Assign splits and join all notes to the acquired rows."""
    recipe = work.recipe
    options = recipe.split
    schema = acquired.table.schema(acquired.version)
    label = _label(recipe, schema)
    for option, column in (("group", options.group), ("time", options.time)):
        if column and column not in schema.names:
            known = [name for name in schema.names if not name.startswith("_")]
            raise DataError(
                f'no column "{column}"',
                where=f"{recipe.lines.get('split', recipe.path)}  split.{option}",
                wanted=f"one of {', '.join(known)}",
                do=did_you_mean(column, known),
            )
    given = {getattr(entry.part, "split", None) for entry in recipe.acquire} - {None}
    by = options.by
    if by in ("auto", "given"):
        by = "stratified" if label else "hash"
    plan = split.Plan(
        test=options.test,
        valid=options.valid,
        by=by,  # type: ignore[arg-type]  # auto and given were resolved above
        stratum=label if by == "stratified" else None,
        time=options.time,
        straddle=options.straddle,
        open_splits=tuple(name for name in SPLITS[1:] if name not in given) if given else (),
        salt=work.project.salt + options.seed.to_bytes(8, "little", signed=True),
    )
    key = digest(
        STAGE,
        clustered.key,
        [str(value) for value in vars(plan).values() if not isinstance(value, bytes)],
        options.seed,
        options.group,
    )
    how = _how(by, label, options.group, options.time, given)
    table = work.project.decisions(f"{work.data}.split")
    wanted = [*LIGHT, *(name for name in (plan.stratum, plan.time) if name)]
    skipped = table.version_of(RunKey(key)) is not None
    if not skipped:
        work.tell(StageStarted(stage=STAGE))
        old = work.project.splits(work.data).current((ID, "split"))
        together = units(clustered, acquired, options.group, work)
        rows = acquired.table.scan(acquired.version, wanted)
        notes = split.assign(rows, together, old, plan, work.engine)
        _commit(work, table, notes, key)
    notes = chained(clustered.notes(), table.scan(table.version_of(RunKey(key))))
    light = acquired.table.scan(acquired.version, LIGHT)
    return Assigned(light=light, notes=notes, key=key, how=how, skipped=skipped)


def _commit(work: Work, table: Table, notes: Rows, key: str) -> None:
    """Add the new rows to the split table, and keep this version's notes beside it."""
    splits = work.project.splits(work.data)
    writer = _WriteBoth(read=notes.read, notes=table, splits=splits)
    done = {shard.id: result for shard, result in work.engine.run(Step(name="split: write", work=writer), notes.shards)}
    both = [done[shard.id] for shard in notes.shards]
    splits.commit([receipt for _, receipt in both], RunKey(key), splits.table.newest(), fingerprint=key)
    table.commit(
        [receipt for receipt, _ in both],
        RunKey(key),
        None,
        table.newest(),
        schema=NOTE,
        mode="overwrite",
        fingerprint=key,
    )


@dataclass(frozen=True, kw_only=True)
class _WriteBoth:
    read: Reader
    notes: Table
    splits: SplitTable

    def __call__(self, shard: Shard) -> tuple[Receipt, Receipt]:
        return self.notes.write(shard, self.read(shard)), self.splits.write(shard, self._new(shard))

    def _new(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            new = batch.filter(pc.not_equal(batch.column("why"), "kept"))
            values = [new.column(ID), new.column("unit"), new.column("split"), new.column("why")]
            yield pa.RecordBatch.from_arrays(values, schema=SPLIT_ROW)


def _label(recipe: Recipe, schema: pa.Schema) -> str | None:
    """Name the column of labels to stratify by: one text, number or truth value a row."""
    part = recipe.train.part if recipe.train else None
    name = getattr(part, "label", None)
    if getattr(part, "task", "") == "token_classification" or not isinstance(name, str) or name not in schema.names:
        return None
    return None if pa.types.is_nested(schema.field(name).type) else name


def _how(by: str, label: str | None, group: str | None, time: str | None, given: set[Any]) -> str:
    words = {"time": f"by {time}, the newest rows last", "stratified": f"seeded hash within each {label}"}
    how = words.get(by, "seeded hash")
    if group:
        how += f", rows of one {group} together"
    return f"as the sources say ({', '.join(sorted(given))}); else {how}" if given else how
