"""Speak to MySQL and MariaDB: binary rows out, LOAD DATA from memory in."""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._sql import plain
from tilth.connectors._sql.address import local
from tilth.connectors._sql.dialect import Address, Column, Piece, Session
from tilth.core.errors import DataError, Terminal, TilthError, Transient, missing_extra

CONNECT_SECONDS = 20
SILENT_SECONDS = 900
"""A server that says nothing for so long is taken for dead: sorting a large table may take minutes."""
LOCK_SECONDS = 60
_UTC = pa.timestamp("us", "UTC")
_TRANSIENT = frozenset((1040, 1053, 1077, 1129, 1158, 1159, 1160, 1161, 1180, 1203, 1205, 1206, 1213, 1290, 2002, 2003,
                        2006, 2013, 2055, 4031))  # fmt: skip
"""Too many connections, shutting down, cut off, lock waits and deadlocks, a server that cannot be reached."""
_DATA = frozenset((1048, 1054, 1062, 1064, 1146, 1264, 1265, 1292, 1366, 1406, 1411, 3140, 4025))
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z")
_CASTS = {"string": "CHAR", "int": "SIGNED", "float": "DOUBLE", "timestamp": "DATETIME(6)"}
_KEPT = ("string", pa.string()), ("int", pa.int64()), ("float", pa.float64()), ("bool", pa.bool_()), ("timestamp", _UTC)
_WORDS = dict(_KEPT)


class _Session:
    def __init__(self, dialect: MySQL, connection: Any) -> None:
        self.dialect, self.connection = dialect, connection

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.dialect.telling("a query"), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def execute(self, sql: str) -> None:
        with self.dialect.telling("a statement"), self.connection.cursor() as cursor:
            cursor.execute(sql)

    def fields(self, sql: str) -> list[Any]:
        with self.dialect.telling("a query"), self.connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor._result.fields or ())

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        from tilth.connectors._sql import _wire

        with self.dialect.telling("reading"):
            yield from _wire.stream(self.connection, sql, columns, batch_rows)

    def load(self, table: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> int:
        from tilth.connectors._sql import _load

        with self.dialect.telling("loading"):
            return _load.load(self.connection, table, batches, schema, self.dialect.quote)

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        self.execute("START TRANSACTION" + (" WITH CONSISTENT SNAPSHOT, READ ONLY" if snapshot else ""))
        try:
            yield
        except BaseException:
            if self.connection.open:
                self.execute("ROLLBACK")
            raise
        self.execute("COMMIT")

    def interrupt(self) -> None:
        with contextlib.suppress(OSError, AttributeError):
            self.connection._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        # Not `close`, which says goodbye and may wait: a result that is read in part would have to be read to its end.
        self.connection._force_close()


@dataclass(frozen=True)
class MySQL:
    """The words of MySQL and MariaDB."""

    name: str = "mysql"
    stages: Literal["tables", "files"] = "tables"
    now: str = "CAST(UTC_TIMESTAMP(6) AS CHAR)"
    version: str = "CONCAT('MySQL protocol, server ', VERSION())"

    def connect(self, address: Address, *, write: bool = False) -> Session:
        try:
            import pymysql
            from pymysql.constants import CLIENT
        except ImportError as error:
            raise missing_extra("pymysql", "sql", "reading MySQL") from error
        with self.telling(f"connecting to {address.shown}"):
            connection = pymysql.connect(
                host=address.host or "127.0.0.1",
                port=address.port or 3306,
                user=address.user,
                password=address.password or "",
                database=address.database or None,
                charset="utf8mb4",
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                read_timeout=SILENT_SECONDS,
                write_timeout=SILENT_SECONDS,
                # The right to send data that is asked for; which data is decided in `_load`, never by the server.
                client_flag=CLIENT.LOCAL_FILES if write else 0,
                local_infile=False,
                init_command="SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
                **_tls(address),
            )
        session = _Session(self, connection)
        try:
            if not write:
                session.execute("SET SESSION TRANSACTION READ ONLY")
            else:
                session.execute(f"SET lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}")
        except BaseException:
            session.close()
            raise
        return session

    @contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Turn the driver's errors into ours."""
        from pymysql import err

        try:
            yield
        except (err.Error, OSError, RuntimeError) as error:
            raise self.failure(error, doing) from error

    def failure(self, error: Exception, doing: str) -> TilthError:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        said = str(error.args[1]) if len(error.args) > 1 else str(error)
        what = f"MySQL: {doing}: {said}"
        if code in _TRANSIENT or isinstance(error, OSError):
            return Transient(what)
        return DataError(what) if code in _DATA else Terminal(what)

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def table(self, name: str) -> str:
        return ".".join(map(self.quote, name.split(".")))

    def string(self, text: str) -> str:
        # In hex: no setting of the server (sql_mode, character set) can read it as anything but this text.
        return f"CONVERT(X'{text.encode().hex()}' USING utf8mb4)" if text else "''"

    def columns(self, session: Session, relation: str) -> list[Column]:
        assert isinstance(session, _Session)
        return [_column(field, self.quote(field.name)) for field in session.fields(f"SELECT * FROM {relation} LIMIT 0")]

    def primary_key(self, session: Session, table: str) -> tuple[str, ...]:
        schema, _, name = table.rpartition(".")
        place = self.string(schema) if schema else "DATABASE()"
        found = session.rows(
            "SELECT COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_NAME = 'PRIMARY'"
            f" AND TABLE_SCHEMA = {place} AND TABLE_NAME = {self.string(name)} ORDER BY ORDINAL_POSITION"
        )
        return tuple(row[0] for row in found)

    def cast(self, column: Column, word: str) -> Column:
        name = self.quote(column.name)
        read = f"({name} <> 0)" if word == "bool" else f"CAST({name} AS {_CASTS[word]})"
        return Column(column.name, _WORDS[word], column.declared, read)

    def as_text(self, column: Column) -> str:
        name = self.quote(column.name)
        return f"HEX({name})" if pa.types.is_binary(column.type) else f"CAST({name} AS CHAR)"

    def literal(self, text: str, column: Column) -> str:
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            if not _NUMBER.match(text):
                raise DataError(f'column "{column.name}": a bound is no number')
            return text
        if pa.types.is_binary(kind):
            return f"X'{bytes.fromhex(text).hex()}'"
        # An introducer, not CONVERT: the column's collation decides how they compare.
        return f"_utf8mb4 X'{text.encode().hex()}'" if text else "''"

    def kind(self, type: pa.DataType, *, key: bool = False, staged: bool = False) -> str:
        if pa.types.is_string(type):
            return f"{'VARCHAR(255)' if key else 'LONGTEXT'} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
        if pa.types.is_boolean(type):
            return "TINYINT(1)"
        if pa.types.is_integer(type):
            width = {8: "TINYINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"}[type.bit_width]
            # TINYINT(4), lest it be taken for a truth value.
            return f"{width}(4)" if width == "TINYINT" else width
        if pa.types.is_floating(type):
            return "FLOAT" if type == pa.float32() else "DOUBLE"
        if pa.types.is_decimal(type):
            if type.scale > 30:
                raise DataError(f"MySQL holds decimals of up to 30 places, not {type.scale}", do="Cast the column.")
            return f"DECIMAL({type.precision}, {type.scale})"
        if pa.types.is_date(type):
            return "DATE"
        if pa.types.is_timestamp(type):
            return "DATETIME(6)"
        if pa.types.is_binary(type):
            return "VARBINARY(255)" if key else "LONGBLOB"
        return "JSON" if not staged else "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"

    def ready(self, batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
        batch, counts = plain.flat(batch)
        for at, field in enumerate(batch.schema):
            if not pa.types.is_floating(field.type):
                continue
            column = batch.column(at)
            if pc.any(pc.is_inf(column)).as_py():
                raise DataError(
                    f'column "{field.name}" holds an infinite number, which MySQL cannot hold',
                    do="Take it out in the recipe, or cast the column to text.",
                )
            nan = pc.sum(pc.is_nan(column)).as_py()
            if nan:
                counts[f"{field.name}: NaN as NULL"] = nan
                batch = batch.set_column(at, field, pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column))
        return batch, counts

    def holds(self, type: pa.DataType, column: Column) -> bool:
        return plain.holds(type, column.type)

    def create(self, table: str, definitions: Sequence[str], *, staging: bool = False) -> str:
        return f"CREATE TABLE IF NOT EXISTS {table} ({', '.join(definitions)}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"

    def upsert(self, table: str, columns: Sequence[str], rows: str, key: Sequence[str]) -> str:
        names = [self.quote(name) for name in columns]
        # VALUES() rather than MySQL 8's row alias: MariaDB has only this, and MySQL still has it.
        change = [self.quote(name) for name in columns if name not in key] or [self.quote(key[0])]
        sets = ", ".join(f"{name} = VALUES({name})" for name in change)
        return f"INSERT INTO {table} ({', '.join(names)}) {rows} ON DUPLICATE KEY UPDATE {sets}"

    def unique(self, session: Session, table: str, key: Sequence[str]) -> bool:
        schema, _, name = table.rpartition(".")
        place = self.string(schema) if schema else "DATABASE()"
        found: dict[str, set[str]] = {}
        for index, column in session.rows(
            "SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE NON_UNIQUE = 0"
            f" AND TABLE_SCHEMA = {place} AND TABLE_NAME = {self.string(name)}"
        ):
            found.setdefault(index, set()).add(column)
        engine = session.rows(
            f"SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = {place}"
            f" AND TABLE_NAME = {self.string(name)}"
        )
        if engine and str(engine[0][0]).upper() != "INNODB":
            raise DataError(
                f"the table {name} has the engine {engine[0][0]}, which commits each row by itself",
                wanted="InnoDB",
                do=f"ALTER TABLE {name} ENGINE=InnoDB",
            )
        # Another unique key would make ON DUPLICATE KEY UPDATE change a row with another key.
        return set(key) in found.values() and all(columns == set(key) for columns in found.values())

    def tables(self, session: Session, schema: str, prefix: str) -> list[str]:
        place = self.string(schema) if schema else "DATABASE()"
        found = session.rows(
            f"SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {place}"
            f" AND LEFT(TABLE_NAME, {len(prefix)}) = {self.string(prefix)} ORDER BY TABLE_NAME"
        )
        return [row[0] for row in found]

    def rename(self, table: str, name: str) -> str:
        return f"RENAME TABLE {table} TO {name}"

    def transfer(self, name: str, column: Column | None, type: pa.DataType) -> str:
        return self.quote(name)

    @contextmanager
    def lock(self, session: Session, name: str) -> Iterator[None]:
        # By the server, and gone when the connection is; before the transaction, so that its snapshot is fresh.
        key = self.string(name[:64])
        if session.rows(f"SELECT GET_LOCK({key}, {LOCK_SECONDS})")[0][0] != 1:
            raise Transient(f"MySQL: another commit has held its lock for {LOCK_SECONDS} s")
        try:
            yield
        finally:
            if session.connection.open:  # type: ignore[attr-defined]
                session.execute(f"DO RELEASE_LOCK({key})")


def _tls(address: Address) -> dict[str, Any]:
    """Return how to encrypt: verified unless the server is on this machine or the URL says otherwise (`ssl-mode`)."""
    options = {name.lower().replace("_", "-"): value for name, value in address.options}
    mode = options.get("ssl-mode", "preferred" if local(address.host) else "verify_identity").upper()
    files = {name.replace("-", "_"): options[name] for name in ("ssl-ca", "ssl-cert", "ssl-key") if name in options}
    if mode == "DISABLED":
        return {"ssl_disabled": True}
    if mode == "PREFERRED":
        # On this machine nobody listens between; to prepare TLS would take longer than a small query.
        return files or {"ssl_disabled": True}
    if mode == "REQUIRED":
        return {"ssl": {"check_hostname": False, "verify_mode": "none"}, **files}
    if mode in ("VERIFY_CA", "VERIFY_IDENTITY"):
        import ssl

        context = ssl.create_default_context(cafile=options.get("ssl-ca"))
        context.check_hostname = mode == "VERIFY_IDENTITY"
        if "ssl-cert" in options:
            context.load_cert_chain(options["ssl-cert"], options.get("ssl-key"))
        return {"ssl": context}
    raise Terminal(
        f'no ssl-mode "{mode}"', wanted="DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY",
        do="Put it at the end of the URL: ?ssl-mode=VERIFY_IDENTITY",
    )  # fmt: skip


def _column(field: Any, name: str) -> Column:
    """Describe a column by what the server says of a result's field."""
    from pymysql.constants import FIELD_TYPE as T
    from pymysql.constants import FLAG

    code, unsigned, binary = field.type_code, bool(field.flags & FLAG.UNSIGNED), field.charsetnr == 63
    if code == T.TINY and field.length == 1:
        return Column(field.name, pa.bool_(), "tinyint(1)", name)
    whole = {
        T.TINY: ("tinyint", pa.int8(), pa.int16()),
        T.SHORT: ("smallint", pa.int16(), pa.int32()),
        T.INT24: ("mediumint", pa.int32(), pa.int32()),
        T.LONG: ("int", pa.int32(), pa.int64()),
        T.LONGLONG: ("bigint", pa.int64(), pa.decimal128(20, 0)),
        T.YEAR: ("year", pa.int16(), pa.int16()),
    }
    if code in whole:
        word, signed, wide = whole[code]
        shown = unsigned and code != T.YEAR
        return Column(field.name, wide if unsigned else signed, f"{word} unsigned" if shown else word, name)
    if code in (T.FLOAT, T.DOUBLE):
        single = code == T.FLOAT
        return Column(field.name, pa.float32() if single else pa.float64(), "float" if single else "double", name)
    if code in (T.DECIMAL, T.NEWDECIMAL):
        scale = field.scale
        digits = field.length - (1 if scale else 0) - (0 if unsigned else 1)
        said = f"decimal({digits},{scale})"
        if digits <= 38:
            return Column(field.name, pa.decimal128(digits, scale), said, name)
        return Column(
            field.name, pa.string(), said, f"CAST({name} AS CHAR)", "decimal of over 38 digits is read as text"
        )
    if code in (T.TIMESTAMP, T.DATETIME):
        return Column(field.name, _UTC, "timestamp" if code == T.TIMESTAMP else "datetime", name)
    if code in (T.DATE, T.NEWDATE):
        return Column(field.name, pa.date32(), "date", name)
    if code == T.TIME:
        return Column(field.name, pa.string(), "time", f"CAST({name} AS CHAR)")
    if code == T.BIT:
        if field.length == 1:
            return Column(field.name, pa.bool_(), "bit(1)", f"({name} + 0)")
        kind = pa.decimal128(20, 0) if field.length == 64 else pa.int64()
        return Column(field.name, kind, f"bit({field.length})", f"({name} + 0)")
    if code == T.GEOMETRY:
        return Column(field.name, pa.string(), "geometry", f"ST_AsText({name})", "geometry is read as text (WKT)")
    if code == T.JSON:
        return Column(field.name, pa.string(), "json", f"CAST({name} AS CHAR)")
    if code == T.NULL:
        return Column(field.name, pa.string(), "null", name)
    word = "enum" if field.flags & FLAG.ENUM else "set" if field.flags & FLAG.SET else "blob" if binary else "text"
    if binary and word in ("enum", "set"):
        binary = False
    return Column(field.name, pa.binary() if binary else pa.string(), word, name)


DIALECT = MySQL()
_: type[TilthError] = DataError
