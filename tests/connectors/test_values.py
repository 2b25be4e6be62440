"""Tell how JSON values are given a type and fitted to it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.connectors._schema import is_json_text, json_text
from tilth.connectors._values import MOST_DEPTH, MOST_KEYS, Seen, Unfit, as_json, columns_of, fitter, inferred, mended


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None], pa.null()),
        ([1, None], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True, False], pa.bool_()),
        ([True, 1], pa.string()),
        (["a", 1], pa.string()),
        ([[1], [None], []], pa.list_(pa.int64())),
        ([[[1]], [[2.5]]], pa.list_(pa.list_(pa.float64()))),
        ([{"a": 1}, {"b": "x"}, None], pa.struct([("a", pa.int64()), ("b", pa.string())])),
        ([[{"a": 1}], [{"a": 2.5}]], pa.list_(pa.struct([("a", pa.float64())]))),
    ],
)
def test_the_type_is_the_narrowest_that_holds_all(values, kind):
    assert inferred("x", values).type == kind


@pytest.mark.parametrize("values", [[1, [1]], [{"a": 1}, "x"], [[1], {"a": 1}], [1 << 64], [{"\ud800": 1}]])
def test_kinds_that_do_not_mix_become_json_text(values):
    assert is_json_text(inferred("x", values))


def test_maps_and_towers_become_json_text():
    assert is_json_text(inferred("x", [{f"k{number}": 1 for number in range(MOST_KEYS + 1)}]))
    tower: object = 1
    for _ in range(MOST_DEPTH + 5):
        tower = [tower]
    field = inferred("x", [tower])
    seen = Seen()
    assert "[[" in str(fitter(field, "x", seen)(tower))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int64(), True),
        (pa.int64(), 1.5),
        (pa.int64(), "1"),
        (pa.int64(), 1 << 63),
        (pa.int32(), 1 << 31),
        (pa.float64(), "1.0"),
        (pa.float64(), True),
        (pa.float64(), float("inf")),
        (pa.float64(), 10**400),
        (pa.bool_(), 0),
        (pa.string(), [1]),
        (pa.string(), {}),
        (pa.list_(pa.int64()), 1),
        (pa.list_(pa.int64()), ["x"]),
        (pa.struct([("a", pa.int64())]), []),
        (pa.timestamp("us", "UTC"), 5),
        (pa.date32(), "2024-01-01"),
    ],
)
def test_what_is_of_another_type_does_not_fit(kind, value):
    with pytest.raises(Unfit, match="types: {x: string}"):
        fitter(pa.field("x", kind), "x", Seen())(value)


@pytest.mark.parametrize(
    "kind", [pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.list_(pa.int64()), pa.struct([("a", pa.int64())])]
)
def test_null_fits_everywhere(kind):
    assert fitter(pa.field("x", kind), "x", Seen())(None) is None


def test_a_whole_float_is_an_int_and_a_number_in_text_is_written_down():
    seen = Seen()
    assert fitter(pa.field("x", pa.int64()), "x", seen)(3.0) == 3
    assert fitter(pa.field("x", pa.string()), "x", seen)(3.5) == "3.5"
    assert seen.notes("f") == ['f: "x" holds 1 values that are not text: written as text']


def test_json_text_is_the_same_for_equal_values():
    assert as_json({"b": [1, None], "a": "ü"}) == as_json({"a": "ü", "b": [1, None]}) == '{"a":"ü","b":[1,null]}'
    fit = fitter(json_text("x"), "x", Seen())
    assert [fit(value) for value in ("plain", None, 1, {"a": 1})] == ["plain", None, "1", '{"a":1}']


def test_keys_left_out_are_counted_with_their_path_and_never_without_end():
    seen = Seen()
    schema = pa.schema([("s", pa.struct([("a", pa.int64())]))])
    columns_of([{"s": {"a": 1, f"k{number}": 2}} for number in range(5000)], schema, seen)
    notes = seen.notes("f")
    assert len(seen.left_out) <= 1001
    assert len(notes) == 21
    assert notes[0].startswith('f: 4000 records hold "…"')
    assert any('"s.k7"' in note or '"s.k1"' in note for note in notes)


def test_only_halves_of_pairs_are_mended():
    assert mended("a\ud83d\ude00b") == "a😀b"
    assert mended("\udc00\ud800") == "\ufffd\ufffd"
