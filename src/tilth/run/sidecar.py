"""Join notes about rows (keyed by id) to the shards that hold the rows, through exchanges.

The result lies beside the data, one ordered stream a shard, so that a worker reads its rows and their notes together
and nothing large comes to the driver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import AT, ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows, partition_of
from tilth.core.shard import Shard

PARTITIONS = 16
NOTE = pa.schema(
    [
        (ID, pa.string()),
        (AT, pa.string()),
        ("split", pa.string()),
        ("unit", pa.string()),
        ("place", pa.string()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("other_id", pa.string()),
        ("why", pa.string()),
    ]
)
"""What is known about a row beside its content; a `rule` means that the row leaves, at `place`."""
KEYED = pa.schema([(KEY, pa.string()), *NOTE])
BLOCK = 8192


def notes(rows: Iterable[dict[str, object]]) -> Batch:
    """Build a batch of notes; fields not given are null."""
    return pa.RecordBatch.from_pylist(list(rows), schema=NOTE)


def chained(*several: Rows) -> Rows:
    """Put rows of the same schema one after another."""
    shards = tuple(
        Shard(
            id=f"{number}-{shard.id}",
            where={"of": number, "where": dict(shard.where)},
            bytes=shard.bytes,
            rows=shard.rows,
        )
        for number, rows in enumerate(several)
        for shard in rows.shards
    )
    names = tuple(shard.id for rows in several for shard in rows.shards)
    return Rows(
        shards=shards,
        read=_Chain(tuple(rows.read for rows in several), dict(zip((s.id for s in shards), names, strict=True))),
    )


@dataclass(frozen=True)
class _Chain:
    readers: tuple[Reader, ...]
    names: dict[str, str]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        inner = Shard(id=self.names[shard.id], where=shard.where["where"], bytes=shard.bytes, rows=shard.rows)
        yield from self.readers[shard.where["of"]](inner)


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """Notes ready to be read beside the acquired rows."""

    streams: Rows

    def beside(self, shard_id: str) -> Iterator[Batch]:
        """Read a shard's notes in the order of its rows."""
        wanted = f"p{partition_of(shard_id, PARTITIONS):04d}"
        for shard in self.streams.shards:
            if shard.id == wanted:
                for batch in self.streams.read(shard):
                    keys = batch.column(KEY)
                    if batch.num_rows and keys[0].as_py() > shard_id:
                        return
                    part = batch.filter(pc.equal(keys, shard_id))
                    if part.num_rows:
                        yield part


def build(light: Rows, known: Rows, engine: Engine) -> Sidecar:
    """Join notes to rows.

    `light` holds `_id` and `_at` of every acquired row; `known` holds notes by `_id`. Where several let a row leave,
    the first place in the recipe says why. Rows that repeat a key leave, but for the last.
    """
    by_id = Exchange(name="notes-by-id", emit=_by_id, gather=_joined, partitions=PARTITIONS)
    by_shard = Exchange(name="notes-by-shard", emit=_by_shard, gather=_same, partitions=PARTITIONS)
    return Sidecar(streams=engine.exchange(by_shard, engine.exchange(by_id, chained(known, light))))


def _by_id(batch: Batch) -> Batch:
    columns = [
        batch.column(field.name) if field.name in batch.schema.names else pa.nulls(batch.num_rows, field.type)
        for field in NOTE
    ]
    return pa.RecordBatch.from_arrays([batch.column(ID), *columns], schema=KEYED)


def _joined(batches: Iterator[Batch]) -> Iterator[Batch]:
    ready: list[dict[str, object]] = []
    group: list[dict[str, object]] = []
    for batch in batches:
        for row in batch.to_pylist():
            if group and group[0][ID] != row[ID]:
                ready += _merge(group)
                group = []
            group.append(row)
        if len(ready) >= BLOCK:
            yield notes(ready)
            ready = []
    ready += _merge(group)
    if ready:
        yield notes(ready)


def _merge(group: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    """Give each of an id's rows what is known about the id."""
    # In the order of the acquired table: by shard, then by number; `f-1:…` sorts before `f:…`, yet comes after it.
    places = sorted((str(row[AT]) for row in group if row[AT] is not None), key=lambda at: at.rpartition(":"))
    if not places:
        return
    known = [row for row in group if row[AT] is None]
    leaves = min(
        (row for row in known if row["rule"] is not None), key=lambda row: _order(str(row["place"])), default=None
    )
    split = next((row for row in known if row["split"] is not None), None)
    for at in places:
        note = {ID: group[0][ID], AT: at}
        if split is not None:
            note |= {"split": split["split"], "unit": split["unit"]}
        if at != places[-1]:
            note |= {"place": "acquire", "rule": "repeated_key", "other_id": group[0][ID]}
        elif leaves is not None:
            note |= {name: leaves[name] for name in ("place", "rule", "value", "threshold", "other_id")}
        yield note


def _order(place: str) -> tuple[int, str]:
    """Order places as the recipe does: `refine[2] length` before `refine[10] empty`."""
    number = re.search(r"\[(\d+)\]", place)
    return (int(number[1]) if number else -1, place)


def _by_shard(batch: Batch) -> Batch:
    at = batch.column(AT)
    keys = pa.array([place.rpartition(":")[0] for place in at.to_pylist()], pa.string())
    columns = [at if field.name == ID else batch.column(field.name) for field in NOTE]
    return pa.RecordBatch.from_arrays([keys, *columns], schema=KEYED)


def _same(batches: Iterator[Batch]) -> Iterator[Batch]:
    return batches
