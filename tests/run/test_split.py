"""Splits: quotas by label, groups and clusters together, old assignments win, time in order, the train side leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import ID, SPLIT, Batch
from tilth.core.engine import Rows
from tilth.core.shard import Shard
from tilth.engines.local import Local
from tilth.run.split import Plan, assign

LIGHT = pa.schema([(ID, pa.string()), (SPLIT, pa.string()), ("label", pa.string()), ("at", pa.string())])
UNITS = pa.schema([(ID, pa.string()), ("unit", pa.string())])
OLD = pa.schema([(ID, pa.string()), ("split", pa.string())])


def rows_of(lines: list[dict[str, Any]], schema: pa.Schema, shards: int = 1) -> Rows:
    cuts = [len(lines) * n // shards for n in range(shards + 1)]
    parts = [lines[a:b] for a, b in zip(cuts, cuts[1:], strict=False)]
    return Rows(
        shards=tuple(Shard(id=f"s{n}", where={"n": n}) for n in range(shards)),
        read=_Lines(parts, schema),
    )


class _Lines:
    def __init__(self, parts: list[list[dict[str, Any]]], schema: pa.Schema) -> None:
        self.parts, self.schema = parts, schema

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        lines = self.parts[shard.where["n"]]
        if lines:
            yield pa.RecordBatch.from_pylist(lines, schema=self.schema)


def plan(**changes: Any) -> Plan:
    given: dict[str, Any] = {
        "test": 0.2,
        "valid": 0.1,
        "by": "stratified",
        "stratum": "label",
        "time": None,
        "straddle": "drop",
        "open_splits": (),
        "salt": b"salt",
    }
    return Plan(**{**given, **changes})


def split_of(
    lines: list[dict[str, Any]],
    units: dict[str, str] | None = None,
    old: dict[str, str] | None = None,
    *,
    shards: int = 1,
    **changes: Any,
) -> dict[str, dict[str, Any]]:
    with Local(workers=1) as engine:
        notes = assign(
            rows_of(lines, LIGHT, shards),
            rows_of([{ID: a, "unit": b} for a, b in (units or {}).items()], UNITS),
            rows_of([{ID: a, "split": b} for a, b in (old or {}).items()], OLD),
            plan(**changes),
            engine,
        )
        return {line[ID]: line for batch in notes.batches() for line in batch.to_pylist()}


def labelled(count: int, label: str = "a", start: int = 0) -> list[dict[str, Any]]:
    return [{ID: f"{label}{n:04d}", SPLIT: None, "label": label, "at": None} for n in range(start, start + count)]


def counts(notes: dict[str, dict[str, Any]]) -> Counter[str]:
    return Counter(note["split"] for note in notes.values())


def test_each_label_gets_its_shares() -> None:
    notes = split_of(labelled(100, "a") + labelled(50, "b"))
    for label, total in (("a", 100), ("b", 50)):
        mine = Counter(note["split"] for name, note in notes.items() if name[0] == label)
        assert mine == {"test": total * 0.2, "valid": total * 0.1, "train": total * 0.7}


def test_a_label_seen_once_is_trained_on() -> None:
    assert split_of(labelled(1))["a0000"]["split"] == "train"


@pytest.mark.parametrize("shards", [2, 7])
def test_shards_do_not_matter(shards: int) -> None:
    lines = labelled(60)
    assert split_of(lines, shards=shards) == split_of(lines)


def test_a_row_never_moves_when_the_data_grows() -> None:
    first = split_of(labelled(50))
    old = {name: note["split"] for name, note in first.items()}
    grown = split_of(labelled(500), old=old)
    assert {name: grown[name]["split"] for name in old} == old
    assert counts(grown) == {"test": 100, "valid": 50, "train": 350}
    assert all((grown[name]["why"] == "kept") == (name in old) for name in grown)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=60))
def test_a_unit_is_never_cut(groups: list[int]) -> None:
    lines = labelled(len(groups))
    units = {line[ID]: f"g{group}" for line, group in zip(lines, groups, strict=True)}
    notes = split_of(lines, units, by="hash", stratum=None)
    for group in set(units.values()):
        assert len({notes[name]["split"] for name, unit in units.items() if unit == group}) == 1


def test_the_train_side_leaves_when_a_new_row_joins_a_train_and_a_test_cluster() -> None:
    lines = labelled(3)
    notes = split_of(lines, {line[ID]: "u" for line in lines}, {"a0000": "train", "a0001": "test"})
    assert notes["a0000"]["rule"] == "straddles_split"
    assert notes["a0000"]["other_id"] == "a0001"
    assert notes["a0001"]["split"] == notes["a0002"]["split"] == "test"
    assert notes["a0001"]["rule"] is None


def test_published_benchmarks_may_keep_straddling_rows() -> None:
    lines = labelled(2)
    notes = split_of(lines, {line[ID]: "u" for line in lines}, {"a0000": "train", "a0001": "test"}, straddle="keep")
    assert [notes[name]["split"] for name in ("a0000", "a0001")] == ["train", "test"]
    assert notes["a0000"]["rule"] is None


def test_what_sources_give_is_kept_and_missing_splits_are_carved_from_train() -> None:
    lines = [{**line, SPLIT: "train"} for line in labelled(100)] + [
        {**line, SPLIT: "test"} for line in labelled(20, "a", 100)
    ]
    notes = split_of(lines, open_splits=("valid",))
    assert counts(notes) == {"test": 20, "valid": 10, "train": 90}
    assert all(notes[f"a{n:04d}"]["split"] == "test" for n in range(100, 120))


@pytest.mark.parametrize("straddle", ["drop", "keep"])
def test_a_row_given_to_train_never_becomes_a_test_row(straddle: str) -> None:
    lines = [{**line, SPLIT: "train"} for line in labelled(20)] + [
        {**line, SPLIT: "test"} for line in labelled(5, "a", 20)
    ]
    notes = split_of(lines, {"a0000": "u", "a0020": "u"}, open_splits=("valid",), straddle=straddle)
    assert sum(note["split"] == "test" for note in notes.values()) == 5
    assert notes["a0000"]["split"] == "train"
    assert notes["a0000"]["rule"] == ("straddles_split" if straddle == "drop" else None)


def test_by_time_the_newest_rows_are_the_test() -> None:
    lines = [{**line, "at": f"2026-{n // 28 + 1:02d}-{n % 28 + 1:02d}"} for n, line in enumerate(labelled(100))]
    notes = split_of(lines, by="time", time="at", stratum=None)
    order = [notes[f"a{n:04d}"]["split"] for n in range(100)]
    assert order == ["train"] * 70 + ["valid"] * 10 + ["test"] * 20


def test_by_hash_the_shares_are_about_right() -> None:
    found = counts(split_of(labelled(2000), by="hash", stratum=None))
    assert abs(found["test"] - 400) < 60
    assert abs(found["valid"] - 200) < 50
