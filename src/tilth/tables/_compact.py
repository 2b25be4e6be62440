"""Bundle a table's small parts, in the order of their rows, in a commit that changes none of them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import pyarrow as pa

from tilth.core.errors import CommitConflict, DataError, Transient
from tilth.core.shard import Part, Shard
from tilth.tables import _log, _rewrite
from tilth.tables._change import Change
from tilth.tables._home import Home
from tilth.tables._log import State, Stored
from tilth.tables._parts import bundle_name
from tilth.tables._scan import ReadParts
from tilth.tables.holds import Holding, expired_before, guarded

TARGET = 128 << 20
"""Bytes of a bundle, about."""
_TRIES = 20


class Compacted(NamedTuple):
    """What a compaction did."""

    number: int | None
    """The version it made; None where there was nothing to bundle."""
    before: int
    """Parts that it bundled."""
    after: int
    """Bundles that it made of them."""
    bytes: int
    """Of the bundles."""


class Bundle(NamedTuple):
    """Parts that become one, and what they become."""

    parts: tuple[Stored, ...]
    made: Part


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """A compaction of the newest version.

    A bundle is named after the first of its parts, in whose place it stands, and a hash of all: done again, it is
    found. What it replaces is read under a hold, and what it wrote is held until it is committed.
    """

    home: Home
    root: str
    name: str
    codec: Literal["zstd", "lz4"]
    target: int

    def run(self) -> Compacted:
        """Bundle until nothing is left to bundle, or say after some tries that others are too busy."""
        made: dict[tuple[str, ...], Part] = {}
        state = self._newest()
        with Holding(self.home, self.name, versions=(state.number,), writes=True) as holding:
            for tried in range(_TRIES):
                if tried:
                    state = self._newest()
                    holding.also(state.number)
                if state.number < expired_before(self.home):
                    continue
                runs = list(runs_of(state.parts, self.target))
                if not runs:
                    return Compacted(None, 0, 0, 0)
                bundles = [Bundle(tuple(parts), self._bundle(parts, state.schema, made, holding)) for parts in runs]
                done = self._commit(bundles)
                if done is not None:
                    return done
        raise CommitConflict(
            f"others committed {_TRIES} times before a compaction did", where=self.name, do="Run it again later"
        )

    def _newest(self) -> State:
        state = _log.load(self.home, self.name)
        if state is None:
            raise DataError("the table has no version yet", where=self.name, do="Run the recipe that stores it first")
        return state

    def _bundle(
        self, parts: Sequence[Stored], schema: pa.Schema, made: dict[tuple[str, ...], Part], holding: Holding
    ) -> Part:
        paths = tuple(part.path for part in parts)
        if paths in made:
            return made[paths]
        holding.check()
        told = json.dumps([paths, self.codec, pa.__version__, schema.to_string()])
        name = bundle_name(paths[0], int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest(), "big"))
        part = _rewrite.found(self.home, name) or _rewrite.written(
            self.home, name, schema, self._rows(paths, schema), self.name, self.codec
        )
        rows = sum(part.rows for part in parts)
        if part.rows != rows:
            raise DataError(f"the parts hold {part.rows:,} rows, the log says {rows:,}", where=self.name)
        made[paths] = part
        return part

    def _rows(self, paths: Sequence[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        read = ReadParts(root=self.root, name=self.name, schema=schema)
        return read(Shard(id="compaction", where={"pieces": [[path, 0, -1] for path in paths]}))

    def _commit(self, bundles: Sequence[Bundle]) -> Compacted | None:
        """Commit the bundles whose parts still stand, or return None where there are none or another was first."""
        with guarded(self.home, self.name, [bundle.made.path for bundle in bundles]) as check:
            # Writing took its time: what others appended meanwhile stays where it is.
            state = self._newest()
            standing = list(_standing(bundles, state.parts))
            if not standing or not self._apply(state, standing, check):
                return None
        parts = sum(len(bundle.parts) for bundle in standing)
        return Compacted(state.number + 1, parts, len(standing), sum(bundle.made.bytes for bundle in standing))

    def _apply(self, state: State, bundles: Sequence[Bundle], check: Callable[[], None]) -> bool:
        from deltalake.exceptions import DeltaError

        token = secrets.token_hex(12)
        change = self._change(state, bundles, token)
        check()
        try:
            change.apply(state)
            self.home.settle(_log.entry(state.number + 1))
        except (DeltaError, OSError) as error:
            if self._newest().number == state.number:
                raise self.home.failed("compacting", self.name, error) from error
            # Another was first, or this one was and never heard of it.
            return _log.carried(self.home, state.number + 1).compacts == token
        return True

    def _change(self, state: State, bundles: Sequence[Bundle], token: str) -> Change:
        last = _log.carried(self.home, _log.settled_number(self.home, state.number))
        seen = self.home.seen([bundle.made.path for bundle in bundles])
        for bundle in bundles:
            if bundle.made.path not in seen or seen[bundle.made.path].bytes != bundle.made.bytes:
                raise Transient(f'the part "{bundle.made.path}" is gone or cut short', where=self.name, do="Run again")
        return Change(
            home=self.home,
            app="",
            schema=state.schema,
            adds={bundle.made.path: bundle.made for bundle in bundles},
            seen=seen,
            removes={part.path: part.bytes for bundle in bundles for part in bundle.parts},
            replaces=False,
            # It stands for the same work as the version before it: whoever builds on that one builds on this.
            says={
                "key": last.key,
                "fingerprint": last.fingerprint,
                "cursor": None if last.cursor is None else dict(last.cursor.position),
                "rows": sum(part.rows for part in state.parts),
                "mode": "compact",
                "compacts": token,
            },
            changes_rows=False,
        )


def runs_of(parts: Sequence[Stored], target: int) -> Iterator[list[Stored]]:
    """Yield neighbours that together come to about the target: each is below half of it, and none stands alone."""
    waiting: list[Stored] = []
    for part in parts:
        full = waiting and sum(held.bytes for held in waiting) + part.bytes > target
        small = part.bytes < target // 2
        if (full or not small) and len(waiting) > 1:
            yield waiting
        if full or not small:
            waiting = []
        if small:
            waiting.append(part)
    if len(waiting) > 1:
        yield waiting


def _standing(bundles: Sequence[Bundle], parts: Sequence[Stored]) -> Iterator[Bundle]:
    """Yield the bundles whose parts are still there, side by side: between them no other came."""
    at = {part.path: number for number, part in enumerate(parts)}
    for bundle in bundles:
        places = [at.get(part.path) for part in bundle.parts]
        first = places[0]
        if first is not None and places == list(range(first, first + len(places))):
            yield bundle
