"""A filled recipe says everything and is read again to the same recipe, whatever its texts look like to YAML."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core import registry
from tilth.core.spec import spec_of
from tilth.recipe.check import check, load
from tilth.recipe.fill import as_yaml, filled
from tilth.recipe.model import Entry, Recipe
from tilth.recipe.source import parse
from tilth.refine.label_map import LabelMap

SOURCE = "acquire: [{files: {path: a.csv}}]\n"
ALL = """
name: demo
use: research
seed: 7
bad_rows: 0.5
tolerance: 0.25
acquire:
  - files: {path: data/a.csv, key: [a, b], licence: own, rename: {old: new}, columns: [new], types: {n: int}, sheet: 0}
  - files: {path: b.csv, name: b, split: test, encoding: gb18030, delimiter: "\\t", quote: ''}
split: {test: 0.3, valid: 0, by: time, time: at, group: customer, duplicates: none, straddle: keep, seed: 9}
refine:
  - fix_text
  - label_map: {labels: {a: b, "no": "3e-4"}}
  - outliers: {columns: [x, y], action: "null", factor: 2}
  - length: {min: 2, unit: words}
train: {text: body, label: intent, lr: 1e-5, scratch: {layers: 2, dropout: 0.1}}
evaluate: {slices: [language, channel], thresholds: cost, cost_abstain: 0.2}
serve: {port: 0, keys: env:TILTH_KEYS}
"""


def read(text: str) -> Recipe:
    recipe, errors = check(parse(text), folder=Path())
    assert recipe is not None, [str(error) for error in errors]
    return recipe


BARE = read("name: demo\n" + SOURCE)


def same(recipe: Recipe) -> Recipe:
    """Leave out where a recipe stands and how much of it was written by hand."""

    def bare(entry: Entry) -> Entry:
        return dataclasses.replace(entry, where="", given=())

    return dataclasses.replace(
        recipe,
        path="",
        lines={},
        acquire=tuple(map(bare, recipe.acquire)),
        store=tuple(map(bare, recipe.store)),
        refine=tuple(map(bare, recipe.refine)),
        train=bare(recipe.train) if recipe.train else None,
    )


@pytest.mark.parametrize("text", [ALL, "name: demo\n" + SOURCE], ids=["everything", "nothing but a source"])
def test_a_filled_recipe_is_read_again_to_the_same(text: str) -> None:
    recipe = read(text)
    again = read(as_yaml(recipe))
    assert same(again) == same(recipe)
    assert as_yaml(again) == as_yaml(recipe)


def test_every_option_is_written() -> None:
    values = filled(read(ALL))
    for section in ("split", "evaluate", "serve"):
        assert set(values[section]) == {option.name for option in registry.options(type(getattr(read(ALL), section)))}
    assert values["refine"][0] == {"fix_text": spec_of(read(ALL).refine[0].part)["options"]}
    assert values["refine"][0]["fix_text"]["column"] == "body", "what was bound is written out"
    assert values["train"]["method"] == "full"
    assert values["train"]["lr"] == 1e-5


def test_secrets_stay_references(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_KEYS", "hunter2")
    text = as_yaml(read(ALL))
    assert "keys: env:TILTH_KEYS" in text
    assert "hunter2" not in text


def test_own_code_is_found_again_from_another_folder(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass(frozen=True, kw_only=True)\nclass Quiet:\n"
        "    much: tuple[str, ...] = ()\n\n    def map(self, batch):\n        return batch\n"
    )
    recipe, errors = check(parse(SOURCE + "code: my_ops.py\nrefine: [{quiet: {much: [a]}}]"), folder=tmp_path)
    assert recipe is not None, errors
    assert same(read(as_yaml(recipe))) == same(recipe)


def examples() -> list[Any]:
    found = []
    for name in registry.names("tilth.refine"):
        kind = registry.find("tilth.refine", name)
        given = getattr(importlib.import_module(kind.__module__), "EXAMPLES", ()) or (kind(),)
        found += [pytest.param(name, operator, id=f"{name}-{at}") for at, operator in enumerate(given)]
    return found


def with_part(name: str, part: Any) -> Recipe:
    entry = Entry(place=f"refine[0] {name}", where="", name=name, part=part)
    return dataclasses.replace(BARE, refine=(entry,))


@pytest.mark.parametrize(("name", "operator"), examples())
def test_every_operator_survives_the_recipe(name: str, operator: Any) -> None:
    assert read(as_yaml(with_part(name, operator))).refine[0].part == operator


AWKWARD = st.sampled_from(
    [
        "no",
        "on",
        "~",
        "null",
        "",
        " ",
        "1e3",
        "1.5e3",
        "-1E5",
        ".5",
        "0123",
        "0x1F",
        "0o17",
        "1_000",
        "12:30:45",
        "2024-01-02",
        ".inf",
        ".nan",
        "-.inf",
        "<<",
        "=",
        "- a",
        "a: b",
        "# c",
        "'",
        '"',
        "\\",
        "%",
        "@",
        "`",
        "!x",
        "&a",
        "*a",
        "?",
        "|",
        ">",
        "---",
        "...",
        "True",
        "y",
        "a\nb",
        "a\n\nb\n",
        " a",
        "a ",
        "\t",
        "\r\n",
        "\x85",
        "\u2028",
        "\ufeff",
        "😀",
        "{a}",
        "[1]",
    ]
)
TEXTS = AWKWARD | st.text(st.characters(codec="utf-8"), max_size=150)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(TEXTS, TEXTS, max_size=30), TEXTS)
def test_every_text_survives_the_recipe(labels: dict[str, str], column: str) -> None:
    operator = LabelMap(labels=labels, column=column)
    assert read(as_yaml(with_part("label_map", operator))).refine[0].part == operator


@pytest.mark.parametrize("path", sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml")), ids=str)
def test_the_examples_are_right_and_survive(path: Path) -> None:
    recipe = load(path)
    assert same(read(as_yaml(recipe))) == same(recipe)


@pytest.mark.parametrize("number", [0.0, -0.0, 1e-5, 3e-4, 1e300, 5e-324, 1.0, 123456789.125, 0.1 + 0.2, 1e16, -2.5e-7])
def test_every_number_survives_the_recipe(number: float) -> None:
    kind = registry.find("tilth.refine", "outliers")
    again = read(as_yaml(with_part("outliers", kind(columns=("a",), factor=number)))).refine[0].part
    assert repr(again.factor) == repr(number)


@pytest.mark.parametrize("text", ["1e3", "no", "12:30:45", "2024-01-02", "0123", "<<"])
def test_other_readers_of_yaml_see_texts_too(text: str) -> None:
    said = yaml.safe_load(as_yaml(with_part("label_map", LabelMap(labels={text: text}, column="a"))))
    assert said["refine"][0]["label_map"]["labels"] == {text: text}
