"""Cells are written so that habits of spelling do not part what is the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine._matching_text import KINDS, Kind, writer


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("name", "Ménard,  José", "menard jose"),
        ("name", "O'Brien", "OBRIEN"),
        ("name", "ＡＮＮＡ", "anna"),
        ("org", "Johnson & Sons", "Johnson and Sons"),
        ("org", "St. Lucy's School", "ST LUCYS SCHOOL"),
        ("address", "2050 East 93rd Street", "2050 E. 93 St."),
        ("address", "3411 W Fifth Avenue", "3411 west 5th Ave"),
        ("code", "(773) 375-4300", "773.375.4300"),
        ("date", "1956-04-09", "9 April 1956"),
        ("date", "2024年5月1日", "20240501"),
        ("number", "1,200", "1200.0"),
    ],
)
def test_two_ways_to_write_one_thing(kind: Kind, one: str, other: str) -> None:
    assert writer(kind)(one) == writer(kind)(other) != ""


def test_an_address_is_taken_apart() -> None:
    write = writer("address")
    assert write("78 West Van Buren Floor 1") == "78|van buren|78 w van buren floor 1"
    assert write("wallaby place") == "|wallaby|wallaby pl"
    assert write("北京市朝阳区建国路88号").startswith("88|")
    assert write(" ,") == ""


@given(st.sampled_from(KINDS), st.text())
def test_writing_is_calm_and_repeatable(kind: Kind, text: str) -> None:
    write = writer(kind)
    assert write(text) == write(text)
    assert len(write(text)) < 8000


def test_what_is_no_number_says_nothing() -> None:
    assert [writer("number")(text) for text in ("x", "inf", "nan", "1e999")] == ["", "", "", ""]
