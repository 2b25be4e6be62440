"""Read a Delta log: the newest version, the parts and columns of one version, and what a commit carried.

Commits are read from the log itself: `DeltaTable.history` of deltalake 1.6 numbers them wrongly for any table but the
newest, and for that one too when another commit lands meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from tilth.core.errors import DataError, first_line
from tilth.core.shard import Cursor, RunKey
from tilth.tables._delta_errors import is_storage
from tilth.tables._home import Home, OnDisk
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
    home: Home

    def number_of(self, key: RunKey) -> int | None:
        """Return the version that was committed under a key."""
        # delta-rs may read the log again for it.
        with self.home.errors("reading the log", self.home.uri):
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
    compacts: str
    """The compaction that made it, and changed no row; empty for any other commit."""
    at: datetime


def load(home: Home, name: str, number: int | None = None) -> State | None:
    """Return a version of the table, the newest by default; None when there is no table.

    Raises `DataError` when there is no such version, or the table needs a feature that Tilth does not read.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        with home.errors("reading the log", name):
            return _state(DeltaTable(home.uri, version=number, storage_options=home.options), home, name)
    except TableNotFoundError:
        return None
    except DeltaError as error:
        if home.options is not None and is_storage(error):
            raise home.failed("reading the log", name, error) from error
        with home.errors("reading the log", name):
            if not DeltaTable.is_deltatable(home.uri, home.options):
                return None
        newest = "" if number is None else f"a version that `versions()` lists, not {number}"
        raise DataError(f"the log cannot be read: {first_line(error)}", where=name, wanted=newest) from error


def _state(delta: DeltaTable, home: Home, name: str) -> State:
    unknown = set(delta.protocol().reader_features or []) - FEATURES
    if unknown or delta.metadata().partition_columns:
        raise DataError(
            f"another tool gave the table {', '.join(sorted(unknown)) or 'partitions'}, which Tilth does not read",
            where=name,
            wanted="a table without partitions and with no reader features but timestampNtz",
        )
    schema = storable_schema(pa.schema(delta.schema()))
    return State(delta.version(), schema, _parts(delta, home), delta, home)


def _parts(delta: DeltaTable, home: Home) -> tuple[Stored, ...]:
    adds = pa.table(delta.get_add_actions(flatten=True)).select(["path", "num_records", "size_bytes"]).to_pydict()
    found = (
        Stored(path, _rows_of(home, path) if rows is None else rows, size)
        for path, rows, size in zip(adds["path"], adds["num_records"], adds["size_bytes"], strict=True)
    )
    return tuple(sorted(found, key=lambda part: place_of(part.path)))


def _rows_of(home: Home, path: str) -> int:
    with home.parquet(path) as file:
        return int(file.metadata.num_rows)


def carried(home: Home, number: int) -> Carried:
    """Read what a commit carried; a commit whose log entry is gone carried nothing that we know."""
    try:
        return told(home.read(entry(number)))
    except FileNotFoundError:
        return told(b"")


def all_carried(home: Home, numbers: Sequence[int]) -> Iterator[tuple[int, Carried]]:
    """Read what many commits carried."""
    if isinstance(home, OnDisk):
        yield from ((number, carried(home, number)) for number in numbers)
        return
    there = {found.path for found in home.store.list("_delta_log/")}
    paths = {entry(number): number for number in numbers}
    read = dict(home.store.read_many([path for path in paths if path in there]))
    yield from ((number, told(read.get(path, b""))) for path, number in paths.items())


def told(written: bytes) -> Carried:
    """Say what a log entry tells of its commit."""
    info = _commit_info(written)
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
        compacts=str(ours.get("compacts", "")),
        at=datetime.fromtimestamp(int(info.get("timestamp", 0)) / 1000, UTC),
    )


def entry(number: int) -> str:
    """Return the path of a commit in the log."""
    return f"_delta_log/{number:020d}.json"


def actions(written: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the actions of a log entry."""
    # Not splitlines: delta-rs writes U+2028 and its like as they are, in a column's name for one.
    for line in filter(None, written.decode("utf-8").split("\n")):
        yield json.loads(line)


def _commit_info(written: bytes) -> Mapping[str, Any]:
    found = (action["commitInfo"] for action in actions(written) if "commitInfo" in action)
    return dict(next(found, {}))


def settled_number(home: Home, number: int) -> int:
    """Return the newest version, up to this one, that is no mere preparation: what a writer may expect to build on."""
    while number > 0 and carried(home, number).prepares:
        number -= 1
    return number


def bases(home: Home, number: int) -> Iterator[int]:
    """Yield a settled version, then those with the same rows that it was compacted from."""
    yield number
    while number > 0 and carried(home, number).compacts:
        number = settled_number(home, number - 1)
        yield number
