"""A whole run: skip what is unchanged, grow without moving rows, account for every row, never look at the test."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tilth import api
from tilth.core import events
from tilth.core.errors import DataError, OperatorError, RecipeError, Stopped
from tilth.core.events import Event
from tilth.tables._scan import ReadParts
from tilth.tables.project import Project

TINY = "scratch: {layers: 1, hidden: 16, heads: 2, vocabulary: 200}, epochs: 1, threads: 1"
TRAIN = f"train: {{task: text_classification, {TINY}}}\nevaluate: {{bootstrap: 50, baselines: false}}\n"
WORDS = "river stone bread window garden letter engine copper violin harbour".split()


def text(number: int) -> str:
    chance = random.Random(number)
    return " ".join(chance.choice(WORDS) + str(chance.randrange(1000)) for _ in range(8))


def table(count: int, start: int = 0) -> list[tuple[str, str, str, float]]:
    return [(f"k{n}", text(n), "ab"[n % 2], float(n)) for n in range(start, start + count)]


def write(path: Path, rows: list[tuple[str, str, str, float]]) -> None:
    lines = [f"{key},{words},{label},{value}" for key, words, label, value in rows]
    path.write_text("key,text,label,value\n" + "\n".join(lines) + "\n")


class Folder:
    """A project folder with a recipe and data."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[Event] = []

    def run(self, recipe: str, **options: Any) -> Any:
        (self.path / "recipe.yaml").write_text("name: t\n" + recipe)
        self.heard = []
        return api.run(self.path / "recipe.yaml", listen=self.heard.append, **{"workers": 1, **options})

    def stages(self, kind: type) -> list[str]:
        return [event.stage for event in self.heard if isinstance(event, kind)]  # type: ignore[attr-defined]

    def rows(self, name: str = "t") -> list[dict[str, Any]]:
        found = Project(str(self.path)).table(name)
        return [line for batch in found.scan().batches() for line in batch.to_pylist()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    write(tmp_path / "a.csv", table(60))
    return Folder(tmp_path)


SOURCE = "acquire: [{files: {path: a.csv, key: key, licence: own}}]\n"


def test_a_second_run_of_the_same_recipe_does_nothing(folder: Folder) -> None:
    first = folder.run(SOURCE + "refine: [fix_text, {standardise: {columns: [value]}}]\n" + TRAIN)
    assert set(folder.stages(events.StageDone)) == {"acquire", "cluster", "split", "refine", "train", "evaluate"}
    second = folder.run(SOURCE + "refine: [fix_text, {standardise: {columns: [value]}}]\n" + TRAIN)
    assert set(folder.stages(events.StageSkipped)) == {"acquire", "cluster", "split", "refine", "train", "evaluate"}
    assert not [
        event for event in folder.heard if isinstance(event, (events.Trained, events.TestOpened, events.ShardDone))
    ]
    assert second.bundle == first.bundle
    assert [line.status for line in second.summary.stages] == ["skipped"] * 6


def test_changing_a_late_option_redoes_only_what_depends_on_it(folder: Folder) -> None:
    folder.run(SOURCE + TRAIN)
    folder.run(SOURCE + TRAIN.replace("bootstrap: 50", "bootstrap: 60"))
    assert folder.stages(events.StageDone) == ["evaluate"]
    folder.run(SOURCE + "refine: [{length: {min: 2}}]\n" + TRAIN)
    assert "acquire" in folder.stages(events.StageSkipped)
    assert {"refine", "train"} <= set(folder.stages(events.StageDone))


def test_moving_the_project_or_cutting_the_file_changes_no_id(folder: Folder, tmp_path: Path) -> None:
    folder.run(SOURCE)
    before = {row["key"]: row["_id"] for row in folder.rows()}
    write(tmp_path / "a.csv", table(30))
    write(tmp_path / "b.csv", table(30, 30))
    folder.run("acquire: [{files: {path: '*.csv', name: a.csv, key: key, licence: own}}]\n")
    assert {row["key"]: row["_id"] for row in folder.rows()} == before


def test_growing_data_moves_no_row_to_another_split(folder: Folder, tmp_path: Path) -> None:
    folder.run(SOURCE)
    before = {row["key"]: row["_split"] for row in folder.rows()}
    write(tmp_path / "a.csv", table(400))
    folder.run(SOURCE)
    after = {row["key"]: row["_split"] for row in folder.rows()}
    assert {key: after[key] for key in before} == before
    found = Counter(after.values())
    assert abs(found["test"] - 80) <= 20
    assert abs(found["valid"] - 40) <= 15


def test_duplicates_never_straddle_a_split(folder: Folder, tmp_path: Path) -> None:
    rows = table(100)
    copies = [(f"c{n}", rows[n][1] + " again", rows[n][2], 0.0) for n in range(0, 100, 3)]
    write(tmp_path / "a.csv", rows + copies)
    folder.run(SOURCE + "split: {test: 0.3, valid: 0.2}\n")
    split = {row["key"]: row["_split"] for row in folder.rows()}
    assert all(split[f"c{n}"] == split[f"k{n}"] for n in range(0, 100, 3))
    assert len(set(split.values())) == 3


def test_a_key_that_stands_twice_keeps_its_last_row(folder: Folder, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", [*table(20), ("k3", text(900), "b", 1.0)])
    ran = folder.run(SOURCE)
    assert [row["text"] for row in folder.rows() if row["key"] == "k3"] == [text(900)]
    assert ran.summary.accounts == {"rows_in": 21, "expanded": 0, "grown": 0, "kept": 20, "dropped": 1, "failed": 0}


@pytest.mark.parametrize("seed", range(6))
def test_rows_in_are_kept_dropped_or_failed_by_id(folder: Folder, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    rows = table(80)
    rows += [(f"d{n}", chance.choice(rows)[1], "a", 0.0) for n in range(chance.randrange(20))]
    rows += [(f"e{n}", "", "b", 0.0) for n in range(chance.randrange(5))]
    write(tmp_path / "a.csv", rows)
    steps = ["fix_text", "normalise_space", "empty: {columns: [text]}", "length: {min: 60}", "near_duplicates",
             "exact_duplicates: {columns: [text]}"]  # fmt: skip
    chosen = chance.sample(steps, chance.randrange(2, len(steps)))
    fitted = ["standardise: {columns: [value]}", "outliers: {columns: [value]}", "rare_labels: {column: label, min: 2}"]
    chosen += chance.sample(fitted, chance.randrange(3))
    recipe = SOURCE + "refine:\n" + "".join(f"  - {step}\n" for step in chosen)
    ran = folder.run(recipe)
    project = Project(str(tmp_path))
    came = {row["_id"] for row in folder.rows("t.acquired")}
    kept = {row["_id"] for row in folder.rows()}
    gone = {
        line["_id"]
        for batch in project.fates("t").table.scan().batches()
        for line in batch.to_pylist()
        if line["fate"] in ("dropped", "failed")
    }
    assert kept | gone == came, recipe
    assert not kept & gone
    accounts = ran.summary.accounts
    assert accounts["rows_in"] == accounts["kept"] + accounts["dropped"] + accounts["failed"]
    assert accounts["kept"] == len(kept)
    for fate in project.fates("t").table.scan().batches():
        for line in fate.to_pylist():
            assert line["other_id"] is None or line["other_id"] in kept, "the row that stays in its place is there"


def test_nothing_that_is_fitted_sees_the_test(tmp_path: Path) -> None:
    """The permuted-test contract: other test rows, same fitted operators, same model."""
    found = []
    for shuffled in (False, True):
        path = tmp_path / str(shuffled)
        path.mkdir()
        (path / ".tilth").mkdir()
        train, test = table(60), table(30, 1000)
        if shuffled:
            chance = random.Random(7)
            test = [
                (key, text(chance.randrange(5000, 9000)), chance.choice("ab"), chance.uniform(-1e6, 1e6))
                for key, *_ in test
            ]
        write(path / "train.csv", train)
        write(path / "test.csv", test)
        one = Folder(path)
        project = Project(str(path))
        assert project.salt
        (path / ".tilth" / "salt").chmod(0o600)
        (path / ".tilth" / "salt").write_bytes(b"s" * 32)
        ran = one.run(
            "acquire:\n"
            "  - files: {path: train.csv, key: key, split: train, licence: own}\n"
            "  - files: {path: test.csv, key: key, split: test, licence: own}\n"
            "refine:\n"
            "  - standardise: {columns: [value]}\n"
            "  - outliers: {columns: [value], action: clip}\n"
            "  - rare_labels: {column: label, min: 2}\n" + TRAIN
        )
        facts = next((path / ".tilth" / "stages").glob("refine-*/_facts.json"))
        weights = (ran.bundle / "model" / "model.safetensors").read_bytes()
        decision = json.loads((ran.bundle / "bundle.json").read_text())["decision"]
        found.append((json.loads(facts.read_text())["links"], weights, decision))
    assert found[0] == found[1]


def test_a_sample_runs_the_whole_way_beside_the_full_data(folder: Folder) -> None:
    folder.run(SOURCE)
    ran = folder.run(SOURCE + TRAIN, sample=40)
    assert ran.summary.sample == 40
    assert len(folder.rows("t-sample")) == 40
    assert len(folder.rows()) == 60
    again = folder.run(SOURCE + TRAIN, sample=40)
    assert again.bundle == ran.bundle


def test_an_operator_of_the_users_own(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "from tilth.core.operator import verdicts\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class EvenKeys:\n"
        '    """Keep even keys."""\n'
        "    def judge(self, batch):\n"
        "        return verdicts([int(k[1:]) % 2 == 1 for k in batch.column('key').to_pylist()], 'odd')\n"
    )
    folder.run("code: mine.py\n" + SOURCE + "refine: [even_keys]\n", workers=2)
    assert {int(row["key"][1:]) % 2 for row in folder.rows()} == {0}


def test_an_operator_that_fails_is_tolerated_only_as_far_as_the_recipe_says(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Picky:\n"
        '    """Fail on one row."""\n'
        "    def map(self, batch):\n"
        "        for key in batch.column('key').to_pylist():\n"
        "            if key == 'k7':\n"
        "                raise ValueError('k7 is secret')\n"
        "        return batch\n"
    )
    recipe = "code: mine.py\n" + SOURCE + "refine: [picky]\n"
    with pytest.raises(OperatorError, match=r"refine\[0\] picky: failed on 1 of 60 rows") as failed:
        folder.run(recipe)
    assert "secret" not in str(failed.value)
    assert not Project(str(tmp_path)).table("t").exists(), "nothing is committed"
    ran = folder.run("tolerance: 0.05\n" + recipe)
    assert ran.summary.accounts["failed"] == 1
    assert len(folder.rows()) == 59


def test_two_recipes_of_one_project_do_not_share_unfinished_work(folder: Folder, tmp_path: Path) -> None:
    folder.run(SOURCE)
    other = tmp_path / "other.yaml"
    other.write_text("name: other\n" + SOURCE)
    api.run(other, workers=1)
    assert len(folder.rows("other")) == len(folder.rows()) == 60


def test_a_part_that_went_away_is_written_again(folder: Folder, tmp_path: Path) -> None:
    for name in "bc":
        write(tmp_path / f"{name}.csv", table(20, 100 * ord(name)))
    recipe = "acquire: [{files: {path: '*.csv', key: key, licence: own}}]\n"
    with pytest.raises(Stopped):
        folder.run(recipe, stop=lambda: len([e for e in folder.heard if isinstance(e, events.ShardDone)]) >= 2)
    parts = sorted((tmp_path / ".tilth" / "data" / "t.acquired").glob("part-*.parquet"))
    parts[0].unlink()
    folder.run(recipe)
    assert len(folder.rows()) == 100


def test_a_licence_that_forbids_the_use_stops_the_plan(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"CC-BY-NC-4.0.*forbids commercial use"):
        folder.run("use: commercial\n" + SOURCE.replace("own", "CC-BY-NC-4.0"))
    assert not (tmp_path / ".tilth").exists()


def test_stopping_keeps_what_is_finished_and_the_next_run_goes_on(folder: Folder, tmp_path: Path) -> None:
    for name in "bcd":
        write(tmp_path / f"{name}.csv", table(20, 100 * ord(name)))
    recipe = "acquire: [{files: {path: '*.csv', key: key, licence: own}}]\n"
    finished: list[Event] = []
    with pytest.raises(Stopped, match="Run again"):
        folder.run(recipe, stop=lambda: len([e for e in folder.heard if isinstance(e, events.ShardDone)]) >= 2)
    finished = [event for event in folder.heard if isinstance(event, events.ShardDone)]
    assert len(finished) == 2
    folder.run(recipe)
    began = next(event for event in folder.heard if isinstance(event, events.StageStarted) and event.stage == "acquire")
    assert (began.shards, began.done) == (4, 2)
    assert len(folder.rows()) == 120


def test_workers_and_processes_do_not_change_what_is_stored(tmp_path: Path) -> None:
    stored = []
    for workers in (1, 2):
        path = tmp_path / str(workers)
        path.mkdir()
        for name in "abc":
            write(path / f"{name}.csv", table(40, 100 * ord(name)))
        one = Folder(path)
        assert Project(str(path)).salt
        (path / ".tilth" / "salt").write_bytes(b"s" * 32)
        recipe = "acquire: [{files: {path: '*.csv', key: key, licence: own}}]\n"
        recipe += "refine: [near_duplicates, {standardise: {columns: [value]}}]\n"
        one.run(recipe, workers=workers)
        stored.append((one.rows(), Project(str(path)).table("t").parts()))
    assert stored[0] == stored[1]


def test_texts_are_read_where_they_are_needed_and_nowhere_else(folder: Folder, monkeypatch: pytest.MonkeyPatch):
    read: list[tuple[str, bool]] = []
    real = ReadParts._group

    def watched(self: ReadParts, file: Any, group: int) -> Any:
        read.append((self.name, "text" in self.schema.names))
        return real(self, file, group)

    monkeypatch.setattr(ReadParts, "_group", watched)
    folder.run("acquire: [files: {path: a.csv, key: key}]\nrefine: [length: {max: 1000}, near_duplicates]\n")
    with_text = [text for name, text in read if name.endswith(".acquired")]
    # Comparing rows and refining them need the text, and the report's examples; assigning splits does not.
    assert sum(with_text) <= 3
    assert len(with_text) > sum(with_text)


def test_rows_are_learnt_in_the_stages_that_a_column_gives(folder: Folder):
    recipe = "acquire: [files: {path: a.csv, key: key}]\nrefine: [curriculum: {column: value, stages: 3}]\n"
    in_order = folder.run(recipe + TRAIN.replace("epochs: 1", "epochs: 1, curriculum: stage"))
    assert {row["stage"] for row in folder.rows()} == {0, 1, 2}
    assert in_order.bundle.is_dir()
    with pytest.raises(DataError, match=r'no column "stge"'):
        folder.run(recipe + TRAIN.replace("epochs: 1", "epochs: 1, curriculum: stge"))
