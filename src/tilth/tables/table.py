"""Keep a data set as a Delta table: workers write parts, the driver commits them in one act under a run key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.connector import Sink
from tilth.core.engine import Rows
from tilth.core.errors import DataError, did_you_mean
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.tables import _log
from tilth.tables._commit import Commit
from tilth.tables._folder import local
from tilth.tables._parts import SCHEMA, ShardWriter, encode
from tilth.tables._scan import ReadParts, shards_of


class Committed(NamedTuple):
    """One line of a table's history."""

    version: Version
    rows: int | None
    """Of the whole table; None when another tool committed."""
    mode: str
    """append, overwrite, or the word of the tool that committed."""
    at: datetime
    """In UTC."""


@dataclass(frozen=True)
class Table:
    """A data set in a folder of its own; picklable, and opens nothing before it is used.

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
    """The folder: a path or a `file:` URL."""
    name: str = ""
    """How versions and messages call it; by default the folder's name."""
    codec: Literal["zstd", "lz4"] = "zstd"
    """What its parts are packed with: zstd takes a quarter less room, lz4 half the time."""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", local(self.root).name)

    @property
    def folder(self) -> Path:
        """Where the parts lie."""
        return local(self.root)

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
        return ShardWriter(self.folder, shard, self.name, self.codec)

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
        old ones. Raises `DataError` when a column of rows that stay changes its type, or a part is gone.
        """
        number = Commit(
            root=self.root,
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
        state = _log.load(self.root, self.name)
        return self._version(_log.settled_number(self.root, state)) if state else None

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
        state = _log.load(self.root, self.name)
        numbers = range(state.number, -1, -1) if state else ()
        told = ((number, _log.carried(self.root, number)) for number in numbers)
        return [
            Committed(self._told(number, carried), carried.rows, carried.mode, carried.at)
            for number, carried in told
            if not carried.prepares
        ]

    def version_of(self, key: RunKey) -> Version | None:
        """Return the version that was committed under a key."""
        state = _log.load(self.root, self.name)
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
            shards=shards_of(self.folder, state.parts, shard_bytes),
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

    def _state(self, number: int | None) -> _log.State:
        state = _log.load(self.root, self.name, number)
        if state is None:
            raise self._nothing()
        return state

    def _nothing(self) -> DataError:
        return DataError("the table has no version yet", where=self.name, do="Run the recipe that stores it first")

    def _version(self, number: int) -> Version:
        return self._told(number, _log.carried(self.root, number))

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
