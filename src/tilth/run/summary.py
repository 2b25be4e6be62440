"""Gather a run's numbers for its report."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, SPLIT
from tilth.core.shard import RunKey
from tilth.core.spec import spec_of
from tilth.report.summary import (
    Evaluation,
    ExampleLine,
    SinkLine,
    SourceLine,
    SplitLine,
    StepLine,
    Summary,
    Training,
)
from tilth.run.acquire import Acquired
from tilth.run.answers import excerpt
from tilth.run.cluster import text_of
from tilth.run.done import Done
from tilth.run.landing import where_of
from tilth.run.refine import Refined
from tilth.run.stages import Work

EXAMPLES = 3
"""Rows a step shows for each fate."""
MOST_LABELS = 200


def build(work: Work, done: Done, *, run: str, started: str, seconds: float, report: str) -> Summary:
    """Return the summary of a run."""
    acquired, assigned, refined = done.acquired, done.assigned, done.refined
    assert acquired and assigned and refined
    recipe = work.recipe
    rejected = sum(source["rejected"] + source["set_aside"] for source in acquired.sources)
    rows_in = sum(source["rows"] for source in acquired.sources) + rejected
    failed = rejected + sum(tally.failed for tally in refined.tallies.values())
    dropped = sum(tally.dropped for tally in refined.tallies.values())
    evaluated, learned = done.evaluated, done.learned
    train = recipe.train
    warnings = [notice.what for notice in done.notices if notice.warning]
    if evaluated:
        warnings += evaluated.warnings
    model = str(evaluated.bundle) if evaluated else ""
    return Summary(
        run=run,
        name=work.data,
        recipe_path=recipe.path,
        started=started,
        seconds=round(seconds, 1),
        sample=work.sample,
        task=str(getattr(train.part, "task", "")) if train else "",
        stages=tuple(done.lines),
        sources=tuple(_source(source) for source in acquired.sources),
        steps=tuple(_steps(work, done)),
        sinks=tuple(_sinks(work, done)),
        split=_split(work, done),
        training=Training(
            learner=train.name,
            backbone=str(getattr(train.part, "backbone", "") or ""),
            history=learned.history,
            facts={name: value for name, value in learned.notes.items() if name != "warnings"},
        )
        if train and learned
        else None,
        evaluation=_evaluation(evaluated.result) if evaluated else None,
        warnings=tuple(dict.fromkeys(warnings)),
        versions={
            "data": refined.version.number,
            **({"model": evaluated.version} if evaluated else {}),
        },
        facts={
            "seed": recipe.seed,
            "data fingerprint": refined.key,
            **({"model fingerprint": evaluated.key} if evaluated else {}),
            "python": sys.version.split()[0],
            "machine": f"{platform.machine()}, {platform.system()}",
            **{name: importlib.metadata.version(name) for name in ("tilth", "pyarrow", "deltalake")},
        },
        accounts={
            "rows_in": rows_in,
            "expanded": 0,
            "grown": 0,
            "kept": refined.rows,
            "dropped": dropped,
            "failed": failed,
        },
        again=f"tilth run {recipe.path}" + (f" --sample {work.sample}" if work.sample else ""),
        serve=f"tilth serve {model}" if model else "",
        report=report,
        model=model,
    )


def _source(source: dict[str, Any]) -> SourceLine:
    return SourceLine(
        name=source["name"],
        kind=source["kind"],
        licence=source["licence"],
        rows=source["rows"],
        rejected=source["rejected"] + source["set_aside"],
        notes=tuple(source["notes"]) + tuple(source["reasons"]),
    )


def _sinks(work: Work, done: Done) -> Iterator[SinkLine]:
    for entry, one in zip(work.recipe.store, done.stored.sinks if done.stored else (), strict=False):
        yield SinkLine(
            place=one.place.partition(" ")[0],
            kind=one.kind,
            where=where_of(entry.part),
            rows=one.rows,
            version=one.version,
            status="unchanged" if one.skipped else "stored",
        )


def _steps(work: Work, done: Done) -> list[StepLine]:
    """List what each place did, in the order of the recipe: first what leaves before refine, then each operator."""
    assert done.refined and done.acquired
    tallies = done.refined.tallies
    given = {entry.place: entry for entry in work.recipe.refine}
    left = sum(source["rows"] for source in done.acquired.sources)
    examples = _examples(work, done)
    lines = []
    before = [place for place in ("acquire", "split") if place in tallies]
    for place in [*before, *given]:
        tally = tallies.get(place)
        dropped, failed = (tally.dropped, tally.failed) if tally else (0, 0)
        where, _, name = place.partition(" ")
        entry = given.get(place)
        lines.append(
            StepLine(
                place=where,
                operator=name or {"acquire": "repeated keys", "split": "rows that straddle splits"}[place],
                options=_options(entry) if entry else "",
                rows_in=left,
                kept=left - dropped - failed,
                dropped=dropped,
                changed=tally.changed if tally else 0,
                failed=failed,
                by_rule=tally.by_rule if tally else {},
                examples=tuple(examples.get(place, ())),
            )
        )
        left -= dropped + failed
    return lines


def _options(entry: Any) -> str:
    options = spec_of(entry.part)["options"]
    return ", ".join(f"{name}={options[name]}" for name in entry.given if name in options)


def _examples(work: Work, done: Done) -> dict[str, list[ExampleLine]]:
    """Pick a few fates of each place and look up what the rows say: the report shows text, the fates never do."""
    assert done.refined and done.acquired
    wanted: dict[str, list[dict[str, Any]]] = {}
    for fate in _some_fates(work, done.refined.key):
        wanted.setdefault(fate["operator"], []).append(fate)
    ids = {fate[ID] for fates in wanted.values() for fate in fates}
    ids |= {fate["other_id"] for fates in wanted.values() for fate in fates if fate["other_id"]}
    column = text_of(work.recipe, done.acquired.table.schema(done.acquired.version))
    if not ids or column is None:
        return {}
    came = _lookup(done.acquired, ids, column)
    left = _lookup(done.refined, {fate[ID] for fates in wanted.values() for fate in fates if _changed(fate)}, column)
    found: dict[str, list[ExampleLine]] = {}
    for place, fates in wanted.items():
        for fate in fates:
            shown = fate["column"] in (None, column)
            found.setdefault(place, []).append(
                ExampleLine(
                    id=fate[ID],
                    fate=fate["fate"],
                    before=came.get(fate[ID]) if shown else None,
                    after=left.get(fate[ID]) if shown and _changed(fate) else None,
                    rule=fate["rule"] or fate["reason"] or "",
                    value=fate["value"],
                    threshold=fate["threshold"],
                    other_id=fate["other_id"],
                    column=fate["column"] or "",
                )
            )
    return found


def _some_fates(work: Work, key: str) -> list[dict[str, Any]]:
    """Read the first few fates of each kind at each place."""
    table = work.project.fates(work.data).table
    taken: Counter[tuple[str, str]] = Counter()
    found = []
    for batch in table.scan(table.version_of(RunKey(key))).batches():
        rows = []
        for row, kind in enumerate(
            zip(batch.column("operator").to_pylist(), batch.column("fate").to_pylist(), strict=True)
        ):
            if taken[kind] < EXAMPLES:
                taken[kind] += 1
                rows.append(row)
        found += batch.take(pa.array(rows, pa.int64())).to_pylist()
    return found


def _changed(fate: dict[str, Any]) -> bool:
    return bool(fate["fate"] == "changed")


def _lookup(stage: Acquired | Refined, ids: set[str], column: str) -> dict[str, str]:
    """Return what a column says in these rows; reads no further than the last of them."""
    if not ids or column not in stage.table.schema(stage.version).names:
        return {}
    found: dict[str, str] = {}
    for batch in stage.table.scan(stage.version, [ID, column], where={ID: ids}).batches():
        for name, value in zip(batch.column(ID).to_pylist(), batch.column(column).to_pylist(), strict=True):
            found[name] = excerpt("" if value is None else value)
        if len(found) == len(ids):
            break
    return found


def _split(work: Work, done: Done) -> SplitLine:
    assert done.refined and done.assigned
    train = work.recipe.train
    label = getattr(train.part, "label", None) if train else None
    if train and getattr(train.part, "task", "") == "token_classification":
        label = None
    counts: Counter[str] = Counter()
    labels: dict[str, Counter[str]] = {}
    held = done.refined.table.schema(done.refined.version).names
    columns = [SPLIT, *([label] if label is not None and label in held else [])]
    for batch in done.refined.table.scan(done.refined.version, columns).batches():
        splits = batch.column(SPLIT).to_pylist()
        counts.update(splits)
        if len(columns) > 1:
            for value, split in zip(batch.column(label).to_pylist(), splits, strict=True):
                for one in value if isinstance(value, list) else [value]:
                    labels.setdefault("(none)" if one is None else str(one), Counter())[split] += 1
    tally = done.refined.tallies.get("split")
    top = dict(sorted(labels.items(), key=lambda item: (-sum(item[1].values()), item[0]))[:MOST_LABELS])
    return SplitLine(
        counts={name: counts.get(name, 0) for name in ("train", "valid", "test")},
        labels={name: dict(found) for name, found in top.items()},
        straddling=tally.dropped if tally else 0,
        how=done.assigned.how,
    )


def _evaluation(result: dict[str, Any]) -> Evaluation:
    known = {name: value for name, value in result.items() if name in Evaluation.__dataclass_fields__}
    for name in ("headline", "baselines", "slices", "errors"):
        if name in known:
            known[name] = tuple(known[name])
    return Evaluation(**known)
