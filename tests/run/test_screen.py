"""What needs the split runs after it: training rows that hold test items leave, test rows never do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tilth.core import events
from tilth.core.batch import ID
from tilth.core.errors import DataError
from tilth.recipe import check as checking
from tilth.run import runner
from tilth.tables.project import Project


def ran(folder: Path, steps: list[Any]) -> tuple[Project, list[events.Event]]:
    (folder / "recipe.yaml").write_text(
        json.dumps(
            {
                "name": "t",
                "acquire": [
                    {
                        "files": {
                            "path": f"in/{split}.jsonl",
                            "name": split,
                            "licence": "own",
                            "key": "key",
                            "split": split,
                        }
                    }
                    for split in ("train", "test")
                ],
                "split": {"duplicates": "none"},
                "refine": steps,
            }
        ),
        encoding="utf-8",
    )
    heard: list[events.Event] = []
    runner.run(checking.load(folder / "recipe.yaml"), listen=heard.append)
    return Project(str(folder)), heard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    items = [" ".join(f"item{at}word{word}" for word in range(15)) for at in range(5)]
    train = [f"some words before {items[at]} and after" if at < 3 else f"clean row {at} " * 8 for at in range(20)]
    for name, texts in (("train", train), ("test", items)):
        lines = [json.dumps({"key": f"{name}{at}", "text": text}) for at, text in enumerate(texts)]
        (tmp_path / "in" / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_train_rows_that_hold_test_items_leave_and_name_them(folder: Path) -> None:
    project, _ = ran(folder, ["normalise_space", "decontaminate"])
    rows = {row["key"]: row for part in project.table("t").scan().batches() for row in part.to_pylist()}
    assert {key for key in rows if key.startswith("test")} == {f"test{at}" for at in range(5)}
    assert {f"train{at}" for at in range(20)} - set(rows) == {"train0", "train1", "train2"}
    fates = [fate for part in project.fates("t").table.scan().batches() for fate in part.to_pylist()]
    dropped = [fate for fate in fates if fate["fate"] == "dropped"]
    assert {fate["other_id"] for fate in dropped} == {rows[f"test{at}"][ID] for at in range(3)}
    assert {fate["operator"] for fate in dropped} == {"refine[1] decontaminate"}


def test_the_file_of_items_stands_beside_the_recipe_wherever_the_run_starts(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "quiz.txt").write_text("clean row 7 clean row 7 clean row 7 clean row 7 clean row 7\n", encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    project, _ = ran(folder, [{"decontaminate": {"against": "quiz.txt"}}])
    keys = {row["key"] for part in project.table("t").scan().batches() for row in part.to_pylist()}
    assert "train7" not in keys and "train8" in keys
    with pytest.raises(DataError, match=r"no file .*quizz\.txt"):
        ran(folder, [{"decontaminate": {"against": "quizz.txt"}}])


def test_a_second_run_skips_it_and_a_changed_file_of_items_does_not(folder: Path) -> None:
    quiz = folder / "quiz.txt"
    quiz.write_text("clean row 7 clean row 7 clean row 7 clean row 7 clean row 7\n", encoding="utf-8")
    steps = [{"decontaminate": {"against": str(quiz)}}]
    project, _ = ran(folder, steps)
    keys = {row["key"] for part in project.table("t").scan().batches() for row in part.to_pylist()}
    assert "train7" not in keys and "train8" in keys
    _, heard = ran(folder, steps)
    assert "screen" in {event.stage for event in heard if isinstance(event, events.StageSkipped)}
    quiz.write_text("clean row 8 clean row 8 clean row 8 clean row 8 clean row 8\n", encoding="utf-8")
    project, _ = ran(folder, steps)
    keys = {row["key"] for part in project.table("t").scan().batches() for row in part.to_pylist()}
    assert "train7" in keys and "train8" not in keys
