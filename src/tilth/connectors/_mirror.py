"""Keep local copies of a store's objects: what is new or has another tag is fetched, what is gone is removed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tilth.bytes.opening import open_store
from tilth.bytes.store import Entry, Store
from tilth.connectors._files.listing import MAGIC, regex_of
from tilth.core.connector import Finding, Landing
from tilth.core.errors import ConnectorError, DataError, Stopped
from tilth.core.retry import persistent
from tilth.core.secret import shown_url

SMALL = 4 << 20
"""Objects up to this size are fetched many at a time, larger ones in pieces of it."""
_AT_ONCE = 512
"""Small objects that are asked for in one go, at most..."""
_HELD = 64 << 20
"""... and how many bytes of them."""
_SPARE = 512 << 20
"""Bytes of disk to leave free."""
_TOLD = "objects.json"
_COPIES = "objects"


class Place(NamedTuple):
    """A store, and which of its objects are meant."""

    root: str
    pattern: str | None
    """A glob on paths below the root; None for all of them."""


def is_remote(path: str) -> bool:
    """Tell whether a path is the URL of a store.

    >>> is_remote("s3://bucket/x"), is_remote("data/*.csv"), is_remote("file:///data")
    (True, False, False)
    """
    return re.match(r"(?!file:)[a-z][a-z0-9+.-]*://", path) is not None


def place_of(url: str) -> Place:
    """Cut a URL before the first step that has a `*`, `?` or `[`.

    >>> place_of("s3://bucket/tickets/2026-*/part-?.csv")
    Place(root='s3://bucket/tickets', pattern='2026-*/part-?.csv')
    """
    scheme, _, rest = url.partition("://")
    steps = rest.split("/")
    fixed = next((at for at, step in enumerate(steps) if MAGIC.search(step)), None)
    if fixed is None:
        return Place(url.rstrip("/"), None)
    return Place(f"{scheme}://{'/'.join(steps[:fixed])}", "/".join(steps[fixed:]))


def mirror(url: str, landing: Landing) -> Path:
    """Bring the objects that a URL means into the landing's folder; return the folder, file or glob to read.

    A copy appears whole; one that is there and has the tag and size it had is not fetched again. Raises `DataError`
    where nothing is meant, the store's errors, and `Stopped`.
    """
    copies = landing.folder / _COPIES
    copies.mkdir(parents=True, exist_ok=True)
    place = place_of(url)
    if landing.refresh:
        store, entries = _meant(url, place)
        _check_room(url, entries, landing.folder)
        _fetch(store, entries, copies, landing)
    if place.pattern is not None:
        return copies / place.pattern
    held = [path for path in copies.rglob("*") if path.is_file()]
    one = copies / _safe(url.rstrip("/").rpartition("/")[2])
    return one if held == [one] else copies


def probe(url: str) -> Iterator[Finding]:
    """List what a URL means and read the first byte of one object."""
    try:
        store, entries = _meant(url, place_of(url))
        size = sum(entry.size for entry in entries)
        yield Finding(True, f"{shown_url(url)}: {len(entries)} objects, {size / (1 << 20):.1f} MiB")
        store.read(entries[0].path, 0, 1)
        yield Finding(True, f"{shown_url(url)}: may be read")
    except (ConnectorError, DataError) as error:
        yield Finding(False, str(error))


def _meant(url: str, place: Place) -> tuple[Store, list[Entry]]:
    store = open_store(place.root)
    found = persistent(lambda: list(store.list()))
    if place.pattern is not None:
        matches = re.compile(regex_of(place.pattern)).fullmatch
        found = [entry for entry in found if matches(entry.path)]
    elif not found:
        # The URL may be that of one object.
        parent, _, name = place.root.rpartition("/")
        store = open_store(parent)
        one = persistent(lambda: store.stat(name)) if name and "://" in parent else None
        found = [one] if one else []
    found = [entry for entry in found if not entry.path.endswith("/")]
    if not found:
        raise DataError("no object there", where=shown_url(url), wanted="an object, a prefix or a glob")
    return store, found


def _check_room(url: str, entries: Sequence[Entry], folder: Path) -> None:
    size, free = sum(entry.size for entry in entries), shutil.disk_usage(folder).free
    held = sum(path.stat().st_size for path in (folder / _COPIES).rglob("*") if path.is_file())
    if size - held > free - _SPARE:
        raise DataError(
            f"{size >> 20} MiB of objects, {free >> 20} MiB of disk free",
            where=shown_url(url),
            do="Free some space, name fewer objects, or put the project elsewhere (--root).",
        )


def _fetch(store: Store, entries: Sequence[Entry], copies: Path, landing: Landing) -> None:
    told = _told(landing.folder)
    names = {entry.path: "/".join(map(_safe, entry.path.split("/"))) for entry in entries}
    wanted = set(names.values())
    for copy in [copy for copy in copies.rglob("*") if copy.is_file()]:
        if copy.relative_to(copies).as_posix() not in wanted:
            copy.unlink()
    due = [entry for entry in entries if not _held(copies / names[entry.path], entry, told.get(entry.path))]
    small = [entry for entry in due if entry.size <= SMALL]
    fetched = 0
    for lot in _lots(small):
        _check_stop(landing)
        some = {entry.path: entry for entry in lot}
        for path, data in persistent(lambda some=some: list(store.read_many(list(some))), stop=landing.stop):  # type: ignore[misc]
            _put(copies / names[path], [data], some[path])
            told[path] = _state(some[path])
        _tell(landing, told)
        fetched += len(lot)
        if fetched < len(due):
            landing.tell(f"{fetched:,} of {len(due):,} objects fetched")
    for entry in due:
        if entry.size > SMALL:
            _put(copies / names[entry.path], _pieces(store, entry, landing), entry)
            told[entry.path] = _state(entry)
            _tell(landing, told)


def _lots(entries: Sequence[Entry]) -> Iterator[list[Entry]]:
    """Yield some objects at a time, few enough to hold."""
    lot: list[Entry] = []
    size = 0
    for entry in entries:
        if lot and (len(lot) == _AT_ONCE or size + entry.size > _HELD):
            yield lot
            lot, size = [], 0
        lot.append(entry)
        size += entry.size
    if lot:
        yield lot


def _pieces(store: Store, entry: Entry, landing: Landing) -> Iterator[bytes]:
    for start in range(0, entry.size, SMALL):
        _check_stop(landing)
        yield persistent(lambda start=start: store.read(entry.path, start, SMALL), stop=landing.stop)  # type: ignore[misc]
    now = persistent(lambda: store.stat(entry.path))
    if now is None or (now.tag, now.size) != (entry.tag, entry.size):
        raise DataError("the object changed while it was read", where=f"{store.url}/{entry.path}", do="Run again.")


def _put(path: Path, pieces: Sequence[bytes] | Iterator[bytes], entry: Entry) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{os.getpid()}.part")
    size = 0
    with unfinished.open("wb") as file:
        for piece in pieces:
            size += file.write(piece)
    if size != entry.size:
        unfinished.unlink()
        raise DataError(
            f"{size} bytes of {entry.size} were read", where=entry.path, do="Run again: it changed, or broke."
        )
    os.utime(unfinished, (entry.modified, entry.modified))
    unfinished.replace(path)


def _check_stop(landing: Landing) -> None:
    if landing.stop():
        raise Stopped("stopped while fetching objects", do="Run again: what was fetched is kept")


def _state(entry: Entry) -> list[object]:
    return [entry.size, entry.tag or entry.modified]


def _held(path: Path, entry: Entry, before: object) -> bool:
    return before == _state(entry) and path.is_file() and path.stat().st_size == entry.size


def _told(folder: Path) -> dict[str, list[object]]:
    try:
        return dict(json.loads((folder / _TOLD).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _tell(landing: Landing, told: dict[str, list[object]]) -> None:
    unfinished = landing.folder / f".{_TOLD}.{os.getpid()}"
    unfinished.write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(landing.folder / _TOLD)


def _safe(step: str) -> str:
    """Return a file name for one step of an object's path; plain ones stay themselves."""
    plain = step if step not in ("", ".", "..") else quote(step, safe="").replace(".", "%2E") or "%"
    plain = plain.replace("\0", "%00")
    if len(plain.encode()) <= 200:
        return plain
    return f"{plain[:40]}~{hashlib.blake2b(step.encode(), digest_size=12).hexdigest()}{Path(plain).suffix[:12]}"
