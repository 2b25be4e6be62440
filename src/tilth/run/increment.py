"""Join what is new, changed or gone to the rows that were acquired before, by id, through exchanges.

A source that is read incrementally gives rows that it may have given before: an overlap is read again, a row has
changed. Of each id the newest row stays; a row that says what the old one said leaves the old one alone. Only the parts
that hold a row which leaves are written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import AT, ID, REV, Batch
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows, Step, partition_of
from tilth.core.groups import whole
from tilth.core.shard import Receipt, Shard
from tilth.run.reading import as_typed
from tilth.run.sidecar import chained
from tilth.run.stages import receipt_from, receipt_json
from tilth.tables._parts import place_of
from tilth.tables.table import Table

PARTITIONS = 16
OLD, NEW, GONE = 0, 1, 2
_SAID = pa.schema([(KEY, pa.string()), (ID, pa.string()), (REV, pa.string()), (AT, pa.string()), ("side", pa.int8())])
_LEAVING = pa.schema([(KEY, pa.string()), (ID, pa.string()), (AT, pa.string()), ("side", pa.int8())])


class Joined(NamedTuple):
    """What the join came to."""

    receipts: tuple[Receipt, ...]
    """Of the shards to commit: new ones, and old and new ones that were written anew without the rows that leave."""
    keep: tuple[str, ...]
    """The paths of old parts that stay as they are."""
    changed: bool
    """False where every row that was read was there already, as it is, and none was gone."""
    left: int
    """How many old rows left: replaced or gone."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """The parts that were acquired before and of which rows may stay, by shard."""

    parts: Mapping[str, tuple[str, ...]]
    cast: frozenset[str] = frozenset()
    """Shards whose columns have other types now: all of their rows are written anew."""


def join(
    table: Table,
    base: Base,
    old: Rows,
    new: Sequence[Receipt],
    gone: Rows,
    schema: pa.Schema,
    engine: Engine,
) -> Joined:
    """Find which rows leave, and write the parts that hold them anew.

    `old` holds the id, revision and place of the rows acquired before, `gone` the ids of tombstones.
    """
    fresh = {receipt.shard: receipt for receipt in new}
    light = _light(table, new)
    sides = [
        Rows(shards=rows.shards, read=_Said(rows.read, side)) for rows, side in ((old, OLD), (light, NEW), (gone, GONE))
    ]
    leaving = engine.exchange(
        Exchange(name="acquire-by-shard", emit=_same, gather=_same_again, partitions=PARTITIONS),
        engine.exchange(
            Exchange(name="acquire-by-id", emit=_same, gather=_leaving, partitions=PARTITIONS), chained(*sides)
        ),
    )
    counted: dict[str, int] = {}
    for _, counts in engine.run(Step(name="acquire changes", work=partial(_count, read=leaving.read)), leaving.shards):
        counted |= counts
    held = {**base.parts, **{name: tuple(part.path for part in one.parts) for name, one in fresh.items()}}
    again = sorted(set(counted) | base.cast)
    jobs = [Shard(id=name, where={"parts": list(held[name])}) for name in again if held.get(name)]
    write = _Rewrite(table=table, leaving=leaving, schema=schema)
    written = {
        shard.id: receipt_from(result) for shard, result in engine.run(Step(name="acquire merge", work=write), jobs)
    }
    receipts = {**fresh, **written}
    kept = [path for name, paths in base.parts.items() if name not in written for path in paths]
    return Joined(
        receipts=tuple(receipts[name] for name in sorted(receipts)),
        keep=tuple(sorted(kept)),
        changed=bool(
            sum(one.rows for name, one in receipts.items() if name in fresh) or set(counted) & set(base.parts)
        ),
        left=sum(count for name, count in counted.items() if name in base.parts),
    )


def shards_of(paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return a table's parts by the shard that they were written for."""
    found: dict[str, tuple[str, ...]] = {}
    for path in paths:
        name = place_of(path).shard
        found[name] = (*found.get(name, ()), path)
    return found


def shard_of(path: str) -> str:
    """Return the shard that a part was written for."""
    return place_of(path).shard


def rows_in(table: Table, paths: Sequence[str]) -> int:
    """Count the rows of parts, from their footers."""
    rows = 0
    for path in paths:
        with table.home.parquet(path) as file:
            rows += file.metadata.num_rows
    return rows


def parts_of(table: Table, paths: Sequence[str], columns: Sequence[str] | None = None) -> Rows:
    """Return the rows of parts that no version may name yet."""
    shards = (Shard(id=f"{at:05d}", where={"parts": [path]}) for at, path in enumerate(paths))
    return Rows(shards=tuple(shards), read=partial(_read_parts, table=table, columns=columns))


def _light(table: Table, receipts: Sequence[Receipt]) -> Rows:
    shards = tuple(
        Shard(id=one.shard, where={"parts": [part.path for part in one.parts]}) for one in receipts if one.parts
    )
    return Rows(shards=shards, read=partial(_read_parts, table=table, columns=[ID, REV, AT]))


def _read_parts(shard: Shard, *, table: Table, columns: Sequence[str] | None = None) -> Iterator[Batch]:
    """Read parts that no version may name yet."""
    for path in shard.where["parts"]:
        with table.home.parquet(path) as file:
            yield from file.iter_batches(batch_size=8192, columns=None if columns is None else list(columns))


@dataclass(frozen=True)
class _Said:
    """Read what each side says of its rows, keyed by id."""

    read: Reader
    side: int

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            ids = batch.column(ID)
            blank = pa.nulls(batch.num_rows, pa.string())
            rev, at = (batch.column(name) if name in batch.schema.names else blank for name in (REV, AT))
            side = pa.array([self.side] * batch.num_rows, pa.int8())
            yield pa.RecordBatch.from_arrays([ids, ids, rev, at, side], schema=_SAID)


def _same(batch: Batch) -> Batch:
    return batch


def _same_again(batches: Iterator[Batch]) -> Iterator[Batch]:
    return batches


def _leaving(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the places of rows that leave, keyed by their shard."""
    for batch in whole(batches, KEY):
        rows: list[dict[str, Any]] = []
        held: dict[str, list[tuple[int, str | None, str | None]]] = {}
        columns = (batch.column(name).to_pylist() for name in (ID, "side", REV, AT))
        for row, side, rev, at in zip(*columns, strict=True):
            held.setdefault(row, []).append((side, rev, at))
        for row, sides in held.items():
            rows += [
                {KEY: str(at).rpartition(":")[0], ID: row, AT: at, "side": side} for side, at in _who_leaves(sides)
            ]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=_LEAVING)


def _who_leaves(sides: list[tuple[int, str | None, str | None]]) -> list[tuple[int, str | None]]:
    old = [(rev, at) for side, rev, at in sides if side == OLD]
    new = sorted(((rev, at) for side, rev, at in sides if side == NEW), key=lambda one: str(one[1]).rpartition(":"))
    if new:
        # Of a key that was read twice the last counts; where it says what is there already, the old row stays.
        if len(old) == 1 and old[0][0] == new[-1][0]:
            return [(NEW, at) for _, at in new]
        return [*((OLD, at) for _, at in old), *((NEW, at) for _, at in new[:-1])]
    return [(OLD, at) for _, at in old] if any(side == GONE for side, _, _ in sides) else []


def _count(shard: Shard, *, read: Reader) -> dict[str, int]:
    counts: dict[str, int] = {}
    for batch in read(shard):
        for name in batch.column(KEY).to_pylist():
            counts[name] = counts.get(name, 0) + 1
    return counts


@dataclass(frozen=True, kw_only=True)
class _Rewrite:
    """Write a shard's rows without those that leave, in the types that the columns have now."""

    table: Table
    leaving: Rows
    schema: pa.Schema

    def __call__(self, shard: Shard) -> dict[str, Any]:
        gone = pa.array(self._places(shard.id), pa.string())
        return receipt_json(self.table.write(shard, self._stay(shard, gone)))

    def _places(self, name: str) -> list[str]:
        wanted = f"p{partition_of(name, PARTITIONS):04d}"
        return [
            at
            for shard in self.leaving.shards
            if shard.id == wanted
            for batch in self.leaving.read(shard)
            for at in batch.filter(pc.equal(batch.column(KEY), name)).column(AT).to_pylist()
        ]

    def _stay(self, shard: Shard, gone: pa.Array) -> Iterator[Batch]:
        for batch in _read_parts(shard, table=self.table):
            stays = batch.filter(pc.invert(pc.is_in(batch.column(AT), value_set=gone)))
            if stays.num_rows:
                yield as_typed(stays, self.schema)
