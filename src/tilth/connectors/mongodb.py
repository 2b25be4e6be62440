"""Read the documents of a MongoDB collection."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._cells import WORDS
from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._mongodb.client import connected
from tilth.connectors._mongodb.ranges import cut, greatest, kind_of, packed, query_of, ranges, together, unpacked
from tilth.connectors._mongodb.reading import FETCH, chunks, options, raw, sample, schema_of
from tilth.connectors._mongodb.values import ID
from tilth.connectors._schema import bare, dump, load
from tilth.connectors._values import Seen
from tilth.core.batch import SPLITS
from tilth.core.connector import Finding, Probed, Record, Source
from tilth.core.errors import DataError, RecipeError, TilthError, did_you_mean
from tilth.core.shard import Cursor, Shard

NAME = "mongo_id"
"""What MongoDB's `_id` is called; `_id` is Tilth's own column."""


@dataclass(frozen=True, kw_only=True)
class Mongodb:
    """Read rows from the documents of a MongoDB collection.

    Columns and types are learned when the source is planned, from the 800 documents with the smallest `_id` and the 200
    with the greatest, and are the same for every shard; a later value of another type makes its document a reject that
    says what to do. Sub-documents are structs, arrays lists, dates timestamps; an ObjectId, a Decimal128 and a UUID are
    text. Where one field holds several kinds of values it is JSON text (Extended JSON), and so are regular expressions
    and code. `_id` becomes the column `mongo_id`.

    Shards are ranges of `_id`, about `shard_rows` documents each, up to the greatest `_id` there was at the plan: what
    is inserted behind is for the next run. Reading is no snapshot: a document that changes while it is read comes as
    it was or as it is. Without `incremental`, every run reads the whole collection: MongoDB does not tell whether
    documents changed.

    >>> Mongodb(url="env:MONGO_URL", database="crm", collection="tickets", filter={"lang": "en"}).key
    '_id'
    """

    url: str
    """Where the server is, as env:NAME; mongodb://user:password@host/ or mongodb+srv://."""
    database: str
    """The database."""
    collection: str
    """The collection."""
    key: str | tuple[str, ...] = ID
    """The field or fields that say which document is which."""
    filter: Mapping[str, Any] | None = None
    """Which documents, as MongoDB's find takes it; {"$date": …} and {"$oid": …} stand for dates and object ids."""
    columns: tuple[str, ...] | None = None
    """The fields to keep, in this order; by default all. Only these, and those other options name, are sent."""
    rename: Mapping[str, str] | None = None
    """New names for columns: {old: new}; by default {_id: mongo_id}."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""
    incremental: str | None = None
    """A field that grows whenever a document is written, such as updated_at: later runs read only what is above the
    greatest value that was there before. It wants an index. A document without it is read by the first run only."""
    overlap: float = 0
    """How far below that value to read again, for documents that were written late; seconds where it is a date."""
    deleted: str | None = None
    """A field that marks a document as deleted where it is anything but null, false, 0 or ""."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The field that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default database.collection. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    shard_rows: int = 100_000
    """About how many documents a shard holds."""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else database.collection."""
        return self.name or f"{self.database}.{self.collection}"

    def fingerprint(self, cursor: Cursor) -> str:
        """Return a digest of what there is; another one each time where nothing tells whether documents changed."""
        seen = [dict(cursor.position), None if self.incremental else time.time_ns()]
        return hashlib.blake2b(json.dumps(seen, sort_keys=True).encode(), digest_size=16).hexdigest()

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Look at a sample of the documents and walk the index; return a shard a range.

        With the cursor of an earlier plan with the same options, and `incremental`, only documents above its greatest
        value make shards. Raises `DataError` when there is no document, or an option names a field that no document
        in the sample has.
        """
        how = self._how()
        before = since.position if since is not None and since.position.get("how") == how else None
        known = load(before["schema"]) if before else None
        with connected(self.url, where="mongodb") as client:
            collection = self._of(client)
            asked = query_of(self.filter)
            high = greatest(collection, self.incremental, asked) if self.incremental else None
            if before and before["high"] and self.incremental:
                low, field = self._back(unpacked(before["high"]), high), self.incremental
                condition = together(asked, {field: {"$gt": low}})
                pieces = list(cut(collection, field, asked, self.shard_rows, low, high))
            else:
                field = ID
                condition = together(asked, {"$nor": [{self.incremental: {"$gt": high}}]} if high is not None else {})
                pieces = list(ranges(collection, field, condition, self.shard_rows))
            documents = sample(collection, condition, self._projection()) if pieces or known is None else []
        if not documents and known is None:
            raise DataError("no documents", where=self.source, wanted="a collection with documents that fit the filter")
        schema, said = schema_of(documents, known, self.types or {})
        moved = self._finish(schema)[1]
        notes = [f"{self.source}: {note}" for note in (*said, *moved)]
        shards = []
        for piece in pieces:
            limits = together(condition if field == ID else asked, piece.query(field))
            where = {"condition": packed(limits), "sort": field, "schema": dump(schema), "notes": notes}
            shards.append(Shard(id=_digest(self.source, packed(piece.query(field))), where=where))
            notes = []
        mark = packed(high) if high is not None else (before or {}).get("high")
        return shards, Cursor(position={"how": how, "schema": dump(schema), "high": mark})

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's documents, 8,192 or 4 MB at a time, in the order of `_id` or of the incremental field."""
        schema, notes = load(shard.where["schema"]), tuple(shard.where["notes"])
        finish, _ = self._finish(schema)
        file, seen = f"{self.source}/{shard.id}", Seen()
        field = str(shard.where["sort"])
        order = [(ID, 1)] if field == ID else [(field, 1), (ID, 1)]
        with connected(self.url, where="mongodb") as client:
            found = raw(self._of(client)).find(
                unpacked(shard.where["condition"]), self._projection(), sort=order, batch_size=FETCH
            )
            with found if field == ID else found.allow_disk_use(True) as cursor:
                for rows, gone in chunks(cursor, schema, seen, self.deleted):
                    record = finish.record(rows, file)
                    yield record._replace(notes=(*notes, *record.notes), gone=finish.record(gone, file).names)
                    notes = ()
        last = (*notes, *seen.notes(self.source))
        if last:
            yield finish.nothing(schema, last)

    def probe(self) -> Iterator[Finding]:
        """Try to reach the server, to log in, and to read the collection."""
        try:
            with connected(self.url, where="mongodb") as client:
                client.admin.command("ping")
                yield Finding(True, "mongodb: the server answers")
                collection = self._of(client)
                with collection.find(query_of(self.filter), self._projection()).limit(1) as cursor:
                    some = next(iter(cursor), None) is not None
                count = collection.estimated_document_count()
        except TilthError as error:
            yield Finding(False, str(error.what), error.do or "See the URL and the user's roles.")
            return
        yield Finding(some, f"{self.source}: about {count} documents", "" if some else "No document fits the filter.")

    def _of(self, client: Any) -> Any:
        return client.get_database(self.database, codec_options=options())[self.collection]

    def _projection(self) -> dict[str, int] | None:
        if self.columns is None:
            return None
        old = {new: own for own, new in self._renamed().items()}
        wanted = [*self.columns, *self._key(), *([self.subject] if self.subject else [])]
        names = {old.get(name, name) for name in wanted} | ({self.deleted} if self.deleted else set())
        return {**dict.fromkeys(sorted(names), 1), **({} if ID in names else {ID: 0})}

    def _back(self, mark: Any, high: Any) -> Any:
        if kind_of(mark) != kind_of(high) and high is not None:
            raise DataError(
                f'"{self.incremental}" held another kind of value before',
                where=self.source,
                wanted="a field that holds dates or numbers only",
            )
        if not self.overlap:
            return mark
        if kind_of(mark) == "date":
            return type(mark)(int(mark) - round(1000 * self.overlap))
        if kind_of(mark) == "number":
            return mark - (int(self.overlap) if float(self.overlap).is_integer() else self.overlap)
        raise DataError(
            f'overlap: "{self.incremental}" is neither a date nor a number', where=self.source, do="Leave it out."
        )

    def _how(self) -> str:
        """Digest the options that decide what the rows are."""
        told = [self.filter, self.columns, self.types, self.incremental, self.deleted, self._key()]
        return _digest(json.dumps(told, sort_keys=True, default=str))

    def _renamed(self) -> dict[str, str]:
        return {ID: NAME, **(self.rename or {})}

    def _key(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def _finish(self, schema: pa.Schema) -> tuple[Finish, list[str]]:
        rename = self._renamed()
        if ID not in schema.names and not (self.rename or {}).get(ID):
            del rename[ID]
        return finish_for(
            bare(schema),
            rename=rename,
            columns=self.columns,
            key=self._key(),
            subject=self.subject,
            where=self.source,
        )


def _digest(*texts: str) -> str:
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=12).hexdigest()


def _check(options: Mongodb) -> None:
    def refuse(option: str, what: str, wanted: str, do: str | None = None) -> None:
        raise RecipeError(what, where=f"mongodb.{option}", wanted=wanted, do=do)

    for option in ("url", "database", "collection"):
        if not getattr(options, option):
            refuse(option, f"no {option}", "a name" if option != "url" else "env:NAME of a URL")
    if not options.key:
        refuse("key", "no key", "a field or fields")
    for column, word in (options.types or {}).items():
        if word not in WORDS:
            refuse(f"types.{column}", f'no type "{word}"', f"one of {', '.join(WORDS)}", did_you_mean(word, WORDS))
    if options.overlap < 0 or (options.overlap and not options.incremental):
        refuse("overlap", f"an overlap of {options.overlap}", "0 or more, beside `incremental:`")
    if options.shard_rows < 1:
        refuse("shard_rows", f"{options.shard_rows} rows hold no document", "1 or more")
    if options.split not in (None, *SPLITS):
        refuse("split", f'no split "{options.split}"', f"one of {', '.join(SPLITS)}")


_: type[Source] = Mongodb
_probed: type[Probed] = Mongodb
