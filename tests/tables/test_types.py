"""Columns are brought to what a Delta table holds, or refused with their name."""

import datetime
import decimal

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.tables._types import merged, padded, settled, storable_batch, storable_schema


def column(values, kind):
    return storable_batch(pa.RecordBatch.from_arrays([pa.array(values, kind)], ["c"])).column("c")


@pytest.mark.parametrize(
    ("values", "kind", "stored"),
    [
        (["a", None], pa.large_string(), pa.string()),
        (["a", None], pa.string_view(), pa.string()),
        (["a", "a"], pa.dictionary(pa.int8(), pa.large_string()), pa.string()),
        ([b"a"], pa.large_binary(), pa.binary()),
        ([b"abcd"], pa.binary(4), pa.binary()),
        ([255], pa.uint8(), pa.int16()),
        ([2**32 - 1], pa.uint32(), pa.int64()),
        ([0.5], pa.float16(), pa.float32()),
        ([[1.0, 2.0]], pa.list_(pa.float32(), 2), pa.list_(pa.float32())),
        ([["a"], [None], None, []], pa.large_list(pa.large_string()), pa.list_(pa.string())),
        ([{"a": [1]}], pa.struct([("a", pa.list_(pa.uint16()))]), pa.struct([("a", pa.list_(pa.int32()))])),
        ([[("a", 1)]], pa.map_(pa.large_string(), pa.uint8()), pa.map_(pa.string(), pa.int16())),
        ([[None], []], pa.list_(pa.null()), pa.list_(pa.string())),
        ([decimal.Decimal("1.50")], pa.decimal256(10, 2), pa.decimal128(10, 2)),
        ([datetime.date(2026, 1, 2)], pa.date64(), pa.date32()),
    ],
)
def test_values_survive_the_change_of_type(values, kind, stored):
    found = column(values, kind)
    assert found.type == stored
    assert found.to_pylist() == values


def test_timestamps_are_microseconds_and_a_zone_becomes_utc():
    paris = column([datetime.datetime(2026, 7, 1, 12, 0)], pa.timestamp("s", "Europe/Paris"))
    assert paris.type == pa.timestamp("us", "UTC")
    assert column([1_999], pa.timestamp("ns")).cast(pa.int64()).to_pylist() == [1]
    assert column([1], pa.timestamp("ms")).type == pa.timestamp("us")


def test_a_time_of_day_becomes_text():
    assert column([datetime.time(8, 30)], pa.time64("us")).to_pylist() == ["08:30:00.000000"]


def test_an_extension_type_is_stored_as_what_it_holds():
    assert column([b"0123456789abcdef"], pa.uuid()).to_pylist() == [b"0123456789abcdef"]


def test_a_number_too_large_to_store_is_refused_by_column():
    with pytest.raises(DataError, match='column "c" has the type uint64, and a value of it cannot be stored as int64'):
        column([2**63], pa.uint64())


@pytest.mark.parametrize("kind", [pa.duration("us"), pa.month_day_nano_interval(), pa.decimal256(60, 2)])
def test_a_type_without_a_place_is_refused_by_column(kind):
    with pytest.raises(DataError, match=r'column "c" has the type .* which a table cannot hold'):
        storable_schema(pa.schema([("c", kind)]))


@pytest.mark.parametrize("kind", [pa.null(), pa.struct([])])
def test_a_column_that_says_nothing_waits_for_a_type_and_settles_as_text(kind):
    schema = storable_schema(pa.schema([("c", kind)]))
    assert schema.field("c").type == pa.null()
    assert merged(schema, pa.schema([("c", pa.int64())]), "t").field("c").type == pa.int64()
    assert settled(schema).field("c").type == pa.string()


@pytest.mark.parametrize(
    "schema",
    [
        pa.schema([("Text", pa.string()), ("text", pa.string())]),
        pa.schema([("text", pa.string()), ("text", pa.string())]),
        pa.schema([("s", pa.struct([("Text", pa.string()), ("text", pa.string())]))]),
    ],
)
def test_names_that_differ_in_case_alone_are_refused(schema):
    with pytest.raises(DataError, match="more than upper and lower case"):
        storable_schema(schema)


def test_a_column_keeps_its_type():
    with pytest.raises(DataError, match='data/x: column "n" is string here and int64 before'):
        merged(pa.schema([("n", pa.int64())]), pa.schema([("n", pa.string())]), "data/x")


def test_a_batch_is_padded_to_all_columns_in_order():
    batch = pa.RecordBatch.from_pydict({"b": [1], "a": pa.array([None])})
    wide = pa.schema([("a", pa.string()), ("b", pa.int64()), ("c", pa.float64())])
    assert padded(batch, wide).to_pydict() == {"a": [None], "b": [1], "c": [None]}
    assert padded(batch, wide).schema == wide
