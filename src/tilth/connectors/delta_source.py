"""Read a version of a Delta table: one that Tilth stored, or another tool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pyarrow as pa

from tilth.bytes.opening import open_store
from tilth.connectors._delta_probe import readable
from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._reading import Chunk
from tilth.core.batch import ID, user_columns
from tilth.core.connector import Finding, Probed, Record, Source
from tilth.core.errors import DataError, RecipeError
from tilth.core.secret import shown_url
from tilth.core.shard import Cursor, RunKey, Shard, Version
from tilth.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class DeltaSource:
    """Read rows from a Delta table: in a folder, S3, Google Cloud Storage or HDFS; the newest version or a given one.

    Of a table that Tilth wrote, rows are known by their `_id`, and the columns that are its own are left out.

    >>> DeltaSource(path="datasets/support", version=3).anchored(Path("/project")).path
    '/project/datasets/support'
    """

    path: str
    """A folder, relative to the recipe, or a URL: s3://bucket/prefix, gs://bucket/prefix, hdfs://host:port/path."""
    version: int | None = None
    """The version to read; by default the newest."""
    key: str | tuple[str, ...] | None = None
    """The column or columns that say which row is which; by default `_id` if the table has it, else its place."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default the path as written. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    rename: dict[str, str] | None = None
    """New names for columns: {old: new}."""
    columns: tuple[str, ...] | None = None
    """The columns to keep, in this order; by default all."""

    def __post_init__(self) -> None:
        try:
            open_store(self.path)
        except DataError as error:
            raise RecipeError(error.what, where="delta_source.path", wanted=error.wanted, do=error.do) from error
        if self.version is not None and self.version < 0:
            raise RecipeError(f"no version {self.version}", where="delta_source.version", wanted="0 or more")

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the path as written."""
        return self.name or (shown_url(self.path) if "://" in self.path else self.path)

    def anchored(self, base: Path) -> DeltaSource:
        """Return a copy whose folder is absolute; the source's name stays what it was."""
        path = self.path if "://" in self.path else str(base.absolute() / self.path)
        return replace(self, path=path, name=self.source)

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """Cut the version into shards. Raises `DataError` where there is no such table, version or column."""
        table = self._table()
        version = table.version(self.version)
        schema = table.schema(version)
        self._finish(schema)
        rows = table.scan(version, self._wanted(schema))
        shards = [
            Shard(id=shard.id, where={**shard.where, "version": version.number}, bytes=shard.bytes, rows=shard.rows)
            for shard in rows.shards
        ]
        parts = hashlib.blake2b("\n".join(table.parts(version)).encode(), digest_size=16).hexdigest()
        cursor = Cursor(position={"version": version.number, "parts": parts})
        return () if since == cursor else shards, cursor

    @staticmethod
    def fingerprint(cursor: Cursor) -> str:
        """Return what is equal as long as the version holds the same parts."""
        return str(cursor.position["parts"])

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's rows."""
        table = self._table()
        version = Version(table=table.name, number=int(shard.where["version"]), key=RunKey(""))
        schema = table.schema(version)
        finish = self._finish(schema)
        wanted = self._wanted(schema)
        number = 0
        for batch in table.scan(version, wanted).read(shard):
            ordinals = tuple(range(number, number + batch.num_rows))
            number += batch.num_rows
            yield finish.record(Chunk(batch, ordinals), shard.id)

    def probe(self) -> Iterator[Finding]:
        """Read the log and the first bytes of a part."""
        yield from readable(self._table(), self.version)

    def _table(self) -> Table:
        return Table(self.path, name=self.source)

    def _key(self, schema: pa.Schema) -> tuple[str, ...]:
        if self.key is None:
            return (ID,) if ID in schema.names else ()
        return (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def _own(self, name: str) -> str:
        return {new: old for old, new in (self.rename or {}).items()}.get(name, name)

    def _wanted(self, schema: pa.Schema) -> list[str]:
        more = [*map(self._own, self._key(schema)), *([self._own(self.subject)] if self.subject else [])]
        return list(dict.fromkeys([*user_columns(schema), *more]))

    def _finish(self, schema: pa.Schema) -> Finish:
        names = self._wanted(schema)
        finish, _ = finish_for(
            pa.schema([schema.field(name) for name in names if name in schema.names]),
            rename=self.rename or {},
            columns=self.columns,
            key=self._key(schema),
            subject=self.subject,
            where=self.source,
        )
        keep = tuple(name for name in finish.keep if name in set(user_columns(schema)))
        return replace(finish, keep=keep)


_: tuple[type[Source], type[Probed]] = (DeltaSource, DeltaSource)
