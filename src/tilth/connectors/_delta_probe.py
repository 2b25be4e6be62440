"""Try a table's store for real: list, create where nothing is, refuse a second, read, delete, and compare clocks."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from tilth.bytes.store import Store
from tilth.core.connector import Finding
from tilth.core.errors import TilthError
from tilth.tables.table import Table

_CLOCK = 60.0


def probe(table: Table) -> Iterator[Finding]:
    """Yield what was found; leaves nothing behind."""
    store = table.home.store
    with _as_it_was(store.url):
        path = f"_tilth/probe/{secrets.token_hex(12)}"
        tried = _tried(store, path)
        while True:
            try:
                finding = next(tried)
            except StopIteration:
                break
            except (TilthError, OSError) as error:
                yield _failed(store, error)
                with contextlib.suppress(TilthError, OSError):
                    store.delete(path)
                return
            yield finding
        yield _newest(table)


def readable(table: Table, number: int | None) -> Iterator[Finding]:
    """Yield what a reader of a version would find."""
    try:
        version = table.version(number)
        yield Finding(True, f"{table.name}: version {version.number}, {table.count(version):,} rows")
        parts = table.parts(version)
        if parts:
            table.home.store.read(parts[0], 0, 4)
            yield Finding(True, f"{table.name}: may be read")
    except (TilthError, OSError) as error:
        yield _failed(table.home.store, error)


def _tried(store: Store, path: str) -> Iterator[Finding]:
    next(store.list(), None)
    yield Finding(True, f"{store.url}: can be listed")
    token = path.rpartition("/")[2].encode()
    first = store.create(path, token)
    second = store.create(path, b"another")
    held = store.read(path)
    alone = first and not second and held == token
    yield Finding(
        alone,
        f"{store.url}: a second writer of one name {'is refused' if alone else 'is NOT refused'}",
        "" if alone else "Do not write here from two places: use a store that puts on condition (If-None-Match)",
    )
    yield Finding(held in (token, b"another"), f"{store.url}: what is written can be read")
    entry = store.stat(path)
    store.delete(path)
    gone = store.stat(path) is None
    yield Finding(
        gone,
        f"{store.url}: what is written can {'' if gone else 'NOT '}be removed",
        "" if gone else "Give the right to delete: sweeps and heartbeats need it",
    )
    if entry is not None:
        apart = entry.modified - time.time()
        yield Finding(
            abs(apart) < _CLOCK,
            f"{store.url}: its clock is {abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} this machine's",
            "" if abs(apart) < _CLOCK else "Set this machine's clock: requests are signed with the time",
        )


def _newest(table: Table) -> Finding:
    try:
        newest = table.newest()
    except TilthError as error:
        return Finding(False, f"{table.name}: {error.what}", error.do or "")
    said = "no table yet" if newest is None else f"a table with version {newest.number}, {table.count(newest):,} rows"
    return Finding(True, f"{table.name}: {said}")


def _failed(store: Store, error: Exception) -> Finding:
    if isinstance(error, TilthError):
        return Finding(False, f"{store.url}: {error.what}", error.do or "")
    return Finding(False, f"{store.url}: {error}", "Check the address and the rights")


@contextlib.contextmanager
def _as_it_was(url: str) -> Iterator[None]:
    """Remove the folders that a try on this machine made."""
    place = Path(url, "_tilth", "probe")
    made = [] if "://" in url else [folder for folder in (place, *place.parents) if not folder.exists()]
    try:
        yield
    finally:
        for folder in made:
            with contextlib.suppress(OSError):
                folder.rmdir()
