"""Keep pushes in a folder: each is on the disk before it is acknowledged, and none is kept twice.

inbox.db          how long each segment is, which deliveries came (SQLite; its write lock orders all writers)
_000004.jsonl     the segment that pushes are appended to
000003.jsonl      a sealed segment: it never changes again
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

SEGMENT = 64 << 20
"""Bytes from which a segment is sealed."""
_TABLES = """
CREATE TABLE IF NOT EXISTS segments (number INTEGER PRIMARY KEY, bytes INTEGER NOT NULL, sealed INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (id BLOB PRIMARY KEY, segment INTEGER NOT NULL) WITHOUT ROWID;
"""


class Inbox:
    """A folder of pushes; any number of processes may hold it open, on one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / "inbox.db", isolation_level=None, timeout=30, check_same_thread=False)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._name_sealed()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def accept(self, lines: list[bytes], delivery: str | None) -> bool:
        """Keep records, on the disk when this returns; False where the delivery is kept already.

        `lines` are records as JSON without a line end; `delivery` is the sender's name for the push.
        """
        raw = b"".join(line + b"\n" for line in lines)
        named = None if delivery is None else hashlib.sha256(delivery.encode()).digest()[:16]
        with self._act():
            if named and self._db.execute("SELECT 1 FROM deliveries WHERE id = ?", (named,)).fetchone():
                return False
            number, size = self._open_segment()
            path = self.folder / f"_{number:06d}.jsonl"
            new = not path.exists()
            with path.open("xb" if new else "r+b") as file:
                # Behind the noted length there may be a push that was never acknowledged.
                file.truncate(size)
                file.seek(size)
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
            if new:
                _sync(self.folder)
            if named:
                self._db.execute("INSERT INTO deliveries VALUES (?, ?)", (named, number))
            self._db.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, 0)", (number, size + len(raw)))
        return True

    def seal(self) -> list[Path]:
        """Close the segment at work; return all sealed ones in order."""
        with self._act():
            row = self._db.execute("SELECT number, bytes FROM segments WHERE sealed = 0").fetchone()
            if row:
                os.truncate(self.folder / f"_{row[0]:06d}.jsonl", row[1])
                self._db.execute("UPDATE segments SET sealed = 1 WHERE number = ?", row[:1])
        self._name_sealed()
        return self.sealed()

    def sealed(self) -> list[Path]:
        """Return the sealed segments in order."""
        query = "SELECT number FROM segments WHERE sealed = 1 ORDER BY number"
        return [self.folder / f"{number:06d}.jsonl" for (number,) in self._db.execute(query)]

    def _open_segment(self) -> tuple[int, int]:
        row = self._db.execute("SELECT number, bytes FROM segments WHERE sealed = 0").fetchone()
        if row and row[1] < SEGMENT:
            return row[0], row[1]
        if row:
            self._db.execute("UPDATE segments SET sealed = 1 WHERE number = ?", row[:1])
        (last,) = self._db.execute("SELECT coalesce(max(number), 0) FROM segments").fetchone()
        return last + 1, 0

    def _name_sealed(self) -> None:
        """Give sealed segments their names: a kill may have come before that."""
        with self._act():
            for (number,) in self._db.execute("SELECT number FROM segments WHERE sealed = 1").fetchall():
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / f"_{number:06d}.jsonl").rename(self.folder / f"{number:06d}.jsonl")
            _sync(self.folder)

    @contextlib.contextmanager
    def _act(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _sync(folder: Path) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
