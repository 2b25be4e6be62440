"""Check sources: a plan reads nothing, any worker reads the same, names stay, nothing is said aloud."""

from __future__ import annotations

import concurrent.futures as futures
import copy
import dataclasses
import json
import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from tilth.core.batch import SYSTEM_FIELDS
from tilth.core.connector import Record, Reject, Source
from tilth.core.shard import Cursor, Shard
from tilth.testing._compared import pickled

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


class Read(NamedTuple):
    """What a shard gives, in plain values."""

    rows: list[str]
    names: list[str]
    rejects: list[Reject]
    notes: list[str]


def check_source(
    source: Source,
    *,
    moved: Source | None = None,
    grow: Callable[[], object] | None = None,
    unsaid: Sequence[str] = (),
    unique: bool = True,
    processes: bool = True,
) -> None:
    """Check a source: `check_source(Files(path=...), moved=Files(path=elsewhere), grow=append_a_file)`.

    `moved` reads the same data in another place under the same name. `grow` adds rows and changes none; it is called
    last. `unsaid` are texts that may stand in rows only: secrets, and words of records that cannot be read. `unique`
    says that no declared key stands twice. `processes` also reads in another process. Raises AssertionError, naming
    the promise that is broken.
    """
    assert isinstance(source, Source), f"{type(source).__name__} is no Source"
    shards, cursor = check_plan(source)
    found = check_reading(source, shards, unsaid=unsaid, unique=unique, processes=processes)
    _check_silence("the source", repr(source), unsaid)
    _check_silence("the plan", repr((shards, cursor)), unsaid)
    if moved is not None:
        _check_moved(moved, shards, found)
    _check_nothing_new(source, cursor)
    if grow is not None:
        _check_growing(source, cursor, found, grow)


def check_plan(source: Source) -> tuple[Sequence[Shard], Cursor]:
    """Check that a plan reads no rows, can be made again, and holds JSON values only."""
    shards, cursor = _unreadable(source).plan(None)
    again, cursor_again = pickled(source).plan(None)
    assert list(again) == list(shards) and cursor_again == cursor, "plan: a second plan differs"
    ids = [shard.id for shard in shards]
    assert len({name.lower() for name in ids}) == len(ids), "plan: two shards have one id"
    for name in ids:
        assert _SAFE.fullmatch(name), f'plan: "{name}" is no safe name for a file'
    for value, name in [(cursor.position, "the cursor"), *((dataclasses.asdict(shard), shard.id) for shard in shards)]:
        assert _survives_json(value), f"plan: {name} holds what JSON does not"
    assert pickled(list(shards)) == list(shards), "plan: a shard does not survive a pickle"
    return shards, cursor


def check_reading(
    source: Source,
    shards: Sequence[Shard],
    *,
    unsaid: Sequence[str] = (),
    unique: bool = True,
    processes: bool = True,
) -> dict[str, Read]:
    """Check what shards give: whole records, the same on every reading, in any order, in any process."""
    found = {shard.id: _read(source, shard, _check_record) for shard in shards}
    for shard in reversed(shards):
        assert _read(pickled(source), pickled(shard)) == found[shard.id], f"read: {shard.id} reads differently again"
        total = len(found[shard.id].names) + len(found[shard.id].rejects)
        assert shard.rows in (None, total), f"read: {shard.id} has {total} records, not {shard.rows}"
    if processes:
        with futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("forkserver")) as pool:
            for shard in reversed(shards):
                there = pool.submit(_read, source, shard).result()
                assert there == found[shard.id], f"read: {shard.id} reads differently in another process"
    names = _names(found)
    assert not unique or len(set(names)) == len(names), "read: two rows have one name"
    places = [(reject.path, reject.ordinal) for read in found.values() for reject in read.rejects]
    assert len(set(places)) == len(places), "read: a record is rejected twice"
    said = [text for read in found.values() for text in (*read.notes, *(reject.reason for reject in read.rejects))]
    for text in said:
        _check_silence("a reason or a note", text, unsaid)
    return found


def _check_record(record: Record) -> None:
    own = record.batch.schema.names
    assert not set(own) & set(SYSTEM_FIELDS), "read: a batch has columns that Tilth adds"
    assert len(set(own)) == len(own), "read: two columns have one name"
    record.batch.validate(full=True)
    rows = record.batch.num_rows
    assert len(record.names) == rows, f"read: {len(record.names)} names of {rows} rows"
    assert record.subjects is None or len(record.subjects) == rows, "read: subjects are not one a row"
    for reject in record.rejects:
        assert reject.path and not reject.path.startswith("/"), "read: a reject's path is not relative"
        assert type(reject.ordinal) is int and reject.ordinal >= 0, "read: a reject has no ordinal"
        assert reject.reason, "read: a reject has no reason"


def _check_moved(moved: Source, shards: Sequence[Shard], found: dict[str, Read]) -> None:
    elsewhere, _ = moved.plan(None)
    assert [shard.id for shard in elsewhere] == [shard.id for shard in shards], "moved: shards have other ids"
    there = {shard.id: _read(moved, shard) for shard in elsewhere}
    assert _names(there) == _names(found), "moved: rows have other names"
    assert there == found, "moved: other rows or rejects"


def _check_nothing_new(source: Source, cursor: Cursor) -> None:
    """Plan on from a cursor that came back from a table, when nothing has changed."""
    shards, now = source.plan(Cursor(position=json.loads(json.dumps(dict(cursor.position)))))
    assert sum(len(_read(source, shard).names) for shard in shards) == 0, (
        "since: rows come again though nothing changed"
    )
    assert now == cursor, "since: the cursor moves though nothing changed"


def _check_growing(source: Source, cursor: Cursor, before: dict[str, Read], grow: Callable[[], object]) -> None:
    grow()
    new, moved_on = source.plan(cursor)
    fresh = {shard.id: _read(source, shard, _check_record) for shard in new}
    assert _names(fresh), "grown: the new rows do not come"
    assert moved_on != cursor, "grown: the cursor does not move"
    known = set(_names(before))
    assert not known & set(_names(fresh)), "grown: old rows come again"
    assert not set(fresh) & set(before), "grown: a new shard has an old one's id"
    whole = {shard.id: _read(source, shard) for shard in source.plan(None)[0]}
    assert {name: read for name, read in whole.items() if name in before} == before, "grown: old shards have changed"
    assert set(_names(whole)) == known | set(_names(fresh)), "grown: a plan from the start gives other rows"
    _check_nothing_new(source, moved_on)


def _check_silence(where: str, text: str, unsaid: Sequence[str]) -> None:
    for word in unsaid:
        assert word not in text, f"silence: {where} says what it must not"


def _read(source: Source, shard: Shard, check: Callable[[Record], None] = lambda record: None) -> Read:
    read = Read([], [], [], [])
    for record in source.read(shard):
        check(record)
        read.rows.extend(map(repr, record.batch.to_pylist()))
        read.names.extend(record.names)
        read.rejects.extend(record.rejects)
        read.notes.extend(record.notes)
    return read


def _names(found: dict[str, Read]) -> list[str]:
    return [name for read in found.values() for name in read.names]


def _survives_json(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(dict(value), allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False


def _unreadable(source: Source) -> Source:
    """Return a copy of the source that refuses to read."""

    def read(self: Any, shard: Shard) -> Iterator[Record]:
        raise AssertionError("plan: rows are read")

    other = copy.copy(source)
    kind = type(source)
    object.__setattr__(other, "__class__", type(kind.__name__, (kind,), {"read": read}))
    return other
