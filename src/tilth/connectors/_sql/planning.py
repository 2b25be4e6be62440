"""Plan the shards of a table or query: all of it in ranges of the key, or what is new, late and gone since a cursor."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._schema import dump, load
from tilth.connectors._sql.dialect import Column, Dialect, Session
from tilth.connectors._sql.drift import Drift, drifted
from tilth.connectors._sql.ranges import ranges, where, within
from tilth.connectors._sql.window import Late, Window, amount, digest, pack, unpack
from tilth.core.errors import DataError, did_you_mean
from tilth.core.shard import Cursor, Shard

if TYPE_CHECKING:
    from tilth.connectors.sql import Sql

LATE_KEYS = 500
"""Late rows of one shard; their keys stand in its query."""


@dataclass(frozen=True)
class Look:
    """What a look at the database says about a source: its columns, and what becomes of them."""

    relation: str
    columns: tuple[Column, ...]
    """All that the relation has, in the types asked for."""
    finish: Finish
    drift: Drift
    notes: tuple[str, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @property
    def key(self) -> tuple[Column, ...]:
        return tuple(self.column(name) for name in self.finish.key)


def look(source: Sql, dialect: Dialect, session: Session, known: Mapping[str, Any]) -> Look:
    """Describe the relation and check the options against its columns. Raises `DataError`."""
    relation = relation_of(source, dialect)
    found = dialect.columns(session, relation)
    names = [column.name for column in found]
    for name in names:
        if names.count(name) > 1:
            raise DataError(f'two columns are called "{name}"', where=source.shown, wanted="names that differ",
                            do="Give them names in the query (AS).")  # fmt: skip
    own = {new: old for old, new in (source.rename or {}).items()}
    asked = {own.get(name, name): word for name, word in (source.types or {}).items()}
    for name in asked:
        _known(name, names, source, "types")
    columns = tuple(dialect.cast(one, asked[one.name]) if one.name in asked else one for one in found)
    key = source.key_columns or (dialect.primary_key(session, source.table) if source.table else ())
    if not key:
        raise DataError("the table has no primary key", where=source.shown, wanted="a key",
                        do="Say which column or columns tell its rows apart: key: …")  # fmt: skip
    everything = pa.schema([pa.field(column.name, column.type) for column in columns])
    before = load(known["schema"]) if "schema" in known else None
    gone_before = [field for field in before or () if field.name not in names and source.incremental]
    choose = {"rename": source.rename or {}, "columns": source.columns, "key": key, "subject": source.subject}
    finish, moved = finish_for(pa.schema([*everything, *gone_before]), **choose, where=source.shown)  # type: ignore[arg-type]
    for name in finish.key:
        _known(name, names, source, "key")
    wanted = {*finish.keep, *finish.key, *([finish.subject] if finish.subject else [])}
    now = pa.schema([field for field in everything if field.name in wanted])
    drift = Drift(now, (), ())
    if before is not None:
        went = dict.fromkeys(known.get("went", ()))
        drift = drifted(before, went, now, incremental=bool(source.incremental), where=source.shown)
        finish = replace(finish, keep=tuple(name for name in finish.keep if name in drift.schema.names))
    said = [f'column "{column.name}": {column.note}' for column in columns if column.note and column.name in wanted]
    return Look(relation, columns, finish, drift, (*moved, *said))


def plan(source: Sql, dialect: Dialect, session: Session, since: Cursor | None) -> tuple[list[Shard], Cursor]:
    """Return the shards and the cursor behind them; the session sees one state of the database."""
    how = _how(source)
    known: Mapping[str, Any] = since.position if since is not None and since.position.get("how") == how else {}
    seen = look(source, dialect, session, known)
    planner = _Planner(source, dialect, session, seen)
    position: dict[str, Any] = {"how": how, "schema": dump(seen.drift.schema), "went": list(seen.drift.went)}
    if source.incremental is None:
        units = planner.whole([])
    else:
        units, more = planner.since(known)
        position |= more
    notes = [f"{source.source}: {note}" for note in (*seen.drift.notes, *seen.notes, *planner.notes)]
    if seen.drift.notes and not units:
        units = [{"kind": "nothing"}]
    shards = []
    for unit in units:
        packed = {**unit, **planner.packed()}
        shards.append(Shard(id=_name(source, unit, how), where={**packed, "notes": notes}))
        notes = []
    return shards, Cursor(position=position)


class _Planner:
    def __init__(self, source: Sql, dialect: Dialect, session: Session, seen: Look) -> None:
        self.source, self.dialect, self.session, self.look = source, dialect, session, seen
        self.notes: list[str] = []
        self.stays = [source.where] if source.where else []
        self.gone: str | None = None
        if source.deleted is not None:
            self.gone = _deleted(source.deleted, dialect, seen.columns)
            self.stays.append(f"({self.gone}) IS NOT TRUE")

    def packed(self) -> dict[str, Any]:
        """Return what a reader needs to know about the columns, so that it need not ask."""
        present = [column for column in self.look.columns if column.name in self.look.drift.schema.names]
        told = pa.schema([pa.field(column.name, column.type) for column in present])
        finish = self.look.finish
        return {
            "relation": self.look.relation,
            "columns": [[column.read, column.declared, column.guard] for column in present],
            "types": dump(told),
            "schema": dump(self.look.drift.schema),
            "finish": {"renamed": dict(finish.renamed), "keep": list(finish.keep), "key": list(finish.key),
                       "subject": finish.subject},
        }  # fmt: skip

    def whole(self, conditions: Sequence[str]) -> list[dict[str, Any]]:
        """Return the ranges of all rows for which the conditions hold."""
        split = self.look.column(_own(self.source.split_by or self.look.finish.key[0], self.look, self.source))
        told = [*self.stays, *conditions]
        units: list[dict[str, Any]] = [
            {"kind": "rows", "where": [*told, *within(self.dialect, split, part)]}
            for part in ranges(self.dialect, self.session, self.look.relation, told, split, self.source.shard_rows)
        ]
        empty = f"{self.dialect.quote(split.name)} IS NULL"
        if not self._never_null(split) and self._any([*told, empty]):
            units.append({"kind": "rows", "where": [*told, empty]})
        return units

    def since(self, known: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return what is new since a cursor, or all where there is none, and how far that goes."""
        source, seen = self.source, self.look
        column = seen.column(_own(str(source.incremental), seen, source))
        window = Window(self.dialect, self.session, seen.relation, column, seen.key,
                        amount(source.overlap, "sql.overlap"), amount(source.lag, "sql.lag"))  # fmt: skip
        cutoff, last = window.cutoff(), known.get("last")
        newest = window.newest(cutoff, last)
        if last is None:
            units = self.whole([f"{window.name} IS NULL OR {condition}" for condition in window.until(cutoff)])
            if self._any([*self.stays, f"{window.name} IS NULL"]):
                self.notes.append(f"rows without {column.name} are read once: later runs do not see them change")
        else:
            units = self._new(window, last, unpack(known.get("seen")), window.until(cutoff))
        stood = None if newest is None else window.rows(window.floor(newest), newest, self.stays)
        return units, {"last": newest, "seen": pack(stood)}

    def _new(
        self, window: Window, last: str, seen: frozenset[bytes] | None, until: Sequence[str]
    ) -> list[dict[str, Any]]:
        low = window.floor(last)
        stood = None if seen is None else window.rows(low, last, self.stays)
        units: list[dict[str, Any]] = []
        if stood is None or seen is None:
            beyond = [f"{window.name} >= {window.literal(low)}", *until]
        else:
            beyond = [f"{window.name} > {window.literal(last)}", *until]
            late = sorted(row for row in stood if digest(row) not in seen)
            for start in range(0, len(late), LATE_KEYS):
                these = self._one_of(late[start : start + LATE_KEYS])
                before = f"{window.name} <= {window.literal(last)}"
                units.append({"kind": "rows", "where": [*self.stays, before, these]})
        units += self.whole(beyond)
        inside = [f"{window.name} >= {window.literal(low)}", *until]
        left = [condition for condition in (
            self.gone and f"({self.gone}) IS TRUE", self.source.where and f"({self.source.where}) IS NOT TRUE",
        ) if condition]  # fmt: skip
        # A row that no longer meets `where` is gone, too.
        if left and self._any([*inside, " OR ".join(left)]):
            units.append({"kind": "gone", "where": [*inside, " OR ".join(left)]})
        return units

    def _one_of(self, rows: Sequence[Late]) -> str:
        key = self.look.key
        if len(key) == 1:
            listed = ", ".join(self.dialect.literal(row.key[0], key[0]) for row in rows)
            return f"{self.dialect.quote(key[0].name)} IN ({listed})"
        each = [
            " AND ".join(f"{self.dialect.quote(column.name)} = {self.dialect.literal(text, column)}"
                         for column, text in zip(key, row.key, strict=True))
            for row in rows
        ]  # fmt: skip
        return " OR ".join(f"({one})" for one in each)

    def _any(self, conditions: Sequence[str]) -> bool:
        return bool(self.session.rows(f"SELECT 1 FROM {self.look.relation}{where(conditions)} LIMIT 1"))

    def _never_null(self, column: Column) -> bool:
        if self.source.table is None or self.dialect.name == "sqlite":
            # SQLite lets a primary key be null.
            return False
        return column.name in self.dialect.primary_key(self.session, self.source.table)


def relation_of(source: Sql, dialect: Dialect) -> str:
    """Return what stands after FROM."""
    if source.table is not None:
        return dialect.table(source.table)
    return f"({str(source.query).strip().rstrip(';')}) AS tilth_query"


def _deleted(said: str, dialect: Dialect, columns: Sequence[Column]) -> str:
    """Return the condition for a row that is deleted: a flag that is true, another column that has a value, or SQL."""
    column = next((column for column in columns if column.name == said), None)
    if column is None:
        return said
    name = dialect.quote(said)
    if pa.types.is_boolean(column.type) and dialect.name in ("postgresql", "redshift", "duckdb"):
        return name
    numeric = pa.types.is_boolean(column.type) or pa.types.is_integer(column.type)
    return f"{name} <> 0" if numeric else f"{name} IS NOT NULL"


def _own(name: str, seen: Look, source: Sql) -> str:
    """Return the database's name for a column that the recipe may call by its new one."""
    old = {new: old for old, new in (source.rename or {}).items()}
    names = [column.name for column in seen.columns]
    found = name if name in names else old.get(name, name)
    _known(found, names, source, "incremental" if name == source.incremental else "split_by")
    return found


def _known(name: str, names: Sequence[str], source: Sql, option: str) -> None:
    if name not in names:
        raise DataError(f'{option}: no column "{name}"', where=source.shown,
                        wanted=f"one of {', '.join(names[:50])}", do=did_you_mean(name, names))  # fmt: skip


def _how(source: Sql) -> str:
    """Digest the options that decide what the rows are."""
    wanted = [source.table, source.query, source.where, source.key_columns, source.incremental, source.deleted,
              source.columns, sorted((source.types or {}).items())]  # fmt: skip
    return hashlib.blake2b(json.dumps(wanted).encode(), digest_size=8).hexdigest()


def _name(source: Sql, unit: Mapping[str, Any], how: str) -> str:
    stem = re.sub(r"[^A-Za-z0-9]+", "-", source.source).strip("-")[-40:].strip("-") or "sql"
    said = json.dumps([how, unit], sort_keys=True).encode()
    return f"{stem}-{hashlib.blake2b(said, digest_size=8).hexdigest()}"
