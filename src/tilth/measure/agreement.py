"""Check rows against what was agreed about their source: each row by itself on workers, the set of them at the end.

    checked = check(agreement, batch)                           on a worker: rows to keep, rows that break rules
    state = merge(state, checked.state)                         small, JSON values, in any order
    repeats = agreement_unique.repeated(agreement, rows, engine, salt)
    verdict = agreement_verdict.judge(agreement, state, ...)    on the driver, before the commit

Nothing that is said repeats what a cell holds: a message names the column, the rule and the bound.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.agreement import Agreement, Column, moment, whole
from tilth.core.batch import Batch, with_column
from tilth.core.connector import Record
from tilth.measure._agreement_types import Typed, length, micros, numbers, typed

VERSION = 1
"""Raised when the same rules come to say something else of the same rows: part of the key of what was read."""
BROKEN = pa.schema([("row", pa.int64()), ("column", pa.string()), ("rule", pa.string()), ("bound", pa.string())])
"""One line for each rule that a row breaks: the row's number in its batch, from 0."""
_SKEW = timedelta(days=1)
"""How far another clock may be ahead: a moment later than that says nothing of how fresh the data is."""


@dataclass(frozen=True, kw_only=True)
class State:
    """What was counted of some rows; JSON values only. Two are joined by `merge`, in any order."""

    rows: int = 0
    broken: int = 0
    """Rows that break a rule at least."""
    rules: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By column and rule: how many rows break it."""
    nulls: Mapping[str, int] = field(default_factory=dict)
    seen: tuple[str, ...] = ()
    """Columns that are named in the agreement and were there, sorted."""
    extra: tuple[str, ...] = ()
    """Columns that are not named in it, sorted."""
    newest: int | None = None
    """The newest moment in the column of `fresh`, in microseconds since 1970."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> State:
        """Read what `to_json` gave."""
        return cls(**{**value, "seen": tuple(value["seen"]), "extra": tuple(value["extra"])})


class Checked(NamedTuple):
    """What came of checking a batch."""

    keep: Batch
    """The rows that break no rule, with the columns and types that were agreed."""
    kept: pa.BooleanArray
    """One for each row of the batch: whether it is among them."""
    broken: Batch
    """`BROKEN`: which rows break which rules, in the order of the rows."""
    state: State


def check(agreement: Agreement, batch: Batch, *, now: datetime | None = None) -> Checked:
    """Check the rows of a batch (the user's columns only).

    >>> agreed = Agreement(columns={"n": Column(type="int", max=9)})
    >>> found = check(agreed, pa.RecordBatch.from_pydict({"n": ["7", "70", "x"]}))
    >>> found.keep.to_pydict(), found.broken.to_pylist()[0]
    ({'n': [7]}, {'row': 1, 'column': 'n', 'rule': 'max', 'bound': '9'})
    """
    count = batch.num_rows
    names = set(batch.schema.names)
    extra = tuple(sorted(names - set(agreement.columns))) if agreement.columns else ()
    nulls: dict[str, int] = {}
    breaks: list[_Breaks] = []
    keep = batch
    for name, column in agreement.columns.items():
        if name not in names:
            nulls[name] = count
            breaks += [_Breaks(name, "required", "a value", _all(count))] if column.required else []
            continue
        cells = batch.column(name)
        nulls[name] = cells.null_count
        found, of_column = _column(cells, name, column)
        breaks += of_column
        if column.type is not None and found.type != cells.type:
            keep = with_column(keep, name, found)
    if agreement.extra_columns == "drop" and extra:
        keep = keep.drop_columns(list(extra))
    kept = _kept(count, breaks)
    if not all_true(kept):
        keep = keep.filter(kept)
    state = State(
        rows=count,
        broken=count - keep.num_rows,
        rules=_counted(breaks),
        nulls=nulls,
        seen=tuple(sorted(names & set(agreement.columns))),
        extra=extra,
        newest=_newest(agreement, keep, now or datetime.now(UTC)),
    )
    return Checked(keep, kept, _broken(breaks), state)


def kept_of(record: Record, checked: Checked) -> Record:
    """Return what a source read, without the rows that were set aside, their names and their subjects."""
    if all_true(checked.kept):
        return record._replace(batch=checked.keep)
    kept = checked.kept.to_pylist()
    subjects = record.subjects and tuple(itertools.compress(record.subjects, kept))
    return record._replace(batch=checked.keep, names=tuple(itertools.compress(record.names, kept)), subjects=subjects)


def merge(one: State, other: State) -> State:
    """Join what was counted of two sets of rows."""
    newest = [state.newest for state in (one, other) if state.newest is not None]
    columns = sorted({*one.rules, *other.rules})
    return State(
        rows=one.rows + other.rows,
        broken=one.broken + other.broken,
        rules={name: _sum(one.rules.get(name, {}), other.rules.get(name, {})) for name in columns},
        nulls=_sum(one.nulls, other.nulls),
        seen=tuple(sorted({*one.seen, *other.seen})),
        extra=tuple(sorted({*one.extra, *other.extra})),
        newest=max(newest, default=None),
    )


class _Breaks(NamedTuple):
    column: str
    rule: str
    bound: str
    rows: pa.BooleanArray
    """True where a row breaks it; no nulls."""


def _column(cells: pa.Array, name: str, column: Column) -> tuple[pa.Array, list[_Breaks]]:
    """Return a column in its agreed type (null where a cell does not fit), and what its cells break."""
    breaks: list[_Breaks] = []
    if column.required and cells.null_count:
        breaks.append(_Breaks(name, "required", "a value", cells.is_null()))
    found = typed(cells, column.type) if column.type is not None else Typed(cells, None)
    if found.misfits is not None:
        breaks.append(_Breaks(name, "type", str(column.type), found.misfits))
    for rule, bound, view, holds in _rules(found.cells, column):
        broken = pc.and_(view.cells.is_valid(), pc.invert(pc.fill_null(holds, True)))
        if view.misfits is not None:
            broken = pc.or_(broken, view.misfits)
        if pc.any(broken).as_py():
            breaks.append(_Breaks(name, rule, bound, broken))
    return found.cells, breaks


def _rules(cells: pa.Array, column: Column) -> list[tuple[str, str, Typed, pa.BooleanArray]]:
    """List the rules on single cells: name, bound, the cells as the rule sees them, and whether it holds."""
    rules: list[tuple[str, str, Typed, pa.BooleanArray]] = []
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if column.min is not None or column.max is not None:
        view = micros(cells) if column.of_time else numbers(cells)
        for name, compare in (("min", pc.greater_equal), ("max", pc.less_equal)):
            bound = getattr(column, name)
            if bound is not None:
                rules.append((name, str(bound), view, compare(view.cells, _scalar(bound, view.cells.type))))
    if column.min_length is not None or column.max_length is not None:
        view = length(cells)
        for name, compare in (("min_length", pc.greater_equal), ("max_length", pc.less_equal)):
            bound = getattr(column, name)
            if bound is not None:
                rules.append((name, str(bound), view, compare(view.cells, bound)))
    if column.matches is not None:
        view = typed(cells, "text")
        rules.append(("matches", column.matches, view, pc.match_substring_regex(view.cells, whole(column.matches))))
    if column.allowed is not None:
        rules.append(("in", _listed(column.allowed), Typed(cells, None), _is_in(cells, column.allowed)))
    return rules


def _scalar(bound: Any, kind: pa.DataType) -> Any:
    if isinstance(bound, str):
        at = moment(bound)
        assert at is not None
        return pa.scalar(_micros_of(at), pa.int64())
    # A bound of 0.5 must not be cut to the whole number that the column's type holds.
    return pa.scalar(float(bound)) if isinstance(bound, float) or not pa.types.is_integer(kind) else pa.scalar(bound)


def _is_in(cells: pa.Array, allowed: tuple[Any, ...]) -> pa.BooleanArray:
    try:
        values = pa.array(list(allowed))
        if values.type != cells.type:
            # Texts are no numbers, and true is not 1.
            if pa.types.is_boolean(values.type) or _textual(values.type) != _textual(cells.type):
                raise pa.ArrowInvalid
            values = values.cast(cells.type)
        return pc.is_in(cells, value_set=values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return pc.invert(_all(len(cells)))


def _textual(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _listed(allowed: tuple[Any, ...]) -> str:
    said = ", ".join(str(value) for value in allowed[:10])
    return f"{said} …" if len(allowed) > 10 else said


def _newest(agreement: Agreement, batch: Batch, now: datetime) -> int | None:
    if agreement.fresh is None or agreement.fresh.column not in batch.schema.names or not batch.num_rows:
        return None
    cells = micros(batch.column(agreement.fresh.column)).cells
    past = cells.filter(pc.fill_null(pc.less_equal(cells, _micros_of(now + _SKEW)), False))
    newest: int | None = pc.max(past).as_py()
    return newest


def _micros_of(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _all(count: int) -> pa.BooleanArray:
    return pa.array([True] * count, pa.bool_())


def all_true(mask: pa.BooleanArray) -> bool:
    """Tell whether all of a mask is true."""
    return bool(pc.all(mask).as_py()) if len(mask) else True


def _kept(count: int, breaks: list[_Breaks]) -> pa.BooleanArray:
    kept = _all(count)
    for one in breaks:
        kept = pc.and_not(kept, one.rows)
    return kept


def _broken(breaks: list[_Breaks]) -> Batch:
    parts = []
    for place, one in enumerate(breaks):
        rows = pc.indices_nonzero(one.rows).cast(pa.int64())
        said = [pa.repeat(text, len(rows)) for text in (one.column, one.rule, one.bound)]
        parts.append(pa.table([rows, *said, pa.repeat(place, len(rows))], names=[*BROKEN.names, "place"]))
    if not parts:
        return pa.RecordBatch.from_pylist([], schema=BROKEN)
    table = pa.concat_tables(parts).sort_by([("row", "ascending"), ("place", "ascending")]).drop_columns(["place"])
    return pa.RecordBatch.from_arrays([column.combine_chunks() for column in table.columns], schema=BROKEN)


def _counted(breaks: list[_Breaks]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for one in breaks:
        count = int(pc.sum(one.rows).as_py() or 0)
        if count:
            found.setdefault(one.column, {})[one.rule] = count
    return found


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}
