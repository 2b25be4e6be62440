"""Sweep one table in any store, beside readers and writers: doom, look for holds, look at the log, remove.

The order is what makes it safe (see `holds`): whoever commits or reads after the holds were looked at finds what is
doomed or expired; whoever did before is seen, by the hold or in the log.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tilth.bytes.store import Entry, Store
from tilth.core.errors import DataError, TilthError, Transient
from tilth.tables import holds
from tilth.tables._folder import TEMPORARY
from tilth.tables._home import OnDisk
from tilth.tables._replay import Replay

if TYPE_CHECKING:
    from tilth.tables.table import Table

_ROUND = 200
"""Parts that are doomed at a time."""
_SECONDS = holds.DOOM / 3
"""How long a round may remove what it doomed; a writer waits `holds.DOOM`."""
_SLACK = 2.0
"""Stores tell times in whole seconds."""
_DAY = 24 * 3600.0


class Swept(NamedTuple):
    """What was removed."""

    files: int
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What to remove of a table; see `gc.collect`."""

    table: Table
    grace: float
    keep: frozenset[str]
    versions: int | None
    days: float | None

    def run(self) -> Swept:
        """Remove it."""
        store = self.table.home.store
        at = holds.now(store)
        log = Replay(store)
        # Listed before the log is read: what is listed and not named then was not named before either.
        files = {entry.path: entry for entry in store.list() if not entry.path.startswith("_delta_log/")}
        log.read()
        asked = self.versions is not None or self.days is not None
        if not log.whole:
            if asked:
                raise DataError(
                    "the log does not go back to the first version, so nobody knows what the old ones named",
                    where=self.table.name,
                    do="Without `versions` and `days` only what is no part is removed",
                )
            return self._own(store, files, at)
        expired = holds.expired_before(self.table.home)
        before = max(expired, self._expire(log, at) if asked and log.newest > 0 else 0)
        if before > expired:
            # Known to readers before anything is gone.
            store.put(f"{holds.EXPIRED}{before:020d}", b"")
        found = self._own(store, files, at)
        doomed = self._unnamed(log, before, at, files)
        for start in range(0, len(doomed), _ROUND):
            round_ = self._round(store, log, before, at, doomed[start : start + _ROUND])
            found = Swept(found.files + round_.files, found.bytes + round_.bytes)
        return found

    def _unnamed(self, log: Replay, before: int, at: float, files: dict[str, Entry]) -> list[Entry]:
        """Return the parts that may go, as it looks now."""
        ever = log.ever()
        parts = [
            entry
            for path, entry in files.items()
            if path.endswith(".parquet") and not path.startswith(("_", ".")) and path not in self.keep
            if path in ever or entry.modified < at - self.grace
        ]
        # To doom what is held would hold up who holds it.
        spared = _Spared(log, before, holds.held(self.table.home.store, at))
        return [entry for entry in parts if entry not in spared]

    def _expire(self, log: Replay, at: float) -> int:
        """Return the oldest version that stays."""
        settled = [number for number in range(log.newest + 1) if not log.told[number].prepares]
        oldest = log.newest
        if self.versions is not None:
            oldest = min(oldest, (settled[-max(self.versions, 1) :] or [log.newest])[0])
        if self.days is not None:
            since = at - self.days * _DAY
            # A version is the newest until the next is committed.
            young = [one for one, after in itertools.pairwise(settled) if log.at[after] >= since]
            oldest = min(oldest, *young[:1], log.newest)
        return oldest

    def _round(self, store: Store, log: Replay, before: int, at: float, doomed: Sequence[Entry]) -> Swept:
        marker = f"{holds.DOOMED}{secrets.token_hex(12)}.json"
        began = holds.clock()
        files = size = 0
        store.put(marker, json.dumps({"parts": [entry.path for entry in doomed]}).encode())
        try:
            marked = store.stat(marker)
            held = holds.held(store, at if marked is None else marked.modified)
            log.read()
            spared = _Spared(log, before, held)
            for entry in doomed if log.whole else ():
                # Written anew since it was listed, it is another file.
                if entry in spared or store.stat(entry.path) != entry:
                    continue
                if holds.clock() - began > _SECONDS:
                    raise Transient(
                        f"the store took longer than {_SECONDS:.0f} s to remove {len(doomed)} parts",
                        where=self.table.name,
                        do="Run it again: what is left goes then",
                    )
                store.delete(entry.path)
                files, size = files + 1, size + entry.size
        finally:
            # It means nothing after `DOOM` seconds.
            with contextlib.suppress(TilthError, OSError):
                store.delete(marker)
        return Swept(files, size)

    def _own(self, store: Store, files: dict[str, Entry], at: float) -> Swept:
        """Remove the marks of holders and sweeps that died, and files that writers did not finish."""
        found = Swept(0, 0)
        home = self.table.home
        for path in unfinished(home.folder) if isinstance(home, OnDisk) else ():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                if status.st_mtime < at - max(self.grace, holds.YOUNG):
                    path.unlink()
                    found = Swept(found.files + 1, found.bytes + status.st_size)
        before = at - max(self.grace, _DAY)
        old = [
            entry
            for path, entry in files.items()
            if path.startswith((holds.HOLDS, holds.DOOMED, "_tilth/clock/")) and entry.modified < before
        ]
        old += [entry for entry in store.unfinished() if entry.modified < before]
        for entry in old:
            store.delete(entry.path)
        return Swept(found.files + len(old), found.bytes + sum(entry.size for entry in old))


class _Spared:
    """The parts that a version which stays names, or somebody holds."""

    def __init__(self, log: Replay, before: int, held: Sequence[holds.Hold]) -> None:
        held_versions = (log.named(number) for hold in held for number in hold.versions)
        self._named = log.named_since(before).union(*(hold.parts for hold in held), *held_versions)
        self._since = min((hold.since for hold in held if hold.since is not None), default=math.inf)

    def __contains__(self, entry: Entry) -> bool:
        return entry.path in self._named or entry.modified >= self._since - _SLACK


def unfinished(folder: Path) -> Iterator[Path]:
    """Yield the files of a local table that have not got their names."""
    log = folder / "_delta_log"
    yield from (path for path in folder.glob(f"{TEMPORARY}*") if path.is_file())
    # How delta-rs and object_store name what they have not put in place yet.
    yield from (path for pattern in ("*.tmp", "_commit_*", "*.json#*", "*.parquet#*") for path in log.glob(pattern))
