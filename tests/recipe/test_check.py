"""Every way a recipe can be wrong is one error: file and line, place, what was wanted, the likely typo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tilth.core import registry
from tilth.core.errors import RecipeError
from tilth.recipe.check import TOP, check, load
from tilth.recipe.model import Recipe
from tilth.recipe.source import parse

SOURCE = "acquire: [{files: {path: a.csv}}]\n"


def errors(text: str, *overrides: str, folder: Path = Path()) -> list[str]:
    recipe, found = check(parse(text, overrides=overrides), folder=folder)
    assert (recipe is None) == bool(found), "a recipe, or errors"
    return [str(error) for error in found]


def right(text: str, *overrides: str, folder: Path = Path()) -> Recipe:
    recipe, found = check(parse(text, overrides=overrides), folder=folder)
    assert recipe is not None, [str(error) for error in found]
    return recipe


def part(text: str, number: int = 0) -> Any:
    return right(SOURCE + text).refine[number].part


def test_the_smallest_recipe_is_a_source() -> None:
    recipe = right("name: demo\n" + SOURCE)
    assert (recipe.name, recipe.refine, recipe.train, recipe.seed, recipe.bad_rows) == ("demo", (), None, 0, 0.01)
    assert recipe.cache == "disk"
    assert recipe.split.test == 0.2
    assert recipe.acquire[0].at == "recipe.yaml:2  acquire[0] files"
    assert recipe.sources() == [(recipe.acquire[0], recipe.acquire[0].part)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # sections
        (SOURCE + "refin: []", '2: no section "refin". Wanted: one of ' + ", ".join(TOP) + '. Did you mean "refine"?'),
        ("name: a", "1: nothing to read. Wanted: at least one source under `acquire:`"),
        ("acquire: []", "1: nothing to read. Wanted: at least one source under `acquire:`"),
        (SOURCE + "train: full", "2: train is not a mapping. Wanted: task, label and other options"),
        (SOURCE + "evaluate: [1]", "2: evaluate is not a mapping. Wanted: {option: value}"),
        # lists of parts
        (SOURCE + "refine: fix_text", "2: refine is not a list. Wanted: lines that begin with `- `"),
        (SOURCE + "refine: {fix_text: {}}", "2: refine is not a list. Wanted: lines that begin with `- `"),
        (
            SOURCE + "refine:\n- fix_text\n- empty: {}\n  length: {}",
            "4: refine[1] is not one part. Wanted: `- name` or `- name: {option: value}`",
        ),
        (
            SOURCE + "refine:\n- 5\n",
            "3: refine[0] is not one part. Wanted: `- name` or `- name: {option: value}`",
        ),
        (
            SOURCE + "refine:\n- fix_text\n-\n",
            "4: refine[1] is not one part. Wanted: `- name` or `- name: {option: value}`",
        ),
        (
            SOURCE + "refine:\n- length: 5\n",
            "3  refine[0] length: the options are not a mapping. Wanted: {option: value}",
        ),
        # names of parts
        (
            SOURCE + "refine:\n- empty\n- lenght: {min: 5}\n",
            '4  refine[1] lenght: no refine part called "lenght". Wanted: one of '
            + ", ".join(registry.names("tilth.refine"))
            + '. Did you mean "length"?',
        ),
        (
            "acquire:\n- file: {path: a.csv}\n",
            '2  acquire[0] file: no connectors part called "file". Wanted: one of '
            + ", ".join(registry.names("tilth.connectors"))
            + '. Did you mean "files"?',
        ),
        (
            SOURCE + "train:\n  label: intent\n  method: ful\n",
            '4  train: no learners part called "ful". Wanted: one of '
            + ", ".join(registry.names("tilth.train.learners"))
            + '. Did you mean "full"?',
        ),
        # options
        (
            SOURCE + "refine:\n- length:\n    max: 9\n    mni: 5\n",
            '5  refine[0] length: no option "mni". Wanted: one of column, max, min, unit. Did you mean "min"?',
        ),
        (
            SOURCE + "refine:\n- length:\n    min: five\n",
            '4  refine[0] length: option "min" is "five". Wanted: a whole number',
        ),
        (SOURCE + "refine: [{length: {min: [5]}}]", '2  refine[0] length: option "min" is [5]. Wanted: a whole number'),
        (SOURCE + "refine: [{length: {min: 5.5}}]", '2  refine[0] length: option "min" is 5.5. Wanted: a whole number'),
        (
            SOURCE + "refine: [{length: {min: true}}]",
            '2  refine[0] length: option "min" is true. Wanted: a whole number',
        ),
        (SOURCE + "refine: [{length: {min: }}]", '2  refine[0] length: option "min" is null. Wanted: a whole number'),
        (
            SOURCE + "refine: [{length: {max: a}}]",
            '2  refine[0] length: option "max" is "a". Wanted: a whole number or nothing',
        ),
        (SOURCE + "refine: [{length: {column: 5}}]", '2  refine[0] length: option "column" is 5. Wanted: a text'),
        (
            SOURCE + "refine: [{length: {unit: letters}}]",
            '2  refine[0] length: option "unit" is "letters". Wanted: one of characters, words',
        ),
        (
            SOURCE + "refine: [{fix_text: {width: yes}}]",
            '2  refine[0] fix_text: option "width" is "yes". Wanted: true or false',
        ),
        (
            SOURCE + "refine: [{near_duplicates: {threshold: high}}]",
            '2  refine[0] near_duplicates: option "threshold" is "high". Wanted: a number',
        ),
        (
            SOURCE + "refine: [{language: {keep: [en, 5]}}]",
            '2  refine[0] language: option "keep" is ["en", 5]. '
            "Wanted: a list of text values. Input should be a valid string",
        ),
        (
            SOURCE + "refine: [{language: {keep: {en: 1}}}]",
            '2  refine[0] language: option "keep" is {"en": 1}. Wanted: a list of text values',
        ),
        (SOURCE + "refine: [label_map]", '2  refine[0] label_map: option "labels" is missing. Wanted: a mapping'),
        (SOURCE + "refine:\n- label_map: {}", '3  refine[0] label_map: option "labels" is missing. Wanted: a mapping'),
        ("acquire:\n- files\n", '2  acquire[0] files: option "path" is missing. Wanted: a text'),
        # what a part says of its own options
        (SOURCE + "refine:\n- empty\n- length: {min: 5, max: 1}\n", "4  refine[1] length: max 1 is less than min 5"),
        (
            SOURCE + "train:\n  label: a\n  epochs: 0\n",
            "4  train.epochs: 0 will not do. Wanted: 1 or more",
        ),
        (
            "acquire:\n- files:\n    path: a.csv\n    types:\n      n: itn\n",
            '5  acquire[0] files.types.n: no type "itn". '
            'Wanted: one of string, int, float, bool, timestamp. Did you mean "int"?',
        ),
        # single values
        (
            SOURCE + "use: comercial",
            '2: use is "comercial". Wanted: one of commercial, research, internal. Did you mean "commercial"?',
        ),
        (SOURCE + "use: [commercial]", '2: use is ["commercial"]. Wanted: one of commercial, research, internal'),
        (
            SOURCE + "cache: redsi://cache",
            '2: cache is "redsi://cache". Wanted: none, disk, redis://…, rediss://…, memcached://… or env:NAME',
        ),
        (
            SOURCE + "cache: {}",
            "2: cache is {}. Wanted: none, disk, redis://…, rediss://…, memcached://… or env:NAME",
        ),
        (SOURCE + "seed: x", '2: seed is "x". Wanted: a whole number'),
        (SOURCE + "seed: true", "2: seed is true. Wanted: a whole number"),
        (SOURCE + "seed:", "2: seed is null. Wanted: a whole number"),
        (SOURCE + "bad_rows: 1.5", "2: bad_rows is 1.5. Wanted: a share from 0 to 1"),
        (SOURCE + "bad_rows: -0.1", "2: bad_rows is -0.1. Wanted: a share from 0 to 1"),
        (SOURCE + "bad_rows: 1%", '2: bad_rows is "1%". Wanted: a share from 0 to 1'),
        (SOURCE + "tolerance: true", "2: tolerance is true. Wanted: a share from 0 to 1"),
        (SOURCE + "name: ../x", '2: name is "../x". Wanted: letters, digits, - and _'),
        (SOURCE + "name: ''", '2: name is "". Wanted: letters, digits, - and _'),
        (SOURCE + "name: naïve", '2: name is "naïve". Wanted: letters, digits, - and _'),
        (SOURCE + "name: a\\nb", '2: name is "a\\\\nb". Wanted: letters, digits, - and _'),
        (SOURCE + "name: 2024", "2: name is 2024. Wanted: letters, digits, - and _. A name of digits needs quotes."),
        # the split
        (
            SOURCE + "split: {test: 0.8, valid: 0.2}",
            "2: test 0.8 and valid 0.2 leave nothing to train on. Wanted: shares from 0 that add up to less than 1",
        ),
        (
            SOURCE + "split: {test: -0.1}",
            "2: test -0.1 and valid 0.1 leave nothing to train on. Wanted: shares from 0 that add up to less than 1",
        ),
        (SOURCE + "split: {by: time}", "2: by: time needs a column. Wanted: `time:` and the column's name"),
        (SOURCE + "split:\n  time: at\n", "3: time: at orders nothing here. Wanted: `by: time` beside it"),
        (
            SOURCE + "split: {by: given}",
            "2: by: given, but no source says its split. Wanted: `split: train` in a source",
        ),
        (
            SOURCE + "split: {by: date}",
            '2  split: option "by" is "date". Wanted: one of auto, hash, stratified, time, given',
        ),
        (
            SOURCE + "split:\n  groups: a\n",
            '3  split: no option "groups". '
            'Wanted: one of by, duplicates, group, seed, straddle, test, time, valid. Did you mean "group"?',
        ),
        (
            SOURCE + f"split: {{seed: {2**63}}}",
            f"2  split.seed: {2**63} will not do. Wanted: a whole number of 64 bits",
        ),
        # other sections
        (SOURCE + "evaluate:\n  seeds: 0\n", "3  evaluate.seeds: 0 will not do. Wanted: 1 or more"),
        (SOURCE + "evaluate: {bootstrap: -1}", "2  evaluate.bootstrap: -1 will not do. Wanted: 0 or more"),
        (SOURCE + "evaluate: {worst: -1}", "2  evaluate.worst: -1 will not do. Wanted: 0 or more"),
        (SOURCE + "evaluate: {cost_error: -1}", "2  evaluate.cost_error: -1.0 will not do. Wanted: 0 or more"),
        (SOURCE + "serve: {port: 70000}", "2  serve.port: 70000 will not do. Wanted: 0 to 65535"),
        (SOURCE + "serve: {host: }", '2  serve: option "host" is null. Wanted: a text'),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    assert errors(text) == [f"recipe.yaml:{said}"]


@pytest.mark.parametrize("number", ["1e400", "-1e999"])
def test_a_number_that_is_too_large_is_refused(number: str) -> None:
    (said,) = errors(SOURCE + f"refine: [{{near_duplicates: {{threshold: {number}}}}}]")
    assert said.startswith('recipe.yaml:2  refine[0] near_duplicates: option "threshold" is')
    assert "Wanted: a number" in said


def test_all_errors_are_found_at_once() -> None:
    text = "nam: x\nacquire: [{files: {pth: a.csv}}]\nrefine: [lenght, {length: {min: x, mx: 3}}]\nseed: y\n"
    text += "serve: {prt: 1}"
    assert [error.split(":")[1].split()[0] for error in errors(text)] == ["1", "2", "2", "3", "3", "3", "5", "4"]


def test_one_mistake_is_not_said_twice() -> None:
    assert len(errors("acquire: [{files: {path: a.csv, split: tset}}]\nsplit: {by: given}")) == 1
    assert len(errors("acquire: [{fils: {path: a.csv}}]")) == 1


def test_load_raises_the_first_error_and_counts_the_others(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(SOURCE + "refine: [lenght]\nseed: y\nbad_rows: 2")
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert str(caught.value).startswith(f'{path}:2  refine[0] lenght: no refine part called "lenght".')
    assert str(caught.value).endswith(f'Did you mean "length"? And 2 more: `tilth check {path}` shows all.')
    with pytest.raises(RecipeError) as caught:
        load(path, ["refine=[]", "bad_rows=0.5"])
    assert str(caught.value) == f'{path}:3: seed is "y". Wanted: a whole number'
    with pytest.raises(RecipeError) as caught:
        load(path, ["refine=[]"])
    assert str(caught.value) == (
        f"{path}:4: bad_rows is 2. Wanted: a share from 0 to 1. And 1 more: `tilth check {path}` shows all."
    )
    assert load(path, ["refine=[]", "bad_rows=0.5", "seed=3"]).seed == 3


def test_the_name_is_the_files_when_the_recipe_has_none(tmp_path: Path) -> None:
    (tmp_path / "support-desk_2.yaml").write_text(SOURCE)
    assert load(tmp_path / "support-desk_2.yaml").name == "support-desk_2"
    (tmp_path / "my recipe.yaml").write_text(SOURCE)
    with pytest.raises(RecipeError, match=r'name is "my recipe".*Write `name:`'):
        load(tmp_path / "my recipe.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("language: {keep: en}", ("en",)),
        ("language: {keep: [en, no]}", ("en", "no")),
        ("language: {keep: []}", ()),
    ],
)
def test_one_value_is_a_list_of_one(text: str, value: tuple[str, ...]) -> None:
    assert part(f"refine: [{{{text}}}]").keep == value


def test_one_value_is_a_list_of_one_where_nothing_is_allowed_too() -> None:
    recipe = right("acquire: [{files: {path: a.csv, columns: text, key: id}}]")
    assert recipe.acquire[0].part.columns == ("text",)
    assert recipe.acquire[0].part.key == "id", "a text stays a text where one is allowed"


def test_whole_numbers_are_numbers() -> None:
    threshold = part("refine: [{near_duplicates: {threshold: 1}}]").threshold
    assert threshold == 1.0
    assert isinstance(threshold, float)


def test_column_is_the_text_that_is_trained_on() -> None:
    text = "refine: [fix_text, {length: {column: title}}, empty, rare_labels]\ntrain: {text: body, label: intent}"
    recipe = right(SOURCE + text)
    assert [getattr(entry.part, "column", None) for entry in recipe.refine] == ["body", "title", None, "intent"]
    assert recipe.refine[2].part.columns == ("body",)
    assert [entry.given for entry in recipe.refine] == [(), ("column",), (), ()], "only what the user wrote"


def test_column_is_text_when_nothing_is_trained() -> None:
    assert part("refine: [fix_text]").column == "text"
    assert part("refine: [rare_labels]").column == "label"


def test_an_override_is_the_place_of_its_error() -> None:
    text = SOURCE + "refine:\n- length: {min: 5}\n"
    assert errors(text, "refine.length.min=five") == [
        'override refine.length.min=five  refine[0] length: option "min" is "five". Wanted: a whole number'
    ]
    assert errors(text, "refine[0].mni=5")[0].startswith('override refine[0].mni=5  refine[0] length: no option "mni"')
    assert errors(text, "evaluate.seeds=0") == [
        "override evaluate.seeds=0  evaluate.seeds: 0 will not do. Wanted: 1 or more"
    ]


def test_what_an_override_replaces_has_no_line_of_the_file() -> None:
    text = SOURCE + "refine:\n- length: {min: 5}\n- empty\n"
    (said,) = errors(text, "refine=[lenght]")
    assert said.startswith("override refine=[lenght]  refine[0] lenght:")
    (said,) = errors(text, "refine[0]=lenght")
    assert said.startswith("override refine[0]=lenght  refine[0] lenght:")
    (said,) = errors(text, "refine[0].length={mni: 5}")
    assert said.startswith("override refine[0].length={mni: 5}  refine[0] length:")
