"""Turn rows into BSON documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
from pyarrow import types as t

from tilth.core.batch import ID, Batch, for_python
from tilth.core.errors import DataError

STAMP = "_tilth"
"""The field that says which commit wrote a document."""
_PER_MS = {"us": 1_000, "ns": 1_000_000}
_DIGITS = 34
"""What a Decimal128 holds."""
Write = Callable[[Any], Any]


class Losses:
    """What documents can't hold, counted."""

    truncated = 0
    """Times with a fraction of a millisecond."""


def documents(batch: Batch, losses: Losses, where: str) -> Iterator[bytes]:
    """Yield each row as BSON, in the order of the columns; nulls are written.

    Times are in whole milliseconds, as BSON has them: what lies below is counted in `losses`. A decimal of more than 34
    digits, a time of day and a duration are text. Raises `DataError` for a name or a value that BSON can't take.
    """
    import bson
    from bson.binary import UuidRepresentation
    from bson.codec_options import CodecOptions

    for name in batch.schema.names:
        if "\0" in name or name.startswith("$") or name == STAMP:
            raise DataError(f'the column name "{name}" cannot name a field', where=where, do="Rename the column.")
    columns = [_written(column, losses) for column in batch.columns]
    how: Any = CodecOptions(uuid_representation=UuidRepresentation.STANDARD)
    for values in zip(*columns, strict=True):
        document = dict(zip(batch.schema.names, values, strict=True))
        if document.get(ID) is None:
            raise DataError("a row has no _id", where=where, wanted="rows as a run makes them")
        try:
            yield bson.encode(document, codec_options=how)
        except (OverflowError, ValueError, bson.errors.BSONError) as error:
            raise DataError(f"row {document[ID]} cannot be a document: {type(error).__name__}", where=where) from error


def _written(column: pa.Array, losses: Losses) -> list[Any]:
    write = _writer(column.type, losses)
    if write is None:
        values: list[Any] = for_python(column).to_pylist()
        return values
    plain = column.cast(_as_counts(column.type)).to_pylist()
    return [None if value is None else write(value) for value in plain]


def _as_counts(kind: pa.DataType) -> pa.DataType:
    """Return the type with times as numbers: Python's end at the year 9999, BSON's do not."""
    if t.is_timestamp(kind) or t.is_date64(kind):
        return pa.int64()
    if t.is_date32(kind):
        return pa.int32()
    if t.is_struct(kind):
        return pa.struct([field.with_type(_as_counts(field.type)) for field in kind])
    if t.is_list(kind) or t.is_large_list(kind):
        return pa.list_(kind.value_field.with_type(_as_counts(kind.value_type)))
    return kind


def _writer(kind: pa.DataType, losses: Losses) -> Write | None:
    """Return what turns a value into BSON's; None where it can stay."""
    if t.is_timestamp(kind):
        return _time_writer(kind.unit, losses)
    if t.is_date(kind):
        from bson.datetime_ms import DatetimeMS

        return (lambda days: DatetimeMS(days * 86_400_000)) if t.is_date32(kind) else DatetimeMS
    if t.is_decimal(kind):
        return _decimal
    if t.is_time(kind) or t.is_duration(kind):
        return str
    if t.is_struct(kind):
        inner = {field.name: _writer(field.type, losses) for field in kind}
        if not any(inner.values()):
            return None
        return lambda value: {name: _or_null(write, value[name]) for name, write in inner.items()}
    if t.is_list(kind) or t.is_large_list(kind):
        each = _writer(kind.value_type, losses)
        return None if each is None else lambda value: [_or_null(each, one) for one in value]
    return None


def _or_null(write: Write | None, value: Any) -> Any:
    return value if write is None or value is None else write(value)


def _time_writer(unit: str, losses: Losses) -> Write:
    from bson.datetime_ms import DatetimeMS

    if unit in ("s", "ms"):
        return lambda count: DatetimeMS(count * (1000 if unit == "s" else 1))
    per = _PER_MS[unit]

    def write(count: int) -> Any:
        losses.truncated += bool(count % per)
        return DatetimeMS(count // per)

    return write


def _decimal(value: Decimal) -> Any:
    import bson

    return bson.Decimal128(value) if len(value.as_tuple().digits) <= _DIGITS else str(value)
