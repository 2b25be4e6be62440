"""Land sources and read what landed, in tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tilth.core.connector import Landing
from tilth.core.shard import Cursor

HERE = ("127.0.0.1",)


def rows(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": number, "text": f"row {number} \u4e2d", **more} for number in range(count)]


def land(source: Any, folder: Path, **options: Any) -> Any:
    folder.mkdir(exist_ok=True)
    return source.land(Landing(folder=folder, **options))


def read(source: Any, since: Cursor | None = None) -> tuple[list[dict[str, Any]], list[str], list[str], Cursor]:
    shards, cursor = source.plan(since)
    found: tuple[list[Any], list[str], list[str], Cursor] = ([], [], [], cursor)
    for shard in shards:
        for record in source.read(shard):
            found[0].extend(record.batch.to_pylist())
            found[1].extend(record.names)
            found[2].extend(record.gone)
    return found


def changed(at: int, count: int, moment: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"id": number, "text": f"v {moment}", "updated": moment, "dead": False, **more}
        for number in range(at, at + count)
    ]
