"""Say what became of a source's columns since a cursor, and in which types the rows are read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._sql.plain import holds
from tilth.core.errors import DataError


class Drift(NamedTuple):
    """What the columns are now."""

    schema: pa.Schema
    """Those that are read, in the types that rows have from now on, and those that went."""
    went: tuple[str, ...]
    """Columns that an earlier run read and that are no longer there: null."""
    notes: tuple[str, ...]


def drifted(before: pa.Schema, went: Mapping[str, object], now: pa.Schema, *, incremental: bool, where: str) -> Drift:
    """Compare the columns with those of a cursor, of which `went` were told to be gone before.

    Rows that were read before stay where the source is incremental: there a column keeps, or widens, its type. Raises
    `DataError` where that cannot be.
    """
    fields, notes, lost = [], [], []
    for field in now:
        if field.name not in before.names:
            notes.append(f"schema: column {field.name} came ({spoken(field.type)})")
            fields.append(field)
            continue
        if field.name in went:
            notes.append(f"schema: column {field.name} came back ({spoken(field.type)})")
        old = before.field(field.name).type
        if old == field.type:
            fields.append(field)
            continue
        kind = _together(old, field.type) if incremental else field.type
        said = f"column {field.name} became {spoken(field.type)} (was {spoken(old)})"
        if kind is None:
            word = _WORD.get(spoken(old), "string")
            raise DataError(
                f"schema: {said}, and rows that were read before stay as they were",
                where=where,
                wanted=f"a column that can be read as {spoken(old)}",
                do=f'Say "types: {{{field.name}: {word}}}", or read all rows anew under another name.',
            )
        notes.append(f"schema: {said}" + (f"; it is read as {spoken(kind)}" if kind != field.type else ""))
        fields.append(pa.field(field.name, kind))
    for field in before:
        if field.name in now.names:
            continue
        if field.name not in went:
            notes.append(f"schema: column {field.name} went" + ("; it is empty from now on" if incremental else ""))
        if incremental:
            lost.append(field.name)
            fields.append(field)
    return Drift(pa.schema(fields), tuple(lost), tuple(notes))


_WORD = {"int8": "int", "int16": "int", "int32": "int", "int64": "int", "float": "float", "double": "float",
         "bool": "bool"}  # fmt: skip


def spoken(kind: pa.DataType) -> str:
    """Return a type's name as a person says it.

    >>> spoken(pa.string()), spoken(pa.timestamp("us", "UTC")), spoken(pa.int64())
    ('text', 'timestamp', 'int64')
    """
    if pa.types.is_string(kind):
        return "text"
    return "timestamp" if pa.types.is_timestamp(kind) else str(kind)


def _together(old: pa.DataType, new: pa.DataType) -> pa.DataType | None:
    """Return the type that takes all values of both; None where there is none, as for numbers and texts."""
    if holds(new, old):
        return old
    if holds(old, new) and not pa.types.is_nested(old):
        return new
    if pa.types.is_decimal(old) and pa.types.is_decimal(new):
        scale = max(old.scale, new.scale)
        digits = max(old.precision - old.scale, new.precision - new.scale) + scale
        return pa.decimal128(digits, scale) if digits <= 38 else None
    small = (pa.int8(), pa.int16(), pa.int32())
    for whole, real in ((old, new), (new, old)):
        if whole in small and pa.types.is_floating(real):
            return pa.float64()
    return None
