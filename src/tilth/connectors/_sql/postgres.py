"""Speak to PostgreSQL through ADBC, and read by COPY in binary with a decoder of our own (`_copy`)."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote as percent
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._sql import plain
from tilth.connectors._sql._copy import Copying, Refused, connected, precision_of
from tilth.connectors._sql.address import local
from tilth.connectors._sql.arrays import Reading
from tilth.connectors._sql.dialect import Address, Column, Piece, Session
from tilth.core.errors import DataError, Terminal, TilthError, Transient, missing_extra

CONNECT_SECONDS = 20
LOCK_SECONDS = 60
NUL, SHOWN_NUL = "\0", "␀"
"""PostgreSQL holds no NUL in a text; U+2400 stands for it, and each is counted."""
_UTC = pa.timestamp("us", "UTC")
_TYPES: dict[str, tuple[str, pa.DataType]] = {
    "int2": ("smallint", pa.int16()),
    "int4": ("integer", pa.int32()),
    "int8": ("bigint", pa.int64()),
    "float4": ("real", pa.float32()),
    "float8": ("double precision", pa.float64()),
    "bool": ("boolean", pa.bool_()),
    "text": ("text", pa.string()),
    "varchar": ("character varying", pa.string()),
    "bpchar": ("character", pa.string()),
    "name": ("name", pa.string()),
    "bytea": ("bytea", pa.binary()),
    "date": ("date", pa.date32()),
    "timestamp": ("timestamp", _UTC),
    "timestamptz": ("timestamp with time zone", _UTC),
}
"""What ADBC reads right: its name for the type, ours, and what it becomes."""
_TEXTUAL = frozenset(("json", "jsonb", "uuid", "xml", "time", "timetz", "citext"))
"""Read as the text that PostgreSQL writes, without a word."""
_CASTS = {"string": "text", "int": "bigint", "float": "double precision", "bool": "boolean", "timestamp": "timestamptz"}
_WORDS = {"string": pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "timestamp": _UTC}
_LOST = re.compile(
    r"closed the connection|could not receive|could not send|terminating connection|no connection to the server"
    r"|connection .*(refused|failed|timed out|reset)|SSL (error|SYSCALL)|lost synchronization|shutting down"
    r"|starting up|timeout expired|recovery mode|[Bb]roken pipe|connection pointer|message contents do not agree"
    r"|unexpected (message|response)|message type|insufficient data"
)
_REFUSED = re.compile(r"authentication failed|no pg_hba|role .* does not exist|database .* does not exist|certificate")
_STATE = re.compile(r"SQLSTATE:? ?([0-9A-Z]{5})")


class _Session:
    """Opens a connection of ADBC's, and one that only reads, each when it is first needed."""

    def __init__(self, dialect: Postgres, address: Address, write: bool) -> None:
        self.dialect, self._address, self._write = dialect, address, write
        self._streaming: Any = None
        self._opened: Any = None
        self._copying: Copying | None = None
        self._copies = not write

    @property
    def connection(self) -> Any:
        """ADBC's connection."""
        if self._opened is None:
            self._opened = self.dialect.opened(self._address, self._write)
        return self._opened

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.dialect.telling("a query"), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()]

    def execute(self, sql: str) -> None:
        with self.dialect.telling("a statement"), self.connection.cursor() as cursor:
            cursor.execute(sql)

    def described(self, sql: str) -> pa.Schema:
        with self.dialect.telling("a query"), self.connection.cursor() as cursor:
            return cursor.adbc_execute_schema(sql)

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        with self.dialect.telling("reading"):
            if self._copies and self._copying is None:
                self._copying = connected(self._address, _settings(self._address, write=False), CONNECT_SECONDS)
                self._copies = self._copying is not None
            if self._copying and self._copying.fits(sql, columns):
                yield from self._copying.stream(sql, columns, batch_rows)
                return
        reading = Reading(columns)
        with self.dialect.telling("reading"), self.connection.cursor() as cursor:
            self._streaming = cursor
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(4 << 20)})
            cursor.execute(sql)
            for batch in cursor.fetch_record_batch():
                for start in range(0, batch.num_rows, batch_rows):
                    yield reading.piece(batch.slice(start, batch_rows))
            self._streaming = None

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        place, _, name = table.rpartition(".")
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        with self.dialect.telling("loading"), self.connection.cursor() as cursor:
            more = {"db_schema_name": unquoted(place)} if place else {}
            return int(cursor.adbc_ingest(unquoted(name), reader, mode="append", **more))

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        self.execute("BEGIN" + (" ISOLATION LEVEL REPEATABLE READ READ ONLY" if snapshot else ""))
        try:
            yield
        except BaseException:
            # The error that is on its way says more than that the connection is gone.
            try:
                self.execute("ROLLBACK")
            except TilthError:
                self.close()
            raise
        self.execute("COMMIT")

    def interrupt(self) -> None:
        import adbc_driver_manager as adbc

        if self._streaming is not None:
            with contextlib.suppress(adbc.Error):
                self._streaming.adbc_cancel()
        if self._copying:
            self._copying.interrupt()

    def close(self) -> None:
        if self._copying:
            self._copying.close()
        if self._opened is not None:
            self._opened.close()


@dataclass(frozen=True)
class Postgres:
    """The words of PostgreSQL."""

    name: str = "postgresql"
    stages: Literal["tables", "files"] = "tables"
    now: str = "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
    version: str = "'PostgreSQL ' || current_setting('server_version')"

    def connect(self, address: Address, *, write: bool = False) -> Session:
        return _Session(self, address, write)

    def opened(self, address: Address, write: bool) -> Any:
        """Open a connection of ADBC's."""
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            raise missing_extra("adbc-driver-postgresql", "sql", "reading PostgreSQL") from error
        with self.telling(f"connecting to {address.shown}"):
            return dbapi.connect(_uri(address, write), autocommit=True)

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        import adbc_driver_manager as adbc

        try:
            yield
        except (adbc.Error, Refused, pa.ArrowException, OSError) as error:
            raise self.failure(error, doing) from error

    def failure(self, error: Exception, doing: str) -> TilthError:
        said = re.sub(r"\s+", " ", str(error)).strip()
        found = getattr(error, "sqlstate", None) or (_STATE.search(said) or [None, ""])[1] or ""
        what = f"PostgreSQL: {doing}: {_short(said)}"
        if found[:2] in ("08", "53", "57", "58") or found in ("40001", "40P01", "55P03", "25006"):
            return Terminal(what) if found in ("57014", "25006") else Transient(what)
        if not found and _LOST.search(said) and not _REFUSED.search(said):
            return Transient(what)
        if found == "21000":
            return DataError(what, do="A key stands twice among the rows: take duplicates out in the recipe.")
        return DataError(what) if found[:2] in ("22", "23", "42") and found != "42501" else Terminal(what)

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def string(self, text: str) -> str:
        # As libpq's PQescapeLiteral does; a backslash means nothing here, as `standard_conforming_strings` is set on.
        if "\0" in text:
            raise DataError("PostgreSQL holds no text with a NUL")
        return "'" + text.replace("'", "''") + "'"

    def columns(self, session: Session, relation: str) -> list[Column]:
        assert isinstance(session, _Session)
        fields = session.described(f"SELECT * FROM {relation} LIMIT 0")
        return [_column(field, self.quote(field.name)) for field in fields]

    def primary_key(self, session: Session, table: str) -> tuple[str, ...]:
        return self._indexed(session, table, "i.indisprimary")[0]

    def _indexed(self, session: Session, table: str, which: str) -> list[tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for index, column in session.rows(
            "SELECT i.indexrelid::bigint::text, a.attname::text FROM pg_index i"
            " CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
            f" WHERE i.indrelid = {self.string(self.table(table))}::regclass AND {which}"
            " AND i.indpred IS NULL ORDER BY i.indexrelid, k.place"
        ):
            found.setdefault(index, []).append(column)
        return [tuple(columns) for columns in found.values()] or [()]

    def cast(self, column: Column, word: str) -> Column:
        name = self.quote(column.name)
        # Truth values become numbers by way of the narrow ones only.
        read = f"CAST({name} AS integer)" if word == "int" and column.declared == "boolean" else name
        return Column(column.name, _WORDS[word], column.declared, f"CAST({read} AS {_CASTS[word]})")

    def as_text(self, column: Column) -> str:
        return f"CAST({self.quote(column.name)} AS text)"

    def literal(self, text: str, column: Column) -> str:
        # A literal without a type takes that of the column it is compared with, and the column's index serves.
        return self.string(text)

    def kind(self, type: pa.DataType, *, key: bool = False, staged: bool = False) -> str:
        if pa.types.is_string(type):
            return "text"
        if pa.types.is_boolean(type):
            return "boolean"
        if pa.types.is_integer(type):
            return {8: "smallint", 16: "smallint", 32: "integer", 64: "bigint"}[type.bit_width]
        if pa.types.is_floating(type):
            return "real" if type == pa.float32() else "double precision"
        if pa.types.is_decimal(type):
            return f"numeric({type.precision}, {type.scale})"
        if pa.types.is_date(type):
            return "date"
        if pa.types.is_timestamp(type):
            return "timestamptz" if type.tz else "timestamp"
        if pa.types.is_binary(type):
            return "bytea"
        return "text" if staged else "jsonb"

    def ready(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        batch, counts = plain.flat(batch)
        for at, field in enumerate(batch.schema):
            column = batch.column(at)
            if field.type == pa.int8():
                batch = batch.set_column(at, field.with_type(pa.int16()), column.cast(pa.int16()))
            elif pa.types.is_string(field.type) and pc.any(pc.match_substring(column, NUL)).as_py():
                counts[f"{field.name}: NUL as {SHOWN_NUL}"] = pc.sum(pc.match_substring(column, NUL)).as_py()
                batch = batch.set_column(at, field, pc.replace_substring(column, NUL, SHOWN_NUL))
        return batch, counts

    def holds(self, type: pa.DataType, column: Column) -> bool:
        if pa.types.is_nested(type):
            return column.declared in ("json", "jsonb", "text")
        if pa.types.is_string(type):
            return column.declared in ("text", "character varying")
        return plain.holds(type, column.type)

    def create(self, table: str, definitions: Sequence[str], *, staging: bool = False) -> str:
        # What is staged need not outlive a crash of the server: the workers' receipts would be void, and say so.
        return f"CREATE {'UNLOGGED ' if staging else ''}TABLE IF NOT EXISTS {table} ({', '.join(definitions)})"

    def upsert(self, table: str, columns: Sequence[str], rows: str, key: Sequence[str]) -> str:
        names, keys = [self.quote(name) for name in columns], [self.quote(name) for name in key]
        change = [self.quote(name) for name in columns if name not in key]
        target = f"INSERT INTO {table} AS t ({', '.join(names)}) {rows} ON CONFLICT ({', '.join(keys)})"
        if not change:
            return f"{target} DO NOTHING"
        # A row that stays as it was is not written again.
        there, new = ", ".join(f"t.{name}" for name in change), ", ".join(f"excluded.{name}" for name in change)
        sets = ", ".join(f"{name} = excluded.{name}" for name in change)
        return f"{target} DO UPDATE SET {sets} WHERE ({there}) IS DISTINCT FROM ({new})"

    def unique(self, session: Session, table: str, key: Sequence[str]) -> bool:
        return set(key) in map(set, self._indexed(session, table, "i.indisunique"))

    def tables(self, session: Session, schema: str, prefix: str) -> list[str]:
        place = self.string(schema) if schema else "current_schema()"
        found = session.rows(
            f"SELECT tablename::text FROM pg_tables WHERE schemaname = {place}"
            f" AND left(tablename, {len(prefix)}) = {self.string(prefix)} ORDER BY 1"
        )
        return [row[0] for row in found]

    def rename(self, table: str, name: str) -> str:
        return f"ALTER TABLE {table} RENAME TO {name.rpartition('.')[2]}"

    def transfer(self, name: str, column: Column | None, type: pa.DataType) -> str:
        declared = column.declared if column is not None else "jsonb"
        nested = pa.types.is_nested(type) and declared != "text"
        return f"CAST({self.quote(name)} AS {declared})" if nested else self.quote(name)

    @contextmanager
    def lock(self, session: Session, name: str) -> Iterator[None]:
        session.rows(f"SELECT pg_advisory_lock(hashtextextended({self.string(name)}, 0))::text")
        try:
            yield
        finally:
            if not session.connection._closed:  # type: ignore[attr-defined]
                session.rows(f"SELECT pg_advisory_unlock(hashtextextended({self.string(name)}, 0))")


def unquoted(name: str) -> str:
    """Return a name that `quote` has quoted."""
    return name[1:-1].replace('""', '"')


def _column(field: pa.Field, name: str) -> Column:
    """Describe a column by what ADBC says of a result's field."""
    metadata = {key.decode(): value.decode() for key, value in (field.metadata or {}).items()}
    word = metadata.get("POSTGRESQL:type", "")
    if word in _TYPES:
        declared, kind = _TYPES[word]
        return Column(field.name, kind, declared, name)
    if word == "numeric":
        return _numeric(field.name, name, int(metadata.get("POSTGRESQL:typmod", "-1")))
    text = f"CAST({name} AS text)"
    if word in _TEXTUAL:
        return Column(field.name, pa.string(), word, text)
    if word.startswith("_") and word[1:] in _TYPES and word[1:] not in ("timestamp", "timestamptz", "date"):
        # ADBC would make one flat list of several dimensions.
        kind = pa.list_(_TYPES[word[1:]][1])
        flat = f"CASE WHEN array_ndims({name}) > 1 THEN NULL ELSE {name} END"
        return Column(field.name, kind, f"{_TYPES[word[1:]][0]}[]", flat, guard=f"array_ndims({name}) > 1")
    if word.startswith("_"):
        json = f"CAST(to_json({name}) AS text)"
        return Column(field.name, pa.string(), f"{word[1:]}[]", json, "an array of this type is read as JSON text")
    known = word and not word.startswith("unnamed")
    # An enum comes without a name, and is text by nature; so may be what an extension brings.
    return Column(field.name, pa.string(), word if known else "other", text, f"{word} is read as text" if known else "")


def _numeric(column: str, name: str, modifier: int) -> Column:
    digits, scale = precision_of(modifier)
    if digits <= 38 and 0 <= scale <= digits:
        return Column(column, pa.decimal128(digits, scale), f"numeric({digits},{scale})", name)
    note = f'numeric without a precision Arrow knows is read as text; "types: {{{column}: float}}" makes numbers'
    return Column(column, pa.string(), "numeric", f"CAST({name} AS text)", note)


def _uri(address: Address, write: bool) -> str:
    """Write the address as libpq reads it; TLS is verified unless the server is here or the URL says otherwise."""
    options = dict(address.options)
    if not local(address.host) and not local(options.get("host", "x")):
        options.setdefault("sslmode", "verify-full")
        if options["sslmode"] == "verify-full":
            options.setdefault("sslrootcert", "system")
    options["options"] = _settings(address, write=write)
    defaults = {"connect_timeout": CONNECT_SECONDS, "keepalives_idle": 30, "keepalives_interval": 10,
                "keepalives_count": 3, "tcp_user_timeout": 60_000, "application_name": "tilth",
                "client_encoding": "UTF8"}  # fmt: skip
    for name, value in defaults.items():
        options.setdefault(name, str(value))
    user = "" if address.user is None else percent(address.user, safe="")
    secret = "" if address.password is None else f":{percent(address.password, safe='')}"
    host = address.host or ""
    place = f"[{host}]" if ":" in host else percent(host, safe="")
    port = f":{address.port}" if address.port else ""
    at = "@" if user or secret else ""
    return (
        f"postgresql://{user}{secret}{at}{place}{port}/{percent(address.database, safe='')}"
        f"?{urlencode(options, quote_via=percent)}"
    )


def _settings(address: Address, *, write: bool) -> str:
    """Return the settings of a session, the URL's own first."""
    settings = "-c standard_conforming_strings=on -c TimeZone=UTC -c DateStyle=ISO -c extra_float_digits=1"
    settings += " -c bytea_output=hex -c IntervalStyle=postgres -c synchronize_seqscans=off"
    settings += f" -c lock_timeout={LOCK_SECONDS}s" if write else " -c default_transaction_read_only=on"
    return f"{dict(address.options).get('options', '')} {settings}".strip()


def _short(said: str) -> str:
    """Return the server's words without the query, which may hold values."""
    return re.sub(r" ?(Query was|LINE \d+|QUERY):.*?(?=SQLSTATE|$)", " ", said).strip()[:400]


DIALECT = Postgres()
