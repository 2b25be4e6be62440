"""Say whether a source keeps its agreement: what breaks it as a whole, and whether the run stops."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from tilth.core.agreement import Agreement, duration
from tilth.core.errors import CheckFailed, did_you_mean
from tilth.measure.agreement import State


class Break(NamedTuple):
    """One rule that the rows as a whole break."""

    column: str | None
    rule: str
    found: str
    wanted: str
    do: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What came of an agreement; `breaks` stop the run."""

    source: str
    rows: int
    """Rows that were read, those set aside among them."""
    broken: int
    """Rows that break a rule by themselves."""
    rules: tuple[tuple[str, str, int], ...]
    """Column, rule and how many rows break it; the most broken first."""
    breaks: tuple[Break, ...]
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        """Whether the run may go on."""
        return not self.breaks

    def to_json(self) -> dict[str, Any]:
        """Return JSON values, for a report."""
        return {
            "source": self.source,
            "kept": self.kept,
            "rows": self.rows,
            "broken": self.broken,
            "rules": [{"column": column, "rule": rule, "rows": count} for column, rule, count in self.rules],
            "breaks": [{name: value for name, value in one._asdict().items() if value} for one in self.breaks],
            "notes": list(self.notes),
        }

    def text(self) -> str:
        """Return a few lines for a person."""
        head = f"{self.source}: the agreement is {'kept' if self.kept else 'broken'}"
        lines = [f"{head}; {self.broken:,} of {self.rows:,} rows set aside" if self.broken else head]
        lines += [f"  {_of(column)}{rule}: {count:,} rows" for column, rule, count in self.rules[:10]]
        lines += [f"  {_of(one.column)}{one.rule}: {one.found}; wanted: {one.wanted}" for one in self.breaks]
        return "\n".join(lines)

    def error(self, where: str | None = None) -> CheckFailed | None:
        """Return the error that stops the run, or None where the agreement is kept."""
        if self.kept:
            return None
        first, *more = self.breaks
        also = f" (and {len(more)} more)" if more else ""
        said = f"the agreement is broken: {_of(first.column)}{first.rule}: {first.found}{also}"
        do = " ".join(part for part in (first.do, "Nothing was committed.") if part)
        return CheckFailed(said, where=where or self.source, wanted=first.wanted, do=do)


def judge(
    agreement: Agreement,
    state: State,
    *,
    source: str,
    licence: str | None,
    repeated: Mapping[str, int] | None = None,
    rows: int | None = None,
    now: datetime | None = None,
    sample: bool = False,
) -> Verdict:
    """Return the verdict on a source.

    `repeated` is what `agreement_unique.repeated` counted, `rows` how many the source has when those of earlier runs
    count too (by default those that were kept now). Of a `sample`, neither the count nor the age is judged.
    """
    breaks = [*_columns(agreement, state), *_rows(agreement, state), *_nulls(agreement, state)]
    for name, count in (repeated or {}).items():
        breaks.append(Break(name, "unique", f"{count:,} rows repeat a value", "each value once"))
    if not sample:
        breaks += _count(agreement, state.rows - state.broken if rows is None else rows)
        breaks += _age(agreement, state, now or datetime.now(UTC))
    breaks += _licence(agreement, licence)
    counted = [(column, rule, count) for column, rules in state.rules.items() for rule, count in rules.items()]
    return Verdict(
        source=source,
        rows=state.rows,
        broken=state.broken,
        rules=tuple(sorted(counted, key=lambda one: (-one[2], one[0], one[1]))),
        breaks=tuple(breaks),
        notes=agreement.notes,
    )


def _columns(agreement: Agreement, state: State) -> list[Break]:
    if not state.rows:
        return []
    missing = [name for name in agreement.columns if name not in state.seen]
    here = [*state.seen, *state.extra]
    found = [
        Break(name, "column", "no row has it", "in the source", did_you_mean(name, here) or "") for name in missing
    ]
    if agreement.extra_columns == "forbid" and state.extra:
        said = ", ".join(state.extra[:10]) + (" …" if len(state.extra) > 10 else "")
        do = "Name them in the agreement, or say `extra_columns: allow` or `drop`."
        found.append(Break(None, "extra_columns", f"{said} came", f"none but {', '.join(agreement.columns)}", do))
    return found


def _rows(agreement: Agreement, state: State) -> list[Break]:
    share = 0.0 if agreement.on_break == "stop" else agreement.tolerance
    if state.broken <= share * state.rows:
        return []
    worst = max(((column, rule, count) for column, rules in state.rules.items() for rule, count in rules.items()),
                key=lambda one: one[2])  # fmt: skip
    most = "no row (on_break: stop)" if agreement.on_break == "stop" else f"at most {share:.4g} of them (tolerance)"
    said = f"{state.broken:,} of {state.rows:,} rows break a rule, most of them {worst[0]} {worst[1]}"
    do = ""
    if worst[1] == "type" and agreement.columns[worst[0]].type == "text":
        do = f"Numbers are no text; read the column as text: `types: {{{worst[0]}: string}}`."
    return [Break(None, "rows", said, most, do)]


def _nulls(agreement: Agreement, state: State) -> list[Break]:
    found = []
    for name, column in agreement.columns.items():
        count = state.nulls.get(name, 0)
        if column.null is not None and count > column.null * state.rows:
            said = f"{count:,} of {state.rows:,} rows have no value"
            found.append(Break(name, "null", said, f"at most {column.null:.4g} of them"))
    return found


def _count(agreement: Agreement, rows: int) -> list[Break]:
    wanted = agreement.rows
    if wanted is None:
        return []
    if wanted.min is not None and rows < wanted.min:
        return [Break(None, "rows.min", f"{rows:,} rows", f"{wanted.min:,} or more")]
    if wanted.max is not None and rows > wanted.max:
        return [Break(None, "rows.max", f"{rows:,} rows", f"{wanted.max:,} at most")]
    return []


def _age(agreement: Agreement, state: State, now: datetime) -> list[Break]:
    wanted = agreement.fresh
    if wanted is None:
        return []
    if state.newest is None:
        return [Break(wanted.column, "fresh", "no row says when it is of", f"one not older than {wanted.within}")]
    newest = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=state.newest)
    if now - newest <= duration(wanted.within):
        return []
    said = f"the newest row is of {newest.isoformat(timespec='seconds')}"
    return [Break(wanted.column, "fresh", said, f"not older than {wanted.within}")]


def _licence(agreement: Agreement, licence: str | None) -> list[Break]:
    if agreement.licences is None or (licence and _word(licence) in map(_word, agreement.licences)):
        return []
    said = f'the source states "{licence}"' if licence else "the source states none"
    return [Break(None, "licences", said, f"one of {', '.join(agreement.licences)}")]


def _word(licence: str) -> str:
    return re.sub(r"[\s_-]+", "-", licence.strip().lower())


def _of(column: str | None) -> str:
    return f"{column} " if column else ""
