"""A source that grows is read since its cursor: what changed takes the old row's place, what is gone goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.run.journal import Journal

from tilth import api
from tilth.core import events, registry
from tilth.core.errors import DataError, Transient
from tilth.core.events import Event
from tilth.run import reading
from tilth.tables.project import Project

RECIPE = "name: t\nacquire:\n  - journal: {path: j.jsonl, overlap: %d}\n%ssplit: {duplicates: none}\n"


class World:
    """A journal, a recipe, and what the project holds."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count, self.heard = folder, 0, list[Event]()
        self.journal = folder / "j.jsonl"
        self.journal.touch()

    def put(self, **rows: Any) -> None:
        for key, value in rows.items():
            row = {"key": key, "text": f"{key} says {value}", **(value if isinstance(value, dict) else {"v": value})}
            self._write({"row": row})

    def delete(self, *keys: str) -> None:
        for key in keys:
            self._write({"gone": key})

    def late(self, number: int, key: str, value: int) -> None:
        """A row whose number is older than what was seen: it was committed late."""
        with self.journal.open("a") as file:
            file.write(json.dumps({"n": number, "row": {"key": key, "text": f"{key} says {value}", "v": value}}) + "\n")

    def _write(self, entry: dict[str, Any]) -> None:
        with self.journal.open("a") as file:
            file.write(json.dumps({"n": self.count, **entry}) + "\n")
        self.count += 1

    def run(self, overlap: int = 0, more: str = "", **options: Any) -> Any:
        (self.folder / "recipe.yaml").write_text(RECIPE % (overlap, more))
        self.heard = []
        return api.run(self.folder / "recipe.yaml", listen=self.heard.append, **{"workers": 1, **options})

    def rows(self) -> dict[str, Any]:
        found = Project(str(self.folder)).table("t").scan()
        rows = [row for batch in found.batches() for row in batch.to_pylist()]
        assert len({row["_id"] for row in rows}) == len(rows)
        return {row["key"]: row["v"] for row in rows}

    def read_again(self) -> list[str]:
        return [event.shard for event in self.heard if isinstance(event, events.ShardDone) and event.stage == "acquire"]

    def did(self, kind: type) -> set[str]:
        return {event.stage for event in self.heard if isinstance(event, kind)}  # type: ignore[attr-defined]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setitem(registry._own, ("tilth.connectors", "journal"), Journal)
    return World(tmp_path)


def test_only_what_is_new_is_read_and_what_was_there_stays(world: World) -> None:
    world.put(a=1, b=2, c=3, d=4)
    world.run()
    ids = dict.fromkeys(world.rows())
    world.put(e=5)
    world.run()
    assert world.rows() == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    assert world.read_again() == ["000-000001-j-0"]
    assert ids.keys() < world.rows().keys()


def test_a_changed_row_takes_the_old_ones_place_and_keeps_its_id_and_split(world: World) -> None:
    world.put(**{f"k{n}": n for n in range(20)})
    world.run()
    table = Project(str(world.folder)).table("t")
    before = {row["key"]: (row["_id"], row["_split"]) for b in table.scan().batches() for row in b.to_pylist()}
    world.put(k3=33, k7=77)
    world.run()
    after = {row["key"]: (row["_id"], row["_split"]) for b in table.scan().batches() for row in b.to_pylist()}
    assert after == before
    assert world.rows() == {**{f"k{n}": n for n in range(20)}, "k3": 33, "k7": 77}


def test_what_is_gone_goes_and_may_come_back(world: World) -> None:
    world.put(a=1, b=2, c=3)
    world.run()
    world.delete("b")
    world.run()
    assert world.rows() == {"a": 1, "c": 3}
    gone = Project(str(world.folder)).decisions("t.gone")
    assert [row["_source"] for batch in gone.scan().batches() for row in batch.to_pylist()] == ["j.jsonl"]
    world.put(b=22)
    world.run()
    assert world.rows() == {"a": 1, "b": 22, "c": 3}


def test_an_overlap_finds_what_came_late_and_changes_nothing_else(world: World) -> None:
    world.put(a=1, b=2, c=3)
    world.run(overlap=5)
    world.late(1, "late", 9)
    world.run(overlap=5)
    assert world.rows() == {"a": 1, "b": 2, "c": 3, "late": 9}
    versions = len(Project(str(world.folder)).table("t").versions())
    for _ in range(3):
        world.run(overlap=5)
        assert {"acquire", "cluster", "split", "refine"} <= world.did(events.StageSkipped)
    assert len(Project(str(world.folder)).table("t").versions()) == versions
    acquired = Project(str(world.folder)).acquired("t")
    assert len(acquired.versions()) == 2


def test_the_last_of_several_changes_counts(world: World) -> None:
    world.put(a=1, b=2)
    world.run()
    for value in range(10, 18):
        world.put(a=value)
    world.run()
    assert world.rows() == {"a": 17, "b": 2}


def test_a_column_that_comes_later_and_one_that_widens(world: World) -> None:
    world.put(a=1, b=2)
    world.run()
    world.put(c={"v": 2.5, "extra": "x"})
    world.run()
    assert world.rows() == {"a": 1.0, "b": 2.0, "c": 2.5}
    world.put(d={"v": 4, "extra": "y"})
    world.run()
    assert world.rows() == {"a": 1.0, "b": 2.0, "c": 2.5, "d": 4.0}


def test_a_source_beside_it_that_is_read_whole_is_read_again_only_when_it_changed(world: World) -> None:
    world.put(a=1)
    side = world.folder / "s.csv"
    side.write_text("key,text,v\nx,the letter x,1\ny,the letter y,2\n")
    more = "  - files: {path: s.csv, key: key, licence: own}\n"
    world.run(more=more)
    world.put(b=2)
    world.run(more=more)
    assert world.rows() == {"a": 1, "b": 2, "x": 1, "y": 2}
    assert all(shard.startswith("000-") for shard in world.read_again())
    side.write_text("key,text,v\nx,the letter x,10\nz,the letter z,3\n")
    world.put(c=3)
    world.run(more=more)
    assert world.rows() == {"a": 1, "b": 2, "c": 3, "x": 10, "z": 3}


def test_other_options_read_everything_anew(world: World) -> None:
    world.put(a=1, b=2)
    world.run()
    world.run(overlap=1)
    assert world.read_again() == ["000-j-0"]
    assert world.rows() == {"a": 1, "b": 2}


def test_a_sample_reads_from_the_beginning_and_leaves_the_whole_alone(world: World) -> None:
    world.put(a=1, b=2, c=3, d=4)
    world.run()
    world.run(sample=2)
    world.put(e=5)
    world.run()
    assert world.rows() == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}


def test_a_transient_failure_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilth.core.retry.FIRST_WAIT", 0.0)
    world.put(a=1, b=2, c=3, d=4)
    (world.folder / "j.jsonl.fails").write_text("2")
    world.run()
    assert world.rows() == {"a": 1, "b": 2, "c": 3, "d": 4}


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_with_the_plan_it_had(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put(a=1, b=2, c=3, d=4)
    world.run()
    world.put(e=5, f=6, g=7, h=8)
    monkeypatch.setattr(reading, "persistent", lambda call: call())
    (world.folder / "j.jsonl.fails").write_text("1")
    with pytest.raises(Transient):
        world.run()
    world.put(i=9)
    world.run()
    assert world.rows() == {key: n + 1 for n, key in enumerate("abcdefgh")}
    world.run()
    assert world.rows() == {key: n + 1 for n, key in enumerate("abcdefghi")}


def test_rows_all_gone_are_an_error_that_loses_nothing(world: World) -> None:
    world.put(a=1)
    world.run()
    world.delete("a")
    with pytest.raises(DataError, match="no row is left"):
        world.run()
