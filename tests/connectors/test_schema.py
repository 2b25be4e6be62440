"""Tell how the columns of several files become those of one table."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.connectors._schema import JSON_TEXT, bare, dump, is_json_text, json_text, load, merged, settled

JSON = pa.field("x", pa.string(), metadata=JSON_TEXT)


def field(kind: pa.DataType) -> pa.Field:
    return pa.field("x", kind)


@pytest.mark.parametrize(
    ("left", "right", "both"),
    [
        (pa.int64(), pa.int64(), pa.int64()),
        (pa.null(), pa.int32(), pa.int32()),
        (pa.int32(), pa.int64(), pa.int64()),
        (pa.int64(), pa.float32(), pa.float64()),
        (pa.int64(), pa.string(), pa.string()),
        (pa.bool_(), pa.int64(), pa.string()),
        (pa.timestamp("us", "UTC"), pa.string(), pa.string()),
        (pa.list_(pa.int64()), pa.list_(pa.float64()), pa.list_(pa.float64())),
        (pa.list_(pa.null()), pa.list_(pa.string()), pa.list_(pa.string())),
        (
            pa.struct([("a", pa.int64())]),
            pa.struct([("b", pa.int64())]),
            pa.struct([("a", pa.int64()), ("b", pa.int64())]),
        ),
    ],
)
def test_types_widen_the_same_way_from_both_sides(left, right, both):
    assert merged([pa.schema([field(left)]), pa.schema([field(right)])]).field("x").type == both
    flipped = merged([pa.schema([field(right)]), pa.schema([field(left)])]).field("x").type
    assert flipped == both or pa.types.is_struct(both)


@pytest.mark.parametrize("other", [pa.string(), pa.int64(), pa.struct([("a", pa.int64())])])
def test_a_list_beside_anything_else_is_json_text(other):
    assert is_json_text(merged([pa.schema([field(pa.list_(pa.int64()))]), pa.schema([field(other)])]).field("x"))


def test_json_text_stays_json_text():
    for other in (pa.string(), pa.int64(), pa.null()):
        assert is_json_text(merged([pa.schema([JSON]), pa.schema([field(other)])]).field("x"))


def test_columns_keep_the_order_in_which_they_are_first_seen():
    one, two = pa.schema([("b", pa.int64()), ("a", pa.int64())]), pa.schema([("c", pa.int64()), ("a", pa.int64())])
    assert merged([one, two]).names == ["b", "a", "c"]


def test_types_that_no_table_stores_are_settled():
    schema = settled(pa.schema([("n", pa.null()), ("e", pa.struct([])), ("l", pa.list_(pa.null()))]))
    assert bare(schema) == pa.schema([("n", pa.string()), ("e", pa.string()), ("l", pa.list_(pa.string()))])


def test_a_schema_comes_back_with_its_marks():
    schema = pa.schema([json_text("a"), ("s", pa.struct([json_text("b")])), ("t", pa.timestamp("us", "UTC"))])
    back = load(dump(schema))
    assert back.equals(schema, check_metadata=True)
    assert is_json_text(back.field("s").type.field("b"))
