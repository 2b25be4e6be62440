"""Keep what a stage has finished, so that a run that ends early goes on from there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from tilth.bytes.cache import current
from tilth.core.engine import Engine
from tilth.core.events import Event, Listener
from tilth.core.shard import Cursor, Part, Receipt
from tilth.recipe.model import Recipe
from tilth.run.measures import Measures
from tilth.run.plan import Plan
from tilth.tables.project import Project
from tilth.tables.table import Table


@dataclass(frozen=True, kw_only=True)
class Work:
    """What every stage needs."""

    recipe: Recipe
    plan: Plan
    project: Project
    engine: Engine
    emit: Listener
    stop: Callable[[], bool]
    sample: int | None = None
    device: str = "auto"
    refresh: bool = True
    """False: what landed before is all there is; nothing outside is asked for more."""

    @property
    def data(self) -> str:
        """The name of the run's tables; a sample never touches the whole data's."""
        return f"{self.recipe.name}-sample" if self.sample else self.recipe.name

    @property
    def measures(self) -> Measures:
        """Where texts' statistics are kept, by version of the statistics, and what slow operators answered."""
        from tilth.text.statistics import VERSION

        folder = self.project.folder / "measures" / f"{self.data}-{VERSION}"
        return Measures(folder=str(folder), answers=current())

    def tell(self, event: Event) -> None:
        """Emit an event."""
        self.emit(event)


class Book:
    """A stage's folder: small JSON files, each written once and whole.

    >>> import tempfile
    >>> book = Book(Path(tempfile.mkdtemp()) / "stage")
    >>> book.keep("shard-1", {"rows": 3})
    >>> book.kept()
    {'shard-1': {'rows': 3}}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, name: str, value: dict[str, Any]) -> None:
        """Write a value under a name; the last write wins, a crash leaves the old one whole."""
        draft = self.folder / f".{os.getpid()}-{uuid.uuid4().hex}.tmp"
        # Escaped: a name on disk need not be Unicode.
        draft.write_text(json.dumps({_NAME: name, **value} if _is_long(name) else value), encoding="utf-8")
        draft.replace(self.folder / _file(name))

    def get(self, name: str) -> dict[str, Any] | None:
        """Read a value, or None where it was never written whole."""
        found = _read(self.folder / _file(name))
        return found[1] if found is not None and found[0] == name else None

    def finished(self, name: str, tables: Mapping[str, Table]) -> dict[str, Any] | None:
        """Read what a shard left, where all the parts that it wrote to the tables are still whole."""
        found = self.get(name)
        if found is None:
            return None
        for kind, table in tables.items():
            for part in found[kind]["parts"]:
                if not table.holds(part["path"], part["bytes"]):
                    return None
        return found

    def kept(self) -> dict[str, dict[str, Any]]:
        """Read every value, by name."""
        return dict(found for path in sorted(self.folder.glob("*.json")) if (found := _read(path)) is not None)


_LONGEST = 200
"""Bytes that a name takes as a file's; file systems end at 255."""
_NAME = "\0name"
"""The key under which the file of a long name holds it."""


def _file(name: str) -> str:
    """Return one safe file name for any name: plain ones stay themselves."""
    if not _is_long(name):
        return f"{_quoted(name)}.json"
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{_quoted(name)[:100]}={digest}.json"


def _is_long(name: str) -> bool:
    return len(_quoted(name)) > _LONGEST


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")


def _read(path: Path) -> tuple[str, dict[str, Any]] | None:
    """Read a file's name and value; None where it was never written whole, as a power cut leaves it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    name = found.pop(_NAME, None)
    return (unquote(path.name.removesuffix(".json"), errors="surrogatepass") if name is None else name), found


def receipt_json(receipt: Receipt) -> dict[str, Any]:
    """Write a receipt as JSON values."""
    return dataclasses.asdict(receipt)


def receipt_from(value: dict[str, Any]) -> Receipt:
    """Read a receipt back."""
    return Receipt(
        shard=value["shard"],
        parts=tuple(Part(**part) for part in value["parts"]),
        rows=value["rows"],
        notes=value.get("notes", {}),
    )


def cursor_json(cursor: Cursor) -> dict[str, Any]:
    """Write a cursor as JSON values."""
    return dict(cursor.position)
