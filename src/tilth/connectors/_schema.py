"""Bring what the files of a source say about their columns to one schema, and write it into shards and cursors."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

JSON_TEXT = {b"tilth": b"json"}
"""Marks a text column whose values are of several kinds: what is not text is written as JSON."""


def dump(schema: pa.Schema) -> str:
    """Write a schema as one JSON string (Arrow's own format, in base 64).

    >>> load(dump(pa.schema([("a", pa.int64())]))) == pa.schema([("a", pa.int64())])
    True
    """
    return base64.b64encode(schema.serialize().to_pybytes()).decode("ascii")


def load(text: str) -> pa.Schema:
    """Read what `dump` wrote."""
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text)))


def merged(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Return one schema with every column, in order of first sight; types that differ widen.

    >>> merged([pa.schema([("n", pa.int64())]), pa.schema([("n", pa.float64()), ("t", pa.null())])])
    n: double
    t: null
    """
    fields: dict[str, pa.Field] = {}
    for schema in schemas:
        for field in schema:
            fields[field.name] = widened(fields[field.name], field) if field.name in fields else field
    return pa.schema(list(fields.values()))


def widened(left: pa.Field, right: pa.Field) -> pa.Field:
    """Return the narrowest field that holds both: null < any; int < float; struct and list by parts; else JSON text."""
    for field, other in ((left, right), (right, left)):
        if pa.types.is_null(field.type):
            return other.with_name(left.name)
    if is_json_text(left) or is_json_text(right):
        return json_text(left.name)
    if left.type == right.type and not pa.types.is_nested(left.type):
        return left
    if pa.types.is_struct(left.type) and pa.types.is_struct(right.type):
        inner = merged([pa.schema(list(left.type)), pa.schema(list(right.type))])
        return pa.field(left.name, pa.struct(list(inner)))
    if pa.types.is_list(left.type) and pa.types.is_list(right.type):
        return pa.field(left.name, pa.list_(widened(left.type.value_field, right.type.value_field)))
    if left.type == right.type:
        return left
    if _is_number(left.type) and _is_number(right.type):
        both_whole = pa.types.is_integer(left.type) and pa.types.is_integer(right.type)
        return pa.field(left.name, pa.int64() if both_whole else pa.float64())
    if pa.types.is_nested(left.type) or pa.types.is_nested(right.type):
        return json_text(left.name)
    return pa.field(left.name, pa.string())


def settled(schema: pa.Schema) -> pa.Schema:
    """Replace types that no table can store: a column without a value, a struct without fields."""
    return pa.schema([_settled(field) for field in schema])


def bare(schema: pa.Schema) -> pa.Schema:
    """Return the schema without our marks: the types that rows have."""
    return pa.schema([_bare(field) for field in schema])


def differences(file: str, here: Sequence[str], wanted: Sequence[str]) -> Iterator[str]:
    """Say which columns a file has beside the source's, and which it lacks."""
    extra, lacking = [name for name in here if name not in wanted], [name for name in wanted if name not in here]
    if extra:
        # Only in one of very many files, not looked at when the source was planned.
        how = f'"types: {{{extra[0]}: string}}" keeps it' if len(extra) == 1 else "types: keeps those it names"
        yield f"{file}: columns left out, as no file looked at has them: {', '.join(extra)}; {how}"
    if lacking:
        yield f"{file}: lacks columns that are empty in its rows: {', '.join(lacking)}"


def json_text(name: str) -> pa.Field:
    """Return a text field that takes values of any kind."""
    return pa.field(name, pa.string(), metadata=JSON_TEXT)


def is_json_text(field: pa.Field) -> bool:
    """Tell whether a field takes values of any kind."""
    return bool((field.metadata or {}).get(b"tilth") == b"json")


def _settled(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_null(kind) or (pa.types.is_struct(kind) and kind.num_fields == 0):
        return json_text(field.name)
    if pa.types.is_struct(kind):
        return field.with_type(pa.struct([_settled(inner) for inner in kind]))
    if pa.types.is_list(kind):
        return field.with_type(pa.list_(_settled(kind.value_field)))
    return field


def _bare(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_struct(kind):
        kind = pa.struct([_bare(inner) for inner in kind])
    elif pa.types.is_list(kind):
        kind = pa.list_(_bare(kind.value_field))
    return pa.field(field.name, kind)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))
