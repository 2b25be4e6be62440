"""List a tree of folders in the order of whole paths' bytes, one folder in memory at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from tilth.bytes.store import Entry
from tilth.bytes.stores._paths import TEMPORARY, checked_prefix, order

Listed = Iterable[tuple[str, Entry | None]]
"""What a folder holds: each name, and the file's entry, or None where it is a folder."""


def walk(look: Callable[[str], Listed], prefix: str) -> Iterator[Entry]:
    """Yield the files whose paths begin with a prefix; `look(folder)` lists one folder ("" is the root)."""
    return (entry for entry in _all(look, prefix) if not _temporary(entry))


def walk_unfinished(look: Callable[[str], Listed], prefix: str) -> Iterator[Entry]:
    """Yield the files below a prefix that have no name yet."""
    return (entry for entry in _all(look, prefix) if _temporary(entry))


def _all(look: Callable[[str], Listed], prefix: str) -> Iterator[Entry]:
    return _below(look, checked_prefix(prefix).rpartition("/")[0], prefix)


def _temporary(entry: Entry) -> bool:
    return entry.path.rpartition("/")[2].startswith(TEMPORARY)


def _below(look: Callable[[str], Listed], folder: str, prefix: str) -> Iterator[Entry]:
    start = f"{folder}/" if folder else ""
    found = []
    for name, entry in look(folder):
        path = start + name if entry else f"{start}{name}/"
        # A folder counts when its name agrees with the prefix as far as the shorter of the two goes.
        if path.startswith(prefix) or (entry is None and prefix.startswith(path)):
            found.append((order(path), path, entry))
    # With its "/", a folder sorts where its files' paths do: "a.txt" comes before "a/b".
    for _, path, entry in sorted(found, key=lambda one: one[0]):
        if entry is None:
            yield from _below(look, path[:-1], prefix)
        else:
            yield entry
