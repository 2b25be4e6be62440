"""Parts are found by file name: built-in ones, a user's own, plug-ins'; typos and broken files are told."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.core import registry
from tilth.core.errors import RecipeError
from tilth.core.registry import find, load_code, name_of, names, options
from tilth.refine.length import Length
from tilth.refine.rare_labels import RareLabelsDropped

ROOM = "tilth.refine"
SHOUT = '''
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class ShoutOut:
    """Raise the voice."""

    column: str = "text"
    """The text column."""
    times: int
    """How often,
    in whole numbers."""
    silent = 3

    def map(self, batch):
        return batch

@dataclass(frozen=True)
class _Hidden:
    n: int = 0

class NoOperator:
    pass
'''


@pytest.fixture(autouse=True)
def own_parts_go() -> Iterator[None]:
    before = dict(registry.own_parts())
    registry._own.clear()
    yield
    registry._own.clear()
    registry._own.update(before)


def code(folder: Path, text: str = SHOUT, name: str = "my_ops.py") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_part_is_the_class_named_like_its_file() -> None:
    assert find(ROOM, "length") is Length
    assert name_of(Length) == name_of(Length(min=2)) == "length"
    assert name_of(RareLabelsDropped) == "rare_labels_dropped"


def test_every_built_in_part_is_found_and_named_and_explains_its_options() -> None:
    for room in (ROOM, "tilth.connectors"):
        assert names(room) == sorted(names(room)) != []
        for name in names(room):
            part = find(room, name)
            assert name_of(part) == name
            unexplained = [option.name for option in options(part) if not option.help]
            assert not unexplained, f"{name}: {unexplained}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lenght", 'no refine part called "lenght".*Did you mean "length"'),
        ("Length", 'Did you mean "length"'),
        ("_rows", 'no refine part called "_rows"'),
        ("__init__", "no refine part"),
        ("length\n", "no refine part"),
        ("../core/errors", "no refine part"),
        ("length.Length", "no refine part"),
        ("", "no refine part"),
    ],
)
def test_a_name_that_is_no_part_is_refused_with_the_likely_typo(name: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        find(ROOM, name, where="recipe.yaml:3")
    assert caught.value.where == "recipe.yaml:3"
    assert "empty" in str(caught.value.wanted), "the error lists what there is"


def test_a_file_that_holds_no_class_of_its_name_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"tilth.core.errors holds no class named like its file. Wanted: Errors"):
        find("tilth.core", "errors")


def test_options_are_the_fields_with_types_defaults_and_help(tmp_path: Path) -> None:
    assert load_code(code(tmp_path), ROOM) == ["shout_out"]
    column, times = options(find(ROOM, "shout_out"))
    assert (column.name, column.type, column.default, column.help) == ("column", str, "text", "The text column.")
    assert (times.name, times.type, times.required, times.help) == ("times", int, True, "How often,\nin whole numbers.")
    assert not column.required


def test_a_default_that_is_made_anew_is_shown_and_inherited_help_is_kept() -> None:
    @dataclasses.dataclass(frozen=True)
    class Longer(Length):
        words: list[str] = dataclasses.field(default_factory=list)
        hidden: int = dataclasses.field(default=0, init=False)

    found = {option.name: option for option in options(Longer)}
    assert found["words"].default == []
    assert found["min"].help == "The least length that stays."
    assert "hidden" not in found


def test_own_code_is_found_by_name_and_digest(tmp_path: Path) -> None:
    load_code(code(tmp_path), ROOM)
    part = find(ROOM, "shout_out")
    assert name_of(part) == "shout_out"
    assert "shout_out" in names(ROOM)
    assert "shout_out" not in names("tilth.connectors")
    assert len(registry.code_digest(part)) == 16
    assert registry.code_digest(Length) == ""


def test_changed_code_is_another_part_and_unchanged_code_is_the_same(tmp_path: Path) -> None:
    load_code(code(tmp_path), ROOM)
    first = find(ROOM, "shout_out")
    load_code(code(tmp_path), ROOM)
    assert find(ROOM, "shout_out") is first
    load_code(code(tmp_path, SHOUT.replace("return batch", "return batch  # changed")), ROOM)
    second = find(ROOM, "shout_out")
    assert second is not first
    assert registry.code_digest(second) != registry.code_digest(first)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nowhere_at_all", "does not import: ModuleNotFoundError: No module named 'nowhere_at_all'"),
        ("def broken(:\n", "does not import: SyntaxError"),
        ("1 / 0", "does not import: ZeroDivisionError"),
        ("import sys; sys.exit(3)", "does not import: SystemExit"),
        ("x = 1", "holds no operator. Wanted: a public frozen dataclass"),
        ("from tilth.refine.length import Length", "holds no operator"),
        ("class Plain:\n    pass", "holds no operator"),
    ],
)
def test_a_file_that_is_no_good_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    path, before = code(tmp_path, text), set(sys.modules)
    for _ in range(2):
        with pytest.raises(RecipeError, match=said) as caught:
            load_code(path, ROOM)
        assert str(path) in caught.value.what
        if "does not import" in said:
            assert not [name for name in set(sys.modules) - before if name.startswith("tilth_code_")]


def test_a_file_that_is_not_there_or_not_text_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no file .*my_ops.py. Wanted: a Python file"):
        load_code(tmp_path / "my_ops.py", ROOM)
    (tmp_path / "my_ops.py").write_bytes(b"x = '\xe9'")
    with pytest.raises(RecipeError, match=r"my_ops.py is not UTF-8"):
        load_code(tmp_path / "my_ops.py", ROOM)


def test_a_type_that_cannot_be_read_is_the_files_fault(tmp_path: Path) -> None:
    text = SHOUT.replace("from dataclasses", "from __future__ import annotations\nfrom dataclasses")
    load_code(code(tmp_path, text.replace("times: int", "times: Nowhere")), ROOM)
    with pytest.raises(RecipeError, match=r"shout_out.*Nowhere"):
        options(find(ROOM, "shout_out"))


def plugged(folder: Path, entry: str, module: str, statement: str) -> str:
    (folder / "shouting-1.0.dist-info").mkdir()
    (folder / "shouting-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shouting\nVersion: 1.0\n")
    (folder / "shouting-1.0.dist-info" / "entry_points.txt").write_text(f"[tilth.rooms]\n{entry}\n")
    code(folder, module, "loud.py")
    script = f"import sys; sys.path.insert(0, {str(folder)!r})\n{statement}"
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


FIND = "from tilth.core import registry, errors, spec\nroom = 'tilth.refine'\n"


def test_a_plug_in_comes_by_its_entry_point(tmp_path: Path) -> None:
    said = plugged(
        tmp_path,
        "refine.loud = loud",
        SHOUT.replace("ShoutOut", "Loud"),
        FIND + "kind = registry.find(room, 'loud'); print('loud' in registry.names(room), kind.__name__)\n"
        "part = kind(times=2); print(spec.from_spec(room, spec.spec_of(part)) == part)\n"
        "print(registry.names('tilth.connectors'))",
    )
    assert said.split()[:3] == ["True", "Loud", "True"]
    assert "loud" not in said.split("[")[1]


def test_a_plug_in_may_have_another_name_than_its_file(tmp_path: Path) -> None:
    said = plugged(
        tmp_path,
        "refine.shout_out = loud",
        SHOUT,
        FIND + "part = registry.find(room, 'shout_out')(times=2)\n"
        "print(registry.name_of(part), spec.from_spec(room, spec.spec_of(part)) == part)",
    )
    assert said.split() == ["shout_out", "True"]


def test_a_plug_in_that_does_not_import_is_one_error(tmp_path: Path) -> None:
    said = plugged(
        tmp_path,
        "refine.loud = loud",
        "import nowhere_at_all",
        FIND + "try: registry.find(room, 'loud')\nexcept errors.RecipeError as error: print(error)",
    )
    assert "the plug-in loud" in said
    assert "nowhere_at_all" in said


def test_the_list_of_own_parts_is_for_reading() -> None:
    parts: Any = registry.own_parts()
    with pytest.raises(TypeError):
        parts["tilth.refine", "x"] = Length
