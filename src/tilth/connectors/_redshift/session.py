"""Open a Redshift session and say in our words what goes wrong with it."""

# ruff: noqa: S608 (names are quoted, values are literals or parameters; conditions are the recipe's own)
from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from tilth.core.errors import DataError, RecipeError, Terminal, TilthError, Transient, missing_extra
from tilth.core.secret import learn, reveal, shown_url

PORT = 5439
SECONDS = 30
"""How long a connection may take."""
ROWS = 8192
_AGAIN = ("08", "53", "57P", "58", "40", "XX000")
"""SQLSTATEs after which trying again may help: the connection, resources, shutdown, serialization, S3 hiccups."""
_DENIED = ("28", "3D000")


class Field(NamedTuple):
    """A column of a result, as the server describes it."""

    name: str
    type: int
    """PostgreSQL's number for the type."""
    modifier: int


class Session:
    """One connection, in one transaction until `commit`."""

    def __init__(self, connection: Any, where: str) -> None:
        self.connection, self.where = connection, where

    def execute(self, sql: str, values: Sequence[Any] = ()) -> None:
        """Run a statement; `?` stands for a value."""
        with said(self.where), contextlib.closing(self._cursor()) as cursor:
            cursor.execute(sql, tuple(values))

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return a small result."""
        with said(self.where), contextlib.closing(self._cursor()) as cursor:
            cursor.execute(sql, tuple(values))
            return [tuple(row) for row in cursor.fetchall()]

    def described(self, sql: str) -> list[Field]:
        """Describe a query's columns without running it to the end."""
        with said(self.where), contextlib.closing(self._cursor()) as cursor:
            cursor.execute(f"SELECT * FROM ({sql}) AS tilth_shape LIMIT 0")
            told = cursor.ps["row_desc"]
        return [Field(_text(each["label"]), int(each["type_oid"]), int(each["type_modifier"])) for each in told]

    def stream(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """Run a query and yield its rows, 8,192 at a time: the server keeps the rest."""
        self.execute(f"DECLARE tilth_rows CURSOR FOR {sql}")
        while True:
            rows = self.rows(f"FETCH FORWARD {ROWS} FROM tilth_rows")
            if not rows:
                break
            yield rows
        self.execute("CLOSE tilth_rows")

    def commit(self) -> None:
        """Make what was done last."""
        with said(self.where):
            self.connection.commit()

    def _cursor(self) -> Any:
        cursor = self.connection.cursor()
        # The one style that leaves a % in a condition alone.
        cursor.paramstyle = "qmark"
        return cursor


@contextlib.contextmanager
def connected(url: str, *, where: str) -> Iterator[Session]:
    """Give a session for `env:NAME` or redshift://user:password@host:5439/database, closed in the end.

    What is not committed is undone. TLS is verified, but for a server on this machine.
    """
    try:
        import redshift_connector
    except ImportError as error:
        raise missing_extra("redshift-connector", "redshift", where) from error
    address = reveal(url, where=f"{where}.url")
    parts = urlsplit(address)
    if parts.scheme not in ("redshift", "postgresql") or not parts.hostname or not parts.path.strip("/"):
        raise RecipeError("no Redshift URL", where=f"{where}.url", wanted="redshift://user:password@host:5439/database")
    options = dict(parse_qsl(parts.query))
    unknown = set(options) - {"sslmode"}
    if unknown or options.get("sslmode", "verify-full") not in ("verify-full", "verify-ca"):
        raise RecipeError("an option in the URL", where=f"{where}.url", wanted="none, or sslmode=verify-ca")
    password = unquote(parts.password or "")
    learn(password)
    shown = f"{where} {shown_url(address)}"
    secure = {"ssl": False} if _is_here(parts.hostname) else {"ssl": True, "sslmode": "verify-full", **options}
    with said(shown):
        try:
            connection = redshift_connector.connect(
                host=parts.hostname,
                port=parts.port or PORT,
                database=unquote(parts.path.strip("/")),
                user=unquote(parts.username or ""),
                password=password,
                timeout=SECONDS,
                application_name="tilth",
                **secure,
            )
        except BaseException as error:
            _close_what_is_left(error)
            raise
        # A connection may take that long, an answer longer.
        connection._usock.settimeout(None)
    try:
        yield Session(connection, shown)
    finally:
        with contextlib.suppress(Exception):
            connection.close()


@contextlib.contextmanager
def said(where: str) -> Iterator[None]:
    """Turn the driver's errors into ours."""
    from redshift_connector import error as driver

    try:
        yield
    except TilthError:
        raise
    except (driver.InterfaceError, OSError) as error:
        what = str(error.args[0]) if error.args else type(error).__name__
        raise Transient(f"the connection fails: {what[:200]}", where=where) from error
    except driver.Error as error:
        raise _judged(error, where) from error


def quoted(name: str) -> str:
    """Quote a name.

    >>> quoted('a"b')
    '"a""b"'
    """
    if not name or "\0" in name or len(name.encode()) > 127:
        raise DataError(f'"{name}" cannot name a column', where="redshift", wanted="1 to 127 bytes")
    return '"' + name.replace('"', '""') + '"'


def table_name(name: str) -> str:
    """Quote a table's name, with or without its schema.

    >>> table_name("crm.tickets")
    '"crm"."tickets"'
    """
    return ".".join(map(quoted, name.split(".")))


def literal(text: str) -> str:
    """Write a text, also where a backslash means something, as in Redshift and not in PostgreSQL.

    >>> literal("it's"), literal("a\\\\b")
    ("'it''s'", "('a' || CHR(92) || 'b')")
    """
    parts = [f"'{part}'" for part in text.replace("'", "''").split("\\")]
    return parts[0] if len(parts) == 1 else f"({' || CHR(92) || '.join(parts)})"


def _judged(error: Any, where: str) -> TilthError:
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    state, what = str(told.get("C", "")), str(told.get("M", error))[:300]
    if not told and ("timed out" in what or "closed" in what or "time" in what.lower()):
        return Transient(f"the connection fails: {what}", where=where)
    if state.startswith(_AGAIN) and not _is_final(what):
        return Transient(what, where=where)
    if state.startswith(_DENIED):
        return Terminal(what, where=where, do="See the user, the password and the database in the URL.")
    kind = DataError if state.startswith(("22", "23")) else Terminal
    return kind(what, where=where, do="See the user's rights." if state == "42501" else None)


def _close_what_is_left(error: BaseException) -> None:
    """Close the socket, which the driver leaves open where the server refuses the password."""
    trace = error.__traceback__
    while trace is not None:
        left = trace.tb_frame.f_locals.get("self")
        for name in ("_sock", "_usock"):
            with contextlib.suppress(OSError, AttributeError):
                getattr(left, name).close()
        trace = trace.tb_next


def _is_final(what: str) -> bool:
    # Redshift says XX000 of S3 too, also where a file or a right is missing.
    return any(word in what for word in ("NoSuchKey", "NoSuchBucket", "AccessDenied", "not authorized"))


def _text(label: Any) -> str:
    return label.decode() if isinstance(label, bytes) else str(label)


def _is_here(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"
