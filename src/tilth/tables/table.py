"""Keep a data set as a Delta table: workers write parts, the driver commits them in one act under a run key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.connector import Sink
from tilth.core.engine import Rows
from tilth.core.errors import DataError, did_you_mean
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.tables import _log
from tilth.tables._commit import Commit
from tilth.tables._compact import TARGET, Compacted, Compaction
from tilth.tables._home import Home, OnDisk, home_of, name_of
from tilth.tables._parts import SCHEMA, ShardWriter, columns_of, encode
from tilth.tables._scan import ReadParts, shards_of
from tilth.tables._upsert import stay_of
from tilth.tables.holds import Holding, refuse_expired


class Committed(NamedTuple):
    """One line of a table's history."""

    version: Version
    rows: int | None
    """Of the whole table; None when another tool committed."""
    mode: str
    """append, overwrite, compact, or the word of the tool that committed."""
    at: datetime
    """In UTC."""


@dataclass(frozen=True)
class Table:
    """A data set in a folder of its own, on this machine or in a store; picklable, opens nothing before it is used.

    >>> import tempfile
    >>> table = Table(tempfile.mkdtemp() + "/tickets")
    >>> rows = [pa.RecordBatch.from_pydict({"_id": ["a", "b"], "text": ["Hello", "Bye"]})]
    >>> first = table.commit([table.write(Shard(id="0"), rows)], RunKey("run-1"), None, expected=None)
    >>> table.commit([table.write(Shard(id="0"), rows)], RunKey("run-1"), None, expected=None) == first
    True
    >>> [batch.to_pydict() for batch in table.scan(columns=["text"]).batches()]
    [{'text': ['Hello', 'Bye']}]
    """

    root: str
    """The folder: a path or URL (`file:`, `s3:`, `gs:`, `hdfs:`), as `tilth.bytes.opening.open_store` takes it."""
    name: str = ""
    """How versions and messages call it; by default the folder's name."""
    codec: Literal["zstd", "lz4"] = "zstd"
    """What its parts are packed with: zstd takes a quarter less room, lz4 half the time."""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", name_of(self.root))

    @cached_property
    def home(self) -> Home:
        """Where the parts and the log lie."""
        return home_of(self.root)

    @property
    def folder(self) -> Path:
        """Where the parts lie, of a table on this machine. Raises `DataError` for any other."""
        if not isinstance(self.home, OnDisk):
            raise DataError(f"{self.root} is no folder on this machine", where=self.name, wanted="a local table")
        return self.home.folder

    @property
    def is_local(self) -> bool:
        """Whether it lies in a folder of this machine."""
        return isinstance(self.home, OnDisk)

    # What workers do.

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt:
        """Stream a shard's rows to part files named by shard and content; without rows there is no part.

        Twice the same rows give the same names and bytes. Holds one row group (64k rows or 32 MB). Columns are stored
        as `tilth.tables._types` says. Raises `DataError` for a column that cannot be stored or changes its type,
        `Terminal` when the storage fails.
        """
        with self.writer(shard) as writer:
            for batch in batches:
                writer.add(batch)
            return writer.finish()

    def writer(self, shard: Shard) -> ShardWriter:
        """Return what `write` writes with, for a worker that fills two tables in one pass: rows and their fates."""
        return ShardWriter(self.home, shard, self.name, self.codec)

    # What the driver does.

    def commit(
        self,
        receipts: Sequence[Receipt],
        key: RunKey,
        cursor: Cursor | None,
        expected: Version | None,
        *,
        schema: pa.Schema | None = None,
        mode: Literal["append", "overwrite"] = "append",
        fingerprint: str = "",
        keep: Collection[str] = (),
    ) -> Version:
        """Make the parts of the receipts a version, in one act; the first commit under a key is the only one.

        `expected` is the version that this builds on, None for a table that has none yet: when it is not the newest,
        raises `CommitConflict`, unless the key is committed already. `schema` gives the columns where the receipts
        may not (a table without rows); rows must not hold others.

        An append adds the parts (one that the table names already stays once) and may bring new columns. An overwrite
        leaves those parts only, and those of `keep` (paths as in `parts`); without `keep` its columns replace the
        old ones. Raises `DataError` when a column of rows that stay changes its type, or a part is gone, and
        `Transient` when the store did not answer: the same commit can be tried again.
        """
        number = Commit(
            home=self.home,
            name=self.name,
            receipts=receipts,
            key=key,
            cursor=cursor,
            expected=expected,
            schema=schema,
            mode=mode,
            fingerprint=fingerprint,
            keep=keep,
        ).run()
        return self._version(number)

    def append(
        self,
        receipts: Sequence[Receipt],
        key: RunKey,
        cursor: Cursor | None = None,
        *,
        schema: pa.Schema | None = None,
        fingerprint: str = "",
    ) -> Version:
        """Append whatever else is committed meanwhile, once per key: for writers that know nothing of one another.

        The rows come on top of whichever version is the newest. Raises what `commit` raises, but `CommitConflict`.
        """
        number = Commit(
            home=self.home,
            name=self.name,
            receipts=receipts,
            key=key,
            cursor=cursor,
            expected=None,
            schema=schema,
            mode="append",
            fingerprint=fingerprint,
            keep=(),
            anywhere=True,
        ).run()
        return self._version(number)

    def upsert(
        self,
        receipts: Sequence[Receipt],
        key: RunKey,
        cursor: Cursor | None,
        expected: Version | None,
        *,
        by: Sequence[str] = (ID,),
        fingerprint: str = "",
    ) -> Version:
        """Commit rows that take the place of those with the same values in the columns `by`; the others stay.

        Reads these columns of the whole table, here, and writes the parts anew that hold such a row. Raises what
        `commit` raises, and `DataError` where rows have no key or share one.
        """
        done = self.version_of(key)
        if done is not None or expected is None:
            return done or self.commit(receipts, key, cursor, None, fingerprint=fingerprint)
        state = self._state(expected.number)
        with self.reading(expected):
            stay = stay_of(self.home, self.root, self.name, self.codec, state, receipts, by)
        receipts = [*receipts, *stay.rewritten]
        columns = None if stay.kept or any(len(columns_of(receipt)) for receipt in receipts) else state.schema
        return self.commit(
            receipts, key, cursor, expected, schema=columns, mode="overwrite", fingerprint=fingerprint, keep=stay.kept
        )

    def compact(self, *, target_bytes: int = TARGET) -> Compacted:
        """Bundle small parts to about `target_bytes` each, in one commit that changes no row and no order of rows.

        Others may write meanwhile: an append that comes first stays, an overwrite that comes first makes it begin
        again. Versions before it stay readable. A compaction that was killed is made by the next.
        """
        return Compaction(home=self.home, root=self.root, name=self.name, codec=self.codec, target=target_bytes).run()

    def compacted(self, version: Version) -> Version:
        """Return the last version that was made of this one by compaction alone: it has the same rows."""
        number = version.number
        while _log.carried(self.home, number + 1).compacts:
            number += 1
        return version if number == version.number else self._version(number)

    def restore(self, version: Version, expected: Version) -> Version:
        """Make an earlier version the newest again: its rows, columns, cursor and fingerprint, in a commit of its own.

        Nothing is copied, and the versions between stay. Raises `CommitConflict` unless `expected` is the newest.
        """
        state = self._state(version.number)
        columns = {SCHEMA: encode(state.schema)}
        receipts = [
            Receipt(
                shard=part.path,
                parts=(Part(path=part.path, rows=part.rows, bytes=part.bytes, digest=""),),
                rows=part.rows,
                notes=columns,
            )
            for part in state.parts
        ]
        return self.commit(
            receipts,
            RunKey(f"restore-{version.number}-over-{expected.number}"),
            version.cursor,
            expected,
            schema=state.schema,
            mode="overwrite",
            fingerprint=version.fingerprint,
        )

    # What anybody asks.

    def exists(self) -> bool:
        """Tell whether the table has a version."""
        return self.newest() is not None

    def newest(self) -> Version | None:
        """Return the newest version, None when there is none: what the next commit expects."""
        state = _log.load(self.home, self.name)
        return self._version(_log.settled_number(self.home, state.number)) if state else None

    def version(self, number: int | None = None) -> Version:
        """Return a version, the newest by default. Raises `DataError` when there is no such version."""
        if number is None:
            newest = self.newest()
            if newest is None:
                raise self._nothing()
            return newest
        return self._version(self._state(number).number)

    def versions(self) -> list[Committed]:
        """List the versions, newest first."""
        state = _log.load(self.home, self.name)
        numbers = range(state.number, -1, -1) if state else ()
        return [
            Committed(self._told(number, carried), carried.rows, carried.mode, carried.at)
            for number, carried in _log.all_carried(self.home, numbers)
            if not carried.prepares
        ]

    def version_of(self, key: RunKey) -> Version | None:
        """Return the version that was committed under a key."""
        state = _log.load(self.home, self.name)
        number = state.number_of(key) if state else None
        return None if number is None else self._version(number)

    def scan(
        self,
        version: Version | None = None,
        columns: Sequence[str] | None = None,
        where: Mapping[str, Collection[str]] | None = None,
        *,
        shard_bytes: int = 64 << 20,
    ) -> Rows:
        """Return a version's rows as shards of about `shard_bytes` of parquet; the newest version by default.

        The order of rows is that of the shards they were written for, by id, and within one as written. `where` keeps
        rows whose value is among those given: `{"_split": ["train"]}`, `{"_id": ids}`. Workers need pyarrow only.
        """
        state = self._state(version.number if version else None)
        schema = state.schema if columns is None else self._chosen(state.schema, columns)
        wanted = {name: pa.array(sorted(values), pa.string()) for name, values in (where or {}).items()}
        for name, field in zip(wanted, self._chosen(state.schema, list(wanted)), strict=True):
            if not pa.types.is_string(field.type):
                raise DataError(
                    f'column "{name}" is {field.type}', where=self.name, wanted="a text column to choose by"
                )
        return Rows(
            shards=shards_of(self.home, state.parts, shard_bytes),
            read=ReadParts(root=self.root, name=self.name, schema=schema, where=wanted),
        )

    def schema(self, version: Version | None = None) -> pa.Schema:
        """Return a version's columns."""
        return self._state(version.number if version else None).schema

    def count(self, version: Version | None = None) -> int:
        """Count a version's rows, from the log alone."""
        return sum(part.rows for part in self._state(version.number if version else None).parts)

    def parts(self, version: Version | None = None) -> tuple[str, ...]:
        """List the paths of a version's parts, in the order of their rows."""
        return tuple(part.path for part in self._state(version.number if version else None).parts)

    def holds(self, path: str, size: int) -> bool:
        """Tell whether a part is there, whole: what a stage asks that goes on where another stopped."""
        seen = self.home.seen([path]).get(path)
        return seen is not None and seen.bytes == size

    def reading(self, version: Version | None = None) -> Holding:
        """Hold a version, the newest by default, while a `with` block reads it: no sweep takes its parts.

        Needed only where old versions are given up (`gc.collect` with `versions` or `days`) while they are read.
        Raises `DataError`, on entering, for a version that was given up already.
        """
        number = self.version(version.number if version else None).number
        return Holding(self.home, self.name, versions=(number,), reads=True)

    def writing(self) -> Holding:
        """Hold all that is written to the table while a `with` block writes and commits: no sweep takes it.

        Needed only by writers that take longer than a sweep's grace, 7 days by default.
        """
        return Holding(self.home, self.name, writes=True)

    def _state(self, number: int | None) -> _log.State:
        if number is not None:
            refuse_expired(self.home, self.name, number)
        state = _log.load(self.home, self.name, number)
        if state is None:
            raise self._nothing()
        return state

    def _nothing(self) -> DataError:
        return DataError("the table has no version yet", where=self.name, do="Run the recipe that stores it first")

    def _version(self, number: int) -> Version:
        return self._told(number, _log.carried(self.home, number))

    def _told(self, number: int, told: _log.Carried) -> Version:
        return Version(table=self.name, number=number, key=told.key, fingerprint=told.fingerprint, cursor=told.cursor)

    def _chosen(self, schema: pa.Schema, columns: Sequence[str]) -> pa.Schema:
        for name in columns:
            if name not in schema.names:
                raise DataError(
                    f'no column "{name}"',
                    where=self.name,
                    wanted=f"one of {', '.join(schema.names)}",
                    do=did_you_mean(name, schema.names),
                )
        return pa.schema([schema.field(name) for name in columns])


_fits: type[Sink] = Table
