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

import pyarrow as pa

from tilth.core.batch import ID, SPLIT, Batch, canonical, keyed_hash
from tilth.core.engine import KEY, Engine, Exchange, Rows, Step
from tilth.core.shard import Shard
from tilth.run.sidecar import BLOCK, chained, notes

RANK = {"train": 0, "valid": 1, "test": 2}
PLACE = "split"
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
            pa.array([1 if light else 0] * count, pa.int64()),
        ],
        schema=MEMBER,
    )


def _one_line_a_row(batches: Iterator[Batch]) -> Iterator[Batch]:
    ready: list[dict[str, Any]] = []
    for group in _groups(batches, ID):
        if not any(row["size"] for row in group):
            continue
        whole = {name: next((row[name] for row in group if row[name] is not None), None) for name in MEMBER.names}
        ready.append(whole | {"unit": whole["unit"] or whole[ID], "size": 1})
        if len(ready) >= BLOCK:
            yield _rows(ready)
            ready = []
    if ready:
        yield _rows(ready)


def _keyed_by_unit(batch: Batch) -> Batch:
    return batch.set_column(0, MEMBER.field(KEY), batch.column("unit"))


def _heads(batches: Iterator[Batch], *, plan: Plan) -> Iterator[Batch]:
    """Make one line a unit: its label (of its first row), its size, and the split it is bound to, if any."""
    ready: list[dict[str, Any]] = []
    for group in _groups(batches, KEY):
        first = group[0]
        bound = [split for row in group if (split := _bound(row, plan))]
        ready.append(
            {
                **first,
                ID: keyed_hash(plan.salt, "split", first["unit"]),
                "fixed": max(bound, key=lambda split: RANK[split]) if bound else None,
                "given": _given(group, plan),
                "order": max((row["order"] for row in group if row["order"]), default=None),
                "size": len(group),
            }
        )
        if len(ready) >= BLOCK:
            yield _rows(ready)
            ready = []
    if ready:
        yield _rows(ready)


def _given(group: list[dict[str, Any]], plan: Plan) -> str | None:
    """Return what the sources give a unit: the highest split that one of its rows is given."""
    said = [row["given"] for row in group if row["given"] and row["given"] not in plan.open_splits]
    return max(said, key=lambda split: RANK[split]) if said else None


def _bound(row: dict[str, Any], plan: Plan) -> str | None:
    """Return the split a row must have: its old one, else the one its source gives."""
    if row["fixed"]:
        return str(row["fixed"])
    if row["given"] and not (row["given"] == "train" and plan.open_splits):
        return str(row["given"])
    return None


def _keyed_by_stratum(batch: Batch) -> Batch:
    keys = pa.array([value or "" for value in batch.column("stratum").to_pylist()], pa.string())
    batch = batch.set_column(0, MEMBER.field(KEY), keys)
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
        names = ("stratum", "fixed", "given", "size")
        for stratum, fixed, given, size in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            if given in ("valid", "test"):
                # Shares are of the rows there are to share out: what a source gives must not steer the others.
                continue
            into = counts.setdefault(stratum or "", {})
            into[fixed or "open"] = into.get(fixed or "open", 0) + size
    return counts


def _decide(batches: Iterator[Batch], *, plan: Plan, quotas: dict[str, dict[str, int]]) -> Iterator[Batch]:
    """Fill each label's quotas in order; units come sorted by (label, hash or time)."""
    taken: dict[str, int] = {}
    stratum: str | None = None
    for batch in batches:
        out = []
        for row in batch.to_pylist():
            if row[KEY] != stratum:
                stratum, taken = row[KEY], {}
            split = row["fixed"] or _next_split(row, plan, quotas[row[KEY]], taken)
            if not row["fixed"]:
                taken[split] = taken.get(split, 0) + row["size"]
            out.append({**row, "fixed": split, ID: "", "size": 0})
        if out:
            yield _rows(out)


def _next_split(row: dict[str, Any], plan: Plan, quota: dict[str, int], taken: dict[str, int]) -> str:
    if plan.by == "hash":
        drawn = int(row[ID].rpartition("\0")[2][:13], 16) / 16**13
        drawn_split = "test" if drawn < plan.test else "valid" if drawn < plan.test + plan.valid else "train"
        return drawn_split if _may(row, drawn_split, plan) else "train"
    turns = ("train", "valid") if plan.by == "time" else ("test", "valid")
    for split in turns:
        # A unit goes where at least half of it still fits, so that large clusters do not overfill a split.
        if taken.get(split, 0) + row["size"] / 2 <= quota[split] and quota[split] and _may(row, split, plan):
            return split
    last = "test" if plan.by == "time" else "train"
    return last if _may(row, last, plan) else "train"


def _may(row: dict[str, Any], split: str, plan: Plan) -> bool:
    return split == "train" or row["given"] != "train" or split in plan.open_splits


def _hand_out(batches: Iterator[Batch], *, plan: Plan) -> Iterator[Batch]:
    """Give each row its unit's split; rows bound to a lower one leave (or stay, where the recipe says keep)."""
    ready: list[dict[str, Any]] = []
    for group in _groups(batches, KEY):
        unit_split = next(row["fixed"] for row in group if row["size"] == 0)
        rows = [row for row in group if row["size"]]
        stays = min((row[ID] for row in rows if _own(row, unit_split, plan) == unit_split), default=None)
        for row in rows:
            split = _own(row, unit_split, plan)
            why = "kept" if row["fixed"] else "given" if split == row["given"] else plan.by
            note = {ID: row[ID], "split": split, "unit": row["unit"], "why": why}
            if split != unit_split and plan.straddle == "drop":
                note |= {"place": PLACE, "rule": "straddles_split", "other_id": stays}
            ready.append(note)
        if len(ready) >= BLOCK:
            yield notes(ready)
            ready = []
    if ready:
        yield notes(ready)


def _own(row: dict[str, Any], unit_split: str, plan: Plan) -> str:
    """Return the split a row goes to: what it is bound to, else its unit's, where its source lets it."""
    return _bound(row, plan) or (unit_split if _may(row, unit_split, plan) else str(row["given"]))


def _groups(batches: Iterator[Batch], name: str) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for batch in batches:
        for row in batch.to_pylist():
            if group and group[0][name] != row[name]:
                yield group
                group = []
            group.append(row)
    if group:
        yield group


def _rows(rows: list[dict[str, Any]]) -> Batch:
    return pa.RecordBatch.from_pylist(rows, schema=MEMBER)


def _texts(batch: Batch, name: str | None, *, sortable: bool = False) -> pa.Array:
    values = batch.column(name).to_pylist() if name and name in batch.schema.names else [None] * batch.num_rows
    return pa.array([None if value is None else _text(value, sortable) for value in values], pa.string())


def _text(value: Any, sortable: bool) -> str:
    if sortable and isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value + 1e15:032.9f}"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return value if isinstance(value, str) else canonical(value)
