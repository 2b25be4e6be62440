"""Operators survive JSON: nested options, fitted classes; a spec names nothing but a room's public dataclasses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.core import registry
from tilth.core.errors import ModelError, RecipeError
from tilth.core.registry import find, load_code
from tilth.core.spec import from_spec, spec_of
from tilth.refine.length import Length
from tilth.refine.rare_labels import RareLabels, RareLabelsDropped

ROOM = "tilth.refine"
NESTED = """
from __future__ import annotations
from collections.abc import Mapping
from dataclasses import dataclass

@dataclass(frozen=True, kw_only=True)
class Nested:
    pairs: tuple[tuple[str, int], ...] = ()
    mixed: tuple[str, tuple[int, ...]] = ("", ())
    lists: Mapping[str, tuple[str, ...]] | None = None
    either: str | tuple[str, ...] | None = None
    words: frozenset[str] = frozenset()
    deep: Mapping[str, Mapping[str, tuple[int, ...]]] | None = None

    def map(self, batch):
        return batch
"""


@pytest.fixture(autouse=True)
def own_parts_go() -> Iterator[None]:
    before = dict(registry.own_parts())
    registry._own.clear()
    yield
    registry._own.clear()
    registry._own.update(before)


@pytest.fixture
def nested(tmp_path: Path) -> Any:
    (tmp_path / "my_ops.py").write_text(NESTED)
    load_code(tmp_path / "my_ops.py", ROOM)
    return find(ROOM, "nested")


def through_json(operator: Any) -> Any:
    return from_spec(ROOM, json.loads(json.dumps(spec_of(operator), allow_nan=False)))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pairs": (("a", 1), ("b", 2))},
        {"mixed": ("a", (1, 2))},
        {"lists": {"a": ("b", "c"), "d": ()}},
        {"either": "a"},
        {"either": ("a", "b")},
        pytest.param({"words": frozenset({"b", "a"})}, id="a set"),
        {"deep": {"a": {"b": (1, 2)}}},
    ],
    ids=str,
)
def test_nested_options_come_back_as_they_were(nested: Any, options: dict[str, Any]) -> None:
    operator = nested(**options)
    again = through_json(operator)
    assert again == operator
    assert [type(getattr(again, name)) for name in options] == [type(value) for value in options.values()]


def test_a_spec_does_not_depend_on_the_order_of_a_set(nested: Any) -> None:
    assert spec_of(nested(words=frozenset("abcdefgh")))["options"]["words"] == list("abcdefgh")


def test_own_parts_are_named_without_their_file(nested: Any) -> None:
    assert set(spec_of(nested())) == {"part", "options"}
    assert spec_of(nested())["part"] == "nested"


def test_a_fitted_operator_is_named_beside_its_fold() -> None:
    fitted = RareLabelsDropped(column="label", counts={"a": 9, "b": 1}, min=5)
    assert spec_of(fitted) == {
        "part": "rare_labels",
        "class": "RareLabelsDropped",
        "options": {"column": "label", "counts": {"a": 9, "b": 1}, "min": 5},
    }
    assert through_json(fitted) == fitted
    assert spec_of(RareLabels())["part"] == "rare_labels"
    assert "class" not in spec_of(RareLabels())


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"part": "rare_labels", "class": "_MOST"}, 'rare_labels holds no operator "_MOST"'),
        ({"part": "rare_labels", "class": "__doc__"}, "holds no operator"),
        ({"part": "rare_labels", "class": "verdicts"}, "holds no operator"),
        ({"part": "rare_labels", "class": "EXAMPLES"}, "holds no operator"),
        ({"part": "rare_labels", "class": "Batch"}, "holds no operator"),
        ({"part": "rare_labels", "class": "dataclass"}, "holds no operator"),
        ({"part": "near_duplicates", "class": "Exchange"}, "holds no operator"),
        ({"part": "near_duplicates", "class": "Rows"}, "holds no operator"),
        ({"part": "rare_labels", "class": ""}, "holds no operator"),
        ({"part": "length", "options": {"least": 3}}, 'length has no option "least"'),
        ({"part": "length", "options": [1]}, "not an operator's spec"),
        ({"options": {}}, "not an operator's spec"),
        ({"part": 3}, "not an operator's spec"),
        ({"part": "rare_labels", "class": "RareLabelsDropped", "options": {}}, "rare_labels.*missing"),
    ],
    ids=str,
)
def test_a_spec_names_public_dataclasses_of_its_part_only(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        from_spec(ROOM, spec)


def test_imported_dataclasses_are_there_to_be_refused() -> None:
    # Keeps the cases above honest: these names do stand in the module and are dataclasses.
    from tilth.refine import near_duplicates

    assert {"Rows"} <= set(vars(near_duplicates))


@pytest.mark.parametrize("part", ["_rows", "lenght", "os", "../core/errors"])
def test_a_spec_names_parts_of_its_room_only(part: str) -> None:
    with pytest.raises(RecipeError, match="no refine part"):
        from_spec(ROOM, {"part": part, "options": {}})


def test_an_operators_own_check_is_not_passed_over() -> None:
    with pytest.raises(RecipeError, match="max 1 is less than min 5"):
        from_spec(ROOM, {"part": "length", "options": {"min": 5, "max": 1}})
    assert from_spec(ROOM, {"part": "length"}) == Length()
