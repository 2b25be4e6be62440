"""Numbers as people write them are read; what is not a number is set aside with its reason, never its text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.operator import Outcome
from tilth.refine.parse_number import ParseNumber
from tilth.testing import batch


def parsed(*texts: str | None, **options: object) -> list[float | None]:
    operator = ParseNumber(column="price", unparsed="null", **options)  # type: ignore[arg-type]
    rows = operator.map(batch(price=pa.array(texts, pa.string())))
    assert not isinstance(rows, Outcome)
    found: list[float | None] = rows.column("price").to_pylist()
    return found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1.234,50 €", 1234.5),
        ("¥1,200", 1200),
        ("12%", 0.12),
        ("12,5 %", 0.125),
        ("３．５", 3.5),
        ("１，２００円", 1200),
        ("1.2万", 12000),
        ("3亿元", 3e8),
        ("(3 000)", -3000),
        ("-5", -5),
        ("−5.5", -5.5),
        ("7-", -7),
        ("+8", 8),
        ("$-9.99", -9.99),
        ("USD 1,234,567.89", 1234567.89),
        ("1'234.50 CHF", 1234.5),
        ("1 234,50", 1234.5),
        ("1\u202f234,50 €", 1234.5),
        ("₹12,34,567.00", 1234567),
        ("1,234", 1234),
        ("1.234", 1.234),
        ("0,500", 0.5),
        ("1.234.567", 1234567),
        ("1e3", 1000),
        ("1.5E-3", 0.0015),
        (".5", 0.5),
        ("5.", 5),
        ("٣٤", 34),
        ("0", 0),
        ("5‰", 0.005),
    ],
)
def test_reads(text: str, number: float) -> None:
    assert parsed(text) == [pytest.approx(number, rel=1e-15)]


@pytest.mark.parametrize(
    "text",
    ["", " ", "on request", "12 kg", "1,2,3", "1.2.3.4", "2024-05-31", "12:30", "--5", "1e999", "nan", "inf", "%", "€",
     "12 34", "1,23,4", "0x10", "½", "1" * 100],
)  # fmt: skip
def test_does_not_guess(text: str) -> None:
    assert parsed(text) == [None]


def test_a_stated_decimal_mark_settles_the_doubtful() -> None:
    assert parsed("1.234", "1,5", decimal=",") == [1234, 1.5]
    assert parsed("1,234", "1,5", decimal=".") == [1234, None]


def test_percent_as_points() -> None:
    assert parsed("12%", "12", percent="points") == [12, 12]


def test_rows_without_a_number_are_set_aside_by_id_and_never_quoted() -> None:
    rows = batch(price=["7", "secret", None])
    outcome = ParseNumber(column="price").map(rows)
    assert isinstance(outcome, Outcome)
    assert outcome.batch.column("price").to_pylist() == [7.0, None]
    assert outcome.failures == ((rows.column("_id")[1].as_py(), "price: not a number"),)


def test_numbers_pass_through_and_the_text_stays_when_asked() -> None:
    assert ParseNumber(column="n").map(batch(n=[1, None])).column("n").to_pylist() == [1.0, None]
    found = ParseNumber(column="n", into="value").map(batch(n=["7"]))
    assert isinstance(found, Outcome)
    assert found.batch.to_pylist()[0].items() >= {"n": "7", "value": 7.0}.items()


@given(st.decimals(-(10**9), 10**9, places=2))
def test_reads_back_what_it_would_write_in_english_and_german(number: object) -> None:
    english = f"{number:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    assert parsed(english, german) == [float(english.replace(",", ""))] * 2
