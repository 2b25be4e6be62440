"""Turn BSON into Arrow: types are learned from a sample; a value of another type later makes its row a reject.

ObjectId, Decimal128, UUID: text. Date: a timestamp. Binary: binary. Sub-document: struct; array: list. Values of
several kinds in one place, and kinds that Arrow has no word for (regular expressions, code, timestamps of the oplog):
JSON text, as MongoDB's Extended JSON writes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from tilth.connectors._cells import TIMESTAMP
from tilth.connectors._schema import bare, is_json_text, json_text, widened
from tilth.connectors._values import MOST_DEPTH, MOST_KEYS, Columns, Seen, Unfit, mended

ID = "_id"
_EPOCH = datetime(1970, 1, 1)
_INT64 = 1 << 63
_MICRO = _INT64 // 1000
"""Milliseconds beyond this are not to be had in microseconds."""
Fit = Callable[[Any], Any]


class When(int):
    """Milliseconds since 1970: a date of BSON, which may lie beyond Python's years."""


def plain(value: Any) -> Any:
    """Return a value of BSON as one of str, bytes, bool, int, float, When, list, dict, None, or of a rare kind."""
    from uuid import UUID

    import bson
    from bson.datetime_ms import DatetimeMS

    if value is None or isinstance(value, (str, bool, float)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, DatetimeMS):
        return When(int(value))
    if isinstance(value, (bson.ObjectId, bson.Decimal128, UUID)):
        return str(value)
    if isinstance(value, Mapping):
        return value if isinstance(value, bson.DBRef) else {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, bytes):
        return bytes(value)
    return value


def extended(value: Any) -> str:
    """Write a value as JSON, the same for equal values; kinds that JSON lacks as Extended JSON has them."""
    text = json.dumps(_jsonable(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text if text.isascii() else mended(text)


def _jsonable(value: Any) -> Any:
    from bson import json_util

    if isinstance(value, When):
        inside = -62135596800000 <= value <= 253402300799999
        at = (_EPOCH + timedelta(milliseconds=value)).isoformat(timespec="milliseconds") if inside else None
        return {"$date": f"{at}Z" if at else {"$numberLong": str(int(value))}}
    if isinstance(value, dict):
        return {key: _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$numberDouble": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return json_util.default(value, json_util.CANONICAL_JSON_OPTIONS)


# What the sample says.


def learned(documents: Sequence[Mapping[str, Any]]) -> pa.Schema:
    """Infer columns from documents that went through `plain`, in order of first sight."""
    keys = list(dict.fromkeys(key for document in documents for key in document))
    return pa.schema([_inferred(key, (document.get(key) for document in documents), 0) for key in keys])


def _inferred(name: str, values: Iterable[Any], depth: int) -> pa.Field:
    field = pa.field(name, pa.null())
    structs: list[Mapping[str, Any]] = []
    for value in values:
        if isinstance(value, dict):
            structs.append(value)
        elif value is not None:
            field = _either(field, _field_of(name, value, depth))
    return _either(field, _struct(name, structs, depth)) if structs else field


def _either(left: pa.Field, right: pa.Field) -> pa.Field:
    """Widen as files do, but keep a column of texts and of others as JSON text, since BSON says what it holds."""
    field = widened(left, right)
    mixed = pa.types.is_string(field.type) and left.type != right.type and not _null(left) and not _null(right)
    return json_text(field.name) if mixed else field


def _null(field: pa.Field) -> bool:
    return bool(pa.types.is_null(field.type))


def _field_of(name: str, value: Any, depth: int) -> pa.Field:
    if isinstance(value, bool):
        return pa.field(name, pa.bool_())
    if isinstance(value, When):
        return pa.field(name, TIMESTAMP) if abs(value) < _MICRO else json_text(name)
    if isinstance(value, int):
        return pa.field(name, pa.int64())
    if isinstance(value, float):
        return pa.field(name, pa.float64())
    if isinstance(value, str):
        return pa.field(name, pa.string())
    if isinstance(value, bytes):
        return pa.field(name, pa.binary())
    if isinstance(value, list) and depth < MOST_DEPTH:
        return pa.field(name, pa.list_(_inferred("item", value, depth + 1)))
    return json_text(name)


def _struct(name: str, values: Sequence[Mapping[str, Any]], depth: int) -> pa.Field:
    keys = list(dict.fromkeys(key for value in values for key in value))
    if depth >= MOST_DEPTH or len(keys) > MOST_KEYS:
        return json_text(name)
    return pa.field(name, pa.struct([_inferred(key, (value.get(key) for value in values), depth + 1) for key in keys]))


# What becomes of each document.


def columns_of(documents: Sequence[Mapping[str, Any]], schema: pa.Schema, seen: Seen) -> Columns:
    """Fit documents that went through `plain` to a schema.

    >>> found = columns_of([{"a": 1}, {"a": "x"}, {}], pa.schema([("a", pa.int64())]), Seen())
    >>> found.batch.to_pydict(), found.wrong
    ({'a': [1, None]}, {1: '"a" is not an int, as in the sample; "types: {a: string}" keeps it as text'})
    """
    fits = {field.name: _fitter(field, field.name, seen) for field in schema}
    rows: list[list[Any]] = []
    wrong: dict[int, str] = {}
    for index, document in enumerate(documents):
        for key in document:
            if key not in fits:
                seen.leave_out(key)
        try:
            rows.append([fit(document.get(name)) for name, fit in fits.items()])
        except Unfit as reason:
            wrong[index] = str(reason)
    kinds = bare(schema)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(kinds)
    arrays = [pa.array(values, field.type) for field, values in zip(kinds, columns, strict=True)]
    return Columns(pa.RecordBatch.from_arrays(arrays, schema=kinds), wrong)


def _fitter(field: pa.Field, path: str, seen: Seen) -> Fit:
    kind = field.type
    if is_json_text(field):
        # The id in this form tells 5 from "5"; elsewhere a text stays as it is.
        return _null_or(lambda value: value if isinstance(value, str) and path != ID else extended(value))
    if pa.types.is_struct(kind):
        return _null_or(_struct_fitter(kind, path, seen))
    if pa.types.is_list(kind):
        inner = _fitter(kind.value_field, f"{path}[]", seen)
        return _null_or(
            lambda value: [inner(each) for each in value] if isinstance(value, list) else _unfit(path, "a list")
        )
    if pa.types.is_string(kind):
        return _null_or(lambda value: _string(value, path, seen))
    return _null_or(_scalar_fitter(kind, path))


def _null_or(fit: Fit) -> Fit:
    return lambda value: None if value is None else fit(value)


def _scalar_fitter(kind: pa.DataType, path: str) -> Fit:
    if pa.types.is_boolean(kind):
        return lambda value: value if isinstance(value, bool) else _unfit(path, "a bool")
    if pa.types.is_timestamp(kind):
        return lambda value: (
            1000 * value if isinstance(value, When) and abs(value) < _MICRO else _unfit(path, "a timestamp")
        )
    if pa.types.is_binary(kind):
        return lambda value: value if isinstance(value, bytes) else _unfit(path, "binary")
    if pa.types.is_integer(kind):
        return lambda value: _int(value, path)
    return lambda value: _float(value, path)


def _int(value: Any, path: str) -> Any:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 1 << 53:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, (bool, When)) else _unfit(path, "an int")


def _float(value: Any, path: str) -> Any:
    if isinstance(value, float):
        return value
    whole = isinstance(value, int) and not isinstance(value, (bool, When)) and abs(value) <= 1 << 53
    return float(value) if whole else _unfit(path, "a float")


def _string(value: Any, path: str, seen: Seen) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list)) or path == ID:
        return _unfit(path, "text")
    seen.written[path] += 1
    return extended(value)


def _struct_fitter(kind: pa.StructType, path: str, seen: Seen) -> Fit:
    inner = {field.name: _fitter(field, f"{path}.{field.name}", seen) for field in kind}

    def fit(value: Any) -> Any:
        if not isinstance(value, dict):
            return _unfit(path, "a document")
        for key in value:
            if key not in inner:
                seen.leave_out(f"{path}.{key}")
        return {key: each(value.get(key)) for key, each in inner.items()}

    return fit


def _unfit(path: str, wanted: str) -> Any:
    column = path.partition(".")[0].removesuffix("[]")
    raise Unfit(f'"{path}" is not {wanted}, as in the sample; "types: {{{column}: string}}" keeps it as text')
