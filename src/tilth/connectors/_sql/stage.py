"""Put a shard's rows where a commit finds them: in a staging table of their own, or in a file beside the database.

A staging table is filled under a name that no commit looks at, and gets its own, made of shard and content, when it is
whole. A writer that is killed leaves nothing that a commit would take; the next commit removes what it left.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.connectors._schema import dump
from tilth.connectors._sql import plain
from tilth.connectors._sql.dialect import Column, Dialect, Session
from tilth.core.batch import Batch, rebatch
from tilth.core.errors import DataError, TilthError, did_you_mean
from tilth.core.shard import Part, Receipt, Shard

ROWS = 16_384
"""Rows that are loaded at once."""


@dataclass(frozen=True)
class Target:
    """The table that rows go to."""

    table: str
    key: tuple[str, ...]
    mode: str
    columns: tuple[str, ...] | None
    create: bool

    @property
    def schema(self) -> str:
        """The schema that the table is in; "" for the one in use."""
        return self.table.rpartition(".")[0]

    @property
    def prefix(self) -> str:
        """What the names of all its staging tables begin with."""
        return f"_tilth_{hashlib.blake2b(self.table.encode(), digest_size=5).hexdigest()}_"

    def beside(self, name: str) -> str:
        """Return the name of a table in the same schema."""
        return f"{self.schema}.{name}" if self.schema else name

    def check(self, schema: pa.Schema, dialect: Dialect, there: list[Column] | None) -> None:
        """Raise `DataError` where the table that is there, if any, cannot take rows of a schema."""
        if there is None:
            if not self.create:
                raise DataError(f"no table {self.table}", do="Make it, or say create: true.")
            return
        known = {column.name: column for column in there}
        for each in schema:
            column = known.get(each.name)
            if column is None and not self.create:
                raise DataError(
                    f'{self.table} has no column "{each.name}"', wanted=f"one of {', '.join(known)}",
                    do=did_you_mean(each.name, known) or "Add it, say create: true, or leave it out with columns:.",
                )  # fmt: skip
            if column is not None and not dialect.holds(each.type, column):
                raise DataError(
                    f'{self.table}: column "{each.name}" is {column.declared}, which cannot hold {each.type}',
                    do="Change the column's type, cast the rows in the recipe, or leave it out with columns:.",
                )


@dataclass
class Incoming:
    """The batches of a shard on their way, in the columns asked for, counted and hashed."""

    target: Target
    dialect: Dialect
    batches: Iterable[Batch]
    schema: pa.Schema | None = None
    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    error: BaseException | None = None
    _hasher: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        try:
            for batch in rebatch(map(self._chosen, self.batches), ROWS):
                yield self._ready(batch)
        except BaseException as error:
            # A driver that draws the rows would give only the text of the error.
            self.error = error
            raise

    @property
    def digest(self) -> str:
        """Tell contents apart: BLAKE2b-128 over the rows in Arrow's format."""
        return str(self._hasher.hexdigest())

    def _chosen(self, batch: Batch) -> Batch:
        wanted = self.target.columns
        if wanted is not None:
            batch = batch.select([*dict.fromkeys([*self.target.key, *wanted])])
        schema = pa.schema([pa.field(each.name, plain.storable(each.type, each.name)) for each in batch.schema])
        if self.schema is not None and schema != self.schema:
            raise DataError("two batches of a shard have other columns or types")
        self.schema = schema
        return batch

    def _ready(self, batch: Batch) -> pa.RecordBatch:
        for name in self.target.key if self.target.mode != "append" else ():
            if name not in batch.schema.names:
                raise DataError(
                    f'no column "{name}", which is the key', wanted=f"one of {', '.join(batch.schema.names)}"
                )
            if batch.column(name).null_count:
                raise DataError(f'the key "{name}" is empty in a row', do="Take such rows out in the recipe.")
        ready, counts = self.dialect.ready(batch)
        for what, count in counts.items():
            self.counts[what] = self.counts.get(what, 0) + count
        self.rows += ready.num_rows
        self._hasher.update(ready.serialize())
        return ready

    def receipt(self, shard: Shard, path: str, size: int) -> Receipt:
        """Return the receipt for rows that are staged under a name."""
        notes: dict[str, Any] = {"counts": dict(sorted(self.counts.items()))}
        if self.schema is None or not self.rows:
            return Receipt(shard=shard.id, notes=notes)
        part = Part(path=path, rows=self.rows, bytes=size, digest=self.digest)
        return Receipt(shard=shard.id, parts=(part,), rows=self.rows, notes={**notes, "schema": dump(self.schema)})


def in_table(session: Session, dialect: Dialect, shard: Shard, incoming: Incoming) -> Receipt:
    """Load rows into a staging table, which gets its name when it is whole."""
    rows = iter(incoming)
    first = next(rows, None)
    if first is None or incoming.schema is None:
        return incoming.receipt(shard, "", 0)
    target = incoming.target
    target.check(incoming.schema, dialect, there(session, dialect, target))
    working = dialect.table(target.beside(f"{target.prefix}w_{uuid.uuid4().hex[:16]}"))
    kinds = [f"{dialect.quote(each.name)} {dialect.kind(each.type, staged=True)}" for each in first.schema]
    session.execute(dialect.create(working, kinds, staging=True))
    try:
        session.load(working, _chain(first, rows), first.schema)
        if incoming.error is not None:
            raise incoming.error
        name = f"{target.prefix}p_{_named(shard, incoming.digest)}"
        _settle(session, dialect, target, working, name)
    except BaseException as error:
        with contextlib.suppress(TilthError):
            session.execute(f"DROP TABLE {working}")
        if incoming.error is not None and incoming.error is not error:
            raise incoming.error from error
        raise
    return incoming.receipt(shard, name, 0)


def in_file(folder: Path, shard: Shard, incoming: Incoming) -> Receipt:
    """Write rows into a file (Arrow's stream format), which gets its name when it is whole."""
    rows = iter(incoming)
    first = next(rows, None)
    if first is None:
        return incoming.receipt(shard, "", 0)
    folder.mkdir(parents=True, exist_ok=True)
    working = folder / f"w-{uuid.uuid4().hex[:16]}.tmp"
    try:
        with pa.OSFile(str(working), "wb") as file, pa.ipc.new_stream(file, first.schema) as stream:
            for batch in _chain(first, rows):
                stream.write_batch(batch)
        size = working.stat().st_size
        name = f"part-{_named(shard, incoming.digest)}.arrows"
        working.replace(folder / name)
    finally:
        working.unlink(missing_ok=True)
    return incoming.receipt(shard, name, size)


def read_file(path: Path) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a staged file."""
    with pa.OSFile(os.fspath(path), "rb") as file, pa.ipc.open_stream(file) as stream:
        yield from stream


def there(session: Session, dialect: Dialect, target: Target) -> list[Column] | None:
    """Return the target's columns; None where there is no such table."""
    name = target.table.rpartition(".")[2]
    if name not in dialect.tables(session, target.schema, name):
        return None
    return dialect.columns(session, dialect.table(target.table))


def _settle(session: Session, dialect: Dialect, target: Target, working: str, name: str) -> None:
    """Give a whole staging table its name; one that has it holds the same rows."""
    final = target.beside(name)
    if name in dialect.tables(session, target.schema, name):
        session.execute(f"DROP TABLE {working}")
        return
    try:
        session.execute(dialect.rename(working, dialect.table(final)))
    except TilthError:
        # Another attempt at the same shard was quicker.
        if name not in dialect.tables(session, target.schema, name):
            raise
        session.execute(f"DROP TABLE {working}")


def _named(shard: Shard, digest: str) -> str:
    return hashlib.blake2b(f"{shard.id}\0{digest}".encode(), digest_size=16).hexdigest()


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
