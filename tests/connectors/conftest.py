"""Read whole sources in tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pytest

from tilth.connectors.files import Files
from tilth.core.connector import Reject
from tilth.core.shard import Cursor


class Whole(NamedTuple):
    """All that a source gives."""

    rows: list[dict[str, Any]]
    names: list[str]
    rejects: list[Reject]
    notes: list[str]
    subjects: list[str | None]
    schema: pa.Schema
    sizes: list[int]
    cursor: Cursor

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    def reasons(self) -> dict[int, str]:
        return {reject.ordinal: reject.reason for reject in self.rejects}


def whole(files: Files, since: Cursor | None = None) -> Whole:
    """Plan and read a source, checking what must hold for every record."""
    shards, cursor = files.plan(since)
    assert len({shard.id for shard in shards}) == len(shards)
    found = Whole([], [], [], [], [], pa.schema([]), [], cursor)
    schema: pa.Schema | None = None
    for shard in shards:
        for record in files.read(shard):
            schema = schema or record.batch.schema
            assert record.batch.schema.equals(schema, check_metadata=True)
            assert record.batch.schema.metadata is None
            assert len(record.names) == record.batch.num_rows
            record.batch.validate(full=True)
            found.rows.extend(record.batch.to_pylist())
            found.names.extend(record.names)
            found.rejects.extend(record.rejects)
            found.notes.extend(record.notes)
            found.subjects.extend(record.subjects or ())
            found.sizes.append(record.batch.num_rows)
    return found._replace(schema=schema if schema is not None else pa.schema([]))


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Whole]:
    """Write content to a file of that name and read it."""

    def write_and_read(name: str, content: bytes | str, **options: Any) -> Whole:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return whole(Files(path=str(path), **options))

    return write_and_read


@pytest.fixture
def read_all() -> Callable[..., Whole]:
    """Read a source."""
    return whole
