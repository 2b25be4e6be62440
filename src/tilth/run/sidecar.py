"""Join notes about rows (keyed by id) to the shards that hold the rows, through exchanges.

The result lies beside the data, one ordered stream a shard, so that a worker reads its rows and their notes together
and nothing large comes to the driver.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import AT, ID, Batch
from tilth.core.engine import KEY, Engine, Exchange, Reader, Rows, partition_of
from tilth.core.groups import begins, whole
from tilth.core.shard import Shard
from tilth.run.edits import PLACED

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
        ("cuts", PLACED),
    ]
)
"""What is known about a row beside its content; a `rule` means that the row leaves, at `place`."""
Numbers = npt.NDArray[np.int64]
KEYED = pa.schema([(KEY, pa.string()), *NOTE])


def notes(rows: Iterable[dict[str, object]]) -> Batch:
    """Build a batch of notes; fields not given are null."""
    return pa.RecordBatch.from_pylist(list(rows), schema=NOTE)


def note(count: int, **columns: pa.Array) -> Batch:
    """Build a batch of notes from columns; those not given are null."""
    found = [columns.get(field.name, pa.nulls(count, field.type)) for field in NOTE]
    return pa.RecordBatch.from_arrays(found, schema=NOTE)


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
    """Give each of an id's rows what is known about the id."""
    for batch in whole(batches, KEY):
        group = np.cumsum(begins(batch.column(KEY)).to_numpy(zero_copy_only=False)) - 1
        at = batch.column(AT)
        lies = at.is_valid().to_numpy(zero_copy_only=False)
        rows = _in_order(np.flatnonzero(lies), group, at)
        if not len(rows):
            continue
        mine = group[rows]
        last = np.append(mine[1:] != mine[:-1], True)
        said = _of_group(_valid(batch, "split") & ~lies, group)[mine]
        goes = _of_group(_valid(batch, "rule") & ~lies, group, _places(batch.column("place")))[mine]
        goes[~last] = -1
        where = pa.array(said, mask=said < 0)
        why = pa.array(goes, mask=goes < 0)
        repeated = pa.array(~last)
        ids = batch.column(ID).take(pa.array(rows))
        found = {name: batch.column(name).take(where) for name in ("split", "unit")}
        found |= {name: batch.column(name).take(why) for name in ("place", "rule", "value", "threshold", "other_id")}
        found["place"] = pc.if_else(repeated, "acquire", found["place"])
        found["rule"] = pc.if_else(repeated, "repeated_key", found["rule"])
        found["other_id"] = pc.if_else(repeated, ids, found["other_id"])
        found["cuts"] = _cuts(batch, _valid(batch, "cuts") & ~lies, group).take(pa.array(mine))
        yield note(len(rows), **{ID: ids, AT: at.take(pa.array(rows))}, **found)


def _valid(batch: Batch, name: str) -> npt.NDArray[np.bool_]:
    valid: npt.NDArray[np.bool_] = batch.column(name).is_valid().to_numpy(zero_copy_only=False)
    return valid


def _cuts(batch: Batch, which: npt.NDArray[np.bool_], group: Numbers) -> pa.Array:
    """Return for each group the cuts of all its rows, in one list; null where there are none."""
    rows = np.flatnonzero(which)
    lists = batch.column("cuts").take(pa.array(rows))
    sizes = np.zeros(group[-1] + 1, np.int64)
    np.add.at(sizes, group[rows], pc.list_value_length(lists).to_numpy())
    offsets = pa.array(np.append(0, np.cumsum(sizes)), pa.int32())
    return pa.ListArray.from_arrays(offsets, lists.flatten(), mask=pa.array(sizes == 0)).cast(PLACED)


def _in_order(rows: Numbers, group: Numbers, at: pa.Array) -> Numbers:
    """Put the rows of a repeated key into the order of the acquired table."""
    mine = group[rows]
    again = mine[1:] == mine[:-1]
    if not again.any():
        return rows
    several = np.flatnonzero(np.append(again, False) | np.append(False, again))
    places = at.take(pa.array(rows[several])).to_pylist()
    # By shard, then by number; `f-1:…` sorts before `f:…`, yet comes after it.
    order = sorted(range(len(several)), key=lambda n: (mine[several[n]], places[n].rpartition(":")))
    rows = rows.copy()
    rows[several] = rows[several[order]]
    return rows


def _of_group(which: npt.NDArray[np.bool_], group: Numbers, weight: Numbers | None = None) -> Numbers:
    """Return for each group the first of these rows, or of those of the least weight; -1 where there is none."""
    found = np.full(group[-1] + 1, -1, np.int64)
    rows = np.flatnonzero(which)[::-1]
    if weight is not None:
        rows = rows[np.argsort(-weight[rows], kind="stable")]
    # What is written last stays.
    found[group[rows]] = rows
    return found


def _places(places: pa.Array) -> Numbers:
    """Return each place's rank in the order of the recipe."""
    coded = places.dictionary_encode()
    names = coded.dictionary.to_pylist()
    ranks = np.zeros(len(names) + 1, np.int64)
    ranks[sorted(range(len(names)), key=lambda at: _order(names[at]))] = np.arange(len(names))
    found: Numbers = ranks[pc.fill_null(coded.indices, len(names)).to_numpy()]
    return found


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
