"""Look at data before deciding: what its columns are, what its texts measure, what rules and duplicates would drop."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tilth.core.engine import Engine, Rows, Step
from tilth.core.errors import DataError
from tilth.core.events import Listener, Noticed, ShardDone, StageDone, StageStarted
from tilth.engines.local import Local
from tilth.report.inspection import Duplicates, Inspection, OperatorLook, Statistic
from tilth.run.looks import target as targets
from tilth.run.looks import twins
from tilth.run.looks.measure import Found, Measure
from tilth.run.looks.target import Target
from tilth.run.pipe import Link
from tilth.text import statistics

STAGE = "measure"


def inspect(
    data: str,
    *,
    column: str | None = None,
    rules: Sequence[str] | None = None,
    rows: int | None = None,
    duplicates: bool = True,
    languages: bool = True,
    workers: int = 0,
    listen: Listener = lambda event: None,
) -> Inspection:
    """Look at a data set (a file, folder or pattern) or at what a recipe reads and does; writes nothing.

    One pass measures all; a search for duplicates is an exchange with its spill on disk. Raises `RecipeError` for a
    recipe or rule that is wrong, `DataError` for data that cannot be read.
    """
    target = targets.of(data, column=column, rules=rules, limit=rows)
    for notice in target.notices:
        listen(Noticed(stage=STAGE, what=notice))
    code = tuple((path, targets.ROOM) for path in target.code)
    with (
        tempfile.TemporaryDirectory(prefix="tilth-inspect-") as spill,
        Local(workers=workers, spill=Path(spill), code=code) as engine,
    ):
        found = _measured(target, languages, engine, listen)
        if not found.rows:
            raise DataError(
                "no row could be read", where=data, wanted="rows", do=found.reasons[0] if found.reasons else None
            )
        repeats = _duplicates(target, engine, listen) if duplicates else ()
    return _inspection(target, found, repeats, rows)


def _measured(target: Target, languages: bool, engine: Engine, listen: Listener) -> Found:
    began = time.perf_counter()
    shards = target.rows.shards
    listen(StageStarted(stage=STAGE, shards=len(shards)))
    job = Measure(
        read=target.rows.read,  # type: ignore[arg-type]  # what `targets` made
        column=target.column,
        trials=target.trials,
        chained=target.chained,
        languages=languages,
    )
    parts: dict[str, Found] = {}
    for shard, found in engine.run(Step(name=STAGE, work=job), shards):
        parts[shard.id] = found
        listen(ShardDone(stage=STAGE, shard=shard.id, rows=found.rows))
    whole = Found()
    for shard in shards:
        # In shard order, so that sums of fractions do not depend on which worker was first.
        whole.merge(parts.pop(shard.id))
    listen(StageDone(stage=STAGE, seconds=time.perf_counter() - began, counts={"rows": whole.rows}))
    return whole


def _duplicates(target: Target, engine: Engine, listen: Listener) -> tuple[Duplicates, ...]:
    found = []
    links: tuple[Link, ...] = target.trials if target.chained else ()
    for link in target.deciders:
        began = time.perf_counter()
        listen(StageStarted(stage=link.place))
        above = tuple(one for one in links if _number(one.place) < _number(link.place)) if links else ()
        rows = Rows(shards=target.rows.shards, read=twins.Mapped(links=above, read=target.rows.read))
        found.append(twins.search(link, rows, engine, target.column))
        counts = {"clusters": found[-1].clusters, "would drop": found[-1].dropped}
        listen(StageDone(stage=link.place, seconds=time.perf_counter() - began, counts=counts))
    return tuple(found)


def _number(place: str) -> int:
    inside = place.partition("[")[2].partition("]")[0]
    return int(inside) if inside.isdecimal() else 0


def _inspection(target: Target, found: Found, repeats: tuple[Duplicates, ...], limit: int | None) -> Inspection:
    alone = dict(zip(found.together.names, found.together.alone.tolist(), strict=True))
    return Inspection(
        data=target.data,
        rows=found.rows,
        files=target.files,
        column=target.column,
        limit=limit,
        rejected=found.rejected,
        reasons=tuple(found.reasons),
        notices=target.notices,
        columns=tuple(tally.look() for tally in found.columns.values()),
        languages=dict(sorted(found.languages.items(), key=lambda pair: (-pair[1], pair[0]))),
        statistics=tuple(
            Statistic(name=name, definition=statistics.DEFINITIONS[name], histogram=bins.histogram())
            for name, bins in found.statistics.items()
        ),
        operators=tuple(OperatorLook(name=name, **counts) for name, counts in found.operators.items()),
        rules=tuple(rule.look(alone.get(key, 0)) for key, rule in found.rules.items()),
        dropped=found.together.any,
        overlap=found.together.overlap() if found.together.names else None,
        operator_overlap=found.operators_together.overlap() if found.operators_together.names else None,
        duplicates=repeats,
    )
