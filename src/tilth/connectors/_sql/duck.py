"""Speak to DuckDB, which holds and gives Arrow."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._sql import plain
from tilth.connectors._sql.arrays import Reading
from tilth.connectors._sql.dialect import Address, Column, Piece, Session
from tilth.core.errors import DataError, Terminal, TilthError, Transient, missing_extra

_UTC = pa.timestamp("us", "UTC")
_TYPES: dict[str, pa.DataType] = {
    "BOOLEAN": pa.bool_(),
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "UTINYINT": pa.int16(),
    "USMALLINT": pa.int32(),
    "UINTEGER": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
    "DATE": pa.date32(),
    "TIMESTAMP": _UTC,
    "TIMESTAMP_S": _UTC,
    "TIMESTAMP_MS": _UTC,
    "TIMESTAMP WITH TIME ZONE": _UTC,
}
_TEXTUAL = re.compile(r"(UUID|TIME|TIME WITH TIME ZONE|JSON|ENUM\(.*)\Z", re.S)
_CASTS = {"string": "VARCHAR", "int": "BIGINT", "float": "DOUBLE", "bool": "BOOLEAN", "timestamp": "TIMESTAMPTZ"}
_WORDS = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "timestamp": _UTC}


class _Session:
    def __init__(self, dialect: Duck, connection: Any) -> None:
        self.dialect, self.connection = dialect, connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.dialect.telling("a query"):
            return list(self.connection.execute(sql).fetchall())

    def execute(self, sql: str) -> None:
        with self.dialect.telling("a statement"):
            self.connection.execute(sql)

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        reading = Reading(columns)
        with self.dialect.telling("reading"):
            for batch in self.connection.sql(sql).to_arrow_reader(batch_rows):
                yield reading.piece(batch)

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        count = 0

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal count
            for batch in batches:
                count += batch.num_rows
                yield batch

        reader = pa.RecordBatchReader.from_batches(schema, counted())
        with self.dialect.telling("loading"):
            self.connection.register("_tilth_incoming", reader)
            try:
                self.connection.execute(f"INSERT INTO {table} SELECT * FROM _tilth_incoming")
            finally:
                self.connection.unregister("_tilth_incoming")
        return count

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        self.execute("BEGIN")
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
class Duck:
    """The words of DuckDB."""

    name: str = "duckdb"
    stages: Literal["tables", "files"] = "files"
    now: str = "CAST(now() AT TIME ZONE 'UTC' AS VARCHAR)"
    version: str = "'DuckDB ' || version()"

    def connect(self, address: Address, *, write: bool = False) -> Session:
        try:
            import duckdb
        except ImportError as error:
            raise missing_extra("duckdb", "sql", "reading DuckDB") from error
        path = Path(address.database)
        if not write and not path.is_file():
            raise DataError(f"no file {path.name}", where=address.shown, wanted="a DuckDB database")
        # A query may read the database, and nothing else: no file of this machine, no address, no extension.
        safe = ("enable_external_access", "autoinstall_known_extensions", "autoload_known_extensions")
        config: dict[str, Any] = {**dict.fromkeys(safe, "false"), "threads": "2"}
        with self.telling(f"opening {path.name}"):
            connection = duckdb.connect(str(path), read_only=not write, config=config)
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute("SET lock_configuration = true")
        return _Session(self, connection)

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        import duckdb

        try:
            yield
        except (duckdb.Error, pa.ArrowException) as error:
            raise self.failure(error, doing) from error

    def failure(self, error: Exception, doing: str) -> TilthError:
        import duckdb

        said = re.sub(r"\s+", " ", str(error))
        what = f"DuckDB: {doing}: {said[:400]}"
        if "lock on file" in said or ("onflict on" in said and isinstance(error, duckdb.TransactionException)):
            return Transient(what)
        bad = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.OperationalError)
        return DataError(what) if isinstance(error, bad) else Terminal(what)

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def string(self, text: str) -> str:
        parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
        return parts[0] if len(parts) == 1 else f"({' || chr(0) || '.join(parts)})"

    def columns(self, session: Session, relation: str) -> list[Column]:
        found = session.rows(f"DESCRIBE SELECT * FROM {relation}")
        return [_column(row[0], self.quote(row[0]), row[1]) for row in found]

    def primary_key(self, session: Session, table: str) -> tuple[str, ...]:
        return next(iter(self._constraints(session, table, "'PRIMARY KEY'")), ())

    def _constraints(self, session: Session, table: str, kinds: str) -> list[tuple[str, ...]]:
        schema, _, name = table.rpartition(".")
        place = self.string(schema) if schema else "current_schema()"
        found = session.rows(
            f"SELECT constraint_column_names FROM duckdb_constraints() WHERE constraint_type IN ({kinds})"
            f" AND schema_name = {place} AND table_name = {self.string(name)} AND database_name = current_database()"
        )
        return [tuple(row[0]) for row in found]

    def cast(self, column: Column, word: str) -> Column:
        name = self.quote(column.name)
        return Column(column.name, _WORDS[word], column.declared, f"CAST({name} AS {_CASTS[word]})")

    def as_text(self, column: Column) -> str:
        return f"CAST({self.quote(column.name)} AS VARCHAR)"

    def literal(self, text: str, column: Column) -> str:
        return f"CAST({self.string(text)} AS {column.declared})"

    def kind(self, type: pa.DataType, *, key: bool = False, staged: bool = False) -> str:
        if pa.types.is_boolean(type):
            return "BOOLEAN"
        if pa.types.is_integer(type):
            return {8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"}[type.bit_width]
        if pa.types.is_floating(type):
            return "FLOAT" if type == pa.float32() else "DOUBLE"
        if pa.types.is_decimal(type):
            return f"DECIMAL({type.precision}, {type.scale})"
        if pa.types.is_date(type):
            return "DATE"
        if pa.types.is_timestamp(type):
            return "TIMESTAMPTZ" if type.tz else "TIMESTAMP"
        if pa.types.is_binary(type):
            return "BLOB"
        return "JSON" if pa.types.is_nested(type) else "VARCHAR"

    def ready(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        return plain.flat(batch)

    def holds(self, type: pa.DataType, column: Column) -> bool:
        return plain.holds(type, column.type)

    def create(self, table: str, definitions: Sequence[str], *, staging: bool = False) -> str:
        return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(definitions)})"

    def upsert(self, table: str, columns: Sequence[str], rows: str, key: Sequence[str]) -> str:
        names, keys = [self.quote(name) for name in columns], [self.quote(name) for name in key]
        change = [self.quote(name) for name in columns if name not in key]
        sets = ", ".join(f"{name} = excluded.{name}" for name in change)
        what = f"DO UPDATE SET {sets}" if change else "DO NOTHING"
        return f"INSERT INTO {table} ({', '.join(names)}) {rows} ON CONFLICT ({', '.join(keys)}) {what}"

    def unique(self, session: Session, table: str, key: Sequence[str]) -> bool:
        return set(key) in map(set, self._constraints(session, table, "'PRIMARY KEY', 'UNIQUE'"))

    def tables(self, session: Session, schema: str, prefix: str) -> list[str]:
        place = self.string(schema) if schema else "current_schema()"
        found = session.rows(
            f"SELECT table_name FROM duckdb_tables() WHERE schema_name = {place}"
            f" AND starts_with(table_name, {self.string(prefix)}) ORDER BY table_name"
        )
        return [row[0] for row in found]

    def rename(self, table: str, name: str) -> str:
        return f"ALTER TABLE {table} RENAME TO {name}"

    def transfer(self, name: str, column: Column | None, type: pa.DataType) -> str:
        return self.quote(name)

    @contextmanager
    def lock(self, session: Session, name: str) -> Iterator[None]:
        # One process at a time can open the file to write.
        yield


def _column(name: str, quoted: str, declared: str) -> Column:
    if declared in _TYPES:
        return Column(name, _TYPES[declared], declared, quoted)
    text = f"CAST({quoted} AS VARCHAR)"
    if decimal := re.match(r"DECIMAL\((\d+),(\d+)\)\Z", declared):
        return Column(name, pa.decimal128(int(decimal[1]), int(decimal[2])), declared, quoted)
    if declared == "UBIGINT":
        return Column(name, pa.decimal128(20, 0), declared, f"CAST({quoted} AS DECIMAL(20, 0))")
    if declared == "TIMESTAMP_NS":
        return Column(name, _UTC, declared, quoted, "nanoseconds are cut off")
    if _TEXTUAL.match(declared):
        return Column(name, pa.string(), declared, text)
    if declared.endswith("[]") and declared[:-2] in _TYPES and not declared.startswith(("TIMESTAMP", "DATE")):
        return Column(name, pa.list_(_TYPES[declared[:-2]]), declared, quoted)
    if declared.endswith("]") or declared.startswith(("STRUCT", "MAP", "UNION")):
        return Column(name, pa.string(), declared, f"CAST(to_json({quoted}) AS VARCHAR)", "nested: read as JSON text")
    return Column(name, pa.string(), declared, text, f"{declared} is read as text")


DIALECT = Duck()
