"""Keep values in one SQLite file, for all processes of this machine; the least recently used leave where it is full."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tilth.bytes.caches._backend import Backend

T = TypeVar("T")
LIMIT = 1 << 30
"""Bytes of values that are kept by default."""
_LARGEST = 8
"""A value may take one part in so many of the limit."""
_ROOM = 0.9
"""To what share of the limit it is emptied where it is full, so that not every write has to."""
_GRAIN = 60.0
"""Seconds after which reading a value is noted again: a read must not be a write each time."""
_AT_ONCE = 500
_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (
  key TEXT NOT NULL UNIQUE, value BLOB NOT NULL, bytes INTEGER NOT NULL, used REAL NOT NULL, expires REAL);
CREATE INDEX IF NOT EXISTS entry_used ON entry (used, bytes);
CREATE INDEX IF NOT EXISTS entry_expires ON entry (expires) WHERE expires IS NOT NULL;
CREATE TABLE IF NOT EXISTS total (bytes INTEGER NOT NULL);
INSERT INTO total SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM total);
CREATE TRIGGER IF NOT EXISTS entry_in AFTER INSERT ON entry BEGIN UPDATE total SET bytes = bytes + NEW.bytes; END;
CREATE TRIGGER IF NOT EXISTS entry_out AFTER DELETE ON entry BEGIN UPDATE total SET bytes = bytes - OLD.bytes; END;
CREATE TRIGGER IF NOT EXISTS entry_new AFTER UPDATE OF bytes ON entry BEGIN
  UPDATE total SET bytes = bytes + NEW.bytes - OLD.bytes; END;
"""
_PUT = """
INSERT INTO entry (key, value, bytes, used, expires) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
  value = excluded.value, bytes = excluded.bytes, used = excluded.used, expires = excluded.expires
"""
_EVICT = """
DELETE FROM entry WHERE rowid IN (SELECT rowid FROM (
  SELECT rowid, SUM(bytes) OVER (ORDER BY used, rowid) - bytes AS before FROM (
    SELECT rowid, used, bytes FROM entry ORDER BY used, rowid LIMIT 1000)) WHERE before < ?)
"""
"""The least recently used, as many as make so many bytes free (1,000 of them at most)."""


class Disk:
    """A file that may be removed at any time; one that is broken is begun anew.

    `limit`: bytes of values; the file is some 5% larger. Writers wait `busy` seconds for one another at most.
    """

    def __init__(
        self,
        path: Path,
        *,
        limit: int = LIMIT,
        busy: float = 0.5,
        grain: float = _GRAIN,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path, self.limit, self.most_bytes = path, limit, max(1, limit // _LARGEST)
        self._busy, self._grain, self._clock = busy, grain, clock
        self._connection = self._opened()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """Return the values that are there and not expired, and note that they are used."""
        return self._mended(lambda: self._get(keys))

    def put_many(self, values: Mapping[str, bytes], seconds: float | None) -> int:
        """Keep values in one transaction; those too large for the limit are refused."""
        fit = {key: value for key, value in values.items() if len(value) <= self.most_bytes}
        self._mended(lambda: self._put(fit, seconds))
        return len(values) - len(fit)

    def delete_many(self, keys: Sequence[str]) -> None:
        """Forget values."""
        self._mended(lambda: self._write("DELETE FROM entry WHERE key = ?", [(key,) for key in keys]))

    def clear(self, prefix: str) -> bool:
        """Forget values, and leave nothing of them in the file."""
        self._mended(lambda: self._clear(prefix))
        return True

    def cut(self) -> None:
        """Stop the statement that is at work."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def held(self) -> int:
        """How many bytes of values it holds."""
        return int(self._connection.execute("SELECT bytes FROM total").fetchone()[0])

    def _get(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        now = self._clock()
        found: dict[str, bytes | None] = {}
        stale: list[tuple[float, str]] = []
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            asked = f"SELECT key, value, used, expires FROM entry WHERE key IN ({marks})"  # noqa: S608 (question marks)
            for key, value, used, expires in self._connection.execute(asked, some):
                if expires is not None and expires <= now:
                    continue
                found[key] = value if isinstance(value, bytes) else None
                if used < now - self._grain:
                    stale.append((now, key))
        if stale:
            # Another process writes at this moment: that these were used is noted the next time.
            with contextlib.suppress(sqlite3.OperationalError):
                self._write("UPDATE entry SET used = ? WHERE key = ?", stale)
        return found

    def _put(self, values: Mapping[str, bytes], seconds: float | None) -> None:
        now = self._clock()
        expires = None if seconds is None else now + seconds
        with self._transaction():
            rows = ((key, value, len(key) + len(value), now, expires) for key, value in values.items())
            self._connection.executemany(_PUT, rows)
            if self.held > self.limit:
                self._evict(now)

    def _evict(self, now: float) -> None:
        self._connection.execute("DELETE FROM entry WHERE expires <= ?", (now,))
        if self.held <= self.limit:
            return
        goal = int(self.limit * _ROOM)
        while (more := self.held - goal) > 0 and self._connection.execute(_EVICT, (more,)).rowcount:
            pass

    def _clear(self, prefix: str) -> None:
        self._connection.execute("PRAGMA secure_delete = ON")
        self._write("DELETE FROM entry WHERE substr(key, 1, ?) = ?", [(len(prefix), prefix)])
        # The journal still holds what was deleted, until it is written back and cut.
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with self._transaction():
            self._connection.executemany(statement, rows)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _mended(self, work: Callable[[], T]) -> T:
        """Do it; where the file is broken, begin a new one and do it there."""
        try:
            return work()
        except sqlite3.DatabaseError as error:
            if not _broken(error):
                raise
        self._connection.close()
        self._connection = self._opened(again=True)
        return work()

    def _opened(self, *, again: bool = False) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            if again:
                raise sqlite3.DatabaseError("malformed")
            return self._connected()
        except sqlite3.DatabaseError as error:
            if not _broken(error):
                raise
        # One process at a time, and only where it is still broken: another may have begun a new one meanwhile.
        with self.path.with_name(f".{self.path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with contextlib.suppress(sqlite3.DatabaseError):
                connection = self._connected()
                if connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok":
                    return connection
                connection.close()
            for ending in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + ending).unlink(missing_ok=True)
            return self._connected()

    def _connected(self) -> sqlite3.Connection:
        # Whoever may read the cache may read what the project's rows led to.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        end = time.monotonic() + self._busy
        while True:
            connection = sqlite3.connect(self.path, timeout=self._busy, isolation_level=None, check_same_thread=False)
            try:
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.execute("PRAGMA journal_mode = WAL")
                # Nothing waits for the disk: what a power cut breaks is begun anew.
                connection.execute("PRAGMA synchronous = OFF")
                connection.executescript(_SCHEMA)
            except sqlite3.OperationalError as error:
                connection.close()
                # SQLite does not wait for another process that turns the journal on at the same moment.
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            except BaseException:
                connection.close()
                raise
            else:
                return connection


def _broken(error: sqlite3.DatabaseError) -> bool:
    """Tell whether the file is at fault: not SQLite's, or damaged, or of another make."""
    code = getattr(error, "sqlite_errorcode", None)
    said = str(error)
    return (
        code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        or "malformed" in said
        or "not a database" in said
        or "no such table" in said
        or "no such column" in said
    )


_: type[Backend] = Disk
