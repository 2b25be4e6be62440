"""Read what a crawl brought: a row a page, in the order of the visit that brought it, then of the URLs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._crawl import warc
from tilth.connectors._crawl.queue import NAME
from tilth.core.batch import canonical
from tilth.core.connector import Record, Reject, Source
from tilth.core.errors import DataError
from tilth.core.shard import Cursor, Shard

ROWS = 2000
"""A shard."""
_BATCH_ROWS, _BATCH_BYTES = 500, 32 << 20
_SHOWN = "file IS NOT NULL AND gone = 0 AND twin = 0"
_LEFT = "(gone > 0 OR twin > 0) AND max(gone, twin) > ?"
SCHEMA = pa.schema(
    [("url", pa.string()), ("date", pa.string()), ("status", pa.int64()), ("content_type", pa.string()),
     ("charset", pa.string()), ("content", pa.binary()), ("record_id", pa.string()), ("language", pa.string()),
     ("canonical", pa.string()), ("page_licence", pa.string()), ("robots", pa.string()), ("truncated", pa.string()),
     ("depth", pa.int64())]
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CrawledPages:
    """Read the pages of a folder in which a crawl landed."""

    folder: str
    name: str
    licence: str | None = None
    subject: str | None = None
    split: Literal["train", "valid", "test"] | None = None
    incremental: bool = True
    """A plan since a cursor holds only pages that are new, changed or gone."""

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """List the pages; return a shard for each 2,000 of a visit. Reads no page."""
        after = int(since.position.get("visit", 0)) if since is not None else 0
        with closing(_opened(self.folder)) as db:
            newest = _newest(db)
            shards = []
            for (visit,) in db.execute(
                f"SELECT DISTINCT changed FROM page INDEXED BY shown WHERE {_SHOWN} AND changed > ? ORDER BY changed",  # noqa: S608 (constants)
                (after,),
            ).fetchall():
                shards += list(_cut(db, self.folder, visit))
            if since is not None:
                left = db.execute(f"SELECT count(*) FROM page WHERE {_LEFT}", (after,)).fetchone()[0]  # noqa: S608 (constants)
                if left:
                    where = {"folder": self.folder, "gone_after": after}
                    shards.append(Shard(id=f"v{newest:05d}-gone", where=where, rows=0))
        return shards, Cursor(position={"visit": max(newest, after)})

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's rows. Raises `DataError` where the crawl went on since it was planned."""
        where = shard.where
        folder = Path(where["folder"])
        with closing(_opened(str(folder))) as db:
            if "gone_after" in where:
                gone = db.execute(f"SELECT url FROM page WHERE {_LEFT} ORDER BY url", (where["gone_after"],))  # noqa: S608 (constants)
                empty = pa.RecordBatch.from_pylist([], schema=SCHEMA)
                yield Record(batch=empty, names=(), gone=tuple(canonical(url) for (url,) in gone))
                return
            found = db.execute(
                "SELECT url, file, place, length, canonical, facts, depth FROM page INDEXED BY shown "  # noqa: S608 (constants)
                f"WHERE {_SHOWN} AND changed = ? AND url >= ? AND url <= ? ORDER BY url",
                (where["visit"], where["first"], where["last"]),
            ).fetchall()
        if len(found) != shard.rows:
            raise DataError("the crawl went on since this was planned", where=self.name, do="Run again.")
        for record in _records(folder, found, int(where["at"])):
            yield record if self.subject is None else record._replace(subjects=_subjects(record.batch, self.subject))


def _cut(db: sqlite3.Connection, folder: str, visit: int) -> Iterator[Shard]:
    """Yield shards of so many pages each, of one visit."""
    rows = db.execute(
        f"SELECT url, length FROM page WHERE {_SHOWN} AND changed = ? ORDER BY url",  # noqa: S608 (constants)
        (visit,),
    )
    at = 0
    while some := rows.fetchmany(ROWS):
        where = {"folder": folder, "visit": visit, "first": some[0][0], "last": some[-1][0], "at": at}
        size = sum(length for _, length in some)
        yield Shard(id=f"v{visit:05d}-{at // ROWS:05d}", where=where, rows=len(some), bytes=size)
        at += len(some)


def _records(folder: Path, found: Sequence[tuple[Any, ...]], at: int) -> Iterator[Record]:
    rows: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    held = 0
    for number, each in enumerate(found, at):
        try:
            row = _row(folder, each)
        except (DataError, OSError) as error:
            rejects.append(Reject(warc.name_of(each[1]), number, getattr(error, "what", "the archive is not there")))
            continue
        rows.append(row)
        held += len(row["content"])
        if len(rows) >= _BATCH_ROWS or held >= _BATCH_BYTES:
            yield _record(rows, rejects)
            rows, rejects, held = [], [], 0
    if rows or rejects:
        yield _record(rows, rejects)


def _subjects(batch: pa.RecordBatch, column: str) -> tuple[str | None, ...]:
    return tuple(None if value is None else str(value) for value in batch.column(column).to_pylist())


def _record(rows: list[dict[str, Any]], rejects: list[Reject]) -> Record:
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    return Record(batch=batch, names=tuple(canonical(row["url"]) for row in rows), rejects=tuple(rejects))


def _row(folder: Path, found: tuple[Any, ...]) -> dict[str, Any]:
    url, file, place, length, canonical_url, facts, depth = found
    head, http, body = warc.read(folder, warc.Place(file, place, length))
    own = json.loads(facts or "{}")
    return {
        "url": url,
        "date": head.get("warc-date"),
        "status": 200,
        "content_type": http.get("content-type"),
        "charset": own.get("charset"),
        "content": body,
        "record_id": head.get("warc-record-id", "").strip("<>") or None,
        "language": own.get("language"),
        "canonical": canonical_url,
        "page_licence": " ".join(own.get("licences", ())) or None,
        "robots": ", ".join(own.get("robots", ())) or None,
        "truncated": own.get("truncated"),
        "depth": depth,
    }


def _newest(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM state WHERE name = 'newest'").fetchone()
    return int(row[0]) if row else 0


def _opened(folder: str) -> sqlite3.Connection:
    path = Path(folder) / NAME
    if not path.is_file():
        raise DataError("nothing was crawled yet", where=folder, do="Let it crawl once.")
    # Nothing writes to it once the crawl has landed: it may lie on any file system, and be read by many.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


_: type[Source] = CrawledPages
