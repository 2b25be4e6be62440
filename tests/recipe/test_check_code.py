"""Users' own operators in a recipe: found by name; whatever is wrong with the file or raised in it is one error."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.recipe.check import check
from tilth.recipe.model import Recipe
from tilth.recipe.source import parse

SOURCE = "acquire: [{files: {path: a.csv}}]\n"


def errors(text: str, folder: Path) -> list[str]:
    recipe, found = check(parse(text), folder=folder)
    assert (recipe is None) == bool(found), "a recipe, or errors"
    return [str(error) for error in found]


def right(text: str, folder: Path) -> Recipe:
    recipe, found = check(parse(text), folder=folder)
    assert recipe is not None, [str(error) for error in found]
    return recipe


OWN = '''
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class ShoutOut:
    """Raise the voice."""

    times: int = 1
    """How often."""
    pattern: str = "a"
    """What to look for."""

    def __post_init__(self):
        import re
        re.compile(self.pattern)
        if self.times > 9:
            raise ValueError
        {"known": 1}[{"unknown": "x"}.get(self.pattern, "known")]

    def map(self, batch):
        return batch

@dataclass(frozen=True, kw_only=True)
class Settings:
    """Hold what is no operator."""

    depth: int = 1

@dataclass(frozen=True, kw_only=True)
class Alike:
    """Find rows that are alike."""

    def decide(self, rows, engine):
        return rows

@dataclass(frozen=True, kw_only=True)
class Learns:
    """Learn without saying from what."""

    def observe(self, batch):
        return None

    def merge(self, left, right):
        return None

    def finish(self, state):
        return None

@dataclass(frozen=True, kw_only=True)
class Pages:
    """Make several rows of one."""

    def expand(self, batch):
        return batch
'''


def test_own_code_is_used_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "my_ops.py").write_text(OWN)
    recipe = right(SOURCE + "code: my_ops.py\nrefine: [{shout_out: {times: 3}}]", folder=tmp_path)
    assert type(recipe.refine[0].part).__name__ == "ShoutOut"
    assert recipe.refine[0].part.times == 3
    assert recipe.code == (str(tmp_path / "my_ops.py"),)
    assert right(SOURCE + "code: [my_ops.py]", folder=tmp_path).code == recipe.code
    assert right(SOURCE + "code: my_ops.py\nrefine: [alike]", folder=tmp_path).refine[0].name == "alike"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("no.py", r"recipe.yaml:2: no file .*no.py. Wanted: a Python file with operators"),
        ("[my_ops.py, no.py]", r"recipe.yaml:2: no file .*no.py"),
        ("broken.py", r"recipe.yaml:2: .*broken.py does not import: SyntaxError"),
        ("empty.py", r"recipe.yaml:2: .*empty.py holds no operator. Wanted: a public frozen dataclass"),
        ("5", r"recipe.yaml:2: code is 5. Wanted: a Python file beside the recipe, or a list of them"),
        ("{a: b}", r"recipe.yaml:2: code is .*. Wanted: a Python file beside the recipe, or a list of them"),
        ("[[my_ops.py]]", r"recipe.yaml:2: code is .*. Wanted: a Python file beside the recipe, or a list of them"),
    ],
)
def test_code_that_is_no_good_is_an_error_of_its_line(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "my_ops.py").write_text(OWN)
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "empty.py").write_text("")
    found = errors(SOURCE + f"code: {code}", folder=tmp_path)
    assert len(found) == 1
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(found[0])


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("shout_out: {pattern: '('}", "recipe.yaml:3  refine[0] shout_out: error: missing ), unterminated subpattern"),
        ("shout_out: {times: 10}", "recipe.yaml:3  refine[0] shout_out: ValueError"),
        ("shout_out: {pattern: unknown}", "recipe.yaml:3  refine[0] shout_out: KeyError: 'x'"),
        (
            "settings: {depth: 2}",
            "recipe.yaml:3  refine[0] settings: Settings is no operator. Wanted: a class with map, ",
        ),
        ("pages", "recipe.yaml:3  refine[0] pages: Pages is no operator. Wanted: a class with map, judge, "),
    ],
)
def test_whatever_own_code_raises_is_an_error_of_its_line(tmp_path: Path, options: str, said: str) -> None:
    (tmp_path / "my_ops.py").write_text(OWN)
    (found,) = errors(SOURCE + f"code: my_ops.py\nrefine: [{options}]", folder=tmp_path)
    assert found.startswith(said)


def test_an_option_of_a_type_that_yaml_does_not_have_is_an_error_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "import pyarrow as pa\nfrom dataclasses import dataclass\n\n@dataclass(frozen=True, kw_only=True)\nclass Odd:\n"
        "    schema: pa.Schema | None = None\n\n    def map(self, batch):\n        return batch\n"
    )
    (found,) = errors(SOURCE + "code: odd.py\nrefine: [{odd: {schema: a}}]", folder=tmp_path)
    assert found.startswith('recipe.yaml:3  refine[0] odd: option "schema" is "a". Wanted: ')
