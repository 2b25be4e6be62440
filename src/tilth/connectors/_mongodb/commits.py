"""Keep the log of commits in a collection of its own: what is to be applied, what was, and who was first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tilth.connectors._mongodb.documents import STAMP
from tilth.core.errors import CommitConflict, DataError, Transient
from tilth.core.shard import Cursor, Part, RunKey, Version

COMMITS = "_tilth_commits"
BATCH = 1000
"""Documents sent at a time: a server takes 100,000 or 48 MB."""
_DUPLICATE = 11000


@dataclass(frozen=True)
class Log:
    """The commits of one collection. An entry's id is its number, so that of two drivers one is first."""

    database: Any
    collection: str

    def of(self, key: RunKey) -> dict[str, Any] | None:
        """Return the entry that was begun under a key."""
        found: dict[str, Any] | None = self._entries.find_one({"collection": self.collection, "key": key})
        return found

    def newest(self, state: str | None = "applied") -> dict[str, Any] | None:
        """Return the newest entry; by default of those that were applied to the end."""
        asked = {"collection": self.collection, **({"state": state} if state else {})}
        with self._entries.find(asked).sort("_id", -1).limit(1) as cursor:
            return next(iter(cursor), None)

    def begin(self, number: int, key: RunKey, cursor: Cursor | None, mode: str, parts: Sequence[Part]) -> bool:
        """Write what is to be applied; False where another driver took the number."""
        from pymongo.errors import DuplicateKeyError

        entry = {
            "_id": f"{self.collection}/{number:012d}",
            "collection": self.collection,
            "number": number,
            "key": key,
            "cursor": None if cursor is None else json.dumps(dict(cursor.position), sort_keys=True),
            "mode": mode,
            "parts": [[part.path, part.rows] for part in parts],
            "rows": sum(part.rows for part in parts),
            "state": "applying",
        }
        try:
            self._entries.insert_one(entry)
        except DuplicateKeyError:
            return False
        return True

    def finish(self, entry: dict[str, Any], session: Any = None) -> None:
        """Say that an entry was applied to the end: the commit point."""
        self._entries.update_one({"_id": entry["_id"]}, {"$set": {"state": "applied", "parts": []}}, session=session)

    def expect(self, expected: Version | None, where: str) -> int:
        """Return the number of the next commit, or raise `CommitConflict`."""
        newest = self.newest(None)
        number = None if newest is None else int(newest["number"])
        wanted = None if expected is None else expected.number
        if number != wanted:
            raise CommitConflict(
                f"another writer committed version {number} meanwhile" if number is not None else "the log is gone",
                where=where,
                wanted=f"version {wanted} to be the newest" if wanted is not None else "no version",
                do="Run again: it starts from the newest version, and what was staged is kept",
            )
        return 0 if number is None else number + 1

    @property
    def _entries(self) -> Any:
        return self.database[COMMITS]


def version_of(entry: dict[str, Any], table: str) -> Version:
    """Return the version that an entry stands for."""
    cursor = None if entry["cursor"] is None else Cursor(position=json.loads(entry["cursor"]))
    return Version(table=table, number=int(entry["number"]), key=RunKey(entry["key"]), cursor=cursor)


# What the staging collection holds: one document a row, {_id: part/number, row: the document}.


def stage(staging: Any, path: str, rows: Sequence[bytes], at: Any) -> None:
    """Write a part's documents; those that a killed writer left are kept."""
    from bson.raw_bson import RawBSONDocument
    from pymongo.errors import BulkWriteError

    if staging.count_documents(within(path)) == len(rows):
        return
    staged = [{"_id": f"{path}/{number:06d}", "at": at, "row": RawBSONDocument(raw)} for number, raw in enumerate(rows)]
    try:
        staging.insert_many(staged, ordered=False)
    except BulkWriteError as error:
        _only_duplicates(error)


def within(path: str) -> dict[str, Any]:
    """Return the condition for a part's staged documents."""
    return {"_id": {"$gte": f"{path}/", "$lt": f"{path}0"}}


def apply(target: Any, staging: Any, entry: dict[str, Any], *, session: Any = None, where: str) -> None:
    """Bring what an entry says into the collection; doing it twice, or after being killed in it, does it once.

    Outside a transaction, a document that a newer commit wrote stays: who comes late changes nothing.
    """
    from pymongo import ReplaceOne
    from pymongo.errors import BulkWriteError

    number = int(entry["number"])
    older = {"$or": [{STAMP: {"$lte": number}}, {STAMP: None}]} if session is None else {}
    for path, rows in entry["parts"]:
        with staging.find(within(path), sort=[("_id", 1)], batch_size=BATCH, session=session) as cursor:
            documents = [{**staged["row"], STAMP: number} for staged in cursor]
        if len(documents) != rows:
            raise Transient(f'the part "{path}" is staged in part: {len(documents)} of {rows} rows', where=where)
        ops = [ReplaceOne({"_id": document["_id"], **older}, document, upsert=True) for document in documents]
        try:
            if ops:
                target.bulk_write(ops, ordered=session is not None, session=session)
        except BulkWriteError as error:
            _only_duplicates(error)
    if entry["mode"] == "replace":
        stale = {"$or": [{STAMP: {"$lt": number}}, {STAMP: None}]}
        target.delete_many(stale, session=session)


def check_staged(staging: Any, parts: Sequence[Part], where: str) -> None:
    """Raise `DataError` for a part that is not there as a whole."""
    for part in parts:
        found = staging.count_documents(within(part.path))
        if found != part.rows:
            raise DataError(
                f'the part "{part.path}" is gone or cut short: {found} of {part.rows} rows',
                where=where,
                do="Run its shard again",
            )


def _only_duplicates(error: Any) -> None:
    problems = (error.details or {}).get("writeErrors", ())
    if not problems or any(problem.get("code") != _DUPLICATE for problem in problems):
        raise error
