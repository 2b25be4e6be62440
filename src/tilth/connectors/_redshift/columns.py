"""Bring Redshift's types to Arrow's and back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as t

from tilth.connectors._cells import TIMESTAMP
from tilth.connectors._redshift.session import Field, quoted
from tilth.connectors._values import as_json
from tilth.core.batch import ID, Batch
from tilth.core.errors import DataError
from tilth.tables._types import storable_batch

NUL, SHOWN_NUL = "\0", "\u2400"
"""Redshift holds no NUL in a text; U+2400 stands for it, and each row that has one is counted."""
_NUMERIC = 1700
_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    26: pa.int64(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: TIMESTAMP,
    1184: TIMESTAMP,
    17: pa.binary(),
    6551: pa.binary(),
}
"""By PostgreSQL's numbers of types; 6551 is VARBYTE. Any other is read as the text that the server writes."""
INTEGERS = frozenset((20, 21, 23))


def schema_of(fields: Sequence[Field]) -> pa.Schema:
    """Return what a query's columns become. Raises `DataError` where two have one name."""
    names = [field.name for field in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f'two columns are called "{twice}"', where="redshift", do="Name each with AS.")
    return pa.schema([pa.field(field.name, _type(field)) for field in fields])


def _type(field: Field) -> pa.DataType:
    if field.type == _NUMERIC and field.modifier >= 4:
        digits, scale = (field.modifier - 4) >> 16, (field.modifier - 4) & 0xFFFF
        return pa.decimal128(digits, scale) if digits <= 38 and scale <= digits else pa.string()
    return _TYPES.get(field.type, pa.string())


def batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Put rows in columns; return those whose value does not fit, such as a time of infinity, with the reason."""
    arrays, wrong = [], dict[int, str]()
    for at, field in enumerate(schema):
        values = [_value(row[at], field.type) for row in rows]
        try:
            array = pa.array(values, field.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            array = _one_by_one(values, field, wrong)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema), wrong


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if t.is_string(kind):
        if isinstance(value, time):
            # As Arrow writes what UNLOAD gives.
            return value.isoformat(timespec="microseconds")
        return value if isinstance(value, str) else str(value)
    if t.is_timestamp(kind) and isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    if t.is_binary(kind):
        return bytes.fromhex(value.removeprefix("\\x")) if isinstance(value, str) else bytes(value)
    return value


def _one_by_one(values: Sequence[Any], field: pa.Field, wrong: dict[int, str]) -> pa.Array:
    kept: list[Any] = []
    for at, value in enumerate(values):
        try:
            kept.append(pa.array([value], field.type)[0].as_py())
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            kept.append(None)
            wrong[at] = f'"{field.name}" holds what {field.type} cannot'
    return pa.array(kept, field.type)


# To Redshift.


class Losses:
    """What Redshift can't hold, counted."""

    nul = 0
    """Texts with a NUL, which U+2400 stands for."""


def ready(raw: Batch, text_bytes: int, losses: Losses, where: str) -> Batch:
    """Bring a batch to types that COPY takes from Parquet: whole numbers in 4 or 8 bytes, times in UTC without a zone.

    Lists and structs are JSON text. Raises `DataError` for a text that is longer than the column is wide.
    """
    batch = storable_batch(raw)
    for at, field in enumerate(batch.schema):
        column = _column(batch.column(at), losses)
        if t.is_string(column.type):
            longest = pc.max(pc.binary_length(column)).as_py() or 0
            if longest > text_bytes:
                row = pc.index(pc.equal(pc.binary_length(column), longest), True).as_py()
                known = batch.column(ID)[row].as_py() if ID in batch.schema.names else row
                raise DataError(
                    f'"{field.name}" of row {known} has {longest:,} bytes',
                    where=where,
                    wanted=f"at most {text_bytes:,}",
                    do="Cut it, or raise text_bytes: if the cluster takes wider columns.",
                )
        batch = batch.set_column(at, pa.field(field.name, column.type), column)
    return batch


def _column(column: pa.Array, losses: Losses) -> pa.Array:
    kind = column.type
    if t.is_nested(kind):
        column = pa.array([None if each is None else as_json(each) for each in column.to_pylist()], pa.string())
    elif t.is_int8(kind) or t.is_int16(kind):
        return column.cast(pa.int32())
    elif t.is_timestamp(kind):
        return column.cast(pa.timestamp("us")) if kind.tz is None else column.cast(TIMESTAMP).cast(pa.timestamp("us"))
    elif t.is_time(kind) or t.is_duration(kind) or (t.is_decimal(kind) and kind.precision > 38):
        column = pa.array([None if each is None else str(each) for each in column.to_pylist()], pa.string())
    elif t.is_large_string(kind):
        column = column.cast(pa.string())
    if t.is_string(column.type):
        odd = pc.sum(pc.match_substring(column, NUL)).as_py() or 0
        losses.nul += odd
        return pc.replace_substring(column, NUL, SHOWN_NUL) if odd else column
    return column


def definition(field: pa.Field, text_bytes: int) -> str:
    """Return a column's definition.

    >>> definition(pa.field("n", pa.int64()), 65535)
    '"n" BIGINT'
    """
    kind = field.type
    known: list[tuple[Any, str]] = [
        (t.is_boolean, "BOOLEAN"),
        (t.is_int32, "INTEGER"),
        (t.is_int64, "BIGINT"),
        (t.is_float32, "REAL"),
        (t.is_float64, "DOUBLE PRECISION"),
        (t.is_date, "DATE"),
        (t.is_timestamp, "TIMESTAMP"),
        (t.is_binary, "VARBYTE(1024000)"),
        (t.is_large_binary, "VARBYTE(1024000)"),
        (t.is_string, f"VARCHAR({text_bytes})"),
        (t.is_null, f"VARCHAR({text_bytes})"),
    ]
    if t.is_decimal(kind):
        return f"{quoted(field.name)} DECIMAL({kind.precision},{kind.scale})"
    name = next((name for test, name in known if test(kind)), None)
    if name is None:
        raise DataError(f'"{field.name}" is {kind}', where="redshift", wanted="a type that Redshift has")
    return f"{quoted(field.name)} {name}"


def as_text(value: Any) -> str:
    """Write a value of a cursor column: a time in ISO, a number or a text as it is."""
    if isinstance(value, (date, datetime)):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)
