"""Write names, literals and types as GoogleSQL has them."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
from pyarrow import types as t

from tilth.core.errors import DataError, RecipeError

_BAD = re.compile(r"[!\"$()*,./;?@\[\]\\^`{}~\x00-\x1f]")
"""What no column's name may hold: https://cloud.google.com/bigquery/docs/schemas#flexible-column-names."""
_RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER", "_CHANGE_")
_TABLE = re.compile(r"(?:(?P<project>[A-Za-z0-9:.-]+)\.)?(?P<dataset>\w+)\.(?P<table>[\w -]+)\Z")
_ESCAPED = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"}


def quoted(name: str) -> str:
    """Quote a column's name.

    >>> quoted("order")
    '`order`'
    """
    if not name or _BAD.search(name) or name.upper().startswith(_RESERVED) or len(name) > 300:
        raise DataError(f'"{name}" cannot name a column', where="bigquery", do="Rename the column.")
    return f"`{name}`"


def path(project: str, table: str, *, where: str) -> str:
    """Return a table's full name, quoted.

    >>> path("shop", "crm.tickets", where="bigquery.table")
    '`shop.crm.tickets`'
    """
    found = _TABLE.fullmatch(table)
    if not found:
        raise RecipeError(f'"{table}" names no table', where=where, wanted="dataset.table")
    return f"`{found['project'] or project}.{found['dataset']}.{found['table']}`"


def literal(text: str | None) -> str:
    """Write a text.

    >>> literal("it's"), literal(None)
    ("'it\\\\'s'", 'NULL')
    """
    return "NULL" if text is None else "'" + "".join(_ESCAPED.get(char, char) for char in text) + "'"


def sql_type(kind: pa.DataType, column: str) -> str:
    """Name an Arrow type. Raises `DataError` for lists of lists, which BigQuery has not.

    >>> sql_type(pa.list_(pa.struct([("a", pa.int64())])), "x")
    'ARRAY<STRUCT<`a` INT64>>'
    """
    if t.is_struct(kind):
        return f"STRUCT<{', '.join(f'{quoted(each.name)} {sql_type(each.type, column)}' for each in kind)}>"
    if t.is_list(kind) or t.is_large_list(kind):
        if t.is_list(kind.value_type) or t.is_large_list(kind.value_type):
            raise DataError(f'"{column}" holds lists of lists', where="bigquery", do="Write it as text first.")
        return f"ARRAY<{sql_type(kind.value_type, column)}>"
    if t.is_decimal(kind):
        return "NUMERIC" if kind.precision - kind.scale <= 29 and kind.scale <= 9 else "BIGNUMERIC"
    if t.is_timestamp(kind):
        return "TIMESTAMP" if kind.tz else "DATETIME"
    known: list[tuple[Any, str]] = [
        (t.is_boolean, "BOOL"),
        (t.is_integer, "INT64"),
        (t.is_floating, "FLOAT64"),
        (t.is_string, "STRING"),
        (t.is_large_string, "STRING"),
        (t.is_binary, "BYTES"),
        (t.is_date, "DATE"),
        (t.is_time, "TIME"),
        (t.is_null, "STRING"),
    ]
    name = next((name for test, name in known if test(kind)), None)
    if name is None:
        raise DataError(f'"{column}" is {kind}', where="bigquery", wanted="a type that BigQuery has")
    return name


def field_of(field: pa.Field) -> Any:
    """Return a column as BigQuery's API describes it."""
    from google.cloud.bigquery import SchemaField

    kind, mode = field.type, "NULLABLE"
    quoted(field.name)
    sql_type(kind, field.name)
    if t.is_list(kind) or t.is_large_list(kind):
        kind, mode = kind.value_type, "REPEATED"
    if t.is_struct(kind):
        return SchemaField(field.name, "RECORD", mode=mode, fields=[field_of(inner) for inner in kind])
    return SchemaField(field.name, sql_type(kind, field.name), mode=mode)
