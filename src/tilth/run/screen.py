"""Screen: run the deciders that need the split, such as decontamination, after it is assigned and before any fit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tilth.core.engine import Rows
from tilth.core.events import StageStarted
from tilth.core.shard import RunKey
from tilth.run import sidecar
from tilth.run.acquire import Acquired
from tilth.run.assign import Assigned
from tilth.run.cluster import Leaving, commit, slug
from tilth.run.fingerprint import chain, decides, digest, located
from tilth.run.prefix import Prefixed
from tilth.run.sidecar import chained
from tilth.run.stages import Work

STAGE = "screen"


def screen(work: Work, acquired: Acquired, assigned: Assigned) -> Assigned:
    """Return the notes of the split, and of the rows that leave by it."""
    notes, key, skipped = assigned.notes, assigned.key, True
    folder = Path(work.recipe.path).resolve().parent
    for step in work.plan.screens:
        place, operator, links = step.place, step.operator, step.links
        # As written in the fingerprint, so that a project can be moved; files are known by what they hold.
        said = decides(operator)
        operator, files = located(operator, folder)
        key = digest(STAGE, key, place, chain([link.operator for link in links]), said, files)
        table = work.project.decisions(f"{work.data}.{slug(place)}")
        if table.version_of(RunKey(key)) is None:
            work.tell(StageStarted(stage=f"{STAGE} {place}"))
            raw = acquired.table.scan(acquired.version)
            beside = sidecar.build(assigned.light, notes, work.engine)
            read = Prefixed(links=links, read=raw.read, sidecar=beside, measures=work.measures)
            found = operator.decide(Rows(shards=raw.shards, read=read), work.engine)
            commit(work, table, found, key, stage=STAGE)
            skipped = False
        decisions = table.scan(table.version_of(RunKey(key)))
        notes = chained(notes, Rows(shards=decisions.shards, read=Leaving(decisions.read, place)))
    return replace(assigned, notes=notes, key=key, skipped=skipped)
