"""Say what an outer system offers: a source to read, a sink to write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from tilth.core.batch import Batch
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version


class Reject(NamedTuple):
    """One record that could not be read: where it is and why, never what it says."""

    path: str
    """Relative to the source's root."""
    ordinal: int
    """The record's number in its file, from 0 (for a line-based file, its line less 1)."""
    reason: str


class Record(NamedTuple):
    """One batch as a source reads it, with the stable names of its rows and what could not be read."""

    batch: Batch
    """The user's columns only; the caller adds `_id` and the rest."""
    names: tuple[str, ...]
    """One stable name a row, from which `_id` is hashed: the declared key, else path and ordinal."""
    rejects: tuple[Reject, ...] = ()
    subjects: tuple[str | None, ...] | None = None
    """Whom each row is about, where the source declares it."""
    notes: tuple[str, ...] = ()
    """What the reader did that a person should know, such as `tickets.csv: read as gb18030`."""


@runtime_checkable
class Source(Protocol):
    """Plan on the driver (list, stat; read no rows), read on workers."""

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]: ...

    def read(self, shard: Shard) -> Iterator[Record]: ...


@runtime_checkable
class Sink(Protocol):
    """Write on workers (may run twice), commit once on the driver, idempotent under the run key."""

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt: ...

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version: ...
