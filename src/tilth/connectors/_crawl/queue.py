"""Keep what a crawl knows in one SQLite file: every URL once, its state, where it lies in the archive.

Nothing of it is held in memory but the pages that hosts at work fetch next. A batch of finished pages, the links found
on them and how far the archive is noted become true in one transaction.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tilth.connectors._crawl.pace import Page
from tilth.connectors._crawl.warc import Place
from tilth.core.errors import DataError

NAME = "crawl.sqlite"
QUEUED, DONE, SKIPPED, FAILED, GONE = range(5)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS page (
  id INTEGER PRIMARY KEY, url TEXT NOT NULL UNIQUE, host TEXT NOT NULL, kind INTEGER NOT NULL, depth INTEGER NOT NULL,
  hops INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0,
  due REAL NOT NULL DEFAULT 0, why TEXT, status INTEGER, fetched REAL,
  file INTEGER, place INTEGER, length INTEGER, digest BLOB, etag TEXT, modified TEXT, size INTEGER,
  canonical TEXT, facts TEXT, changed INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0,
  twin INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS queue ON page (host, depth, id) WHERE state = 0;
CREATE INDEX IF NOT EXISTS shown ON page (changed, url) WHERE file IS NOT NULL AND gone = 0 AND twin = 0;
CREATE INDEX IF NOT EXISTS content ON page (digest) WHERE file IS NOT NULL AND gone = 0;
CREATE INDEX IF NOT EXISTS left_out ON page (max(gone, twin)) WHERE gone > 0 OR twin > 0;
CREATE TABLE IF NOT EXISTS host (host TEXT PRIMARY KEY, stored INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS robots (origin TEXT PRIMARY KEY, until REAL, status INTEGER, text TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pattern (pattern TEXT PRIMARY KEY, pages INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
_PAGE = "id, url, kind, depth, hops, tries, etag, modified, digest, file IS NOT NULL AND gone = 0"


class Link(NamedTuple):
    """A URL that was found."""

    url: str
    host: str
    kind: int
    depth: int
    hops: int = 0


class Noted(NamedTuple):
    """What became of one page."""

    page: Page
    state: int
    why: str | None = None
    status: int | None = None
    fetched: float = 0.0
    due: float = 0.0
    """When it is to be tried again, where its state is QUEUED; seconds since 1970."""
    place: Place | None = None
    """Where its content lies, for one that has new content."""
    digest: bytes | None = None
    etag: str | None = None
    modified: str | None = None
    size: int = 0
    canonical: str | None = None
    facts: str | None = None


class Queue:
    """Open the file, making it where there is none."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.db = sqlite3.connect(self.path, isolation_level=None, cached_statements=256)
        try:
            self.db.execute("PRAGMA journal_mode=WAL")
            self.db.execute("PRAGMA synchronous=NORMAL")
            self.db.execute("PRAGMA cache_size=-65536")
            self.db.execute("PRAGMA temp_store=MEMORY")
            self.db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self.db.close()
            raise DataError(
                f"the crawl's queue cannot be read ({error})",
                where=str(self.path),
                do="Remove the folder to crawl anew.",
            ) from error

    def close(self) -> None:
        """Close it as one plain file, which any number of readers may open."""
        self.db.execute("PRAGMA journal_mode=DELETE")
        self.db.close()

    def abandon(self) -> None:
        """Close it as it is."""
        self.db.close()

    # What there is to do.

    def hosts(self, after: str, most: int) -> list[str]:
        """Return hosts that have queued pages, in the order of their names, beginning after one."""
        found: list[str] = []
        while len(found) < most:
            row = self.db.execute(
                "SELECT host FROM page INDEXED BY queue WHERE state = 0 AND host > ? ORDER BY host LIMIT 1", (after,)
            ).fetchone()
            if row is None:
                break
            after = row[0]
            found.append(after)
        return found

    def next_pages(self, host: str, taken: set[int], most: int) -> list[Page]:
        """Return queued pages of a host that are due, those nearest to the start first."""
        rows = self.db.execute(
            f"SELECT {_PAGE} FROM page INDEXED BY queue WHERE state = 0 AND host = ? AND due <= ? "  # noqa: S608 (constants)
            "ORDER BY depth, id LIMIT ?",
            (host, time.time(), most + len(taken)),
        )
        return [Page._make((*row[:9], bool(row[9]))) for row in rows if row[0] not in taken][:most]

    def due(self, host: str, taken: set[int]) -> float | None:
        """Return when the next queued page of a host is due; None where it has none but those that are taken."""
        queued = "SELECT id, due FROM page INDEXED BY queue WHERE state = 0 AND host = ? AND due"
        now = time.time()
        rows = self.db.execute(f"{queued} <= ? LIMIT ?", (host, now, 1 + len(taken)))
        if any(ident not in taken for ident, _ in rows):
            return now
        later = self.db.execute(f"{queued} > ?", (host, now))
        return min((due for ident, due in later if ident not in taken), default=None)

    def host(self, name: str) -> tuple[int, float]:
        """Return how many pages of a host are stored, and until when it wants to be left alone."""
        row = self.db.execute("SELECT stored, due FROM host WHERE host = ?", (name,)).fetchone()
        return (row[0], row[1]) if row else (0, 0.0)

    def put_off(self, name: str, due: float) -> None:
        """Leave a host alone until then (seconds since 1970)."""
        self.db.execute(
            "INSERT INTO host (host, due) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET due = excluded.due",
            (name, due),
        )

    def waiting(self) -> int:
        """Count queued pages."""
        return int(self.db.execute("SELECT count(*) FROM page WHERE state = 0").fetchone()[0])

    # What was found.

    def note(
        self,
        batch: Sequence[Noted],
        links: Iterable[Link],
        patterns: dict[str, int],
        visit: int,
        state: dict[str, Any],
    ) -> None:
        """Make a batch true: pages done, links queued and counted by their forms, how far the archive is noted."""
        with Transaction(self.db):
            self.db.executemany(
                "UPDATE page SET state = ?, why = ?, status = ?, fetched = ?, tries = ?, due = ? WHERE id = ?",
                [_state(each) for each in batch],
            )
            stored = [each for each in batch if each.place is not None]
            if stored:
                self._store(stored, visit)
            left = [(visit, each.page.id) for each in batch if each.page.kept and each.state == GONE]
            if left:
                self.db.executemany("UPDATE page SET gone = ? WHERE id = ? AND file IS NOT NULL AND gone = 0", left)
            fresh = [(each.etag, each.modified, each.page.id) for each in batch if each.place is None and each.etag]
            if fresh:
                self.db.executemany("UPDATE page SET etag = ?, modified = ? WHERE id = ?", fresh)
            self._add(links)
            self.db.executemany("INSERT OR REPLACE INTO pattern VALUES (?, ?)", list(patterns.items()))
            self._set(state)

    def _store(self, stored: Sequence[Noted], visit: int) -> None:
        self.db.executemany(
            "UPDATE page SET file = ?, place = ?, length = ?, digest = ?, etag = ?, modified = ?, size = ?, "
            "canonical = ?, facts = ?, changed = ?, gone = 0, twin = 0 WHERE id = ?",
            [
                (*each.place, each.digest, each.etag, each.modified, each.size, each.canonical, each.facts, visit,
                 each.page.id)
                for each in stored
                if each.place is not None
            ],
        )  # fmt: skip
        counts: dict[str, int] = {}
        for each in stored:
            if not each.page.kept:
                host = each.page.url.split("/", 3)[2]
                counts[host] = counts.get(host, 0) + 1
        self.db.executemany(
            "INSERT INTO host (host, stored) VALUES (?, ?) ON CONFLICT (host) DO UPDATE SET stored = stored + "
            "excluded.stored",
            list(counts.items()),
        )

    def add(self, links: Iterable[Link], state: dict[str, Any] | None = None) -> None:
        """Queue URLs that are not known."""
        with Transaction(self.db):
            self._add(links)
            self._set(state or {})

    def _add(self, links: Iterable[Link]) -> None:
        self.db.executemany("INSERT OR IGNORE INTO page (url, host, kind, depth, hops) VALUES (?, ?, ?, ?, ?)", links)

    def known(self, url: str) -> bool:
        """Tell whether a URL is known."""
        return self.db.execute("SELECT 1 FROM page WHERE url = ?", (url,)).fetchone() is not None

    def page(self, url: str) -> Page | None:
        """Return a page by its URL."""
        row = self.db.execute(f"SELECT {_PAGE} FROM page WHERE url = ?", (url,)).fetchone()  # noqa: S608 (constants)
        return Page._make((*row[:9], bool(row[9]))) if row else None

    def seen_content(self, digest: bytes, but: int) -> bool:
        """Tell whether another page that is kept has the same content."""
        row = self.db.execute(
            "SELECT 1 FROM page INDEXED BY content WHERE digest = ? AND file IS NOT NULL AND gone = 0 AND id != ?",
            (digest, but),
        ).fetchone()
        return row is not None

    def pattern(self, pattern: str) -> int:
        """Return how many URLs of a form were queued."""
        row = self.db.execute("SELECT pages FROM pattern WHERE pattern = ?", (pattern,)).fetchone()
        return int(row[0]) if row else 0

    def robots(self, origin: str) -> tuple[float, int, str] | None:
        """Return what an origin's robots.txt said, and until when that holds."""
        row = self.db.execute("SELECT until, status, text FROM robots WHERE origin = ?", (origin,)).fetchone()
        return (row[0], row[1], row[2]) if row else None

    def keep_robots(self, origin: str, until: float, status: int, text: str) -> None:
        """Note what an origin's robots.txt said."""
        self.db.execute("INSERT OR REPLACE INTO robots VALUES (?, ?, ?, ?)", (origin, until, status, text))

    # The state of the whole.

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value of the crawl's state."""
        row = self.db.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else default

    def set(self, state: dict[str, Any]) -> None:
        """Note values of the crawl's state."""
        with Transaction(self.db):
            self._set(state)

    def _set(self, state: dict[str, Any]) -> None:
        self.db.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", list(state.items()))

    def fresh(self) -> tuple[int, int]:
        """Return how many pages are stored and not queued again, and their bytes."""
        row = self.db.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM page WHERE state = 1 AND file IS NOT NULL AND gone = 0"
        ).fetchone()
        return int(row[0]), int(row[1])


def _state(each: Noted) -> tuple[Any, ...]:
    tries = each.page.tries + 1 if each.state == QUEUED else 0
    return (each.state, each.why, each.status, each.fetched or None, tries, each.due, each.page.id)


class Transaction:
    """All of it or nothing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._db.execute("ROLLBACK" if kind else "COMMIT")
