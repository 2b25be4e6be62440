"""Rows that may be one entity share a block key; sounds are those of the National Archives."""

from __future__ import annotations

import pytest

from tilth.refine._blocking import keys, soundex
from tilth.refine._matching_text import Kind, writer


def met(kind: Kind, one: str, other: str) -> bool:
    write = writer(kind)
    return bool(set(keys(kind, write(one), len)) & set(keys(kind, write(other), len)))


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("name", "Robert", "Rupert"),
        ("org", "Teddy Bear Nursery School", "The Teddy-Bear School of Chicago"),
        ("address", "4701 N Winthrop Ave", "4701 Winthorp"),
        ("address", "12 Long Road", "14 Long Rd"),
        ("code", "19740628", "19740682"),
        ("code", "7733754300", "7743754300"),
    ],
)
def test_like_cells_meet(kind: Kind, one: str, other: str) -> None:
    assert met(kind, one, other)


def test_unlike_cells_and_empty_ones_do_not() -> None:
    assert not met("name", "Robert", "Anna")
    assert not met("code", "", "")


def test_an_org_meets_by_its_rarest_words() -> None:
    counts = {"center": 900, "child": 500, "development": 300, "ounce": 3, "the": 2000}
    found = list(keys("org", "the ounce child development center", counts.__getitem__))
    assert found[1:] == ["tounce", "tdevelopment", "tchild"]


def test_soundex_of_published_examples() -> None:
    names = {"washington": "W252", "lee": "L000", "gutierrez": "G362", "jackson": "J250", "vandeusen": "V532"}
    assert {name: soundex(name) for name in names} == names
