"""Read tables and queries of SQL databases: PostgreSQL, MySQL and MariaDB, SQLite, DuckDB."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from tilth.connectors._cells import WORDS
from tilth.connectors._finish import Finish
from tilth.connectors._schema import load
from tilth.connectors._sql import address, planning
from tilth.connectors._sql.ahead import ahead
from tilth.connectors._sql.dialect import Column, Dialect, Session
from tilth.connectors._sql.idle import reading
from tilth.connectors._sql.landed import Landing
from tilth.connectors._sql.probing import probed_source
from tilth.connectors._sql.ranges import where
from tilth.connectors._sql.window import amount
from tilth.core.batch import SPLITS
from tilth.core.connector import Finding, Probed, Record, Source
from tilth.core.errors import RecipeError, did_you_mean
from tilth.core.shard import Cursor, Shard


@dataclass(frozen=True, kw_only=True)
class Sql:
    """Read rows from a table or a query of a SQL database.

    Rows come as Arrow batches in constant memory. The table is cut at its key into shards of about equal numbers of
    rows. Each shard is read by one statement and sees one state of the database; shards are read one after another, so
    rows that change while a run reads may be new in one shard and old in another.

    With `incremental`, a run reads what has changed since the last one: rows whose cursor column lies beyond the last
    value, and rows that came late into the window before it (`overlap`). Without it, each run reads all rows, and
    those that were deleted are not there any more.

    What a type of the database has no like in a table for is read as text, and a note says so. A date that no calendar
    has (`0000-00-00`, infinity) is empty, with a note. A time without a zone is taken as UTC.

    >>> Sql(url="sqlite:///crm.db", table="tickets").anchored(Path("/project")).url
    'sqlite:////project/crm.db'
    """

    url: str
    """Where the database is: env:NAME, or a URL without a password: postgresql://user@host/database, mysql://…,
    sqlite:///path, duckdb:///path (relative to the recipe). TLS is verified unless the host is this machine; ?sslmode=…
    (PostgreSQL) and ?ssl-mode=… (MySQL) say otherwise."""
    table: str | None = None
    """The table, or schema.table."""
    query: str | None = None
    """A query to read instead of a table; it needs a name and a key."""
    columns: tuple[str, ...] | None = None
    """The columns to keep, in this order; by default all. No other leaves the database."""
    where: str | None = None
    """A condition in SQL that rows must meet; the database applies it. With incremental, a row that no longer meets it
    is gone."""
    key: str | tuple[str, ...] | None = None
    """The column or columns that say which row is which; by default the table's primary key."""
    incremental: str | None = None
    """The column that grows when a row is written, such as updated_at or an id of rows that are only added."""
    overlap: float | str | None = None
    """How far before the last value rows may still come late, such as 10m or 500; by default 60 s for times, 1,000 for
    whole numbers, else none. Rows with the very last value are always looked at again."""
    lag: float | str | None = None
    """How old rows must be to be read, such as 5m, so that late ones are there; by default any age."""
    deleted: str | None = None
    """The column, or condition in SQL, that marks a row as deleted (true, not 0, or a time): such rows are gone."""
    deletes: Literal["ignore", "compare"] = "ignore"
    """How rows that were deleted without a mark are found. Each full reading finds them; an incremental one can't."""
    split_by: str | None = None
    """The column at whose values the table is cut into shards; by default the key's first. It should have an index."""
    shard_rows: int | None = None
    """About how many rows a shard holds; by default 250,000, and 1,000,000 in a table of more than 4 million."""
    batch_rows: int = 16_384
    """How many rows a batch holds at most."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}; the database casts."""
    rename: Mapping[str, str] | None = None
    """New names for columns: {old: new}."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default the table. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def source(self) -> str:
        """The name of the source."""
        return str(self.name or self.table)

    @property
    def shown(self) -> str:
        """What errors call it."""
        return f"{address.shown(self.url)} {self.table or self.name}"

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The declared key's columns; none where the primary key is taken."""
        return () if self.key is None else (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def anchored(self, base: Path) -> Sql:
        """Return a copy that finds a database file beside the recipe."""
        return replace(self, url=address.anchored(self.url, base))

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Look at the columns, cut the table, return a shard a range; the session sees one state of the database.

        With the cursor of an earlier plan, an incremental source returns what is new, late or gone since. Raises
        `DataError` where there is no such table or column, no key, or a column's type became another.
        """
        with address.connect(self.url, "sql.url") as session, session.transaction(snapshot=True):
            return planning.plan(self, self._dialect(), session, since)

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's rows in the order of the key. Raises `Transient` where the connection ends before they do."""
        told, schema = shard.where, load(shard.where["schema"])
        finish = Finish(
            renamed=told["finish"]["renamed"], keep=tuple(told["finish"]["keep"]), key=tuple(told["finish"]["key"]),
            subject=told["finish"]["subject"],
        )  # fmt: skip
        landing = Landing(finish, schema, f"{self.source}/{shard.id}")
        if told["notes"]:
            yield landing.nothing(told["notes"])
        if told["kind"] == "nothing":
            return
        with reading(self.url, "sql.url") as session:
            records = self._records(session, told, landing)
            yield from records if self._dialect().stages == "files" else ahead(records, session.interrupt)

    def _records(self, session: Session, told: Mapping[str, Any], landing: Landing) -> Iterator[Record]:
        dialect, columns, finish = self._dialect(), _columns(told), landing.finish
        if told["kind"] == "gone":
            columns = [column for column in columns if column.name in finish.key]
        said, ordinal = set[str](), 0
        for piece in session.stream(_select(dialect, columns, finish, told), columns, self.batch_rows):
            if told["kind"] == "gone":
                yield landing.gone(piece.batch)
                continue
            fresh = tuple(f"{self.source}: {note}" for note in piece.notes if note not in said)
            said.update(piece.notes)
            yield landing.record(piece, ordinal)._replace(notes=fresh)
            ordinal += piece.batch.num_rows

    def probe(self) -> Iterator[Finding]:
        """Connect, look at the columns, read one row."""
        yield from probed_source(self)

    def _dialect(self) -> Dialect:
        return address.dialect_of(self.url, "sql.url")


def _columns(told: Mapping[str, Any]) -> list[Column]:
    fields = load(told["types"])
    return [
        Column(field.name, field.type, declared, read, guard=guard)
        for field, (read, declared, guard) in zip(fields, told["columns"], strict=True)
    ]


def _select(dialect: Dialect, columns: Sequence[Column], finish: Finish, told: Mapping[str, Any]) -> str:
    reads = [column.read for column in columns] + [column.guard for column in columns if column.guard]
    order = ", ".join(dialect.quote(name) for name in finish.key)
    return f"SELECT {', '.join(reads)} FROM {told['relation']}{where(told['where'])} ORDER BY {order}"


def _check(source: Sql) -> None:
    """Raise `RecipeError` for the first option that cannot be meant."""

    def refuse(option: str, what: str, wanted: str | None = None, do: str | None = None) -> None:
        raise RecipeError(what, where=f"sql.{option}", wanted=wanted, do=do)

    address.checked(source.url, "sql.url")
    if (source.table is None) == (source.query is None):
        refuse("table", "a table and a query" if source.table else "neither a table nor a query", "one of them")
    if source.table is not None and (not source.table or "\0" in source.table or source.table.count(".") > 1):
        refuse("table", f'no table "{source.table}"', "table or schema.table")
    if source.query is not None:
        if source.name is None:
            refuse("name", "a query has no name", "name: …", "Rows' ids depend on it, so it must not change.")
        if source.key is None:
            refuse("key", "a query has no primary key", "key: …", "Say which column or columns tell its rows apart.")
    if source.key is not None and (not source.key_columns or len(set(source.key_columns)) < len(source.key_columns)):
        refuse("key", "an empty or repeated name", "names that differ")
    for option in ("overlap", "lag"):
        if getattr(source, option) is not None and source.incremental is None:
            refuse(option, "nothing to apply it to", "incremental: …")
        amount(getattr(source, option), f"sql.{option}")
    if source.deletes not in ("ignore", "compare"):
        refuse("deletes", f'no way "{source.deletes}"', "ignore or compare")
    if source.deletes == "compare" and source.incremental is not None:
        refuse(
            "deletes", "an incremental run cannot find rows that were deleted without a mark",
            "deleted: … (a column that marks them), or no incremental",
            "Without incremental each run reads all rows, and deleted ones are not there any more.",
        )  # fmt: skip
    for option in ("shard_rows", "batch_rows"):
        if getattr(source, option) is not None and getattr(source, option) < 1:
            refuse(option, f"{getattr(source, option)} rows are none", "1 or more")
    for column, word in (source.types or {}).items():
        if word not in WORDS:
            refuse(f"types.{column}", f'no type "{word}"', f"one of {', '.join(WORDS)}", did_you_mean(word, WORDS))
    if source.split not in (None, *SPLITS):
        refuse("split", f'no split "{source.split}"', f"one of {', '.join(SPLITS)}", did_you_mean(source.split, SPLITS))


_: tuple[type[Source], type[Probed]] = (Sql, Sql)
