"""Refined rows go to each sink in one act; what a sink has already is not brought again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tilth import api
from tilth.core import events
from tilth.core.errors import RecipeError, Terminal
from tilth.core.events import Event
from tilth.recipe import check, fill
from tilth.recipe.source import parse
from tilth.tables.project import Project
from tilth.tables.table import Table

RECIPE = """\
name: t
acquire: [{files: {path: a.csv, key: key, licence: own}}]
split: {duplicates: none}
store: %s
"""


class World:
    def __init__(self, folder: Path) -> None:
        self.folder, self.heard = folder, list[Event]()

    def rows(self, **values: int) -> None:
        lines = [f"{key},{key} is {value},{value}\n" for key, value in values.items()]
        (self.folder / "a.csv").write_text("key,text,v\n" + "".join(lines))

    def run(self, store: str, **options: Any) -> Any:
        (self.folder / "recipe.yaml").write_text(RECIPE % store)
        self.heard = []
        return api.run(self.folder / "recipe.yaml", listen=self.heard.append, **{"workers": 1, **options})

    def stored(self, name: str = "out") -> dict[str, int]:
        rows = [row for batch in Table(str(self.folder / name)).scan().batches() for row in batch.to_pylist()]
        return {row["key"]: row["v"] for row in rows}

    def did(self, kind: type) -> set[str]:
        return {event.stage for event in self.heard if isinstance(event, kind)}  # type: ignore[attr-defined]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.rows(a=1, b=2, c=3)
    return world


def test_rows_are_brought_once_and_again_only_when_they_changed(world: World) -> None:
    ran = world.run("./out")
    assert world.stored() == {"a": 1, "b": 2, "c": 3}
    assert [(line.kind, line.rows, line.version, line.status) for line in ran.summary.sinks] == [
        ("delta", 3, 0, "stored")
    ]
    ran = world.run("./out")
    assert "store" in world.did(events.StageSkipped)
    assert ran.summary.sinks[0].status == "unchanged"
    world.rows(a=1, b=22)
    world.run("./out")
    assert world.stored() == {"a": 1, "b": 22}
    assert len(Table(str(world.folder / "out")).versions()) == 2


def test_rows_that_come_again_after_others_are_brought_again(world: World) -> None:
    world.run("./out")
    world.rows(a=9)
    world.run("./out")
    world.rows(a=1, b=2, c=3)
    world.run("./out")
    assert world.stored() == {"a": 1, "b": 2, "c": 3}


def test_each_sink_keeps_its_own_state(world: World) -> None:
    world.run("[./one]")
    world.run("[./one, {delta: {path: two}}]")
    assert world.stored("one") == world.stored("two") == {"a": 1, "b": 2, "c": 3}
    assert [event.stage for event in world.heard if isinstance(event, events.ShardDone)] == ["store delta"]


def test_a_sink_that_fails_leaves_those_before_it_and_says_where(world: World) -> None:
    (world.folder / "two").write_text("a file stands here")
    with pytest.raises(Terminal, match=r"recipe.yaml:4  store\[1\] delta"):
        world.run("[./one, ./two]")
    assert world.stored("one") == {"a": 1, "b": 2, "c": 3}
    (world.folder / "two").unlink()
    world.run("[./one, ./two]")
    assert world.stored("two") == {"a": 1, "b": 2, "c": 3}


def test_a_sample_is_never_stored(world: World) -> None:
    world.run("./out", sample=2)
    assert not (world.folder / "out").exists()
    assert any("a sample is not stored" in event.what for event in world.heard if isinstance(event, events.Noticed))


def test_the_sections_shorthand_is_a_delta_table_and_survives_a_filling() -> None:
    recipe, errors = check.check(parse(RECIPE % "s3://bucket/x"), folder=Path())
    assert not errors
    assert recipe is not None
    assert fill.filled(recipe)["store"][0]["delta"]["path"] == "s3://bucket/x"
    again, errors = check.check(parse(fill.as_yaml(recipe)), folder=Path())
    assert not errors
    assert again is not None
    assert again.store[0].part == recipe.store[0].part


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("[{files: {path: a.csv}}]", "Files is no sink. Wanted: a class with write, commit and newest"),
        ("[{dleta: {path: a}}]", 'Did you mean "delta"?'),
        ("[{delta: {pth: a}}]", 'Did you mean "path"?'),
    ],
)
def test_what_is_no_sink_is_refused(store: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE % store)
    with pytest.raises(RecipeError) as caught:
        api.check(tmp_path / "recipe.yaml")
    assert said in str(caught.value)


@pytest.mark.slow
def test_a_run_killed_while_it_stores_goes_on(world: World) -> None:
    script = (
        "import os, signal, sys; from tilth import api; from tilth.core import events\n"
        "def kill(event):\n"
        "    stored = isinstance(event, events.ShardDone) and event.stage == 'store delta'\n"
        "    if stored: os.kill(os.getpid(), signal.SIGKILL)\n"
        "api.run(sys.argv[1], workers=1, listen=kill)\n"
    )
    (world.folder / "recipe.yaml").write_text(RECIPE % "./out")
    child = subprocess.run(
        [sys.executable, "-c", script, str(world.folder / "recipe.yaml")], env=dict(os.environ), check=False
    )
    assert child.returncode == -signal.SIGKILL
    assert not Table(str(world.folder / "out")).exists()
    world.run("./out")
    assert world.stored() == {"a": 1, "b": 2, "c": 3}
    assert Project(str(world.folder)).table("t").count() == 3
