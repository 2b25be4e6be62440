"""Bring a driver's Arrow columns to the types that were planned; say what they hold that the types cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.connectors._sql.dialect import Column, Piece

FIRST_DAY, LAST_DAY = -719_162, 2_932_896
"""The years 1 to 9999, in days since 1970: what Python's calendar, and every table, holds."""
_DAY = 86_400_000_000
_DATES = "dates that are infinite, or not of the years 1 to 9999,"


class Reading:
    """Finish the batches of one result, whose columns are `columns` and then their guards."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._guards = [column for column in columns if column.guard]
        self._schema = pa.schema([pa.field(column.name, column.type) for column in columns])

    def piece(self, raw: pa.RecordBatch) -> Piece:
        """Return the batch in the planned types; what does not fit is null, and said."""
        arrays, bad, notes = [], [], []
        for column, array in zip(self._columns, raw.columns, strict=False):
            made, odd, rows = _fitted(array, column)
            arrays.append(made)
            bad += rows
            if odd:
                dates = f'column "{column.name}": {_DATES} are empty'
                notes.append(dates if pa.types.is_temporal(column.type) else no_number(column))
        for number, column in enumerate(self._guards):
            stopped = raw.column(len(self._columns) + number)
            why = f'column "{column.name}": an array of several dimensions; "types: {{{column.name}: string}}" reads it'
            bad += [(row, why) for row in pc.indices_nonzero(pc.fill_null(stopped, False)).to_pylist()]
        return Piece(pa.RecordBatch.from_arrays(arrays, schema=self._schema), tuple(bad), tuple(notes))


def no_number(column: Column) -> str:
    """Say that a column held what is no number."""
    return f'column "{column.name}": values that are not a number (NaN) are empty'


def in_calendar(array: pa.Array) -> tuple[pa.Array, int]:
    """Empty dates and times that are infinite, or outside the years 1 to 9999; return how many there were."""
    if pa.types.is_date(array.type):
        whole, low, high = array.cast(pa.int32()), FIRST_DAY, LAST_DAY
    else:
        whole, low, high = array.cast(pa.int64()), FIRST_DAY * _DAY, (LAST_DAY + 1) * _DAY - 1
    bounds = pc.min_max(whole).as_py()
    if bounds["min"] is None or (bounds["min"] >= low and bounds["max"] <= high):
        return array, 0
    inside = pc.and_(pc.greater_equal(whole, low), pc.less_equal(whole, high))
    kept = pc.if_else(inside, array, pa.scalar(None, array.type))
    return kept, kept.null_count - array.null_count


def _fitted(array: pa.Array, column: Column) -> tuple[pa.Array, int, list[tuple[int, str]]]:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    kind, odd = column.type, 0
    if pa.types.is_timestamp(kind) and pa.types.is_timestamp(array.type):
        # A time without a zone is taken as UTC.
        unit = array.cast(pa.timestamp("us", array.type.tz), safe=False)
        array, odd = in_calendar(unit.cast(kind))
        return array, odd, []
    if pa.types.is_date(kind) and pa.types.is_date32(array.type):
        array, odd = in_calendar(array)
        return array, odd, []
    if array.type == kind:
        return array, odd, []
    if pa.types.is_decimal(kind):
        return *_numbers(array, kind), []
    try:
        return array.cast(kind), odd, []
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _one_by_one(array, column)


def _numbers(array: pa.Array, kind: pa.DataType) -> tuple[pa.Array, int]:
    """Read decimals that come as text, where NaN is `nan`."""
    nan = pc.equal(pc.utf8_lower(array), "nan")
    odd = pc.sum(nan).as_py() or 0
    return pc.if_else(nan, pa.scalar(None, array.type), array).cast(kind) if odd else array.cast(kind), odd


def _one_by_one(array: pa.Array, column: Column) -> tuple[pa.Array, int, list[tuple[int, str]]]:
    values: list[Any] = []
    bad = []
    for row, scalar in enumerate(array):
        try:
            values.append(scalar.cast(column.type).as_py())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OverflowError):
            values.append(None)
            bad.append((row, f'column "{column.name}": a value that is no {column.type}'))
    return pa.array(values, column.type), 0, bad
