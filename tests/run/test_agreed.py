"""What is agreed about a source is checked before anything is committed; rows that break it are set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.run.journal import Journal

from tilth import api
from tilth.core import registry
from tilth.core.errors import CheckFailed, RecipeError
from tilth.recipe import check, fill
from tilth.recipe.source import parse
from tilth.tables.project import Project

HEAD = "name: t\nacquire:\n  - files: {path: a.csv, key: key, licence: own}\n    agreement:\n"
TAIL = "split: {duplicates: none}\n"


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, *lines: str) -> None:
        (self.folder / "a.csv").write_text("key,text,v\n" + "".join(f"{line}\n" for line in lines))

    def run(self, *agreed: str, head: str = HEAD) -> Any:
        (self.folder / "recipe.yaml").write_text(head + "".join(f"      {line}\n" for line in agreed) + TAIL)
        return api.run(self.folder / "recipe.yaml", workers=1)

    def rows(self) -> dict[str, Any]:
        table = Project(str(self.folder)).table("t")
        return {row["key"]: row["v"] for batch in table.scan().batches() for row in batch.to_pylist()}

    def aside(self) -> list[tuple[dict[str, Any], list[str]]]:
        table = Project(str(self.folder)).quarantine("t")
        rows = [row for batch in table.scan().batches() for row in batch.to_pylist()]
        return [(json.loads(row["row"]), [f"{one['column']} {one['rule']}" for one in row["breaks"]]) for row in rows]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.write("a,one thing,1", "b,other thing,200", "c,third thing,3")
    return world


def test_rows_that_break_a_rule_are_set_aside_and_counted(world: World) -> None:
    ran = world.run("columns: {v: {type: int, max: 9}}", "tolerance: 0.5")
    assert world.rows() == {"a": 1, "c": 3}
    assert world.aside() == [({"key": "b", "text": "other thing", "v": 200}, ["v max"])]
    accounts = ran.summary.accounts
    assert accounts["rows_in"] == 3
    assert accounts["failed"] == 1
    assert accounts["kept"] == 2
    fates = Project(str(world.folder)).fates("t")
    assert [(one.fate, one.rule, one.rows) for one in fates.counts()] == [("failed", "agreement", 1)]
    again = world.run("columns: {v: {type: int, max: 9}}", "tolerance: 0.5")
    assert again.summary.accounts == accounts


def test_more_than_is_tolerated_stops_the_run_and_leaves_what_there_was(world: World) -> None:
    world.run("tolerance: 0.5")
    with pytest.raises(CheckFailed, match=r"recipe.yaml:3  acquire\[0\] files: the agreement is broken"):
        world.run("columns: {v: {max: 2}}", "tolerance: 0.5")
    assert world.rows() == {"a": 1, "b": 200, "c": 3}
    assert len(world.aside()) == 2
    report = json.loads((world.folder / ".tilth" / "quarantine" / "t.json").read_text())
    assert report[0]["kept"] is False
    assert report[0]["rules"] == [{"column": "v", "rule": "max", "rows": 2}]


@pytest.mark.parametrize(
    ("agreed", "said"),
    [
        (["columns: {text: {unique: true}}"], "text unique"),
        (["rows: {min: 100}"], "rows"),
        (["licences: [cc-by-4.0]"], "licence"),
        (["columns: {missing: {required: true}}"], "missing"),
        (["columns: {key: {}}", "extra_columns: forbid"], "extra"),
    ],
)
def test_what_only_all_rows_show_stops_the_run(agreed: list[str], said: str, world: World) -> None:
    world.write("a,same,1", "b,same,2")
    with pytest.raises(CheckFailed) as caught:
        world.run(*agreed)
    assert said in str(caught.value)
    assert not Project(str(world.folder)).table("t").exists()


def test_a_changed_agreement_reads_again(world: World) -> None:
    world.run("columns: {v: {max: 300}}")
    assert len(world.rows()) == 3
    world.run("columns: {v: {max: 9}}", "tolerance: 1")
    assert len(world.rows()) == 2


def test_a_source_that_grows_is_checked_as_a_whole(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._own, ("tilth.connectors", "journal"), Journal)
    head = HEAD.replace("files: {path: a.csv, key: key, licence: own}", "journal: {path: j.jsonl}")
    journal = world.folder / "j.jsonl"

    def put(number: int, key: str, v: int) -> None:
        row = {"key": key, "text": f"{key} says", "v": v}
        with journal.open("a") as file:
            file.write(json.dumps({"n": number, "row": row}) + "\n")

    put(0, "a", 1)
    put(1, "b", 2)
    agreed = ("columns: {v: {unique: true, max: 9}}", "rows: {min: 2}", "tolerance: 0.5")
    world.run(*agreed, head=head)
    put(2, "c", 3)
    put(3, "d", 99)
    world.run(*agreed, head=head)
    assert world.rows() == {"a": 1, "b": 2, "c": 3}
    assert [row["key"] for row, _ in world.aside()] == ["d"]
    put(4, "e", 1)
    with pytest.raises(CheckFailed, match="unique"):
        world.run(*agreed, head=head)
    assert world.rows() == {"a": 1, "b": 2, "c": 3}


def test_a_run_without_new_rows_is_as_fresh_as_the_newest_that_came_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry._own, ("tilth.connectors", "journal"), Journal)
    head = HEAD.replace("files: {path: a.csv, key: key, licence: own}", "journal: {path: j.jsonl}")
    row = {"key": "a", "text": "a says", "v": 1, "at": "2026-11-25T00:00:00Z"}
    (world.folder / "j.jsonl").write_text(json.dumps({"n": 0, "row": row}) + "\n")
    agreed = ("columns: {v: {required: true}}", "fresh: {column: at, within: 36500 days}")
    for _ in range(2):
        world.run(*agreed, head=head)
    old = {**row, "key": "b", "text": "b says", "at": "1999-01-01T00:00:00Z"}
    with (world.folder / "j.jsonl").open("a") as file:
        file.write(json.dumps({"n": 1, "row": old}) + "\n")
    world.run(*agreed, head=head)
    assert world.rows() == {"a": 1, "b": 1}
    with pytest.raises(CheckFailed, match="fresh"):
        world.run(agreed[0], "fresh: {column: at, within: 1 s}", head=head)


def test_an_agreement_survives_a_filling() -> None:
    text = (
        HEAD + "      columns: {v: {type: int, max: 9, in: [1, 2]}}\n      fresh: {column: v, within: 7 days}\n" + TAIL
    )
    recipe, errors = check.check(parse(text), folder=Path())
    assert not errors, errors
    assert recipe is not None
    again, errors = check.check(parse(fill.as_yaml(recipe)), folder=Path())
    assert not errors, errors
    assert again is not None
    assert again.acquire[0].agreement == recipe.acquire[0].agreement


def test_a_wrong_agreement_names_the_line_and_the_typo(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(HEAD + "      columns: {v: {mx: 9}}\n" + TAIL)
    with pytest.raises(RecipeError, match=r"recipe.yaml:5 .*acquire\[0\] agreement.*\n?.*max"):
        api.check(tmp_path / "recipe.yaml")
