"""Write the rows of a shard to part files, named by shard and content so that writing twice changes nothing."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import re
from collections.abc import Callable
from typing import IO, NamedTuple

import pyarrow as pa
from pyarrow import types as t

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.shard import Part, Receipt, Shard
from tilth.tables import _folder
from tilth.tables._home import Home
from tilth.tables._row_groups import RowGroups
from tilth.tables._types import merged, padded, storable_batch

SCHEMA = "schema"
"""The receipt's note that holds the columns of the rows."""
_NAME = re.compile(r"(?P<stem>part-(?P<shard>.+)-(?P<sequence>\d{5})-[0-9a-f]{32})(?:-\d+)*\.parquet")


class ShardWriter:
    """Streams the rows of one shard to part files; holds one row group.

    A new file begins only where a batch brings a new column. A file gets its name when it is whole, so a crash leaves
    temporary files only; leaving the writer without `finish` removes the one it was at.
    """

    def __init__(self, home: Home, shard: Shard, where: str, codec: str = "zstd") -> None:
        self._shard = _folder.safe_name(shard.id, "a shard")
        self._home, self.where, self._codec = home, where, codec
        self._storage = functools.partial(home.errors, f'writing shard "{shard.id}"', where)
        self._columns = pa.schema([])
        self._parts: list[Part] = []
        self._groups = RowGroups()
        self._open: tuple[pa.Schema, PartFile] | None = None

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._open:
            self._open[1].abandon()
            self._open = None

    def add(self, raw: Batch) -> None:
        """Write a batch. Raises `DataError` for a column that cannot be stored or changes its type."""
        batch = storable_batch(raw)
        self._columns = merged(self._columns, batch.schema, self.where)
        if not batch.num_rows:
            return
        # A column that holds nothing but nulls is left out: what type it has, other parts may know.
        typed = [field for field in self._columns if not t.is_null(field.type)]
        # Without columns a part would lose count of its rows.
        schema = pa.schema(typed or [pa.field(field.name, pa.string()) for field in self._columns])
        if self._open and self._open[0] != schema:
            self._publish()
        if not self._open:
            self._open = schema, PartFile(self._home, schema, self._storage, self._codec)
        for group in self._groups.add(padded(batch, schema)):
            self._open[1].write(group)

    def finish(self) -> Receipt:
        """Name the last file and return the receipt; without rows it names no part."""
        self._publish()
        notes = {SCHEMA: encode(self._columns)} if len(self._columns) else {}
        rows = sum(part.rows for part in self._parts)
        return Receipt(shard=self._shard, parts=tuple(self._parts), rows=rows, notes=notes)

    def _publish(self) -> None:
        if self._open:
            for group in self._groups.rest():
                self._open[1].write(group)
            name = functools.partial(part_name, self._shard, len(self._parts))
            self._parts.append(self._open[1].publish(name))
            self._open = None


class PartFile:
    """One unfinished part, until `publish` names it or `abandon` removes it."""

    def __init__(
        self,
        home: Home,
        schema: pa.Schema,
        storage: Callable[[], contextlib.AbstractContextManager[None]],
        codec: str,
    ) -> None:
        from pyarrow.parquet import ParquetWriter

        self._storage = storage
        self._rows = 0
        with storage():
            self._draft = home.begin()
            self._file = _Hashed(self._draft.raw)
            level = 1 if codec == "zstd" else None
            self._writer = ParquetWriter(self._file, schema, compression=codec, compression_level=level, version="2.6")

    def write(self, group: Batch) -> None:
        """Write a row group."""
        with self._storage():
            self._writer.write_batch(group, row_group_size=group.num_rows)
        self._rows += group.num_rows

    def publish(self, name: Callable[[str], str]) -> Part:
        """Give the part the name that its digest makes."""
        with self._storage():
            self._writer.close()
            digest = self._file.digest()
            part = Part(path=name(digest), rows=self._rows, bytes=self._file.size, digest=digest)
            self._draft.publish(part.path)
        return part

    def abandon(self) -> None:
        """Leave nothing behind."""
        # After a failure these fail once more, on a full disk for one; the first error is the one to tell.
        with contextlib.suppress(OSError, ValueError):
            self._writer.close()
        with contextlib.suppress(OSError):
            self._draft.abandon()


class _Hashed:
    """A file, as parquet's writer wants one, that hashes what is written to it."""

    closed = False

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._hash = hashlib.blake2b(digest_size=16)
        self.size = 0

    def write(self, data: bytes) -> int:
        self._raw.write(data)
        self._hash.update(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._raw.flush()

    def close(self) -> None:
        self.closed = True

    def digest(self) -> str:
        return self._hash.hexdigest()


class Place(NamedTuple):
    """Where a part's rows stand in a table: by shard, then in the order they were written."""

    shard: str
    sequence: int
    path: str


def part_name(shard: str, sequence: int, digest: str) -> str:
    """Name a part.

    >>> part_name("tickets-0", 0, "0" * 32)
    'part-tickets-0-00000-00000000000000000000000000000000.parquet'
    """
    return f"part-{shard}-{sequence:05d}-{digest}.parquet"


def place_of(path: str) -> Place:
    """Return where a part stands; files that other tools wrote come last, by name."""
    found = _NAME.fullmatch(path)
    return Place(found["shard"], int(found["sequence"]), path) if found else Place("\U0010ffff", 0, path)


def other_name(path: str, number: int) -> str:
    """Return a second name for a part, for the version or bundle that needs one; it stands in the same place."""
    return f"{path.removesuffix('.parquet')}-{number}.parquet"


def bundle_name(path: str, number: int) -> str:
    """Name a bundle of parts after the first of them, in whose place it stands.

    >>> bundle_name("part-a-00000-" + "0" * 32 + ".parquet", 7)
    'part-a-00000-00000000000000000000000000000000-00000000000000000007.parquet'
    """
    found = _NAME.fullmatch(path)
    return f"{found['stem']}-{number:020d}.parquet" if found else other_name(path, number)


def encode(schema: pa.Schema) -> str:
    """Write a schema as text that fits a receipt's notes."""
    return base64.b64encode(schema.serialize().to_pybytes()).decode()


def columns_of(receipt: Receipt) -> pa.Schema:
    """Return the columns of the rows that a receipt stands for; none when it saw no batch."""
    noted = receipt.notes.get(SCHEMA)
    if noted is not None:
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(str(noted))))
    if receipt.parts:
        raise DataError(f'the receipt of shard "{receipt.shard}" does not say its columns', wanted="one from write()")
    return pa.schema([])
