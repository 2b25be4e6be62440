"""Say what an outer system offers: a source to read, a landing of what can't be read in shards, a sink to write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
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
    gone: tuple[str, ...] = ()
    """Names of rows that an earlier run may have read and that were deleted outside since: tombstones."""


class Finding(NamedTuple):
    """One thing that was tried on an outer system, and what to do where it is not well; never a secret."""

    ok: bool
    what: str
    do: str = ""


@runtime_checkable
class Source(Protocol):
    """Plan on the driver (list, stat; read no rows), read on workers.

    A source whose `incremental` is true plans, since a cursor, only what is new, changed or gone; rows that it read
    before and does not mention stay. Any other source plans all that there is.
    """

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]: ...

    def read(self, shard: Shard) -> Iterator[Record]: ...


@runtime_checkable
class Sink(Protocol):
    """Write on workers (may run twice), commit once on the driver, idempotent under the run key."""

    def write(self, shard: Shard, batches: Iterable[Batch]) -> Receipt: ...

    def commit(
        self, receipts: Sequence[Receipt], key: RunKey, cursor: Cursor | None, expected: Version | None
    ) -> Version: ...

    def newest(self) -> Version | None:
        """Return what was committed last, None before the first commit: what the next commit expects."""
        ...


@dataclass(frozen=True, kw_only=True)
class Landing:
    """Where a source brings what can't be read in shards, and whom it tells."""

    folder: Path
    """The source's own, on this machine; kept from run to run. All that is in it was written by this source."""
    tell: Callable[[str], None] = lambda said: None
    """Tell a person how far it is: a few lines a minute at most."""
    stop: Callable[[], bool] = lambda: False
    """True when the user asked to stop: finish the piece at work, keep it, raise `Stopped`."""
    refresh: bool = True
    """False when nothing outside may be asked: what landed before is all there is."""


@runtime_checkable
class Lander(Protocol):
    """Bring what is outside (a crawl, an API's pages, an archive) into a folder, then say how to read it.

    Runs on the driver, before the plan. A landing that is killed goes on where it was: what landed is neither lost nor
    asked for again. The source that it returns reads only the folder, and keeps the name of this one.
    """

    def land(self, landing: Landing) -> Source: ...


@runtime_checkable
class Probed(Protocol):
    """Try a connection for real: reach it, authenticate, and check each right that a run will need.

    Yields findings, one for each thing that was tried, and raises nothing. Leaves nothing behind.
    """

    def probe(self) -> Iterator[Finding]: ...
