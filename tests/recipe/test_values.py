"""Values take the types of options strictly, and types and values have words."""

from __future__ import annotations

from typing import Any

import pytest

from tilth.recipe.values import coerce, shown, wanted


@pytest.mark.parametrize(
    ("value", "hint", "made"),
    [
        (3, int | None, 3),
        (None, int | None, None),
        (["a"], tuple[str, ...] | None, ("a",)),
        ("a", tuple[str, ...] | None, ("a",)),
        (None, tuple[str, ...] | None, None),
        ("a", str | tuple[str, ...], "a"),
        ([["a", 1]], tuple[tuple[str, int], ...], (("a", 1),)),
        ({"a": "b"}, dict[str, str], {"a": "b"}),
        ("\ud83d\ude00", str, "😀"),
    ],
)
def test_values_take_the_options_type(value: Any, hint: Any, made: Any) -> None:
    assert coerce(value, hint) == made
    assert type(coerce(value, hint)) is type(made)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("5", int),
        (5, str),
        (1.0, int),
        (1, bool),
        ("true", bool),
        (None, str),
        (["a"], str),
        ("1.5", float),
        (True, int),
        (float("inf"), float),
        ([1.0, float("inf")], tuple[float, ...]),
        ({"a": 1}, dict[str, str]),
        ("\ud800", str),
        ([None], tuple[str, ...]),
    ],
)
def test_no_value_is_bent_into_a_type(value: Any, hint: Any) -> None:
    with pytest.raises(ValueError):
        coerce(value, hint)


@pytest.mark.parametrize(
    ("hint", "words"),
    [
        (str, "a text"),
        (float | None, "a number or nothing"),
        (tuple[int, ...], "a list of whole number values"),
        (tuple[str, ...] | None, "a list of text values or nothing"),
        (str | tuple[str, ...] | None, "a text or a list of text values or nothing"),
        (dict[str, int], "a mapping"),
        (tuple, "a list"),
    ],
)
def test_types_have_words(hint: Any, words: str) -> None:
    assert wanted(hint) == words


def test_long_values_are_cut_short_and_odd_ones_are_shown() -> None:
    assert shown("中文") == '"中文"'
    assert len(shown("x" * 100)) == 58
    assert shown({1}) == '"{1}"'
