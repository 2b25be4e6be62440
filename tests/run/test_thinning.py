"""In a run, sample, cap and mix thin the train rows alone: every test and valid row stays, and each loss is a fate."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tilth import api
from tilth.tables.project import Project

HEAD = """\
name: thin
acquire:
  - files: {path: web.csv, name: web, licence: own}
  - files: {path: books.csv, name: books, licence: own}
split: {test: 0.2, valid: 0.1, duplicates: none}
refine:
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, count in (("web", 120), ("books", 40)):
        lines = "".join(f"{name} text {number},{'ab'[number % 4 == 0]}\n" for number in range(count))
        (tmp_path / f"{name}.csv").write_text("text,label\n" + lines)
    return tmp_path


def rows(folder: Path, refine: str, workers: int = 1) -> list[dict[str, Any]]:
    (folder / "recipe.yaml").write_text(HEAD + refine)
    api.run(folder / "recipe.yaml", workers=workers)
    return [line for batch in Project(str(folder)).table("thin").scan().batches() for line in batch.to_pylist()]


def fates(folder: Path) -> list[dict[str, Any]]:
    return [line for batch in Project(str(folder)).fates("thin").table.scan().batches() for line in batch.to_pylist()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refine", "rule", "wanted"),
    [
        ("  - sample: {rows: 30}\n", "sample", {"rows": 30}),
        ("  - cap: {by: label, at_most: 12}\n", "cap", {"a": 12, "b": 12}),
        ("  - cap: {by: _source, at_most: 7}\n", "cap", {"web": 7, "books": 7}),
        ("  - mix: {weights: {web: 0.5, books: 0.5}, rows: 20}\n", "mix", {"web": 10, "books": 10}),
    ],
)
def test_only_train_rows_leave_and_each_is_accounted_for(
    folder: Path, refine: str, rule: str, wanted: dict[str, int]
) -> None:
    before = {row["_id"]: row["_split"] for row in rows(folder, "  - normalise_space\n")}
    after = rows(folder, refine)
    train = [row for row in after if row["_split"] == "train"]
    names = Counter(name for row in train for name in (row["label"], row["_source"]))
    assert {name: len(train) if name == "rows" else names[name] for name in wanted} == wanted
    left = {row["_id"] for row in after}
    assert all(split == "train" or id in left for id, split in before.items())
    gone = {line["_id"] for line in fates(folder) if line["fate"] == "dropped"}
    assert gone == before.keys() - left and {line["rule"] for line in fates(folder)} == {rule}


@pytest.mark.slow
def test_workers_do_not_change_what_stays(folder: Path) -> None:
    refine = "  - cap: {by: label, at_most: 12}\n  - sample: {rows: 9}\n  - curriculum: {column: hard, stages: 3}\n"
    for name in ("web", "books"):
        path = folder / f"{name}.csv"
        lines = path.read_text().splitlines()
        path.write_text("\n".join([lines[0] + ",hard", *(f"{line},{at}" for at, line in enumerate(lines[1:]))]) + "\n")
    one = rows(folder, refine)
    (folder / ".tilth" / "data").rename(folder / "old")
    two = rows(folder, refine, workers=2)
    assert sorted(one, key=lambda row: row["_id"]) == sorted(two, key=lambda row: row["_id"])
    assert {row["stage"] for row in one} == {0, 1, 2} and sum(row["_split"] == "train" for row in one) == 9
