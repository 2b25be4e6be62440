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
        ("a: !!timestamp 2024-01-02", "recipe.yaml:1: the tag .*timestamp is not allowed"),
        ("a: !!binary aGk=", "the tag .*binary is not allowed"),
        ("a: !!int five", 'recipe.yaml:1: cannot read "five"'),
        ("a: 1\n---\nb: 2", "recipe.yaml:2: broken YAML"),
        ("a: \x00", "broken YAML"),
        ("a: *b", "recipe.yaml:1: broken YAML: an alias of nothing. .* begins with [*] needs quotes"),
        ("a: &a [*a]", "nested more than 100 deep"),
        ("a: " + "[" * 500, "nested more than 100 deep"),
        ("a: " + "[" * 200 + "]" * 200, "nested more than 100 deep"),
    ],
)
def test_broken_text_is_one_error_with_its_line(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse(text)


@pytest.mark.parametrize(
    "value", ["*hunter2", "!hunter2 a", "!!int hunter2", "[*hunter2]", "{a: !hunter2 b}", "'hunter2"]
)
def test_broken_text_under_a_secrets_name_is_not_repeated(value: str) -> None:
    with pytest.raises(RecipeError) as caught:
        parse(f"password: {value}")
    assert "hunter2" not in str(caught.value)


def test_an_alias_is_a_copy() -> None:
    source = parse("a: &x {n: 1}\nb: *x", overrides=["b.n=2"])
    assert source.values == {"a": {"n": 1}, "b": {"n": 2}}


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
        ("refine[0].column=body", ("refine", 0, "fix_text", "column"), "body"),
        ("refine[0]=empty", ("refine", 0), "empty"),
        ("refine[1].length={max: 5}", ("refine", 1, "length"), {"max": 5}),
        ("refine.fix_text={width: true}", ("refine", 0, "fix_text"), {"width": True}),
        ("split.test=0.3", ("split", "test"), 0.3),
        ("train.label=", ("train", "label"), None),
        ("train.label= a=b ", ("train", "label"), "a=b"),
        ("serve.keys=env:A", ("serve", "keys"), "env:A"),
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
        ("=4", "not a key=value override"),
        ("name.first=4", '"name.first" does not lead to an option'),
        ("name.first.second=4", '"first" does not lead to an option'),
        ("train[0]=4", r'"train\[0\]" does not lead to an option'),
        ("train.lr=[1", "override train.lr=…:1: broken YAML"),
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


@pytest.mark.parametrize("entry", ["- length:", "- length", "- length: {}"])
@pytest.mark.parametrize("override", ["refine.length.min=4", "refine[1].length.min=4", "refine[1].min=4"])
def test_overrides_reach_a_part_that_stands_without_options(entry: str, override: str) -> None:
    text = f"refine:\n- empty\n{entry}\n"
    assert parse(text, overrides=[override]).values == {"refine": ["empty", {"length": {"min": 4}}]}


def test_overrides_pass_over_entries_that_are_no_parts() -> None:
    text = "refine: [, 5, length, [a]]"
    assert parse(text.replace("[,", "[null,"), overrides=["refine.length.min=4"]).values == {
        "refine": [None, 5, {"length": {"min": 4}}, ["a"]]
    }
    with pytest.raises(RecipeError, match='"size" does not lead to an option|does not lead'):
        parse("refine: [5]", overrides=["refine[0].min.size=4"])


def test_an_empty_list_has_no_entry_to_change() -> None:
    with pytest.raises(RecipeError, match=r"there is no entry \[0\]. Wanted: an entry to change: the list is empty"):
        parse("refine: []", overrides=["refine[0]=a"])


def test_several_overrides_come_in_order() -> None:
    assert parse("a: 1", overrides=["b.c=1", "b.d=2", "b.c=3"]).values == {"a": 1, "b": {"c": 3, "d": 2}}


def test_an_override_is_where_its_value_stands() -> None:
    source = parse(TEXT, overrides=["refine[1].min=4", "train={lr: 1}"])
    assert source.at(("refine", 1, "length", "min")) == "override refine[1].min=4"
    assert source.at(("refine", 1, "length")) == "recipe.yaml:6"
    assert source.at(("train", "lr")) == "override train={lr: 1}"


def test_a_folder_and_a_large_file_are_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no recipe"):
        read(tmp_path)
    (tmp_path / "r.yaml").write_bytes(b"a: " + b"x" * (1 << 20))
    with pytest.raises(RecipeError, match="larger than 1 MiB"):
        read(tmp_path / "r.yaml")
