"""Bring Arrow's many types to those that every table and every later step can hold, losing no value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._cells import TIMESTAMP, WORDS, converted
from tilth.connectors._schema import bare, is_json_text
from tilth.connectors._values import Seen, Unfit, as_json, fitter

_WIDER = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64(), pa.uint64(): pa.int64()}


def storable(field: pa.Field) -> pa.Field:
    """Return the field in a type that tables can store.

    Dictionaries and run ends are written out, large and view types become plain ones, maps lists of key and value,
    unsigned integers wider signed ones; times of day, durations and intervals become text; a timestamp is in
    microseconds and UTC.

    >>> storable(pa.field("a", pa.dictionary(pa.int8(), pa.large_string()))).type
    DataType(string)
    """
    return pa.field(field.name, _storable(field.type))


def _storable(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return _storable(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _storable(kind.value_type)
    if pa.types.is_map(kind):
        entry = [pa.field("key", _storable(kind.key_type)), pa.field("value", _storable(kind.item_type))]
        return pa.list_(pa.struct(entry))
    if pa.types.is_struct(kind):
        return pa.struct([storable(inner) for inner in kind])
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        return pa.list_(_storable(kind.value_type))
    if pa.types.is_timestamp(kind):
        return TIMESTAMP
    if kind in _WIDER:
        return _WIDER[kind]
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date(kind):
        return pa.date32()
    if pa.types.is_decimal(kind) and kind.precision <= 38:
        return pa.decimal128(kind.precision, kind.scale)
    if pa.types.is_large_binary(kind) or kind == pa.binary_view() or pa.types.is_fixed_size_binary(kind):
        return pa.binary()
    known = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    return kind if known or pa.types.is_null(kind) or pa.types.is_binary(kind) else pa.string()


def fitted(array: pa.Array, field: pa.Field) -> tuple[pa.Array, list[int]]:
    """Bring an array to a field's type; return it with the indexes of values that do not fit."""
    kind = bare(pa.schema([field]))[0].type
    if is_json_text(field) and not _is_text(array.type):
        texts = [None if value is None else as_json(value) for value in array.to_pylist()]
        return pa.array(texts, pa.string()), []
    if array.type == kind:
        return array, []
    if _is_text(array.type) and kind in WORDS.values():
        return converted(array.cast(pa.string()), kind, asked=True)
    if pa.types.is_duration(array.type) or pa.types.is_interval(array.type):
        # Arrow would write the bare count, without its unit.
        return _one_by_one(array, field, kind)
    try:
        return _cast(array, kind), []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
        return _one_by_one(array, field, kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view())


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        return _cast(array.storage, kind)
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type):
        # Nanoseconds below a microsecond are let go; no other cast may lose anything.
        return pc.cast(array, kind, safe=False)
    return pc.cast(array, kind)


def _one_by_one(array: pa.Array, field: pa.Field, kind: pa.DataType) -> tuple[pa.Array, list[int]]:
    """Fit value by value, in Python, what Arrow has no cast for or where one value does not fit."""
    fit = fitter(field, field.name, Seen())
    values, bad = [], []
    for index, scalar in enumerate(array):
        try:
            value = _value(scalar, kind)
            made = pa.array([value], kind) if _exact(kind) else pa.array([fit(value)], kind)
            values.append(made[0].as_py())
        except (Unfit, pa.ArrowException, ValueError, OverflowError):
            values.append(None)
            bad.append(index)
    return pa.array(values, kind), bad


def _exact(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_decimal(kind) or pa.types.is_date(kind) or pa.types.is_binary(kind) or pa.types.is_list(kind)
    )


def _value(scalar: pa.Scalar, kind: pa.DataType) -> Any:
    value = scalar.as_py()
    if isinstance(value, list) and pa.types.is_list(kind) and value and isinstance(value[0], tuple):
        return [{"key": key, "value": inner} for key, inner in value]
    return str(value) if value is not None and pa.types.is_string(kind) else value
