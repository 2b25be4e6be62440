"""Read a Delta log: the newest version, the parts and columns of one version, and what a commit carried.

Commits are read from the log itself: `DeltaTable.history` of deltalake 1.6 numbers them wrongly for any table but the
newest, and for that one too when another commit lands meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from tilth.core.errors import DataError, first_line
from tilth.core.shard import Cursor, RunKey
from tilth.tables._folder import local, storage_errors
from tilth.tables._parts import place_of
from tilth.tables._types import storable_schema

if TYPE_CHECKING:
    from deltalake import DeltaTable

OURS = "tilth"
"""The key of a commit's custom metadata that holds what Tilth says about it."""
APP = "tilth/"
"""How the application id of a Delta transaction begins; the run key follows."""
FEATURES = frozenset({"timestampNtz"})
"""The Delta reader features that the readers of parts know."""


class Stored(NamedTuple):
    """One part of a version."""

    path: str
    rows: int
    bytes: int


class State(NamedTuple):
    """One version of a table, as its log tells it."""

    number: int
    schema: pa.Schema
    parts: tuple[Stored, ...]
    """In the order of their rows."""
    delta: DeltaTable

    def number_of(self, key: RunKey) -> int | None:
        """Return the version that was committed under a key."""
        return self.delta.transaction_version(APP + key)

    def has_feature(self, name: str) -> bool:
        """Tell whether the table's protocol names a reader feature."""
        return name in (self.delta.protocol().reader_features or [])


class Carried(NamedTuple):
    """What one commit carried."""

    key: RunKey
    fingerprint: str
    cursor: Cursor | None
    rows: int | None
    """Of the whole table; None when another tool committed."""
    mode: str
    """append, overwrite, or another tool's word."""
    prepares: bool
    """True when it only readied the table (a new column, a feature) for the commit that follows."""
    at: datetime


def load(root: str, name: str, number: int | None = None) -> State | None:
    """Return a version of the table, the newest by default; None when there is no table.

    Raises `DataError` when there is no such version, or the table needs a feature that Tilth does not read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        with storage_errors("reading the log", name):
            delta = DeltaTable(str(local(root)), version=number)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        if not DeltaTable.is_deltatable(str(local(root))):
            return None
        newest = "" if number is None else f"a version that `versions()` lists, not {number}"
        raise DataError(f"the log cannot be read: {first_line(error)}", where=name, wanted=newest) from error
    unknown = set(delta.protocol().reader_features or []) - FEATURES
    if unknown or delta.metadata().partition_columns:
        raise DataError(
            f"another tool gave the table {', '.join(sorted(unknown)) or 'partitions'}, which Tilth does not read",
            where=name,
            wanted="a table without partitions and with no reader features but timestampNtz",
        )
    schema = storable_schema(pa.schema(delta.schema()))
    return State(number=delta.version(), schema=schema, parts=_parts(delta, local(root)), delta=delta)


def _parts(delta: DeltaTable, folder: Path) -> tuple[Stored, ...]:
    adds = pa.table(delta.get_add_actions(flatten=True)).select(["path", "num_records", "size_bytes"]).to_pydict()
    found = (
        Stored(path, _rows_of(folder / path) if rows is None else rows, size)
        for path, rows, size in zip(adds["path"], adds["num_records"], adds["size_bytes"], strict=True)
    )
    return tuple(sorted(found, key=lambda part: place_of(part.path)))


def _rows_of(path: Path) -> int:
    from pyarrow.parquet import read_metadata

    return int(read_metadata(path).num_rows)


def carried(root: str, number: int) -> Carried:
    """Read what a commit carried; a commit whose log entry is gone carried nothing that we know."""
    info = _commit_info(entry(local(root), number))
    ours = info.get(OURS)
    ours = ours if isinstance(ours, Mapping) else {}
    cursor = ours.get("cursor")
    return Carried(
        key=RunKey(str(ours.get("key", ""))),
        fingerprint=str(ours.get("fingerprint", "")),
        cursor=Cursor(position=cursor) if isinstance(cursor, Mapping) else None,
        rows=ours.get("rows"),
        mode=str(ours.get("mode") or info.get("operation", "")),
        prepares="prepares" in ours,
        at=datetime.fromtimestamp(int(info.get("timestamp", 0)) / 1000, UTC),
    )


def entry(folder: Path, number: int) -> Path:
    """Return the file of a commit in the log."""
    return folder / "_delta_log" / f"{number:020d}.json"


def _commit_info(path: Path) -> Mapping[str, Any]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return {}
    # Not splitlines: delta-rs writes U+2028 and its like as they are, in a column's name for one.
    for line in filter(None, lines):
        action: Mapping[str, Any] = json.loads(line)
        if "commitInfo" in action:
            return dict(action["commitInfo"])
    return {}


def settled_number(root: str, state: State) -> int:
    """Return the newest version that is not a mere preparation: what a writer may expect to build on."""
    number = state.number
    while number > 0 and carried(root, number).prepares:
        number -= 1
    return number
