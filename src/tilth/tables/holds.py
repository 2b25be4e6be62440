"""Keep what somebody reads, or has written and not yet committed, from a sweep: small objects with a heartbeat.

    _tilth/holds/<token>.json      who holds what; written again every `BEAT` seconds, respected for `LIVES` seconds
    _tilth/doomed/<token>.json     what a sweep is about to remove, for `DOOM` seconds
    _tilth/expired/<number>        the versions before this one were given up

A holder writes its hold, then looks what is doomed or expired; a sweep writes what is doomed, then looks for holds,
then at the log, and only then removes. In a store where a list shows what was written before it (S3, Google, HDFS and
a folder are such) one of the two sees the other, whichever way they run (Dekker's mutual exclusion, 1965). All times
are the store's own: an object's age is the difference to one that was written a moment ago.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from tilth.bytes.store import Store
from tilth.core.errors import DataError, TilthError, Transient
from tilth.tables._home import Home, OnDisk

HOLDS, DOOMED, EXPIRED = "_tilth/holds/", "_tilth/doomed/", "_tilth/expired/"
BEAT = 20.0
LIVES = 120.0
DOOM = 30.0
"""Seconds that what a sweep doomed may not be committed: it removes within a third of them."""
YOUNG = 600.0
"""Seconds that a part on this machine needs no guard in a commit: `gc.collect` takes none that is younger."""
_READERS: list[Holding] = []
"""What this process reads: a version that was given up since stays whole until it lets go."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """What is held."""

    path: str
    modified: float
    versions: frozenset[int] = frozenset()
    parts: frozenset[str] = frozenset()
    since: float | None = None
    """All that was written since then is held, by the store's clock."""
    lives: float = LIVES
    """Seconds after its last heartbeat."""


@dataclass(eq=False)
class Holding:
    """A hold that this process keeps until the `with` block ends."""

    home: Home
    where: str
    versions: Collection[int] = ()
    parts: Collection[str] = ()
    writes: bool = False
    """Whether all that is written from now on is held."""
    reads: bool = False
    """Whether to refuse, on entering, a version that was given up."""
    beat: float = BEAT
    lives: float = LIVES
    _path: str = field(default_factory=lambda: f"{HOLDS}{secrets.token_hex(12)}.json")
    _since: float | None = None
    _alive: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Holding:
        self._write()
        try:
            for number in self.versions if self.reads else ():
                refuse_expired(self.home, self.where, number)
        except BaseException:
            self.__exit__()
            raise
        if self.reads:
            _READERS.append(self)
        self._thread = threading.Thread(target=self._beats, name="tilth-hold", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ValueError):
            _READERS.remove(self)
        self._ended.set()
        if self._thread:
            self._thread.join()
        # It ends by itself where it cannot be removed now.
        with contextlib.suppress(TilthError, OSError):
            self.home.store.delete(self._path)

    def check(self) -> None:
        """Raise `Transient` where the last sign of life is so old that a sweep may not have seen it."""
        if (silent := self._silent) > self.lives / 2:
            raise Transient(
                f"the store heard nothing of this hold for {silent:.0f} s", where=self.where, do="Run again"
            )

    @property
    def _silent(self) -> float:
        """Seconds since the last sign of life; a sweep that takes it for dead needs time, too: half a life is over."""
        return clock() - self._alive

    def keeps(self, home: Home, version: int) -> bool:
        """Tell whether the parts of a version are there as long as this is held."""
        return version in self.versions and home == self.home and self._silent <= self.lives / 2

    def also(self, version: int) -> None:
        """Hold a version more, from now on."""
        self.versions = (*self.versions, version)
        self._again()

    def _beats(self) -> None:
        while not self._ended.wait(self.beat):
            # The next beat may get through; `check` tells the rest.
            with contextlib.suppress(TilthError, OSError):
                self._again()

    def _again(self) -> None:
        with self._lock:
            if self.writes and self._since is None:
                entry = self.home.store.stat(self._path)
                self._since = entry.modified if entry else None
            self._write()

    def _write(self) -> None:
        began = clock()
        said = {
            "versions": sorted(self.versions),
            "parts": sorted(self.parts),
            "writes": self.writes,
            "since": self._since,
            "lives": self.lives,
            "who": f"{socket.gethostname()}:{os.getpid()}",
        }
        self.home.store.put(self._path, json.dumps(said).encode())
        self._alive = began


def clock() -> float:
    """Return seconds that go on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def now(store: Store) -> float:
    """Return the store's time, in seconds since 1970."""
    path = f"_tilth/clock/{secrets.token_hex(12)}"
    store.put(path, b"")
    entry = store.stat(path)
    store.delete(path)
    if entry is None:
        raise Transient("an object was gone a moment after it was written", where=store.url)
    return entry.modified


def held(store: Store, at: float) -> list[Hold]:
    """List the holds that live at a time of the store."""
    entries = {entry.path: entry for entry in store.list(HOLDS)}
    found = [_hold(path, entries[path].modified, said) for path, said in _read(store, list(entries))]
    return [hold for hold in found if hold.modified + hold.lives >= at]


def _hold(path: str, modified: float, said: dict[str, Any]) -> Hold:
    since = said.get("since")
    return Hold(
        path=path,
        modified=modified,
        versions=frozenset(map(int, said.get("versions", ()))),
        parts=frozenset(map(str, said.get("parts", ()))),
        # At its first sign of life a writer does not know the store's time: it is the object's own.
        since=None if not said.get("writes") else modified if since is None else float(since),
        lives=float(said.get("lives", LIVES)),
    )


def _read(store: Store, paths: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in paths:
        # Who held it may let go between the list and the look.
        with contextlib.suppress(FileNotFoundError, ValueError):
            yield path, json.loads(store.read(path))


@contextlib.contextmanager
def guarded(home: Home, where: str, parts: Collection[str]) -> Iterator[Callable[[], None]]:
    """Hold parts while they are committed; yields what to call right before.

    Raises `Transient` where a sweep is about to remove one of them, as does the call where the hold is over.
    """
    if not parts or not _needs_guard(home, parts):
        yield lambda: None
        return
    with Holding(home, where, parts=parts) as holding:
        at = home.store.stat(holding._path)
        for entry in list(home.store.list(DOOMED)):
            if at is not None and entry.modified + DOOM < at.modified:
                continue
            for _, said in _read(home.store, [entry.path]):
                if lost := set(parts) & set(said.get("parts", ())):
                    busy = Transient(
                        f'a sweep is at work on the part "{min(lost)}"', where=where, do="Run again in a minute"
                    )
                    # It may have been killed; then what it doomed is free again after a while.
                    busy.after = DOOM + 2 if at is None else max(1.0, entry.modified + DOOM + 2 - at.modified)
                    raise busy
        yield holding.check


def _needs_guard(home: Home, parts: Collection[str]) -> bool:
    if not isinstance(home, OnDisk):
        return True
    if (home.folder / "_tilth").is_dir():
        return True
    oldest = min((seen.modified for seen in home.seen(parts).values()), default=0.0)
    return oldest < time.time() - YOUNG


def expired_before(home: Home) -> int:
    """Return the version before which versions were given up; 0 when none were."""
    if isinstance(home, OnDisk):
        folder = home.folder / EXPIRED
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    else:
        names = [entry.path.rpartition("/")[2] for entry in home.store.list(EXPIRED)]
    return max((int(name) for name in names if name.isdecimal()), default=0)


def refuse_expired(home: Home, where: str, number: int) -> None:
    """Raise `DataError` for a version that was given up, unless this process began to read it before that."""
    before = expired_before(home)
    if number < before and not any(holding.keeps(home, number) for holding in list(_READERS)):
        raise DataError(
            f"version {number} was given up: its rows may be gone", where=where, wanted=f"version {before} or newer"
        )
