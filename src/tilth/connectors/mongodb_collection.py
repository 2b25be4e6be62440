"""Write rows to a MongoDB collection, one document each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from tilth.connectors._mongodb.client import connected, has_transactions
from tilth.connectors._mongodb.commits import BATCH, Log, apply, check_staged, stage, version_of, within
from tilth.connectors._mongodb.documents import Losses, documents
from tilth.connectors._mongodb.reading import options
from tilth.core.batch import Batch
from tilth.core.connector import Finding, Probed, Sink
from tilth.core.errors import DataError, RecipeError, TilthError, Transient, did_you_mean
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version

MODES = ("append", "upsert", "replace")
PART_BYTES = 8 << 20
TRANSACTION_ROWS = 10_000
"""The most rows that are committed in one transaction: a server ends one after 60 seconds."""
STALE = timedelta(days=7)
"""How old what a killed writer staged must be to be removed."""


@dataclass(frozen=True, kw_only=True)
class MongodbCollection:
    """Write rows to a MongoDB collection: a document each, whose `_id` is the row's.

    Workers stage documents in `<collection>_tilth_staging`, named by shard and content. A commit first writes an entry
    to `_tilth_commits`, then brings the staged documents in, each stamped with the commit's number (`_tilth`), then
    marks the entry as applied: the commit point, together with the source's cursor. Killed at any moment and run again
    under the same key, it goes on from the entry and ends with exactly these documents; a run under another key first
    ends what was begun, then says that it must be run again.

    On a replica set or behind mongos, up to 10,000 rows and the mark are one transaction: readers see all of a commit
    or nothing. On a lone server, and above, readers may see documents of a commit that is on its way; two drivers
    that nothing keeps apart (a run holds its project's lease) may then interleave, and a document of a newer commit is
    never replaced by an older one. The collection keeps its indexes; times are in whole milliseconds, as MongoDB's are.

    >>> MongodbCollection(url="env:MONGO_URL", database="crm", collection="clean").mode
    'append'
    """

    url: str
    """Where the server is, as env:NAME; mongodb://user:password@host/ or mongodb+srv://."""
    database: str
    """The database."""
    collection: str
    """The collection; made when it is not there."""
    mode: Literal["append", "upsert", "replace"] = "append"
    """append and upsert: beside what is there, a row that came before in its own place; replace: instead of it, also
    of documents that others wrote."""
    transactions: bool | None = None
    """Whether to commit in transactions; by default where the server says it has them."""

    def __post_init__(self) -> None:
        for option in ("url", "database", "collection"):
            if not getattr(self, option):
                raise RecipeError(f"no {option}", where=f"mongodb_collection.{option}", wanted="a name")
        if self.mode not in MODES:
            raise RecipeError(
                f'no mode "{self.mode}"',
                where="mongodb_collection.mode",
                wanted=f"one of {', '.join(MODES)}",
                do=did_you_mean(self.mode, MODES),
            )

    @property
    def table(self) -> str:
        """How versions and messages call it."""
        return f"{self.database}.{self.collection}"

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Stage a shard's rows, 1,000 or 8 MB a part; holds one part. Twice the same rows stage the same parts."""
        losses, parts = Losses(), list[Part]()
        now = datetime.now(UTC)
        with connected(self.url, where="mongodb_collection") as client:
            staging = self._database(client)[self._staging]
            for rows in _grouped(documents(batch, losses, self.table) for batch in batches):
                digest = hashlib.blake2b(b"".join(rows), digest_size=16).hexdigest()
                path = f"{shard.id}-{len(parts):05d}-{digest}"
                stage(staging, path, rows, now)
                parts.append(Part(path=path, rows=len(rows), bytes=sum(map(len, rows)), digest=digest))
        notes = {"truncated_times": losses.truncated} if losses.truncated else {}
        return Receipt(shard=shard.id, parts=tuple(parts), rows=sum(part.rows for part in parts), notes=notes)

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version:
        """Bring staged rows in, once under a key. Raises `CommitConflict`; `DataError` where a staged part is gone."""
        parts = _parts(receipts, self.table)
        with connected(self.url, where="mongodb_collection") as client:
            log = Log(self._database(client), self.collection)
            while True:
                begun = log.of(key)
                if begun is not None:
                    self._settle(client, log, begun)
                    return version_of(begun, self.table)
                pending = log.newest("applying")
                if pending is not None:
                    self._settle(client, log, pending)
                number = log.expect(expected, self.table)
                check_staged(log.database[self._staging], parts, self.table)
                log.begin(number, key, cursor, self.mode, parts)

    def newest(self) -> Version | None:
        """Return what was committed last; a commit that was killed on its way is not there yet."""
        with connected(self.url, where="mongodb_collection") as client:
            entry = Log(self._database(client), self.collection).newest()
        return None if entry is None else version_of(entry, self.table)

    def probe(self) -> Iterator[Finding]:
        """Try to reach the server, to log in, to write and to delete."""
        try:
            with connected(self.url, where="mongodb_collection") as client:
                database = self._database(client)
                atomic = self._transacts(client)
                yield Finding(True, "mongodb_collection: the server answers")
                trial = {"_id": f"probe/{datetime.now(UTC).timestamp()}"}
                database[self._staging].insert_one(trial)
                database[self._staging].delete_one(trial)
                Log(database, self.collection).newest()
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "See the URL and the user's roles.")
            return
        seen = "in one transaction" if atomic else "in steps that readers may see: the server has no transactions"
        yield Finding(True, f"{self.table}: can be written; commits are made {seen}")

    def _settle(self, client: Any, log: Log, entry: dict[str, Any]) -> None:
        """Apply an entry unless that was done."""
        if entry["state"] == "applied":
            return
        target, staging = log.database[self.collection], log.database[self._staging]

        def bring(session: Any = None) -> None:
            apply(target, staging, entry, session=session, where=self.table)
            log.finish(entry, session)

        try:
            if self._transacts(client) and entry["rows"] <= TRANSACTION_ROWS:
                with client.start_session() as session:
                    session.with_transaction(bring)
            else:
                bring()
        except Transient:
            # Another driver may have applied it meanwhile, and cleared what was staged.
            now = log.of(entry["key"])
            if now is None or now["state"] != "applied":
                raise
        for path, _ in entry["parts"]:
            staging.delete_many(within(path))
        staging.delete_many({"at": {"$lt": datetime.now(UTC) - STALE}})

    def _transacts(self, client: Any) -> bool:
        return has_transactions(client) if self.transactions is None else self.transactions

    def _database(self, client: Any) -> Any:
        from pymongo import WriteConcern

        return client.get_database(self.database, codec_options=options(), write_concern=WriteConcern("majority"))

    @property
    def _staging(self) -> str:
        return f"{self.collection}_tilth_staging"


def _grouped(batches: Iterable[Iterator[bytes]]) -> Iterator[list[bytes]]:
    rows: list[bytes] = []
    size = 0
    for batch in batches:
        for row in batch:
            rows.append(row)
            size += len(row)
            if len(rows) >= BATCH or size >= PART_BYTES:
                yield rows
                rows, size = [], 0
    if rows:
        yield rows


def _parts(receipts: Sequence[Receipt], where: str) -> list[Part]:
    """List the parts in the order of their shards; the receipts may come in any."""
    by_shard: dict[str, Receipt] = {}
    for receipt in receipts:
        if by_shard.setdefault(receipt.shard, receipt).parts != receipt.parts:
            raise DataError(f'two receipts of shard "{receipt.shard}" differ', where=where, wanted="one a shard")
    return [part for _, receipt in sorted(by_shard.items()) for part in receipt.parts]


_fits: type[Sink] = MongodbCollection
_probed: type[Probed] = MongodbCollection
