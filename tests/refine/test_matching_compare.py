"""Levels of agreement rise with likeness, and an empty cell says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine._matching_compare import compare, highest
from tilth.refine._matching_text import KINDS, Kind, writer


def level(kind: Kind, one: str, other: str) -> int:
    write = writer(kind)
    return int(compare(kind, [write(one)], [write(other)])[0])


@pytest.mark.parametrize(
    ("kind", "one", "others"),
    [
        ("name", "Katherine", ["Katherine", "Katharine", "Kathrin", "Bob"]),
        (
            "org",
            "Teddy Bear School",
            ["teddy bear school", "Teddy Bears School", "Teddy Bear", "Bear Care", "Onward House"],
        ),
        (
            "address",
            "4701 N Winthrop Ave",
            ["4701 North Winthrop", "4701 N Winthorp", "4709 N Winthrop", "4701 W Polk", "1 Elm"],
        ),
        ("code", "1974628", ["1974628", "1974682", "1947682", "5550000"]),
        ("number", "100", ["100", "100.5", "105", "200"]),
    ],
)
def test_levels_fall_as_cells_part(kind: Kind, one: str, others: list[str]) -> None:
    levels = [level(kind, one, other) for other in others]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == 0


def test_house_numbers_part_addresses_and_figures_part_codes() -> None:
    assert level("address", "12 Long Road", "14 Long Road") == 2
    assert level("code", "12", "13") == 0


@given(st.sampled_from(KINDS), st.text(max_size=20), st.text(max_size=20))
def test_comparing_is_symmetric_and_within_bounds(kind: Kind, one: str, other: str) -> None:
    found = level(kind, one, other)
    assert found == level(kind, other, one)
    assert -1 <= found <= highest(kind)
    assert (found == -1) == (not writer(kind)(one) or not writer(kind)(other))


def test_numbers_at_the_far_ends_do_not_overflow() -> None:
    assert level("number", "1e308", "-1e308") == 0
    assert level("number", "0", "0.0") == highest("number")
    assert level("number", "0", "5e-324") == 0
