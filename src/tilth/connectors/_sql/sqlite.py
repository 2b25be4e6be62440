"""Speak to SQLite through Python's own module. The declared type decides; a value of another becomes a reject."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._sql import plain
from tilth.connectors._sql.dialect import Address, Column, Piece, Session
from tilth.core.errors import DataError, Terminal, TilthError, Transient

BUSY_SECONDS = 60.0
LOOKED_AT = 1_000
"""Rows by which the type of a column is told that declares none, such as an expression's."""
_UTC = pa.timestamp("us", "UTC")
_LITERAL = re.compile(r"(-?[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?|'([^']|'')*'|X'[0-9A-Fa-f]*')\Z", re.I | re.S)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.+]*\Z")
_CASTS = {"string": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "INTEGER"}
_WORDS = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "timestamp": _UTC}
_FOUND = {"integer": pa.int64(), "real": pa.float64(), "blob": pa.binary()}


class _Session:
    def __init__(self, dialect: SQLite, connection: sqlite3.Connection) -> None:
        self.dialect, self.connection = dialect, connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.dialect.telling("a query"):
            return self.connection.execute(sql).fetchall()

    def execute(self, sql: str) -> None:
        with self.dialect.telling("a statement"):
            self.connection.execute(sql)

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        with self.dialect.telling("reading"):
            cursor = self.connection.execute(sql)
            while rows := cursor.fetchmany(batch_rows):
                yield _piece(list(zip(*rows, strict=True)), columns)

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        sql = f"INSERT INTO {table} VALUES ({', '.join('?' * len(schema))})"
        count = 0
        with self.dialect.telling("loading"):
            for batch in batches:
                self.connection.executemany(sql, zip(*map(_values, batch.columns), strict=True))
                count += batch.num_rows
        return count

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        self.execute("BEGIN" if snapshot else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.rollback()
            raise
        self.execute("COMMIT")

    def interrupt(self) -> None:
        self.connection.interrupt()

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True)
class SQLite:
    """The words of SQLite."""

    name: str = "sqlite"
    stages: Literal["tables", "files"] = "files"
    now: str = "strftime('%Y-%m-%d %H:%M:%f', 'now')"
    version: str = "'SQLite ' || sqlite_version()"

    def connect(self, address: Address, *, write: bool = False) -> Session:
        path = Path(address.database)
        if not write and not path.is_file():
            raise DataError(f"no file {path.name}", where=address.shown, wanted="a SQLite database")
        mode = "rwc" if write else "ro"
        with self.telling(f"opening {path.name}"):
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
            )
            try:
                # Nothing in the file is run: no extension, no function of a view or trigger that has side effects.
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
            except BaseException:
                connection.close()
                raise
        return _Session(self, connection)

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        try:
            yield
        except (sqlite3.Error, OverflowError) as error:
            raise self.failure(error, doing) from error

    def failure(self, error: Exception, doing: str) -> TilthError:
        what = f"SQLite: {doing}: {error}"
        if re.search(r"is locked|is busy|disk I/O error", str(error)):
            return Transient(what)
        bad = (sqlite3.IntegrityError, sqlite3.OperationalError, sqlite3.DataError, OverflowError)
        return DataError(what) if isinstance(error, bad) else Terminal(what)

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def string(self, text: str) -> str:
        # In hex where there is a NUL, at which SQLite would take the statement to end.
        return f"CAST(X'{text.encode().hex()}' AS TEXT)" if "\0" in text else "'" + text.replace("'", "''") + "'"

    def columns(self, session: Session, relation: str) -> list[Column]:
        session.execute("DROP VIEW IF EXISTS temp._tilth_look")
        session.execute(f"CREATE TEMP VIEW _tilth_look AS SELECT * FROM {relation}")
        try:
            declared = [(row[1], row[2] or "") for row in session.rows("PRAGMA temp.table_info(_tilth_look)")]
        finally:
            session.execute("DROP VIEW temp._tilth_look")
        untold = [name for name, word in declared if not word]
        guessed = self._guessed(session, relation, untold) if untold else {}
        return [_column(name, self.quote(name), word, guessed.get(name)) for name, word in declared]

    def _guessed(self, session: Session, relation: str, names: Sequence[str]) -> dict[str, pa.DataType]:
        kinds = ", ".join(f"group_concat(DISTINCT typeof({self.quote(name)}))" for name in names)
        found = session.rows(f"SELECT {kinds} FROM (SELECT * FROM {relation} LIMIT {LOOKED_AT})")[0]
        guessed = {}
        for name, words in zip(names, found, strict=True):
            seen = set((words or "").split(",")) - {"null", ""}
            one = next(iter(seen)) if len(seen) == 1 else "real" if seen == {"integer", "real"} else "text"
            guessed[name] = _FOUND.get(one, pa.string())
        return guessed

    def primary_key(self, session: Session, table: str) -> tuple[str, ...]:
        schema, _, name = table.rpartition(".")
        place = f"{self.quote(schema)}." if schema else ""
        found = session.rows(f"PRAGMA {place}table_info({self.quote(name)})")
        return tuple(row[1] for row in sorted(found, key=lambda row: int(row[5])) if row[5])

    def cast(self, column: Column, word: str) -> Column:
        name = self.quote(column.name)
        read = name if word in ("timestamp", "float") else f"CAST({name} AS {_CASTS[word]})"
        return Column(column.name, _WORDS[word], column.declared, read)

    def as_text(self, column: Column) -> str:
        return f"quote({self.quote(column.name)})"

    def literal(self, text: str, column: Column) -> str:
        if _TIME.match(text):
            return f"'{text}'"
        if not _LITERAL.match(text):
            raise DataError(f'column "{column.name}": a bound is no literal')
        return text

    def kind(self, type: pa.DataType, *, key: bool = False, staged: bool = False) -> str:
        if pa.types.is_boolean(type):
            return "BOOLEAN"
        if pa.types.is_integer(type):
            return "INTEGER"
        if pa.types.is_floating(type):
            return "REAL"
        if pa.types.is_date(type):
            return "DATE"
        if pa.types.is_timestamp(type):
            return "TIMESTAMP"
        # Decimals as text: SQLite's own numbers would round them.
        return "BLOB" if pa.types.is_binary(type) else "TEXT"

    def ready(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        return plain.flat(batch)

    def holds(self, type: pa.DataType, column: Column) -> bool:
        if pa.types.is_decimal(type) or pa.types.is_nested(type):
            return bool(pa.types.is_string(column.type))
        return plain.holds(type, column.type) or (pa.types.is_floating(type) and column.type == pa.float64())

    def create(self, table: str, definitions: Sequence[str], *, staging: bool = False) -> str:
        return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(definitions)})"

    def upsert(self, table: str, columns: Sequence[str], rows: str, key: Sequence[str]) -> str:
        names, keys = [self.quote(name) for name in columns], [self.quote(name) for name in key]
        change = [self.quote(name) for name in columns if name not in key]
        sets = ", ".join(f"{name} = excluded.{name}" for name in change)
        what = f"DO UPDATE SET {sets}" if change else "DO NOTHING"
        # "WHERE true": without, SQLite takes ON for a join's.
        source = f"SELECT * FROM ({rows}) WHERE true"
        return f"INSERT INTO {table} ({', '.join(names)}) {source} ON CONFLICT ({', '.join(keys)}) {what}"

    def unique(self, session: Session, table: str, key: Sequence[str]) -> bool:
        if set(self.primary_key(session, table)) == set(key):
            return True
        for row in session.rows(f"PRAGMA index_list({self.quote(table)})"):
            columns = {each[2] for each in session.rows(f"PRAGMA index_info({self.quote(row[1])})")}
            if row[2] and not row[4] and columns == set(key):
                return True
        return False

    def tables(self, session: Session, schema: str, prefix: str) -> list[str]:
        found = session.rows(
            f"SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, {len(prefix)})"
            f" = {self.string(prefix)} ORDER BY name"
        )
        return [row[0] for row in found]

    def rename(self, table: str, name: str) -> str:
        return f"ALTER TABLE {table} RENAME TO {name}"

    def transfer(self, name: str, column: Column | None, type: pa.DataType) -> str:
        return self.quote(name)

    @contextmanager
    def lock(self, session: Session, name: str) -> Iterator[None]:
        # BEGIN IMMEDIATE lets one writer in at a time.
        yield


def _column(name: str, quoted: str, declared: str, guessed: pa.DataType | None) -> Column:
    """Read a declared type by SQLite's own rules of affinity, after the words for times and truth values."""
    word = declared.upper()
    if guessed is not None:
        return Column(name, guessed, "", quoted)
    if word.startswith("BOOL"):
        kind = pa.bool_()
    elif word.startswith(("DATETIME", "TIMESTAMP")):
        kind = _UTC
    elif word == "DATE":
        kind = pa.date32()
    elif "INT" in word:
        kind = pa.int64()
    elif any(part in word for part in ("CHAR", "CLOB", "TEXT", "JSON", "TIME", "UUID", "ENUM")):
        kind = pa.string()
    elif "BLOB" in word or "BINARY" in word:
        kind = pa.binary()
    else:
        kind = pa.float64()
    return Column(name, kind, declared.lower(), quoted)


def _piece(values: Sequence[tuple[Any, ...]], columns: Sequence[Column]) -> Piece:
    arrays, bad = [], []
    for cells, column in zip(values, columns, strict=True):
        try:
            arrays.append(_array(cells, column.type))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            good = []
            for row, cell in enumerate(cells):
                try:
                    good.append(_array((cell,), column.type)[0].as_py())
                except (pa.ArrowException, TypeError, ValueError, OverflowError):
                    good.append(None)
                    do = f'"types: {{{column.name}: string}}" reads it'
                    bad.append((row, f'column "{column.name}": {type(cell).__name__} is no {column.type}; {do}'))
            arrays.append(pa.array(good, column.type))
    schema = pa.schema([pa.field(column.name, column.type) for column in columns])
    return Piece(pa.RecordBatch.from_arrays(arrays, schema=schema), tuple(bad))


def _array(cells: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(kind):
        return pa.array([None if cell is None else _truth(cell) for cell in cells], kind)
    if pa.types.is_timestamp(kind):
        return pa.array([None if cell is None else _moment(cell) for cell in cells], kind)
    if pa.types.is_date(kind):
        return pa.array([None if cell is None else date.fromisoformat(cell) for cell in cells], kind)
    if pa.types.is_floating(kind):
        if any(isinstance(cell, str) for cell in cells):
            raise TypeError("a text is no number")
        return pa.array(cells, pa.float64(), from_pandas=False)
    return pa.array(cells, kind)


def _truth(cell: Any) -> bool:
    if cell in (0, 1):
        return bool(cell)
    raise ValueError("neither 0 nor 1")


def _moment(cell: Any) -> datetime:
    """Read a time as SQLite's functions write it: ISO text, or seconds since 1970."""
    if isinstance(cell, (int, float)):
        return datetime.fromtimestamp(cell, UTC)
    read = datetime.fromisoformat(cell)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind):
        zone = "+00:00" if kind.tz else ""
        texts = column.cast(pa.timestamp("us")).cast(pa.string()).to_pylist()
        return [None if text is None else text + zone for text in texts]
    if pa.types.is_decimal(kind):
        return [None if value is None else format(value, "f") for value in column.to_pylist()]
    if pa.types.is_date(kind):
        return list(column.cast(pa.string()).to_pylist())
    return list(column.to_pylist())


DIALECT = SQLite()
