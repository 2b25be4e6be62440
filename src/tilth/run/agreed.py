"""Judge what was read by what was agreed about each source, before anything is committed; keep what was set aside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

from tilth.core.agreement import Agreement
from tilth.core.batch import ID
from tilth.core.events import Noticed
from tilth.core.shard import RunKey
from tilth.measure import agreement_unique
from tilth.measure.agreement import State, merge
from tilth.measure.agreement_quarantine import QUARANTINE
from tilth.measure.agreement_verdict import Verdict, judge
from tilth.run import increment
from tilth.run.collect import Receipts
from tilth.run.landing import STAGE, Planned
from tilth.run.stages import Work, receipt_from
from tilth.tables.table import Table

Paths = Mapping[int, Sequence[str]]
"""By source: the parts that hold its rows now, old ones that stay among them."""


def judged(
    work: Work,
    planned: Sequence[Planned],
    receipts: Receipts,
    facts: Sequence[Mapping[str, Any]],
    held: Paths,
    table: Table,
    key: str,
    *,
    grows: bool,
) -> None:
    """Judge every source that has an agreement. Raises `CheckFailed` for the first that breaks it.

    What was set aside is kept in either case, with a report beside it: the run that stops is the one to look into.
    """
    verdicts = [
        _verdict(work, one, one.entry.agreement, at, receipts, facts[at], held.get(at, ()), table)
        for at, one in enumerate(planned)
        if one.entry.agreement is not None
    ]
    if not verdicts:
        return
    _keep(work, receipts, verdicts, key, grows)
    errors = [verdict.error(_where(planned, verdict)) for verdict in verdicts]
    for verdict, error in zip(verdicts, errors, strict=True):
        if verdict.broken or error or verdict.notes:
            said = "\n".join([verdict.text(), *(f"  {note}" for note in verdict.notes)])
            work.tell(Noticed(stage=STAGE, what=said, warning=bool(verdict.broken or error)))
    for error in errors:
        if error is not None:
            raise error


def _verdict(
    work: Work,
    one: Planned,
    agreement: Agreement,
    at: int,
    receipts: Receipts,
    facts: Mapping[str, Any],
    paths: Sequence[str],
    table: Table,
) -> Verdict:
    mine = [found for name, found in sorted(receipts.items()) if name.startswith(f"{at:03d}-")]
    state = reduce(merge, (State.from_json(found["agreement"]) for found in mine), State())
    # The newest row of a source that grows may have come in an earlier run.
    state = replace(state, newest=facts["newest"])
    repeated: Mapping[str, int] = {}
    if agreement.unique and paths:
        rows = increment.parts_of(table, paths, [ID, *agreement.unique])
        repeated = agreement_unique.repeated(agreement, rows, work.engine, work.project.salt)
    return judge(
        agreement,
        state,
        source=one.name,
        licence=getattr(one.entry.part, "licence", None),
        repeated=repeated,
        rows=int(facts["rows"]),
        sample=work.sample is not None,
    )


def _keep(work: Work, receipts: Receipts, verdicts: Sequence[Verdict], key: str, grows: bool) -> None:
    table = work.project.quarantine(work.data)
    aside = [receipt_from(dict(found["aside"])) for _, found in sorted(receipts.items()) if "aside" in found]
    if any(receipt.parts for receipt in aside) or table.exists():
        table.commit(
            aside,
            RunKey(key),
            None,
            table.newest(),
            schema=QUARANTINE,
            mode="append" if grows else "overwrite",
            fingerprint=key,
        )
    report = work.project.folder / "quarantine" / f"{work.data}.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps([verdict.to_json() for verdict in verdicts], ensure_ascii=False, indent=1), encoding="utf-8"
    )


def _where(planned: Sequence[Planned], verdict: Verdict) -> str:
    return next(one.entry.at for one in planned if one.name == verdict.source)
