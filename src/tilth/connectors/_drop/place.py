"""Name what is needed of the place where a partner drops files; a folder, a bucket and HDFS through `open_store`."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

from tilth.bytes.store import Entry, Store
from tilth.core.errors import DataError

_STEP = 1 << 20
_DAY = 24 * 3600.0


class There(NamedTuple):
    """A file as it lies there now."""

    name: str
    """Relative to the place, with `/`."""
    size: int
    state: str
    """Another whenever the file is: size, time and tag, as far as the place tells them."""
    modified: float | None
    """Seconds since 1970, where the place's clock is known well enough to tell how old the file is."""


class Fetched(NamedTuple):
    """A file that was brought here."""

    bytes: int
    sha256: str


class Place(Protocol):
    """Where a partner drops files."""

    def list(self) -> list[There]:
        """Return all files, by name."""
        ...

    def look(self, name: str) -> There | None:
        """Return how a file lies there now; None where there is none."""
        ...

    def fetch(self, name: str, path: Path, *, most: int) -> Fetched:
        """Bring a file here; raises `DataError` past `most` bytes."""
        ...

    def put(self, name: str, path: Path) -> None:
        """Write a file there, whole or not at all."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file; that there is none is no error."""
        ...

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove from folders what a `put` that was killed left there, once it is a day old."""
        ...


class StorePlace:
    """A folder, a bucket or HDFS."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self) -> list[There]:
        """Return all files, by name."""
        return [_there(entry) for entry in self._store.list()]

    def look(self, name: str) -> There | None:
        """Return how a file lies there now."""
        entry = self._store.stat(name)
        return None if entry is None else _there(entry)

    def fetch(self, name: str, path: Path, *, most: int) -> Fetched:
        """Bring a file here."""
        digest, size = hashlib.sha256(), 0
        with self._store.open(name) as there, path.open("wb") as here:
            while block := there.read(_STEP):
                size += len(block)
                if size > most:
                    raise too_large(name, most)
                digest.update(block)
                here.write(block)
            here.flush()
            os.fsync(here.fileno())
        return Fetched(size, digest.hexdigest())

    def put(self, name: str, path: Path) -> None:
        """Write a file there."""
        writer = self._store.write(name)
        try:
            with path.open("rb") as here:
                while block := here.read(_STEP):
                    writer.write(block)
        except BaseException:
            writer.abandon()
            raise
        writer.close()

    def delete(self, name: str) -> None:
        """Remove a file."""
        self._store.delete(name)

    def tidy(self, folders: Iterable[str]) -> None:
        """Remove what a `put` that was killed left."""
        for entry in [entry for folder in folders for entry in self._store.unfinished(f"{folder}/")]:
            if entry.modified < time.time() - _DAY:
                self._store.delete(entry.path)


def _there(entry: Entry) -> There:
    return There(entry.path, entry.size, f"{entry.size} {entry.modified} {entry.tag or ''}", entry.modified)


def too_large(name: str, most: int) -> DataError:
    """Return the error for a file over the limit."""
    return DataError(f"larger than {most} bytes", where=name, do="Raise max_bytes if it may be.")
