"""Bring Arrow's types to the few that SQL systems hold, before rows are loaded."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as t

from tilth.core.batch import canonical
from tilth.core.errors import DataError

_WIDER = {8: pa.int16(), 16: pa.int32(), 32: pa.int64(), 64: pa.decimal128(20, 0)}


def storable(kind: pa.DataType, column: str) -> pa.DataType:
    """Return the type that a column is stored as; a nested one stays, and is written as JSON.

    >>> storable(pa.large_string(), "text"), storable(pa.uint64(), "n")
    (DataType(string), Decimal128Type(decimal128(20, 0)))
    """
    if isinstance(kind, pa.BaseExtensionType):
        return storable(kind.storage_type, column)
    if t.is_dictionary(kind) or t.is_run_end_encoded(kind):
        return storable(kind.value_type, column)
    if t.is_nested(kind) and not t.is_union(kind):
        return kind
    if t.is_boolean(kind) or t.is_signed_integer(kind) or t.is_float32(kind) or t.is_float64(kind):
        return kind
    if t.is_unsigned_integer(kind):
        return _WIDER[kind.bit_width]
    if t.is_float16(kind):
        return pa.float32()
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind) or t.is_null(kind) or t.is_time(kind):
        return pa.string()
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind) or t.is_fixed_size_binary(kind):
        return pa.binary()
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if t.is_date(kind):
        return pa.date32()
    if t.is_decimal(kind) and kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return pa.decimal128(kind.precision, kind.scale)
    raise DataError(
        f'column "{column}" has the type {kind}, which no table of a database holds',
        wanted="text, numbers, dates, timestamps, decimals of up to 38 digits, or lists and structs of them",
        do="Cast it in the recipe, or leave it out.",
    )


def flat(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Write nested columns as JSON text and bring the others to their storable types."""
    arrays, fields = [], []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        kind = storable(field.type, field.name)
        if t.is_nested(kind):
            kind, column = pa.string(), pa.array(map(_json, column.to_pylist()), pa.string())
        elif isinstance(column, pa.ExtensionArray):
            column = column.storage
        if column.type != kind:
            # What is finer than a microsecond is cut off; no other cast may lose anything.
            column = pc.cast(column, kind, safe=not t.is_timestamp(kind))
        arrays.append(column)
        fields.append(pa.field(field.name, kind))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields)), {}


def holds(kind: pa.DataType, there: pa.DataType) -> bool:
    """Tell whether a column that reads as `there` takes every value of `kind`.

    >>> holds(pa.int32(), pa.int64()), holds(pa.int64(), pa.int32()), holds(pa.int64(), pa.string())
    (True, False, False)
    """
    if t.is_nested(kind) or t.is_string(kind):
        return bool(t.is_string(there))
    if kind == there:
        return True
    if t.is_boolean(kind) or t.is_binary(kind) or t.is_date(kind):
        return False
    if t.is_timestamp(kind):
        return bool(t.is_timestamp(there))
    if t.is_integer(kind):
        if t.is_integer(there):
            return bool(there.bit_width >= kind.bit_width)
        digits = {8: 3, 16: 5, 32: 10, 64: 19}[kind.bit_width]
        return bool(t.is_decimal(there) and there.precision - there.scale >= digits)
    if t.is_floating(kind):
        return bool(t.is_floating(there) and there.bit_width >= kind.bit_width)
    whole = kind.precision - kind.scale
    return bool(t.is_decimal(there) and there.scale >= kind.scale and there.precision - there.scale >= whole)


def _json(value: Any) -> str | None:
    return None if value is None else canonical(value)
