"""Measures become numbers of one unit by exact factors; money keeps its mark; what is unclear is set aside."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import RecipeError
from tilth.core.operator import Outcome
from tilth.refine import _units
from tilth.refine.units import Units
from tilth.testing import batch, check_operator


def read(*texts: str | None, **options: Any) -> Outcome:
    rows = batch(size=pa.array(texts, pa.string()))
    fold = Units(column="size", **options)
    return fold.finish(fold.observe(rows)).map(rows)


@pytest.mark.parametrize(
    ("text", "number", "unit"),
    [
        ("12 kg", 12.0, "kg"),
        ("3lb", 1.36077711, "kg"),
        ("5 lbs 3 oz", 2.353010419375, "kg"),
        ("２斤", 1.0, "kg"),
        ("5 ft 3 in", 1.6002, "m"),
        ("5'3\"", 1.6002, "m"),
        ("5′ 3″", 1.6002, "m"),
        ("-5 ft 3 in", -1.6002, "m"),
        ("1.234,5 mm", 1.2345, "m"),
        ("10 µm", 1e-05, "m"),
        ("三里", None, None),
        ("2h 15m", 8100.0, "s"),
        ("2 hrs, 30 min", 9000.0, "s"),
        ("90分钟", 5400.0, "s"),
        ("68 °F", 293.15, "K"),
        ("20℃", 293.15, "K"),
        ("100 km/h", 27.7777777777778, "m/s"),
        ("3 m²", 3.0, "m²"),
        ("1 gal", 3.785411784, "l"),
        ("10 kWh", 36000000.0, "J"),
    ],
)
def test_a_measure_in_si_units(text: str, number: float | None, unit: str | None) -> None:
    found = read(text, unread="null").batch
    assert (found.column("size")[0].as_py(), found.column("size_unit")[0].as_py()) == (number, unit)


def test_another_unit_may_be_asked_for() -> None:
    assert read("5 ft 3 in", "1.5 m", to="cm").batch.column("size").to_pylist() == [160.02, 150.0]
    assert read("68 °F", "20 °C", to="°c").batch.column("size").to_pylist() == [20.0, 20.0]


def test_the_commonest_measure_is_the_columns() -> None:
    found = read("1 kg", "500 g", "2 m", "7", "heavy")
    assert found.batch.column("size").to_pylist() == [1.0, 0.5]
    assert [failure.reason for failure in found.failures] == [
        "size: not a measure of mass",
        "size: a number without a unit",
        "size: not a measure",
    ]
    assert read("1 kg", "7", bare="g").batch.column("size").to_pylist() == [1.0, 0.007]


def test_money_is_written_alike_and_never_converted() -> None:
    found = read("€12", "EUR 1,200.50", "30 元", "￥40", "$5", "US$ 6").batch
    assert found.column("size").to_pylist() == [12.0, 1200.5, 30.0, 40.0, 5.0, 6.0]
    assert found.column("size_unit").to_pylist() == ["€", "€", "CNY", "¥", "$", "USD"]
    assert [failure.reason for failure in read("€12", "$5", to="€").failures] == ["size: another currency"]


def test_measures_that_do_not_add_up_are_none() -> None:
    assert _units.parts("5 kg 3 m") == _units.parts("2 parsnips") == _units.parts("1/2 in") == ()


@given(st.text())
def test_any_text_is_taken_apart_or_not(text: str) -> None:
    _units.parts(text)


@pytest.mark.slow
@given(st.text("0123456789 .,'\"kgmftin", max_size=80))
def test_hard_texts_take_no_time(text: str) -> None:
    _units.parts(text)


def test_a_unit_that_nobody_knows_is_refused() -> None:
    with pytest.raises(RecipeError, match=r'units: to: unknown unit "parsec"'):
        Units(column="size", to="parsec")


@pytest.mark.slow
def test_it_keeps_the_contract() -> None:
    check_operator(Units(column="size"), batch(size=["1 kg", "3 lb", "x", None]))
    check_operator(Units(column="size", to="lb", bare="kg", unread="null"), batch(size=["1 kg", "3", "x", None]))
