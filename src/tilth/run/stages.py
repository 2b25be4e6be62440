"""Keep what a stage has finished, so that a run that ends early goes on from there."""

from __future__ import annotations

import dataclasses
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.core.engine import Engine
from tilth.core.events import Event, Listener
from tilth.core.shard import Cursor, Part, Receipt
from tilth.recipe.model import Recipe
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

    @property
    def data(self) -> str:
        """The name of the run's tables; a sample never touches the whole data's."""
        return f"{self.recipe.name}-sample" if self.sample else self.recipe.name

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
        path = self.folder / f"{name}.json"
        draft = path.with_suffix(f".{os.getpid()}-{uuid.uuid4().hex[:6]}.tmp")
        draft.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
        draft.replace(path)

    def get(self, name: str) -> dict[str, Any] | None:
        """Read a value, or None where it was never written whole."""
        path = self.folder / f"{name}.json"
        if not path.is_file():
            return None
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def finished(self, name: str, tables: Mapping[str, Table]) -> dict[str, Any] | None:
        """Read what a shard left, where all the parts that it wrote to the tables are still whole."""
        found = self.get(name)
        if found is None:
            return None
        for kind, table in tables.items():
            for part in found[kind]["parts"]:
                path = table.folder / part["path"]
                if not path.is_file() or path.stat().st_size != part["bytes"]:
                    return None
        return found

    def kept(self) -> dict[str, dict[str, Any]]:
        """Read every value, by name."""
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(self.folder.glob("*.json"))}


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
