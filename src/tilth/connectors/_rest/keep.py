"""Keep what was pulled: pages go to JSONL segments, and how far the pull is moves in the same act.

    state.db                    pulls and their progress; by key: what the pull at work has, which pull has the newest
    pulls/_000003/000001.jsonl  a pull at work; its names begin with _, so that no reader sees it
    pulls/000002/000001.jsonl   a finished pull
    pulls/000002/_names.json    names of rows that a later pull replaced (`dead`), and of deleted ones (`gone`)

A page is appended to a segment and synced; then one transaction notes the segment's length and what to ask next. After
a kill the segment is cut back to the noted length: no page is there twice, and none that was noted is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.connectors._finish import key_text
from tilth.connectors._rest import compact
from tilth.core.batch import canonical

SEGMENT = 16 << 20
"""Bytes from which a segment is full: one is what one worker reads at a time."""
_TABLES = """
CREATE TABLE IF NOT EXISTS pulls (number INTEGER PRIMARY KEY, options TEXT NOT NULL, state TEXT, done INTEGER NOT NULL,
    pages INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, twice INTEGER NOT NULL, mark TEXT,
    finished REAL);
CREATE TABLE IF NOT EXISTS segments (pull INTEGER, number INTEGER, bytes INTEGER NOT NULL, lines INTEGER NOT NULL,
    PRIMARY KEY (pull, number));
CREATE TABLE IF NOT EXISTS seen (pull INTEGER, place TEXT, PRIMARY KEY (pull, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fresh (name TEXT PRIMARY KEY, segment INTEGER, line INTEGER, gone INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS newest (name TEXT PRIMARY KEY, pull INTEGER, gone INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS newest_gone ON newest (pull) WHERE gone = 1;
CREATE TABLE IF NOT EXISTS replaced (pull INTEGER, name TEXT, PRIMARY KEY (pull, name)) WITHOUT ROWID;
"""


@dataclass(kw_only=True)
class Pull:
    """One pull: how far it is."""

    number: int
    state: dict[str, Any] | None
    """What to ask next; None when there is nothing more."""
    pages: int = 0
    rows: int = 0
    bytes: int = 0
    twice: int = 0
    """How many records came again within it."""
    mark: Any = None
    """The greatest value of the incremental field so far."""
    finished: float | None = None


class Keep:
    """The folder of one source's pulls; hold it open while pulling only."""

    def __init__(self, folder: Path, options: str, *, key: Sequence[str] = (), growing: bool = False) -> None:
        self.folder, self.options, self.key, self.growing = folder, options, tuple(key), growing
        self.pulls = folder / "pulls"
        self.pulls.mkdir(parents=True, exist_ok=True)
        # dlt hands pages over in a thread of its own; never two at a time.
        self._db = sqlite3.connect(folder / "state.db", isolation_level=None, timeout=60, check_same_thread=False)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        self._repair()

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def finished(self) -> Pull | None:
        """Return the newest finished pull that was made with these options."""
        row = self._db.execute(
            f"SELECT {_COLUMNS} FROM pulls WHERE done = 1 AND options = ? ORDER BY number DESC LIMIT 1",  # noqa: S608
            (self.options,),
        ).fetchone()
        return _pull(row) if row else None

    def at_work(self) -> Pull | None:
        """Return the pull that an earlier run left unfinished; one with other options is thrown away."""
        query = f"SELECT {_COLUMNS}, options FROM pulls WHERE done = 0 ORDER BY number"  # noqa: S608
        for row in self._db.execute(query).fetchall():
            if row[-1] == self.options:
                return _pull(row)
            self.discard(_pull(row))
        return None

    def begin(self, state: Mapping[str, Any], *, mark: Any = None) -> Pull:
        """Begin a pull that asks `state` first; one that brings nothing leaves the mark where it was."""
        with self._act():
            (last,) = self._db.execute("SELECT coalesce(max(number), 0) FROM pulls").fetchone()
            pull = Pull(number=last + 1, state=dict(state), mark=mark)
            self._db.execute(
                "INSERT INTO pulls VALUES (?, ?, ?, 0, 0, 0, 0, 0, ?, NULL)",
                (pull.number, self.options, json.dumps(pull.state), json.dumps(mark)),
            )
        self._folder(pull).mkdir(exist_ok=True)
        return pull

    def discard(self, pull: Pull) -> None:
        """Throw away a pull that is not finished."""
        shutil.rmtree(self._folder(pull), ignore_errors=True)
        with self._act():
            for table, column in (("pulls", "number"), ("segments", "pull"), ("seen", "pull")):
                self._db.execute(f"DELETE FROM {table} WHERE {column} = ?", (pull.number,))  # noqa: S608
            self._db.execute("DELETE FROM fresh")

    def seen(self, pull: Pull, place: str) -> bool:
        """Tell whether this pull has been at a place (a cursor, a page) before."""
        found = self._db.execute("SELECT 1 FROM seen WHERE pull = ? AND place = ?", (pull.number, place)).fetchone()
        return found is not None

    def land(
        self,
        pull: Pull,
        lines: Sequence[tuple[bytes, str | None, bool]],
        state: dict[str, Any] | None,
        *,
        place: str,
        mark: Any,
    ) -> None:
        """Keep one page, and what to ask next, in one act.

        `lines` are records as JSON without a line end, their names where there is a key, and whether each is deleted.
        """
        segment, size, count = self._segment(pull)
        raw, held, twice = bytearray(), [], 0
        for line, name, gone in lines:
            if name is not None:
                held.append((name, segment, count, int(gone)))
            if not gone:
                raw += line + b"\n"
                count += 1
        if raw:
            self._append(pull, segment, size, bytes(raw))
        with self._act():
            for row in held:
                twice += self._db.execute("SELECT 1 FROM fresh WHERE name = ?", row[:1]).fetchone() is not None
                self._db.execute("INSERT OR REPLACE INTO fresh VALUES (?, ?, ?, ?)", row)
            self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (pull.number, place))
            self._db.execute(
                "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?)", (pull.number, segment, size + len(raw), count)
            )
            pull.state, pull.mark, pull.pages = state, mark, pull.pages + 1
            pull.rows, pull.bytes, pull.twice = pull.rows + len(lines), pull.bytes + len(raw), pull.twice + twice
            self._db.execute(
                "UPDATE pulls SET state = ?, mark = ?, pages = ?, rows = ?, bytes = ?, twice = ? WHERE number = ?",
                (json.dumps(state), json.dumps(mark), pull.pages, pull.rows, pull.bytes, pull.twice, pull.number),
            )

    def finish(self, pull: Pull, *, now: float) -> None:
        """Let readers see a pull; one that is not `growing` takes the place of those before it."""
        self._cut(pull)
        if pull.twice:
            folder = self.pulls / f"_{pull.number:06d}.whole"
            compact.without_twins(self._db, self._folder(pull), folder, self._name_of)
            compact.stamped(folder)
        else:
            compact.stamped(self._folder(pull))
        with self._act():
            self._db.execute("UPDATE pulls SET done = 1, finished = ? WHERE number = ?", (now, pull.number))
            self._db.execute("DELETE FROM seen WHERE pull = ?", (pull.number,))
            # Pulls with other options show other things: the first pull with new ones takes their place.
            if self.growing:
                self._db.execute("DELETE FROM pulls WHERE options <> ?", (self.options,))
            else:
                self._db.execute("DELETE FROM pulls WHERE number <> ?", (pull.number,))
            for table in ("segments", "newest", "replaced"):
                self._db.execute(f"DELETE FROM {table} WHERE pull NOT IN (SELECT number FROM pulls)")  # noqa: S608
            if self.growing:
                self._db.execute("INSERT OR IGNORE INTO replaced SELECT pull, name FROM newest JOIN fresh USING (name)")
                query = "INSERT OR REPLACE INTO newest SELECT name, ?, gone FROM fresh"
                self._db.execute(query, (pull.number,))
            self._db.execute("DELETE FROM fresh")
        self._repair()

    def folder_of(self, pull: Pull) -> Path:
        """Return where a finished pull lies."""
        return self.pulls / f"{pull.number:06d}"

    def _repair(self) -> None:
        """Make the folder what the database says: a kill may have come between the two."""
        done = {number for (number,) in self._db.execute("SELECT number FROM pulls WHERE done = 1")}
        begun = {number for (number,) in self._db.execute("SELECT number FROM pulls WHERE done = 0")}
        for number in done:
            if not (self.pulls / f"{number:06d}").exists():
                whole = self.pulls / f"_{number:06d}.whole"
                (whole if whole.exists() else self.pulls / f"_{number:06d}").rename(self.pulls / f"{number:06d}")
        known = {f"{number:06d}" for number in done} | {f"_{number:06d}" for number in begun}
        for entry in list(self.pulls.iterdir()):
            if entry.name not in known:
                shutil.rmtree(entry, ignore_errors=True)
        for number in begun:
            (self.pulls / f"_{number:06d}").mkdir(exist_ok=True)
        compact.sync(self.pulls)
        # The file's own number says for which pull the names stand: a kill may have come before they were written.
        (written,), last = self._db.execute("PRAGMA user_version").fetchone(), max(done, default=0)
        if written != last:
            compact.write_names(self._db, self.pulls, sorted(done))
            self._db.execute(f"PRAGMA user_version = {last}")

    def _segment(self, pull: Pull) -> tuple[int, int, int]:
        query = "SELECT number, bytes, lines FROM segments WHERE pull = ? ORDER BY number DESC LIMIT 1"
        row = self._db.execute(query, (pull.number,)).fetchone()
        if row is None or row[1] >= SEGMENT:
            return (row[0] + 1 if row else 1), 0, 0
        return row[0], row[1], row[2]

    def _append(self, pull: Pull, segment: int, size: int, raw: bytes) -> None:
        path = self._folder(pull) / f"{segment:06d}.jsonl"
        new = not path.exists()
        with path.open("r+b" if not new else "xb") as file:
            # Behind the noted length there may be a page that was not noted any more.
            file.truncate(size)
            file.seek(size)
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if new:
            compact.sync(path.parent)

    def _cut(self, pull: Pull) -> None:
        """Take out what was written and never noted: asked again, the page may have been empty."""
        query = "SELECT number, bytes FROM segments WHERE pull = ?"
        noted = {f"{number:06d}.jsonl": size for number, size in self._db.execute(query, (pull.number,))}
        for path in self._folder(pull).glob("*.jsonl"):
            if noted.get(path.name):
                os.truncate(path, noted[path.name])
            else:
                path.unlink()

    def _name_of(self, line: bytes) -> str | None:
        return named(json.loads(line), self.key)

    def _folder(self, pull: Pull) -> Path:
        return self.pulls / f"_{pull.number:06d}"

    @contextlib.contextmanager
    def _act(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def named(record: Any, key: Sequence[str]) -> str | None:
    """Return a record's name as `files` will give it; None where there is no key or it is empty."""
    if not key or not isinstance(record, dict):
        return None
    parts = [key_text(record.get(name)) for name in key]
    return None if None in parts else canonical(parts[0] if len(parts) == 1 else parts)


def digest(value: Any) -> str:
    """Name a JSON value."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=12).hexdigest()


_COLUMNS = "number, state, pages, rows, bytes, twice, mark, finished"


def _pull(row: Sequence[Any]) -> Pull:
    return Pull(
        number=row[0], state=json.loads(row[1] or "null"), pages=row[2], rows=row[3], bytes=row[4], twice=row[5],
        mark=json.loads(row[6] or "null"), finished=row[7],
    )  # fmt: skip
