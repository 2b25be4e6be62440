"""Hold the catalogue's tables in SQLite, PostgreSQL or MySQL, with SQL that is the same on the three."""

from __future__ import annotations

import contextlib
import ipaddress
import random
import re
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from tilth.core.errors import RecipeError, Transient, did_you_mean, first_line, missing_extra
from tilth.core.secret import hide, learn, reveal, shown_url

T = TypeVar("T")
SECONDS = 15.0
"""How long a piece of work may take, whatever the server does."""
_TRIES = 6
_SERVER_SECONDS = 5


class Rows:
    """One open transaction: statements with `?` for values."""

    def __init__(self, cursor: Any, mark: Callable[[int], str]) -> None:
        self._cursor, self._mark = cursor, mark

    def run(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Run a statement that returns nothing."""
        self._cursor.execute(self._marked(statement), tuple(values))

    def read(self, statement: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Return the rows that a statement finds, by column."""
        self._cursor.execute(self._marked(statement), tuple(values))
        names = [column[0] for column in self._cursor.description]
        return [dict(zip(names, row, strict=True)) for row in self._cursor.fetchall()]

    def put(self, table: str, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        """Put a row in place of the one with this key; columns without a value stay null."""
        self.remove(table, key)
        given = {name: value for name, value in {**key, **values}.items() if value is not None}
        names, marks = ", ".join(given), ", ".join("?" * len(given))
        self.run(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(given.values()))  # noqa: S608 (own names)

    def remove(self, table: str, key: Mapping[str, Any]) -> None:
        """Remove the rows with this key."""
        held = " AND ".join(f"{name} = ?" for name in key)
        self.run(f"DELETE FROM {table} WHERE {held}", list(key.values()))  # noqa: S608 (own names)

    def _marked(self, statement: str) -> str:
        numbers = iter(range(1, 1000))
        return re.sub(r"\?", lambda _: self._mark(next(numbers)), statement)


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where the catalogue lies; opens nothing before it is used."""

    url: str = field(repr=False)
    """A path of a SQLite file, postgresql://…, mysql://…, or env:NAME."""
    where: str = "catalogue"

    def __post_init__(self) -> None:
        """Refuse a URL of another kind of system."""
        if "://" in self.url and urlsplit(self.url).scheme not in _SCHEMES:
            scheme = urlsplit(self.url).scheme
            do = did_you_mean(scheme, _SCHEMES)
            known = "a path, postgresql://…, mysql://… or env:NAME"
            raise RecipeError(f"no catalogue is kept in {scheme}", where=self.where, wanted=known, do=do)

    @property
    def shown(self) -> str:
        """The place as it may be shown."""
        return shown_url(self.url) if "://" in self.url else self.url

    @property
    def file(self) -> Path | None:
        """The SQLite file, where it is one."""
        return None if self.url.startswith("env:") or "://" in self.url else Path(self.url)

    def within(self, work: Callable[[Rows], T], seconds: float = SECONDS) -> T:
        """Do a piece of work in one transaction; tried again where another writer was in the way.

        Raises `Transient` where the database is away, slow or refuses; `MissingExtra` for a missing driver.
        """
        future: Future[T] = Future()
        # A server that accepts and never answers would hold a run for ever.
        threading.Thread(target=_fulfil, args=(future, lambda: self._tried(work)), daemon=True).start()
        try:
            return future.result(seconds)
        except Late:
            raise Transient(f"no answer within {seconds:.0f} s", where=self._said) from None

    @property
    def _said(self) -> str:
        return f"the catalogue at {self.shown}"

    def _tried(self, work: Callable[[Rows], T]) -> T:
        for attempt in range(1, _TRIES + 1):
            try:
                with self._open() as rows:
                    return work(rows)
            except Exception as error:
                if not _is_of_driver(error):
                    raise
                if attempt == _TRIES or not _may_go_well(error):
                    raise Transient(hide(first_line(error))[:300], where=self._said) from error
                time.sleep(random.uniform(0, 0.05 * 2**attempt))
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _open(self) -> Iterator[Rows]:
        connection, mark = self._connected()
        try:
            cursor = connection.cursor()
            try:
                yield Rows(cursor, mark)
            finally:
                cursor.close()
            connection.commit()
        except BaseException:
            with contextlib.suppress(Exception):
                connection.rollback()
            raise
        finally:
            connection.close()

    def _connected(self) -> tuple[Any, Callable[[int], str]]:
        url = reveal(self.url, where=self.where)
        scheme = urlsplit(url).scheme if "://" in url else ""
        if scheme not in _SCHEMES and scheme:
            raise RecipeError("not the address of a catalogue", where=self.where, wanted="postgresql://… or mysql://…")
        if scheme.startswith("postgres"):
            return _postgres(url), lambda number: f"${number}"
        if scheme.startswith(("mysql", "mariadb")):
            return _mysql(url, self.where), lambda number: "%s"
        path = Path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_SERVER_SECONDS, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
        return connection, lambda number: "?"


_SCHEMES = ("postgresql", "postgres", "mysql", "mariadb")


def _postgres(url: str) -> Any:
    try:
        from adbc_driver_postgresql import dbapi
    except ModuleNotFoundError as error:
        raise missing_extra("adbc-driver-postgresql", "sql", "a catalogue in PostgreSQL") from error
    parts = urlsplit(url)
    given = dict(parse_qsl(parts.query))
    if "sslmode" not in given and not _here(parts.hostname or given.get("host", "")):
        given |= {"sslmode": "verify-full", "sslrootcert": given.get("sslrootcert", "system")}
    timeout = f"{given.get('options', '')} -c statement_timeout={_SERVER_SECONDS * 1000}".strip()
    given = {"connect_timeout": str(_SERVER_SECONDS), **given, "options": timeout}
    return dbapi.connect(urlunsplit(parts._replace(query=urlencode(given, quote_via=quote))))


def _mysql(url: str, where: str) -> Any:
    try:
        import pymysql
    except ModuleNotFoundError as error:
        raise missing_extra("pymysql", "sql", "a catalogue in MySQL") from error
    parts = urlsplit(url)
    if not parts.hostname or not parts.path.strip("/"):
        raise RecipeError("not the address of a database", where=where, wanted="mysql://user:password@host/database")
    password = unquote(parts.password or "")
    learn(password)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=password,
        database=parts.path.strip("/"),
        charset="utf8mb4",
        connect_timeout=_SERVER_SECONDS,
        read_timeout=_SERVER_SECONDS,
        write_timeout=_SERVER_SECONDS,
        **_mysql_tls(parts, where),
    )


def _mysql_tls(parts: SplitResult, where: str) -> dict[str, Any]:
    """Return how to encrypt: verified, unless the server is on this machine or the URL says ssl-mode=DISABLED."""
    given = dict(parse_qsl(parts.query))
    ca = given.pop("ssl-ca", None)
    mode = given.pop("ssl-mode", "PREFERRED" if _here(parts.hostname or "") else "VERIFY_IDENTITY").upper()
    if given or mode not in ("DISABLED", "PREFERRED", "VERIFY_IDENTITY"):
        wanted = "ssl-mode (DISABLED, PREFERRED or VERIFY_IDENTITY) and ssl-ca"
        raise RecipeError("there are options that mean nothing here", where=where, wanted=wanted)
    if mode == "VERIFY_IDENTITY":
        return {"ssl": ssl.create_default_context(cafile=ca)}
    return {"ssl_disabled": True} if mode == "DISABLED" else {}


def _here(host: str) -> bool:
    """Tell whether a host is this machine: by its name, a loopback address, or a socket's folder."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host in ("", "localhost") or host.startswith("/")


def _fulfil(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 (told to whoever waits)
        future.set_exception(error)


def _is_of_driver(error: Exception) -> bool:
    return isinstance(error, OSError) or type(error).__module__.split(".")[0] in _DRIVERS


def _may_go_well(error: Exception) -> bool:
    """Tell whether another writer was in the way: a lock, a deadlock, a row or table that both were making."""
    said = f"{type(error).__name__} {error}".lower()
    return any(
        word in said for word in ("locked", "lock", "deadlock", "duplicate", "unique", "already exists", "serializ")
    )


_DRIVERS = ("sqlite3", "pymysql", "adbc_driver_manager", "adbc_driver_postgresql")
