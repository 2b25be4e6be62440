"""What editors find is cut in the row-wise pass, at their place in the recipe, and each row is accounted for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tilth.core.batch import ID
from tilth.recipe import check as checking
from tilth.run import runner
from tilth.tables.project import Project

FOOTER = "sent from my very small phone"


def ran(
    folder: Path, texts: Sequence[str], steps: Sequence[Any], workers: int = 1, files: int = 1, duplicates: str = "none"
) -> Project:
    (folder / "in").mkdir(parents=True)
    size = -(-len(texts) // files)
    for file in range(files):
        lines = [
            json.dumps({"key": f"{file * size + at:03}", "text": text})
            for at, text in enumerate(texts[file * size : (file + 1) * size])
        ]
        (folder / "in" / f"{file}.jsonl").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    assert Project(str(folder)).salt
    (folder / ".tilth" / "salt").write_bytes(b"s" * 32)
    recipe = {
        "name": "t",
        "acquire": [{"files": {"path": "in/*.jsonl", "name": "in", "licence": "own", "key": "key"}}],
        "refine": list(steps),
        "split": {"duplicates": duplicates},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    runner.run(checking.load(folder / "recipe.yaml"), workers=workers)
    return Project(str(folder))


def kept(project: Project) -> dict[str, str]:
    parts = project.table("t").scan().batches()
    return {row["key"]: row["text"] for part in parts for row in part.to_pylist()}


def fates(project: Project) -> list[dict[str, Any]]:
    return [fate for part in project.fates("t").table.scan().batches() for fate in part.to_pylist()]


def test_a_footer_stays_in_one_row_and_the_fates_name_it(tmp_path: Path) -> None:
    texts = [f"letter number {name}\n{FOOTER}" for name in ("one", "two", "three")] + [FOOTER, "alone"]
    project = ran(tmp_path, texts, ["repeated_lines"])
    found = kept(project)
    holders = [key for key, text in found.items() if FOOTER in text]
    assert len(holders) == 1
    said = {key: text.replace(f"\n{FOOTER}", "").replace(FOOTER, "") for key, text in found.items()}
    assert {text for text in said.values() if text} == {
        "letter number one",
        "letter number two",
        "letter number three",
        "alone",
    }
    ids = {row[ID]: row["key"] for part in project.table("t").scan().batches() for row in part.to_pylist()}
    changes = [fate for fate in fates(project) if fate["fate"] == "changed"]
    assert len(changes) == 3
    assert {ids[fate["other_id"]] for fate in changes} == set(holders)
    assert {(fate["column"], fate["rule"], fate["operator"]) for fate in changes} == {
        ("text", "repeated_lines", "refine[0] repeated_lines")
    }


def test_a_text_with_nothing_left_leaves(tmp_path: Path) -> None:
    project = ran(tmp_path, [FOOTER, f"{FOOTER}\n", f"  {FOOTER}", "something else"], ["repeated_lines"])
    assert sum(FOOTER in text for text in kept(project).values()) == 1
    dropped = [fate for fate in fates(project) if fate["fate"] == "dropped"]
    assert [(fate["rule"], fate["value"]) for fate in dropped] == [("repeated_lines", 1.0)] * 2
    assert len(kept(project)) == 2


def test_what_stands_below_an_editor_sees_the_text_as_cut(tmp_path: Path) -> None:
    other = "with kind regards from all of us"
    texts = [*(f"{one}\nthe same letter" for one in (FOOTER, other)), FOOTER, other, "alone"]
    texts += [f"the same letter\n{one}" for one in (FOOTER, other)]
    below = ran(tmp_path / "below", texts, ["repeated_lines", "exact_duplicates"])
    above = ran(tmp_path / "above", texts, ["exact_duplicates", "repeated_lines"])
    # Two rows at most keep a footer; of those that then say the same, one stays.
    assert len(kept(below)) < len(kept(above))
    assert sum(text.strip() == "the same letter" for text in kept(below).values()) == 1


def test_the_operators_above_an_editor_come_first(tmp_path: Path) -> None:
    texts = [f"{name}\nSent from my  very small phone" for name in ("a", "b", "c")]
    steps = ["normalise_space", {"repeated_text": {"min_words": 6}}]
    assert sorted(len(text) for text in kept(ran(tmp_path, texts, steps)).values())[:2] <= [2, 2]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [["repeated_lines"], [{"repeated_text": {"min_words": 5}}, "exact_duplicates"]])
def test_neither_files_nor_workers_matter(tmp_path: Path, steps: list[Any]) -> None:
    texts = [f"letter of day {at} and week {at % 7}\n{FOOTER}\nsee you {at % 3}" for at in range(40)]
    one = kept(ran(tmp_path / "one", texts, steps))
    other = kept(ran(tmp_path / "other", texts, steps, workers=2, files=5))
    assert sorted(one.values()) == sorted(other.values())


def test_two_editors_cut_each_at_its_own_place(tmp_path: Path) -> None:
    passage = "this passage of eight words stands in all"
    texts = [f"{FOOTER}\n{name}, {passage}\n{name} bye" for name in ("one", "two", "three", "four")]
    found = kept(ran(tmp_path, texts, ["repeated_lines", {"repeated_text": {"min_words": 8}}])).values()
    assert sorted(len(text.split()) for text in found) == [3, 3, 3, 17]


def test_a_recipe_with_editors_alone_still_keeps_duplicates_on_one_side(tmp_path: Path) -> None:
    copies = ["the very same text stands here again and again in this corpus of copies"] * 12
    texts = [f"{copy} {at % 2}" for at, copy in enumerate(copies)] + [f"other {at} text {at * 7}" for at in range(30)]
    project = ran(tmp_path, texts, [{"repeated_lines": {"min_documents": 40}}], duplicates="exact")
    rows = [row for part in project.table("t").scan().batches() for row in part.to_pylist()]
    assert len({row["_split"] for row in rows if "very same" in row["text"] and row["text"].endswith("0")}) == 1
