"""Remove what crashes left behind, and give up old versions where that is asked for."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Protocol

from tilth.core.errors import DataError
from tilth.tables import _log
from tilth.tables._sweep import Sweep, Swept, unfinished
from tilth.tables.project import Project
from tilth.tables.table import Table

GRACE = 7 * 24 * 3600.0
"""Seconds that a file without a version is left alone: a stopped run may still commit its finished parts."""
__all__ = ["GRACE", "Lease", "Swept", "collect", "sweep"]


class Lease(Protocol):
    """The project's lease, held by the caller (`tilth.bytes.lease`)."""

    @property
    def root(self) -> str: ...

    def check(self) -> None:
        """Raise `LeaseHeld` when it is not, or no longer, held."""
        ...


def collect(
    table: Table,
    *,
    grace: float = GRACE,
    keep: Collection[str] = (),
    versions: int | None = None,
    days: float | None = None,
) -> Swept:
    """Remove the leftovers of a table, wherever it lies, while others read and write it.

    What no version names goes when it is older than `grace` seconds by the store's clock, unless a writer holds it
    (`Table.writing`) or `keep` names it; a grace below 10 minutes is for tables whose writers all do. Every version
    stays, unless `versions` or `days` is given: then one stays that is among so many newest, or was the newest in the
    last so many days; the others are given up. Their parts go, but for those that a version which stays names, or that
    a reader holds (`Table.reading`); reading such a version is an error that says so. Raises `DataError` where that is
    asked of a table whose log does not go back to the first version.
    """
    return Sweep(table=table, grace=grace, keep=frozenset(keep), versions=versions, days=days).run()


def sweep(project: Project, lease: Lease, *, grace: float = GRACE, keep: Collection[str] = ()) -> Swept:
    """Remove the leftovers of all tables of a project that are older than `grace` seconds.

    The caller holds the project's lease, so nobody else is writing; it is checked again before each table. `keep`
    names part files that are not committed but will be: those of the receipts that a stopped run goes on from.
    Versions are never touched.
    """
    if Path(lease.root).resolve() != project.folder.parent.resolve():
        raise DataError(f"the lease is of {lease.root}", where=project.root, wanted="the lease of this project")
    before = time.time() - grace
    files = size = 0
    inside, outside = [project.folder], []
    for table in project.tables():
        if table.is_local:
            inside.append(table.folder)
        else:
            outside.append(table)
    for table in outside:
        lease.check()
        swept = collect(table, grace=grace, keep=keep)
        files, size = files + swept.files, size + swept.bytes
    for folder in inside:
        lease.check()
        for path in _leftovers(folder, set(keep)):
            status = path.stat()
            if status.st_mtime < before:
                path.unlink()
                files, size = files + 1, size + status.st_size
    return Swept(files, size)


def _leftovers(folder: Path, keep: set[str]) -> Iterator[Path]:
    log = folder / "_delta_log"
    yield from unfinished(folder)
    named = _named(log)
    if named is not None:
        yield from (path for path in folder.glob("*.parquet") if path.name not in named | keep)


def _named(log: Path) -> set[str] | None:
    """Return every part that a commit ever added; None when the log does not go back to the first."""
    entries = sorted(log.glob("[0-9]*.json"))
    if not entries:
        return None if any(log.glob("*.checkpoint*")) else set()
    if entries != [log.parent / _log.entry(number) for number in range(len(entries))]:
        return None
    named = set()
    for entry in entries:
        for line in entry.read_text(encoding="utf-8").split("\n"):
            if line.startswith('{"add"'):
                named.add(str(json.loads(line)["add"]["path"]))
    return named
