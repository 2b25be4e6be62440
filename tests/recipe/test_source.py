"""Recipe text: values with their lines, YAML 1.2 words, overrides, and every way YAML goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.core.errors import RecipeError
from tilth.recipe.source import parse, read

TEXT = """\
name: demo
acquire:
  - files: {path: a.csv}
refine:
  - fix_text
  - length:
      min: 3
  - length: {max: 9}
train:
  lr: 3e-4
"""


def test_lines_are_remembered_for_keys_and_list_entries() -> None:
    source = parse(TEXT)
    assert source.at(("refine", 1, "length", "min")) == "recipe.yaml:7"
    assert source.at(("train", "lr", "deeper")) == "recipe.yaml:10"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("3e-4", 3e-4),
        ("1e3", 1e3),
        ("0123", "0123"),
        ("2024-01-02", "2024-01-02"),
        ("~", None),
        ("1.5", 1.5),
    ],
)
def test_words_numbers_and_dates_are_what_they_look_like(text: str, value: object) -> None:
    assert parse(f"a: {text}").values == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1, 2", r"recipe.yaml:1: broken YAML"),
        ("a: 1\na: 2", r'recipe.yaml:2: the key "a" stands twice'),
        ("", "the recipe is empty"),
        ("- a", "a recipe is a mapping"),
        ("a: !!python/object/apply:os.system [ls]", "broken YAML|not allowed"),
        ("a: !secret x", "the tag !secret is not allowed"),
        ("a: b: c", "broken YAML.*quotes"),
        ("a:\n\t- b", "broken YAML"),
        ("? [a, b]\n: c", "a key must be a word"),
    ],
)
def test_broken_text_is_one_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse(text)


def test_aliases_cannot_blow_up() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
    )
    with pytest.raises(RecipeError, match="more than 100000 values"):
        parse(bomb)


@pytest.mark.parametrize(
    ("override", "place", "value"),
    [
        ("train.lr=1e-5", ("train", "lr"), 1e-5),
        ("refine[1].min=4", ("refine", 1, "length", "min"), 4),
        ("refine.fix_text.column=body", ("refine", 0, "fix_text", "column"), "body"),
        ("evaluate.slices=[channel]", ("evaluate", "slices"), ["channel"]),
        ("name=other", ("name",), "other"),
        ("acquire[0].files.path=b.csv", ("acquire", 0, "files", "path"), "b.csv"),
    ],
)
def test_overrides_reach_their_option(override: str, place: tuple[str | int, ...], value: object) -> None:
    here: object = parse(TEXT, overrides=[override]).values
    for step in place:
        here = here[step]  # type: ignore[index]
    assert here == value


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.lr", "not a key=value override"),
        ("refine[7].min=4", r"there is no entry \[7\]"),
        ("refine.length.min=4", '"length" stands more than once'),
        ("refine.lenth.min=4", '"lenth" stands nowhere'),
        ("tr-ain=4", '"tr-ain" is not a key'),
    ],
)
def test_a_wrong_override_says_what_is_wrong(override: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse(TEXT, overrides=[override])


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("a: 1")
    with pytest.raises(RecipeError, match=r'Did you mean "recipe.yaml"'):
        read(tmp_path / "recipie.yaml")


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes(b"name: caf\xe9")
    with pytest.raises(RecipeError, match="not UTF-8 at byte 9"):
        read(tmp_path / "r.yaml")
