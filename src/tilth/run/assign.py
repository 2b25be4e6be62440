"""Split: read what the assignment needs from the acquired table, assign, commit the split table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tilth.core.batch import SPLITS, Batch
from tilth.core.engine import Rows
from tilth.core.errors import DataError, did_you_mean
from tilth.core.events import StageStarted
from tilth.core.shard import RunKey, Shard
from tilth.recipe.model import Recipe
from tilth.run import sidecar, split
from tilth.run.acquire import Acquired
from tilth.run.cluster import Clustered, units
from tilth.run.fingerprint import digest
from tilth.run.prefix import LIGHT, columns
from tilth.run.sidecar import Sidecar, chained
from tilth.run.stages import Work

STAGE = "split"


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """The notes of every row (its split, or why it leaves), beside the acquired shards."""

    beside: Sidecar
    key: str
    how: str
    skipped: bool


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
    table = work.project.splits(work.data)
    raw = acquired.table.scan(acquired.version)
    wanted = [*LIGHT, *(name for name in (plan.stratum, plan.time) if name)]
    skipped = table.version_of(RunKey(key)) is not None
    if not skipped:
        work.tell(StageStarted(stage=STAGE))
        old = table.current() if table.exists() else Rows(shards=(), read=_nothing)
        together = units(clustered, acquired, options.group, work)
        notes = split.assign(columns(raw, wanted), together, old, plan, work.engine)
        table.commit(notes, RunKey(key))
    notes = table.at(RunKey(key))
    beside = sidecar.build(columns(raw, LIGHT), chained(clustered.leaving(), notes), work.engine)
    return Assigned(beside=beside, key=key, how=how, skipped=skipped)


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


def _nothing(shard: Shard) -> Iterator[Batch]:
    return iter(())
