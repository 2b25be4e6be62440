"""Assign splits: right after duplicates are clustered and before anything is fitted.

A unit is what must stay together: a cluster of duplicates, a group, or both joined. Units are taken in the order of a
seeded hash (or of time) until each label's quota of test, then of valid, is full; the rest is train. A row that has a
split keeps it, so a growing data set never moves a row. Where a unit holds rows of two splits, the higher side (test,
then valid) stays and the other rows leave.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, SPLIT, Batch, canonical, row_ids
from tilth.core.engine import KEY, Engine, Exchange, Rows, Step
from tilth.core.groups import begins, whole
from tilth.core.shard import Shard
from tilth.run.sidecar import chained, note

RANK = {"train": 0, "valid": 1, "test": 2}
NONE = -1
PLACE = "split"
Places = npt.NDArray[np.int64]
MEMBER = pa.schema(
    [
        (KEY, pa.string()),
        (ID, pa.string()),
        ("unit", pa.string()),
        ("stratum", pa.string()),
        ("fixed", pa.string()),
        ("given", pa.string()),
        ("order", pa.string()),
        ("size", pa.int64()),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to assign; every field is data, so that workers and engines agree."""

    test: float
    valid: float
    by: Literal["hash", "stratified", "time"]
    stratum: str | None
    time: str | None
    straddle: Literal["drop", "keep"]
    open_splits: tuple[str, ...]
    """The splits that a row whose source says `split: train` may still go to, because no source gives them."""
    salt: bytes


def assign(light: Rows, units: Rows, old: Rows, plan: Plan, engine: Engine) -> Rows:
    """Return notes with `split` and `unit` for every row; a `rule` where a row leaves.

    `light` holds `_id`, `_split` (as the source gives it) and the columns that the plan names; `units` holds `_id` and
    `unit` for rows that belong together; `old` holds `_id` and `split` of rows that have one.
    """
    members = engine.exchange(
        Exchange(name="split-members", emit=partial(_members, plan=plan), gather=_one_line_a_row),
        chained(light, units, old),
    )
    heads = engine.exchange(
        Exchange(name="split-units", emit=_keyed_by_unit, gather=partial(_heads, plan=plan)), members
    )
    quotas = _quotas(heads, plan, engine)
    decided = engine.exchange(
        Exchange(name="split-quotas", emit=_keyed_by_stratum, gather=partial(_decide, plan=plan, quotas=quotas)), heads
    )
    return engine.exchange(
        Exchange(name="split-rows", emit=_keyed_by_unit, gather=partial(_hand_out, plan=plan)),
        chained(decided, members),
    )


def _members(batch: Batch, *, plan: Plan) -> Batch:
    """Bring light rows, units and old splits to one shape, keyed by id."""
    names = set(batch.schema.names)
    count = batch.num_rows
    ids = batch.column(ID)
    blank = pa.nulls(count, pa.string())
    light = SPLIT in names
    stratum = _texts(batch, plan.stratum) if light and plan.stratum else blank
    order = _texts(batch, plan.time, sortable=True) if light and plan.time else blank
    return pa.RecordBatch.from_arrays(
        [
            ids,
            ids,
            batch.column("unit") if "unit" in names else blank,
            stratum,
            batch.column("split") if "split" in names else blank,
            batch.column(SPLIT).cast(pa.string()) if light else blank,
            order,
            pa.array(np.full(count, light, np.int64)),
        ],
        schema=MEMBER,
    )


def _one_line_a_row(batches: Iterator[Batch]) -> Iterator[Batch]:
    for batch in whole(batches, KEY):
        starts = _starts(batch.column(KEY))
        light = np.add.reduceat(batch.column("size").to_numpy(), starts) > 0
        ids = batch.column(ID).take(pa.array(starts))
        found = {name: _first(batch.column(name), starts) for name in MEMBER.names}
        found |= {
            KEY: ids,
            ID: ids,
            "unit": pc.coalesce(found["unit"], ids),
            "size": pa.array(np.ones(len(ids), np.int64)),
        }
        yield _members_of(found).filter(pa.array(light))


def _keyed_by_unit(batch: Batch) -> Batch:
    return batch.set_column(0, MEMBER.field(KEY), batch.column("unit"))


def _heads(batches: Iterator[Batch], *, plan: Plan) -> Iterator[Batch]:
    """Make one line a unit: its label (of its first row), its size, and the split it is bound to, if any."""
    for batch in whole(batches, KEY):
        starts = _starts(batch.column(KEY))
        first = batch.take(pa.array(starts))
        said = _ranks(batch.column("given"))
        for name in plan.open_splits:
            said[said == RANK[name]] = NONE
        found = dict(zip(first.schema.names, first.columns, strict=True))
        found |= {
            ID: pa.array(row_ids(first.column("unit").to_pylist(), "split", plan.salt), pa.string()),
            "fixed": _splits(np.maximum.reduceat(_bound(batch, plan), starts)),
            "given": _splits(np.maximum.reduceat(said, starts)),
            "order": _latest(batch.column("order"), starts),
            "size": pa.array(np.diff(starts, append=batch.num_rows)),
        }
        yield _members_of(found)


def _latest(orders: pa.Array, starts: Places) -> pa.Array:
    if orders.null_count == len(orders):
        return pa.nulls(len(starts), pa.string())
    values, ends = orders.to_pylist(), [*starts[1:].tolist(), len(orders)]
    latest = [
        max((value for value in values[start:end] if value), default=None)
        for start, end in zip(starts.tolist(), ends, strict=True)
    ]
    return pa.array(latest, pa.string())


def _bound(batch: Batch, plan: Plan) -> Places:
    """Return the split each row must have: its old one, else the one its source gives."""
    given = _ranks(batch.column("given"))
    if plan.open_splits:
        given[given == RANK["train"]] = NONE
    fixed = _ranks(batch.column("fixed"))
    return np.where(fixed == NONE, given, fixed)


def _keyed_by_stratum(batch: Batch) -> Batch:
    batch = batch.set_column(0, MEMBER.field(KEY), pc.fill_null(batch.column("stratum"), ""))
    order = batch.column("order")
    if order.null_count < len(order):
        # By time: the oldest first; units of one moment in the order of their hash.
        ids = [f"{at or ''}\0{unit}" for at, unit in zip(order.to_pylist(), batch.column(ID).to_pylist(), strict=True)]
        batch = batch.set_column(1, MEMBER.field(ID), pa.array(ids, pa.string()))
    return batch


def _quotas(heads: Rows, plan: Plan, engine: Engine) -> dict[str, dict[str, int]]:
    """Count rows by label, and how many each split may still take. Small: one line a label."""
    totals: dict[str, dict[str, int]] = {}
    step = Step(name="count labels", work=partial(_count, read=heads.read))
    for _, counts in engine.run(step, heads.shards):
        for stratum, found in counts.items():
            into = totals.setdefault(stratum, {})
            for name, count in found.items():
                into[name] = into.get(name, 0) + count
    quotas = {}
    for stratum, found in totals.items():
        every = sum(found.values())
        test = round(every * plan.test) - found.get("test", 0)
        valid = round(every * plan.valid) - found.get("valid", 0)
        quotas[stratum] = {
            "test": max(0, test),
            "valid": max(0, valid),
            "train": max(0, every - round(every * plan.test) - round(every * plan.valid) - found.get("train", 0)),
        }
    return quotas


def _count(shard: Shard, *, read: Any) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for batch in read(shard):
        # Shares are of the rows there are to share out: what a source gives must not steer the others.
        batch = batch.filter(pc.invert(pc.is_in(batch.column("given"), pa.array(["valid", "test"]))))
        lines = pa.table(
            {
                "stratum": pc.fill_null(batch.column("stratum"), ""),
                "fixed": pc.fill_null(batch.column("fixed"), "open"),
                "size": batch.column("size"),
            }
        )
        for line in lines.group_by(["stratum", "fixed"]).aggregate([("size", "sum")]).to_pylist():
            into = counts.setdefault(line["stratum"], {})
            into[line["fixed"]] = into.get(line["fixed"], 0) + line["size_sum"]
    return counts


def _decide(batches: Iterator[Batch], *, plan: Plan, quotas: dict[str, dict[str, int]]) -> Iterator[Batch]:
    """Fill each label's quotas in order; units come sorted by (label, hash or time)."""
    taken: dict[str, int] = {}
    stratum: str | None = None
    for batch in batches:
        splits = []
        columns = (batch.column(name).to_pylist() for name in (KEY, ID, "fixed", "given", "size"))
        for key, name, fixed, given, size in zip(*columns, strict=True):
            if key != stratum:
                stratum, taken = key, {}
            if fixed:
                splits.append(fixed)
                continue
            split = _next_split(name, given, size, plan, quotas[key], taken)
            taken[split] = taken.get(split, 0) + size
            splits.append(split)
        found = dict(zip(batch.schema.names, batch.columns, strict=True))
        # An empty id comes before all rows of the unit.
        blank = pa.array([""] * batch.num_rows, pa.string())
        size = pa.array(np.zeros(batch.num_rows, np.int64))
        yield _members_of(found | {"fixed": pa.array(splits, pa.string()), ID: blank, "size": size})


def _next_split(
    name: str, given: str | None, size: int, plan: Plan, quota: dict[str, int], taken: dict[str, int]
) -> str:
    if plan.by == "hash":
        drawn = int(name.rpartition("\0")[2][:13], 16) / 16**13
        drawn_split = "test" if drawn < plan.test else "valid" if drawn < plan.test + plan.valid else "train"
        return drawn_split if _may(given, drawn_split, plan) else "train"
    turns = ("train", "valid") if plan.by == "time" else ("test", "valid")
    for split in turns:
        # A unit goes where at least half of it still fits, so that large clusters do not overfill a split.
        if taken.get(split, 0) + size / 2 <= quota[split] and quota[split] and _may(given, split, plan):
            return split
    last = "test" if plan.by == "time" else "train"
    return last if _may(given, last, plan) else "train"


def _may(given: str | None, split: str, plan: Plan) -> bool:
    return split == "train" or given != "train" or split in plan.open_splits


def _hand_out(batches: Iterator[Batch], *, plan: Plan) -> Iterator[Batch]:
    """Give each row its unit's split; rows bound to a lower one leave (or stay, where the recipe says keep)."""
    for batch in whole(batches, KEY):
        starts = _starts(batch.column(KEY))
        # The first line of a group is the unit's own; the others are its rows.
        units = np.repeat(_ranks(batch.column("fixed").take(pa.array(starts))), np.diff(starts, append=batch.num_rows))
        given, bound = _ranks(batch.column("given")), _bound(batch, plan)
        own = np.where(bound != NONE, bound, np.where(_may_all(given, units, plan), units, given))
        rows = batch.column("size").to_numpy() > 0
        stays = _first(pc.if_else(pa.array(rows & (own == units)), batch.column(ID), None), starts)
        leaves = (own != units) & (plan.straddle == "drop")
        why = np.where(own == given, "given", plan.by)
        blank = pa.scalar(None, pa.string())
        of_unit = pa.array(np.repeat(np.arange(len(starts)), np.diff(starts, append=batch.num_rows)))
        yield note(
            batch.num_rows,
            **{ID: batch.column(ID)},
            split=_splits(own),
            unit=batch.column("unit"),
            why=pc.if_else(_said(batch.column("fixed")), "kept", pa.array(why.astype(object), pa.string())),
            place=pc.if_else(pa.array(leaves), PLACE, blank),
            rule=pc.if_else(pa.array(leaves), "straddles_split", blank),
            other_id=pc.if_else(pa.array(leaves), stays.take(of_unit), blank),
        ).filter(pa.array(rows))


def _may_all(given: Places, splits: Places, plan: Plan) -> npt.NDArray[np.bool_]:
    """Tell for each row whether its source lets it go to a split."""
    free: npt.NDArray[np.bool_] = (splits == RANK["train"]) | (given != RANK["train"])
    for name in plan.open_splits:
        free |= splits == RANK[name]
    return free


def _starts(keys: pa.Array) -> Places:
    """Return where each group of equal keys begins."""
    return np.flatnonzero(begins(keys).to_numpy(zero_copy_only=False))


def _first(column: pa.Array, starts: Places) -> pa.Array:
    """Return each group's first value that is not null."""
    count = len(column)
    rows = np.where(column.is_valid().to_numpy(zero_copy_only=False), np.arange(count), count)
    found = np.minimum.reduceat(rows, starts)
    return column.take(pa.array(found, mask=found == count))


def _ranks(splits: pa.Array) -> Places:
    """Return train, valid, test as 0, 1, 2, and what is none of them as `NONE`."""
    found = pc.index_in(splits, pa.array(list(RANK)))
    ranks: Places = pc.fill_null(found, NONE).to_numpy().astype(np.int64)
    return ranks


def _splits(ranks: Places) -> pa.Array:
    return pa.array(list(RANK), pa.string()).take(pa.array(ranks, mask=ranks == NONE))


def _said(texts: pa.Array) -> pa.Array:
    return pc.fill_null(pc.not_equal(texts, ""), False)


def _members_of(columns: dict[str, pa.Array]) -> Batch:
    return pa.RecordBatch.from_arrays([columns[name] for name in MEMBER.names], schema=MEMBER)


def _texts(batch: Batch, name: str | None, *, sortable: bool = False) -> pa.Array:
    if not name or name not in batch.schema.names:
        return pa.nulls(batch.num_rows, pa.string())
    if batch.schema.field(name).type == pa.string():
        return batch.column(name)
    values = batch.column(name).to_pylist()
    return pa.array([None if value is None else _text(value, sortable) for value in values], pa.string())


def _text(value: Any, sortable: bool) -> str:
    if sortable and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value + 1e15:032.9f}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return value if isinstance(value, str) else canonical(value)
