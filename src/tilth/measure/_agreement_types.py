"""Bring a column to an agreed type, cell by cell: what does not fit is null, and named."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.agreement import Kind, moment, whole

TIME = pa.timestamp("us", tz="UTC")
_EXACT = 2**53
"""Whole numbers up to which a float is exact."""
_INT = whole("-?[0-9]{1,18}")
_FLOAT = whole(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOL = whole("(?i:true|false)")


class Typed(NamedTuple):
    """A column's cells in a type."""

    cells: pa.Array
    misfits: pa.BooleanArray | None
    """True where a cell has a value that does not fit; None where all fit."""


def typed(cells: pa.Array, kind: Kind) -> Typed:
    """Return cells in an agreed type. Text that reads as a number, a truth or a moment becomes one."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_null(cells.type):
        target = _EMPTY.get(kind)
        return Typed(cells if target is None else cells.cast(target), None)
    fits, convert = _KINDS[kind]
    if fits(cells.type):
        return Typed(cells, None)
    found = convert(cells) if convert is not None else None
    if found is None:
        target = _EMPTY.get(kind, pa.null())
        found = pa.nulls(len(cells), target)
    return _with_misfits(cells, found)


def numbers(cells: pa.Array) -> Typed:
    """Return cells as numbers to compare, whatever kind of number they are."""
    kind = cells.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        # A half-precision float has no comparison of its own.
        return Typed(cells.cast(pa.float64()) if pa.types.is_float16(kind) else cells, None)
    return typed(cells.cast(pa.float64(), safe=False), "float") if pa.types.is_decimal(kind) else typed(cells, "float")


def micros(cells: pa.Array) -> Typed:
    """Return moments as microseconds since 1970, those without a zone as UTC."""
    found = typed(cells, "timestamp")
    at = found.cells
    if pa.types.is_timestamp(at.type):
        return Typed(at.cast(pa.timestamp("us", tz=at.type.tz), safe=False).cast(pa.int64()), found.misfits)
    return Typed(pa.nulls(len(cells), pa.int64()), found.misfits)


def length(cells: pa.Array) -> Typed:
    """Return how long each cell is: characters of a text, bytes, entries of a list."""
    kind = cells.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        found = pc.utf8_length(cells)
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        found = pc.binary_length(cells)
    elif _is_list(kind):
        found = pc.list_value_length(cells)
    else:
        return _with_misfits(cells, pa.nulls(len(cells), pa.int64()))
    return Typed(found.cast(pa.int64()), None)


def _with_misfits(cells: pa.Array, found: pa.Array) -> Typed:
    misfits = pc.and_(cells.is_valid(), found.is_null())
    return Typed(found, misfits if pc.any(misfits).as_py() else None)


def _int(cells: pa.Array) -> pa.Array | None:
    kind = cells.type
    if _is_text(kind):
        return _parsed(cells, _INT, pa.int64())
    if pa.types.is_floating(kind):
        wide = cells.cast(pa.float64())
        is_whole = pc.and_(pc.equal(pc.floor(wide), wide), pc.less_equal(pc.abs(wide), float(_EXACT)))
        return _where(is_whole, wide).cast(pa.int64())
    if pa.types.is_decimal(kind):
        with contextlib.suppress(pa.ArrowInvalid):
            return cells.cast(pa.int64())
    return None


def _float(cells: pa.Array) -> pa.Array | None:
    kind = cells.type
    if _is_text(kind):
        return _parsed(cells, _FLOAT, pa.float64())
    if pa.types.is_integer(kind):
        exact = pc.and_(pc.less_equal(cells, _EXACT), pc.greater_equal(cells, -_EXACT))
        return _where(exact, cells).cast(pa.float64())
    return None


def _bool(cells: pa.Array) -> pa.Array | None:
    return _parsed(pc.utf8_lower(cells), _BOOL, pa.bool_()) if _is_text(cells.type) else None


def _timestamp(cells: pa.Array) -> pa.Array | None:
    if pa.types.is_date(cells.type):
        return cells.cast(pa.timestamp("us")).cast(TIME)
    if not _is_text(cells.type):
        return None
    return pa.array([None if text is None else moment(text) for text in cells.to_pylist()], TIME)


def _date(cells: pa.Array) -> pa.Array | None:
    if not _is_text(cells.type):
        return None
    return pa.array([None if text is None else _day(text) for text in cells.to_pylist()], pa.date32())


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _parsed(cells: pa.Array, pattern: str, kind: pa.DataType) -> pa.Array:
    return _where(pc.match_substring_regex(cells, pattern), cells).cast(kind)


def _where(holds: pa.BooleanArray, cells: pa.Array) -> pa.Array:
    return pc.if_else(pc.fill_null(holds, False), cells, pa.scalar(None, cells.type))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _is_float(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_mapping(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind))


_Convert = Callable[[Any], Any]
_KINDS: dict[str, tuple[Callable[[Any], bool], _Convert | None]] = {
    "text": (_is_text, None),
    "int": (pa.types.is_integer, _int),
    "float": (_is_float, _float),
    "bool": (pa.types.is_boolean, _bool),
    "timestamp": (pa.types.is_timestamp, _timestamp),
    "date": (pa.types.is_date, _date),
    "bytes": (_is_binary, None),
    "list": (_is_list, None),
    "mapping": (_is_mapping, None),
}
_EMPTY: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIME,
    "date": pa.date32(),
    "bytes": pa.binary(),
}
