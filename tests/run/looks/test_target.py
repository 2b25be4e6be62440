"""Files alone or a recipe: what to read, which column, which operators."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.run.looks import target
from tilth.run.looks.target import PLACE

RECIPE = """\
name: notes
acquire:
  - files: {path: notes.csv, key: id, licence: own}
refine:
  - fix_text: {column: body}
  - length: {column: body, min: 5}
  - near_duplicates: {column: body}
  - outliers: {columns: [stars]}
"""


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    lines = "".join(f"n{number},This is note number {number} about the weather.,{number % 5}\n" for number in range(40))
    (tmp_path / "notes.csv").write_text("id,body,stars\n" + lines)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def of(path: Path, **options: object) -> target.Target:
    return target.of(str(path), **{"column": None, "rules": None, "limit": None, **options})  # type: ignore[arg-type]


def test_files_get_every_rule_set_and_both_searches_for_duplicates(notes: Path) -> None:
    found = of(notes / "notes.csv")
    assert found.column == "body" and found.files == 1 and not found.chained
    assert {"gopher_quality", "gopher_repetition", "c4"} <= {link.place for link in found.trials}
    assert all(link.operator.column == "body" for link in found.trials)
    assert [link.place for link in found.deciders] == ["exact_duplicates", "near_duplicates"]


def test_a_recipe_gives_its_own_operators_in_order_and_says_what_is_left_out(notes: Path) -> None:
    found = of(notes / "recipe.yaml")
    assert found.chained and [link.place for link in found.trials] == ["refine[0] fix_text", "refine[1] length"]
    assert [link.place for link in found.deciders] == ["refine[2] near_duplicates"]
    assert found.notices == ("refine[3] outliers learns from train rows first: not tried here",)
    (batch,) = found.rows.batches()
    assert batch.column(PLACE).to_pylist()[:2] == ['"n0"', '"n1"']


def test_rules_by_name_replace_the_recipes_own(notes: Path) -> None:
    found = of(notes / "recipe.yaml", rules=["gopher_quality"], column="body")
    assert not found.chained and [link.place for link in found.trials] == ["gopher_quality"]


def test_a_limit_is_an_even_choice_and_always_the_same(notes: Path) -> None:
    found = [row[PLACE] for batch in of(notes / "notes.csv", limit=10).rows.batches() for row in batch.to_pylist()]
    again = [row[PLACE] for batch in of(notes / "notes.csv", limit=10).rows.batches() for row in batch.to_pylist()]
    assert len(found) == 10 and found == again
    ordinals = [int(place.rpartition(":")[2]) for place in found]
    assert ordinals == sorted(ordinals) and ordinals != list(range(10))


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"column": "bdy"}, DataError, 'no column "bdy".*Did you mean "body"'),
        ({"column": "stars"}, DataError, 'column "stars" holds int. Wanted: a column of strings'),
        ({"rules": ["gopher_qualty"]}, RecipeError, 'Did you mean "gopher_quality"'),
        ({"rules": ["outliers"]}, RecipeError, "outliers needs columns.*Write it into a recipe"),
        ({"rules": ["near_duplicates"]}, RecipeError, "near_duplicates drops no row by itself"),
    ],
)
def test_what_cannot_be_tried_is_said(notes: Path, options: dict[str, object], kind: type, said: str) -> None:
    with pytest.raises(kind, match=said):
        of(notes / "notes.csv", **options)


def test_a_column_with_a_name_of_ours_keeps_out_of_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"_id": "1", "_at": "home", "text": "some words"}\n')
    (batch,) = of(tmp_path / "a.jsonl").rows.batches()
    assert batch.column("at_").to_pylist() == ["home"] and batch.column(PLACE).to_pylist() == ["a.jsonl:0"]
