"""Commit parts to a Delta table in one act, once per run key, whoever else commits meanwhile.

delta-rs detects a second transaction of one application id, but on its own terms: it retries a commit on a newer
version than the one it was planned on, so an overwrite lets the rows of an append that came between live on (see
`tests/tables/test_two_drivers_one_key.py`). With no retries a commit is a compare-and-swap on the next version number:
a hard link on this machine, a conditional put in a bucket, a rename that replaces nothing in HDFS. Here it is always
that; whoever loses reads the log again and finds either its own key committed, and is done, or another's, and raises
`CommitConflict` or, where it may build on any version, tries again. So does who never heard what became of a commit.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import pyarrow as pa

from tilth.core.errors import CommitConflict, DataError
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Version
from tilth.tables import _log
from tilth.tables._change import Change
from tilth.tables._home import Home, Seen
from tilth.tables._parts import columns_of, other_name
from tilth.tables._types import merged, settled, storable_schema
from tilth.tables.holds import guarded

Mode = Literal["append", "overwrite"]
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, kw_only=True)
class Commit:
    """What is to be committed."""

    home: Home
    name: str
    receipts: Sequence[Receipt]
    key: RunKey
    cursor: Cursor | None
    expected: Version | None
    schema: pa.Schema | None
    mode: Mode
    fingerprint: str
    keep: Collection[str]
    anywhere: bool = False
    """Whether it builds on whichever version is the newest."""

    def run(self) -> int:
        """Commit, or find that it was done before; return the version's number."""
        state = _log.load(self.home, self.name)
        done = state.number_of(self.key) if state else None
        if done is not None:
            return done
        self._expect(state)
        new = self._new_parts()
        with guarded(self.home, self.name, new) as check:
            return self._try(state, new, check)

    def _try(self, state: _log.State | None, new: dict[str, Part], check: Callable[[], None]) -> int:
        from deltalake.exceptions import DeltaError

        # Looked at under the guard: from here on no sweep takes them away.
        seen = self._there(new)
        failed: tuple[int, Exception] | None = None
        tries = 0
        while True:
            done = state.number_of(self.key) if state else None
            if done is not None:
                return done
            self._expect(state)
            number = state.number if state else -1
            if failed and failed[0] == number:
                raise self.home.failed("committing", self.name, failed[1]) from failed[1]
            change = self._plan(state, dict(new), seen)
            check()
            try:
                change.apply(state)
                self.home.settle(_log.entry(number + 1))
            except (DeltaError, OSError) as error:
                # Another driver was first, or the storage failed: the log tells which.
                failed = (number, error)
                if self.anywhere:
                    time.sleep(random.uniform(0, min(_LONGEST_WAIT, 0.01 * 2**tries)))
                    tries += 1
            state = _log.load(self.home, self.name)

    def _expect(self, state: _log.State | None) -> None:
        if self.anywhere:
            return
        newest = _log.settled_number(self.home, state.number) if state else None
        wanted = self.expected.number if self.expected else None
        if newest == wanted or (newest and wanted is not None and wanted in _log.bases(self.home, newest)):
            return
        raise CommitConflict(
            f"another writer committed version {newest} meanwhile" if newest is not None else "the table is gone",
            where=self.name,
            wanted=f"version {wanted} to be the newest" if wanted is not None else "a table without any version",
            do="Run again: it starts from the newest version, and finished parts are kept",
        )

    def _plan(self, state: _log.State | None, new: dict[str, Part], seen: dict[str, Seen]) -> Change:
        current = {part.path: part for part in state.parts} if state else {}
        lost = set(self.keep) - set(current)
        if lost and state and self.expected and self.expected.number != state.number:
            raise CommitConflict(
                f'a compaction replaced the part "{min(lost)}" meanwhile', where=self.name, do="Run again"
            )
        if lost:
            raise DataError(f'no part "{min(lost)}" to keep', where=self.name, wanted="paths of parts(expected)")
        held = state.schema if state and (self.mode == "append" or self.keep) else pa.schema([])
        schema = settled(merged(held, self._columns(), self.name))
        if not len(schema):
            raise DataError("no columns are known", where=self.name, wanted="schema=, or receipts of shards with rows")
        stay = set(current) if self.mode == "append" else set(current) & (set(new) | set(self.keep))
        if stay and state and not _widens(state.schema, schema):
            # Delta must not remove and add one path in one commit, and only its overwrite can drop or retype a column.
            renamed = {path: other_name(path, state.number + 1) for path in sorted(stay)}
            for path, other in renamed.items():
                new[other] = new.pop(path)
                self.home.alias(path, other)
            seen = {**seen, **self.home.seen(renamed.values())}
            stay = set()
        adds = {path: part for path, part in new.items() if path not in stay}
        rows = sum(part.rows for part in adds.values()) + sum(current[path].rows for path in stay)
        return Change(
            home=self.home,
            app=_log.APP + self.key,
            schema=schema,
            adds=adds,
            seen=seen,
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

    def _new_parts(self) -> dict[str, Part]:
        parts: dict[str, Part] = {}
        by_shard: dict[str, Receipt] = {}
        for receipt in self.receipts:
            if by_shard.setdefault(receipt.shard, receipt).parts != receipt.parts:
                raise DataError(
                    f'two receipts of shard "{receipt.shard}" differ', where=self.name, wanted="one a shard"
                )
            parts.update((part.path, part) for part in receipt.parts)
        return parts

    def _there(self, parts: dict[str, Part]) -> dict[str, Seen]:
        seen = self.home.seen(parts)
        for part in parts.values():
            if part.path not in seen or seen[part.path].bytes != part.bytes:
                raise DataError(
                    f'the part "{part.path}" is gone or cut short', where=self.name, do="Run its shard again"
                )
        return seen

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
