"""Replay a Delta log: which parts each version names, and which any ever named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tilth.bytes.store import Store
from tilth.tables import _log

_BATCH = 256


@dataclass
class Replay:
    """The log as far as it was read; `read` goes on from there."""

    store: Store
    adds: list[frozenset[str]] = field(default_factory=list)
    """By version."""
    removes: list[frozenset[str]] = field(default_factory=list)
    told: list[_log.Carried] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When each was committed, by the store's clock."""
    whole: bool = True
    """False where the log does not go back to the first version: then nobody knows what was ever named."""

    def read(self) -> None:
        """Read what was committed since."""
        entries = {entry.path: entry for entry in self.store.list("_delta_log/")}
        found = sorted(path for path in entries if path[11:31].isdecimal() and path[31:] == ".json")
        wanted = [_log.entry(number) for number in range(len(found))]
        checkpointed = any(".checkpoint" in path for path in entries)
        if found != wanted or (checkpointed and not found) or len(found) < len(self.adds):
            self.whole = False
            return
        new = found[len(self.adds) :]
        for start in range(0, len(new), _BATCH):
            for path, written in self.store.read_many(new[start : start + _BATCH]):
                self._entry(written, entries[path].modified)

    def _entry(self, written: bytes, modified: float) -> None:
        adds: set[str] = set()
        removes: set[str] = set()
        for action in _log.actions(written):
            adds.update(_names(action, "add"))
            removes.update(_names(action, "remove"))
        self.adds.append(frozenset(adds))
        self.removes.append(frozenset(removes))
        self.told.append(_log.told(written))
        self.at.append(modified)

    @property
    def newest(self) -> int:
        """The newest version; -1 when there is none."""
        return len(self.adds) - 1

    def ever(self) -> frozenset[str]:
        """Return every part that any version named."""
        return frozenset().union(*self.adds)

    def named(self, number: int) -> frozenset[str]:
        """Return the parts that a version names."""
        parts: set[str] = set()
        for adds, removes in zip(self.adds[: number + 1], self.removes, strict=False):
            parts -= removes
            parts |= adds
        return frozenset(parts)

    def named_since(self, number: int) -> frozenset[str]:
        """Return the parts that a version or a later one names."""
        return self.named(number).union(*self.adds[number + 1 :])


def _names(action: Mapping[str, Mapping[str, object]], kind: str) -> Iterator[str]:
    if kind in action:
        path = str(action[kind]["path"])
        yield path
        # Delta writes paths as in a URL; Tilth's own names need no escape.
        yield unquote(path)
