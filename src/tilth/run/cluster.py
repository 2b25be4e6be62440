"""Cluster duplicates: run the recipe's deciders on acquired rows, before splits are assigned."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.core import registry
from tilth.core.batch import ID, Batch, canonical
from tilth.core.components import PAIR, components
from tilth.core.edit import EDIT, Editor
from tilth.core.engine import Reader, Rows, Step
from tilth.core.events import StageStarted
from tilth.core.fold import Fold
from tilth.core.operator import DECISION
from tilth.core.shard import Receipt, RunKey, Shard
from tilth.recipe.model import Recipe
from tilth.run import sidecar
from tilth.run.acquire import Acquired
from tilth.run.edits import EditNotes
from tilth.run.fingerprint import chain, decides, digest, located
from tilth.run.plan import DecideStep, link_of
from tilth.run.prefix import LIGHT, Prefixed
from tilth.run.sidecar import NOTE, chained
from tilth.run.stages import Work, receipt_from, receipt_json
from tilth.tables.table import Table

STAGE = "cluster"
DEFAULT = "split"
"""The place of the clustering that a recipe without deciders gets."""


@dataclass(frozen=True, kw_only=True)
class Clustered:
    """The decisions of every decider, in recipe order."""

    decisions: tuple[tuple[str, Rows], ...]
    """(place, decision rows); the default clustering decides nothing, it only keeps rows together."""
    key: str
    skipped: bool = False
    edits: tuple[tuple[str, Rows], ...] = ()
    """(place, edits) of every editor."""

    def notes(self) -> Rows:
        """Return notes for the rows that leave, and for those that change."""
        parts = [
            Rows(shards=rows.shards, read=Leaving(rows.read, place))
            for place, rows in self.decisions
            if place != DEFAULT
        ]
        parts += [Rows(shards=rows.shards, read=EditNotes(rows.read, place)) for place, rows in self.edits]
        return chained(*parts) if parts else Rows(shards=(), read=_nothing)


def cluster(work: Work, acquired: Acquired) -> Clustered:
    """Run every decider on the rows as its place in the recipe sees them."""
    done: list[tuple[str, Rows]] = []
    edits: list[tuple[str, Rows]] = []
    # A row that a later one with its key replaces must not be compared with it: both would leave.
    keyed = any(getattr(entry.part, "key", None) for entry in work.recipe.acquire)
    key = digest(acquired.key, "replaced rows apart") if keyed else acquired.key
    skipped = True
    folder = Path(work.recipe.path).resolve().parent
    for step in _steps(work, acquired):
        place, operator, links = step.place, step.operator, step.links
        # As written in the fingerprint, so that a project can be moved; files are known by what they hold.
        said = decides(operator)
        operator, files = located(operator, folder)
        key = digest(STAGE, key, place, chain([link.operator for link in links]), said, *files)
        table = work.project.decisions(f"{work.data}.{slug(place)}")
        if table.version_of(RunKey(key)) is None:
            work.tell(StageStarted(stage=f"{STAGE} {place}"))
            raw = acquired.table.scan(acquired.version)
            beside = None
            if done or edits or keyed:
                known = Clustered(decisions=tuple(done), edits=tuple(edits), key=key).notes()
                light = acquired.table.scan(acquired.version, LIGHT)
                beside = sidecar.build(light, known, work.engine)
            read = Prefixed(links=links, read=raw.read, sidecar=beside, measures=work.measures)
            rows = Rows(shards=raw.shards, read=read)
            if isinstance(operator, Editor):
                commit(work, table, operator.edits(rows, work.engine), key, schema=EDIT)
            else:
                commit(work, table, operator.decide(rows, work.engine), key)
            skipped = False
        (edits if isinstance(operator, Editor) else done).append((place, table.scan(table.version_of(RunKey(key)))))
    return Clustered(decisions=tuple(done), edits=tuple(edits), key=key, skipped=skipped)


def units(clustered: Clustered, acquired: Acquired, group: str | None, work: Work) -> Rows:
    """Return `_id` and `unit` for rows that must stay together: clusters, groups, and what they join."""
    edges = [Rows(shards=rows.shards, read=_ClusterPairs(rows.read)) for _, rows in clustered.decisions]
    if group:
        raw = acquired.table.scan(acquired.version, [ID, group])
        edges.append(Rows(shards=raw.shards, read=_GroupPairs(raw.read, group)))
    if not edges:
        return Rows(shards=(), read=_nothing)
    joined = components(chained(*edges), work.engine)
    return Rows(shards=joined.shards, read=_Units(joined.read))


def text_of(recipe: Recipe, schema: pa.Schema) -> str | None:
    """Name the column whose duplicates matter: what the model reads, else `text`."""
    part = recipe.train.part if recipe.train else None
    wanted = [getattr(part, name, None) for name in ("text", "tokens")] if part is not None else []
    task = getattr(part, "task", "")
    if task == "token_classification":
        wanted.reverse()
    return next((name for name in [*wanted, "text", "tokens"] if isinstance(name, str) and name in schema.names), None)


def _steps(work: Work, acquired: Acquired) -> tuple[DecideStep, ...]:
    """Return the plan's deciders, or one that only keeps duplicates of what the model reads on one side."""
    editors_only = all(isinstance(step.operator, Editor) for step in work.plan.deciders)
    if not editors_only or work.recipe.split.duplicates == "none":
        return work.plan.deciders
    column = text_of(work.recipe, acquired.table.schema(acquired.version))
    if column is None:
        return work.plan.deciders
    near = work.recipe.split.duplicates == "near"
    kind = registry.find("tilth.refine", "near_duplicates" if near else "exact_duplicates")
    operator = kind(column=column) if near else kind(columns=(column,))
    links = tuple(
        link_of(one.entry)
        for one in itertools.takewhile(lambda one: not isinstance(one.entry.part, Fold), work.plan.narrow)
    )
    return (*work.plan.deciders, DecideStep(place=DEFAULT, operator=operator, links=links))


def commit(
    work: Work, table: Table, decisions: Rows, key: str, *, stage: str = STAGE, schema: pa.Schema = DECISION
) -> None:
    """Commit a decision table, or the edits of an editor."""
    step = Step(name=f"{stage}: write", work=partial(_write, table=table, read=decisions.read))
    receipts: list[Receipt] = []
    for _, receipt in work.engine.run(step, decisions.shards):
        receipts.append(receipt_from(receipt))
    receipts.sort(key=lambda receipt: receipt.shard)
    table.commit(receipts, RunKey(key), None, table.newest(), schema=schema, mode="overwrite", fingerprint=key)


def _write(shard: Shard, *, table: Table, read: Reader) -> dict[str, Any]:
    return receipt_json(table.write(shard, read(shard)))


def _nothing(shard: Shard) -> Iterator[Batch]:
    return iter(())


@dataclass(frozen=True)
class Leaving:
    """Read decisions as notes for the rows that leave."""

    read: Reader
    place: str

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            gone = batch.filter(pa.compute.invert(batch.column("keep")))
            count = gone.num_rows
            values = {name: gone.column(name) for name in (ID, "rule", "value", "threshold", "other_id")}
            values["place"] = pa.array([self.place] * count, pa.string())
            yield pa.RecordBatch.from_arrays(
                [values.get(field.name, pa.nulls(count, field.type)) for field in NOTE], schema=NOTE
            )


@dataclass(frozen=True)
class _ClusterPairs:
    read: Reader

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            yield pa.RecordBatch.from_arrays([batch.column("cluster"), batch.column(ID)], schema=PAIR)


@dataclass(frozen=True)
class _GroupPairs:
    read: Reader
    group: str

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            batch = batch.filter(batch.column(self.group).is_valid())
            # A group's name must not be mistaken for a row's id.
            groups = [f"~{canonical(value)}" for value in batch.column(self.group).to_pylist()]
            yield pa.RecordBatch.from_arrays([pa.array(groups, pa.string()), batch.column(ID)], schema=PAIR)


@dataclass(frozen=True)
class _Units:
    read: Reader

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            rows = batch.filter(
                pa.array([not name.startswith("~") for name in batch.column(ID).to_pylist()], pa.bool_())
            )
            yield pa.RecordBatch.from_arrays([rows.column(ID), rows.column("cluster")], names=[ID, "unit"])


def slug(place: str) -> str:
    """Return a place as the name of its table."""
    return "".join(letter if letter.isalnum() else "-" for letter in place).strip("-")
