"""Bring columns to the types a Delta table can hold, and say which column cannot be brought there.

    null                                   no column in the part; string in the table, unless another part knows better
    large_string, string_view, dictionary  string (a dictionary: the type of its values)
    large_binary, fixed_size_binary …      binary
    large_list, fixed_size_list …          list
    timestamp of any unit                  microseconds: with a zone, UTC (`timestamp`); without one, as it is
                                           (`timestamp_ntz`); what is finer than a microsecond is cut off
    date64                                 date32
    time                                   string, `HH:MM:SS.ffffff`
    uint8, uint16, uint32, uint64          int16, int32, int64, int64 (a larger number is an error)
    float16                                float32
    decimal of up to 38 digits             decimal128
    an extension type                      its storage

A struct without fields counts as null: JSON's `{}` says nothing. Duration, interval, union and wider decimals are
refused. Every column may hold nulls, and a field's metadata is dropped.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as t

from tilth.core.batch import Batch
from tilth.core.errors import DataError

_UNSIGNED = {8: pa.int16(), 16: pa.int32(), 32: pa.int64(), 64: pa.int64()}


def storable(kind: pa.DataType, column: str) -> pa.DataType:
    """Return the type that a column is stored as, or raise `DataError`.

    >>> storable(pa.large_list(pa.dictionary(pa.int8(), pa.large_string())), "tags")
    ListType(list<item: string>)
    """
    if isinstance(kind, pa.BaseExtensionType):
        return storable(kind.storage_type, column)
    if t.is_dictionary(kind) or t.is_run_end_encoded(kind):
        return storable(kind.value_type, column)
    if t.is_map(kind):
        return pa.map_(storable(kind.key_type, column), storable(kind.item_type, column))
    if t.is_struct(kind) and kind.num_fields:
        return pa.struct([(inner.name, storable(inner.type, column)) for inner in kind])
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind) or t.is_list_view(kind):
        return pa.list_(storable(kind.value_type, column))
    found = _flat(kind)
    if found is None:
        raise DataError(
            f'column "{column}" has the type {kind}, which a table cannot hold',
            wanted="text, numbers, dates, timestamps, decimals of up to 38 digits, or lists and structs of them",
            do="Cast it in the source, or leave it out",
        )
    return found


def _flat(kind: pa.DataType) -> pa.DataType | None:
    if t.is_boolean(kind) or t.is_signed_integer(kind) or t.is_float32(kind) or t.is_float64(kind):
        return kind
    if t.is_unsigned_integer(kind):
        return _UNSIGNED[kind.bit_width]
    if t.is_float16(kind):
        return pa.float32()
    if t.is_string(kind) or t.is_large_string(kind) or t.is_string_view(kind) or t.is_time(kind) or t.is_null(kind):
        return pa.string()
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_binary_view(kind) or t.is_fixed_size_binary(kind):
        return pa.binary()
    if t.is_timestamp(kind):
        return pa.timestamp("us", "UTC" if kind.tz else None)
    if t.is_date(kind):
        return pa.date32()
    if t.is_decimal(kind) and kind.precision <= 38 and 0 <= kind.scale <= kind.precision:
        return pa.decimal128(kind.precision, kind.scale)
    return None


def says_nothing(kind: pa.DataType) -> bool:
    """Tell whether a column of this type can hold nothing but nulls."""
    return bool(t.is_null(kind) or (t.is_struct(kind) and kind.num_fields == 0))


def storable_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema with storable types; a column that says nothing stays null."""
    fields = [
        pa.field(field.name, pa.null() if says_nothing(field.type) else storable(field.type, field.name))
        for field in schema
    ]
    _refuse_twins([field.name for field in fields], "columns")
    for field in fields:
        _refuse_inner_twins(field.type, field.name)
    return pa.schema(fields)


def storable_batch(batch: Batch) -> Batch:
    """Return the batch with storable columns; a column that says nothing is null."""
    schema = storable_schema(batch.schema)
    return pa.RecordBatch.from_arrays(
        [_cast(batch.column(at), field) for at, field in enumerate(schema)], schema=schema
    )


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    if t.is_null(field.type):
        return pa.nulls(len(column))
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    if column.type == field.type:
        return column
    try:
        return pc.cast(column, options=pc.CastOptions(field.type, allow_time_truncate=True))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f'column "{field.name}" has the type {column.type}, and a value of it cannot be stored as {field.type}',
            do="Cast it in the source, or leave it out",
        ) from error


def merged(left: pa.Schema, right: pa.Schema, where: str) -> pa.Schema:
    """Add the right schema's columns to the left's; null gives way to any type, another type is a `DataError`.

    >>> merged(pa.schema([("a", pa.null())]), pa.schema([("a", pa.int64()), ("b", pa.string())]), "data/x").names
    ['a', 'b']
    """
    fields = {field.name: field for field in left}
    for field in right:
        held = fields.get(field.name)
        if held is None or t.is_null(held.type):
            fields[field.name] = field
        elif not t.is_null(field.type) and held.type != field.type:
            raise DataError(
                f'column "{field.name}" is {field.type} here and {held.type} before',
                where=where,
                wanted=f"{held.type} throughout: a column keeps its type",
                do="Cast it before it is stored, or give the new column another name",
            )
    _refuse_twins(list(fields), f"columns of {where}")
    return pa.schema(list(fields.values()))


def settled(schema: pa.Schema) -> pa.Schema:
    """Give the columns that no part knows a type for the type string."""
    return pa.schema([pa.field(f.name, pa.string() if t.is_null(f.type) else f.type) for f in schema])


def padded(batch: Batch, schema: pa.Schema) -> Batch:
    """Return the batch with exactly these columns: nulls where it has none, cast where its type differs."""
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        column = pa.nulls(batch.num_rows, field.type) if at < 0 else batch.column(at)
        columns.append(column if column.type == field.type else column.cast(field.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _refuse_twins(names: list[str], what: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            raise DataError(
                f'two {what} have the names "{seen[name.lower()]}" and "{name}"',
                wanted="names that differ in more than upper and lower case",
                do="Rename one of them",
            )
        seen[name.lower()] = name


def _refuse_inner_twins(kind: pa.DataType, column: str) -> None:
    if t.is_struct(kind):
        _refuse_twins([inner.name for inner in kind], f'fields of column "{column}"')
    for at in range(kind.num_fields):
        _refuse_inner_twins(kind.field(at).type, column)
