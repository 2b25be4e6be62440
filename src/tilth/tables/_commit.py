"""Commit parts to a Delta table in one act, once per run key, whoever else commits meanwhile.

delta-rs detects a second transaction of one application id, but on its own terms: it retries a commit on a newer
version than the one it was planned on, so an overwrite lets the rows of an append that came between live on (see
`tests/tables/test_two_drivers_one_key.py`). With no retries a commit is a compare-and-swap on the next version number.
Here it is always that; whoever loses reads the log again and finds either its own key committed, and is done, or
another's, and raises `CommitConflict`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from pyarrow import types as t

from tilth.core.errors import CommitConflict, DataError
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Version
from tilth.tables import _folder, _log
from tilth.tables._parts import columns_of, other_name
from tilth.tables._types import merged, settled, storable_schema

Mode = Literal["append", "overwrite"]
CONFIGURATION = {
    # What a version was made of stands in its log entry only, so entries stay.
    "delta.enableExpiredLogCleanup": "false",
    # Opening a table reads every entry since the last checkpoint: 27 ms for 90 of them, 10 ms for 20.
    "delta.checkpointInterval": "20",
}


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What is to be committed."""

    root: str
    name: str
    receipts: Sequence[Receipt]
    key: RunKey
    cursor: Cursor | None
    expected: Version | None
    schema: pa.Schema | None
    mode: Mode
    fingerprint: str
    keep: Collection[str]

    def run(self) -> int:
        """Commit, or find that it was done before; return the version's number."""
        from deltalake.exceptions import DeltaError

        folder = _folder.local(self.root)
        failed: tuple[int, Exception] | None = None
        while True:
            state = _log.load(self.root, self.name)
            done = state.number_of(self.key) if state else None
            if done is not None:
                return done
            self._expect(state)
            number = state.number if state else -1
            if failed and failed[0] == number:
                raise _folder.broken("committing", self.name, failed[1]) from failed[1]
            change = self._plan(folder, state)
            try:
                change.apply(state)
                _folder.settle(_log.entry(folder, number + 1))
                _folder.settle(_log.entry(folder, number + 1).parent)
            except (DeltaError, OSError) as error:
                # Another driver was first, or the storage failed: the log tells which.
                failed = (number, error)

    def _expect(self, state: _log.State | None) -> None:
        newest = _log.settled_number(self.root, state) if state else None
        wanted = self.expected.number if self.expected else None
        if newest != wanted:
            raise CommitConflict(
                f"another writer committed version {newest} meanwhile" if newest is not None else "the table is gone",
                where=self.name,
                wanted=f"version {wanted} to be the newest" if wanted is not None else "a table without any version",
                do="Run again: it starts from the newest version, and finished parts are kept",
            )

    def _plan(self, folder: Path, state: _log.State | None) -> _Change:
        new = self._new_parts(folder)
        current = {part.path: part for part in state.parts} if state else {}
        lost = set(self.keep) - set(current)
        if lost:
            raise DataError(f'no part "{min(lost)}" to keep', where=self.name, wanted="paths of parts(expected)")
        held = state.schema if state and (self.mode == "append" or self.keep) else pa.schema([])
        schema = settled(merged(held, self._columns(), self.name))
        if not len(schema):
            raise DataError("no columns are known", where=self.name, wanted="schema=, or receipts of shards with rows")
        stay = set(current) if self.mode == "append" else set(current) & (set(new) | set(self.keep))
        if stay and state and not _widens(state.schema, schema):
            # Delta must not remove and add one path in one commit, and only its overwrite can drop or retype a column.
            for path in sorted(stay):
                new[other_name(path, state.number + 1)] = new.pop(path)
                _folder.alias(folder, path, other_name(path, state.number + 1))
            stay = set()
        adds = {path: part for path, part in new.items() if path not in stay}
        rows = sum(part.rows for part in adds.values()) + sum(current[path].rows for path in stay)
        return _Change(
            folder=folder,
            app=_log.APP + self.key,
            schema=schema,
            adds=adds,
            removes={} if self.mode == "append" else {p: current[p].bytes for p in set(current) - stay},
            replaces=self.mode == "overwrite" and not stay,
            says={
                "key": self.key,
                "fingerprint": self.fingerprint,
                "cursor": None if self.cursor is None else dict(self.cursor.position),
                "rows": rows,
                "mode": self.mode,
            },
        )

    def _new_parts(self, folder: Path) -> dict[str, Part]:
        parts: dict[str, Part] = {}
        by_shard: dict[str, Receipt] = {}
        for receipt in self.receipts:
            if by_shard.setdefault(receipt.shard, receipt).parts != receipt.parts:
                raise DataError(
                    f'two receipts of shard "{receipt.shard}" differ', where=self.name, wanted="one a shard"
                )
            parts.update((part.path, part) for part in receipt.parts)
        for part in parts.values():
            path = folder / part.path
            if not path.is_file() or path.stat().st_size != part.bytes:
                raise DataError(
                    f'the part "{part.path}" is gone or cut short', where=self.name, do="Run its shard again"
                )
        return parts

    def _columns(self) -> pa.Schema:
        told = [columns_of(receipt) for receipt in sorted(self.receipts, key=lambda receipt: receipt.shard)]
        given = storable_schema(self.schema) if self.schema is not None else pa.schema([])
        found: pa.Schema = reduce(lambda left, right: merged(left, right, self.name), told, given)
        extra = set(found.names) - set(given.names)
        if self.schema is not None and extra:
            raise DataError(
                f'the rows have a column "{min(extra)}" that the schema has not',
                where=self.name,
                wanted=", ".join(given.names),
            )
        return found


def _widens(old: pa.Schema, new: pa.Schema) -> bool:
    return all(field.name in new.names and new.field(field.name).type == field.type for field in old)


@dataclass(frozen=True, kw_only=True)
class _Change:
    """The actions of one commit."""

    folder: Path
    app: str
    schema: pa.Schema
    adds: dict[str, Part]
    removes: dict[str, int]
    replaces: bool
    says: dict[str, Any]

    def apply(self, state: _log.State | None) -> None:
        """Make the next version, or raise deltalake's error when another made it first."""
        from deltalake import CommitProperties, Schema, Transaction
        from deltalake.transaction import create_table_with_add_actions

        number = state.number + 1 if state else 0
        if state is not None and self._prepare(state):
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        _folder.settle(self.folder)
        properties = CommitProperties(
            custom_metadata={_log.OURS: self.says},
            max_commit_retries=0,
            app_transactions=[Transaction(self.app, number)],
        )
        schema = Schema.from_arrow(self.schema)
        if state is None:
            create_table_with_add_actions(
                str(self.folder), schema, self._adds(), configuration=CONFIGURATION, commit_properties=properties
            )
        elif self.replaces:
            state.delta.create_write_transaction(self._adds(), "overwrite", schema, commit_properties=properties)
        else:
            actions = [*self._adds(), *self._removes()]
            state.delta.create_write_transaction(actions, "append", schema, commit_properties=properties)

    def _prepare(self, state: _log.State) -> bool:
        """Commit what delta-rs cannot do in the same commit as adding parts; True when there was such a thing.

        An append leaves the columns as they are, and an overwrite that brings the first timestamp without a zone
        forgets to name the feature, after which nobody can read the table. Neither preparation changes a row.
        """
        from deltalake import CommitProperties, Schema, TableFeatures

        properties = CommitProperties(custom_metadata={_log.OURS: {"prepares": self.app}}, max_commit_retries=0)
        missing = [field for field in self.schema if field.name not in state.schema.names]
        if missing and not self.replaces:
            fields = Schema.from_arrow(pa.schema(missing)).fields
            state.delta.alter.add_columns(list(fields), commit_properties=properties)
            return True
        if any(map(_naive, self.schema.types)) and not state.has_feature("timestampNtz"):
            state.delta.alter.add_feature(
                TableFeatures.TimestampWithoutTimezone,
                allow_protocol_versions_increase=True,
                commit_properties=properties,
            )
            return True
        return False

    def _adds(self) -> list[Any]:
        from deltalake.transaction import AddAction

        return [
            AddAction(
                path=path,
                size=part.bytes,
                partition_values={},
                modification_time=int((self.folder / path).stat().st_mtime * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": part.rows}),
            )
            for path, part in self.adds.items()
        ]

    def _removes(self) -> list[Any]:
        from deltalake.transaction import RemoveAction

        now = int(time.time() * 1000)
        return [RemoveAction(path, True, now, size, {}) for path, size in sorted(self.removes.items())]


def _naive(kind: pa.DataType) -> bool:
    inner = [kind.field(at).type for at in range(kind.num_fields)]
    return bool((t.is_timestamp(kind) and kind.tz is None) or any(map(_naive, inner)))
