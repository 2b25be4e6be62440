"""Read a version in shards: row groups bundled to about one size, which a worker reads with pyarrow alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch
from tilth.core.engine import Rows
from tilth.core.errors import DataError, first_line
from tilth.core.shard import Shard
from tilth.tables._home import Home, home_of
from tilth.tables._log import Stored
from tilth.tables._types import padded

BATCH_ROWS = 8192
BATCH_BYTES = 8 << 20
"""About so much is read at a time: what is reused stays in the processor's cache, and is not asked for anew."""


class Piece(NamedTuple):
    """Row groups [`first`, `end`) of one part."""

    path: str
    first: int
    end: int
    rows: int
    bytes: int


def shards_of(home: Home, parts: Sequence[Stored], size: int) -> tuple[Shard, ...]:
    """Bundle row groups, in the order of their rows, to shards of at most about `size` bytes of parquet.

    A shard's id is its place and a hash of what it holds: ids sort in the order of the rows, and are the same
    whenever the same version is cut to the same size.
    """
    shards: list[Shard] = []
    waiting: list[Piece] = []
    for piece in _pieces(home, parts, size):
        if waiting and sum(held.bytes for held in waiting) + piece.bytes > size:
            shards.append(_shard(len(shards), waiting))
            waiting = []
        waiting.append(piece)
    if waiting:
        shards.append(_shard(len(shards), waiting))
    return tuple(shards)


def _pieces(home: Home, parts: Sequence[Stored], size: int) -> Iterator[Piece]:
    for part in parts:
        if part.bytes <= size:
            # Small parts are not opened: end -1 is "to the last".
            yield Piece(part.path, 0, -1, part.rows, part.bytes)
            continue
        with home.parquet(part.path) as file:
            footer = file.metadata
        for at in range(footer.num_row_groups):
            group = footer.row_group(at)
            packed = sum(group.column(column).total_compressed_size for column in range(group.num_columns))
            yield Piece(part.path, at, at + 1, group.num_rows, packed)


def _shard(number: int, pieces: Sequence[Piece]) -> Shard:
    joined: list[list[Any]] = []
    for piece in pieces:
        if joined and joined[-1][0] == piece.path:
            joined[-1][2] = piece.end
        else:
            joined.append([piece.path, piece.first, piece.end])
    digest = hashlib.blake2b(json.dumps(joined).encode(), digest_size=4).hexdigest()
    return Shard(
        id=f"{number:05d}-{digest}",
        where={"pieces": joined},
        bytes=sum(piece.bytes for piece in pieces),
        rows=sum(piece.rows for piece in pieces),
    )


@dataclass(frozen=True, kw_only=True)
class ReadParts:
    """Reads a shard's rows; picklable."""

    root: str
    name: str
    schema: pa.Schema
    """The columns to return, in order."""
    where: Mapping[str, pa.Array] = field(default_factory=dict)
    """Only rows whose value of each of these columns is among these."""

    @cached_property
    def _home(self) -> Home:
        return home_of(self.root)

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for path, first, end in shard.where["pieces"]:
            try:
                yield from self._piece(path, first, end)
            except FileNotFoundError as error:
                raise self._lost(path, "is gone") from error
            except (pa.ArrowInvalid, OSError) as error:
                raise self._lost(path, f"cannot be read ({first_line(error)})") from error

    def _lost(self, path: str, how: str) -> DataError:
        return DataError(
            f'the part "{path}" {how}',
            where=self.name,
            do="Restore the file: a version needs all its parts. Where old versions are given up, hold what is read",
        )

    def _piece(self, path: str, first: int, end: int) -> Iterator[Batch]:
        with self._home.parquet(path) as file:
            for group in range(first, file.num_row_groups if end < 0 else end):
                yield from self._group(file, group)

    def _group(self, file: Any, group: int) -> Iterator[Batch]:
        held = set(file.schema_arrow.names)
        if not set(self.where) <= held or not self._might_match(file, group):
            return
        wanted = [name for name in dict.fromkeys([*self.schema.names, *self.where]) if name in held]
        # Reading no column at all would lose count of the rows.
        columns = wanted or file.schema_arrow.names[:1]
        for batch in file.iter_batches(batch_size=_rows(file, group, columns), row_groups=[group], columns=columns):
            chosen = self._filter(batch)
            if chosen.num_rows:
                yield padded(chosen, self.schema)

    def _might_match(self, file: Any, group: int) -> bool:
        # The chosen columns are small beside the text: read them first, and pass over a group without any such row.
        if not self.where:
            return True
        few = file.read_row_group(group, columns=list(self.where)).combine_chunks()
        return any(self._filter(batch).num_rows for batch in few.to_batches())

    def _filter(self, batch: Batch) -> Batch:
        for name, values in self.where.items():
            batch = batch.filter(pc.is_in(batch.column(name), value_set=values))
        return batch


def _read_nothing(shard: Shard) -> Iterator[Batch]:
    return iter(())


NO_ROWS = Rows(shards=(), read=_read_nothing)
"""The rows of a table that has no version yet."""


def _rows(file: Any, group: int, columns: Sequence[str]) -> int:
    """Return how many rows of a row group's columns make a batch."""
    told = file.metadata.row_group(group)
    chunks = [told.column(at) for at in range(told.num_columns)]
    size = sum(chunk.total_uncompressed_size for chunk in chunks if chunk.path_in_schema.partition(".")[0] in columns)
    return max(1, min(BATCH_ROWS, int(BATCH_BYTES * told.num_rows // max(size, 1))))
