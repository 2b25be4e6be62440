"""Give JSON-like values (of JSON, of spreadsheets) a type: infer it from a sample, then fit values to it.

Values of several kinds in one place make a text column: what is not text is written as JSON, so nothing is lost. In a
plain text column a later number or truth value is written as text too, and said so; a later list or object does not
fit. A key that no sampled record has is left out, counted and said: `types: {key: string}` keeps it.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.connectors._cells import TIMESTAMP, converted
from tilth.connectors._schema import bare, is_json_text, json_text, widened

MOST_KEYS = 200
"""An object inside a record that has more keys than this over the sample is a map: it is kept as JSON text."""
MOST_DEPTH = 32
"""Objects nested deeper are kept as JSON text."""
_INT64 = 1 << 63
_COUNTED = 1000


class Unfit(Exception):
    """A value is not of its column's type; says which column and type."""


class Seen:
    """What fitting did that a person should know, counted."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.written: Counter[str] = Counter()
        self.mended = 0

    def leave_out(self, path: str) -> None:
        """Count a key that the schema lacks; of very many different keys the rest are counted together."""
        self.left_out[path if path in self.left_out or len(self.left_out) < _COUNTED else "…"] += 1

    def notes(self, file: str) -> list[str]:
        """Say it, one line a thing."""
        notes = [
            f'{file}: {count} records hold "{path}", which no record in the sample has: left out; '
            f'"types: {{{path.partition(".")[0]}: string}}" keeps it as text'
            for path, count in self.left_out.most_common(20)
        ]
        if len(self.left_out) > 20:
            notes.append(f"{file}: {len(self.left_out) - 20} more keys left out so")
        notes += [
            f'{file}: "{path}" holds {count} values that are not text: written as text'
            for path, count in self.written.items()
        ]
        if self.mended:
            notes.append(f"{file}: {self.mended} halves of surrogate pairs replaced by U+FFFD")
        return notes


def inferred(name: str, values: Iterable[Any], depth: int = 0) -> pa.Field:
    """Return the narrowest field that holds all values; of null type where all are null.

    >>> inferred("a", [1, None, 2.5])
    pyarrow.Field<a: double>
    >>> inferred("a", [{"b": [True]}]).type
    StructType(struct<b: list<item: bool>>)
    """
    field = pa.field(name, pa.null())
    structs: list[Mapping[str, Any]] = []
    # A second text, or number with a point, says nothing that the first did not; a whole number may be too large.
    seen: set[type] = set()
    for value in values:
        if type(value) in seen:
            continue
        if type(value) in (str, float, bool):
            seen.add(type(value))
        if isinstance(value, dict):
            structs.append(value)
        elif value is not None:
            field = widened(field, _field_of(name, value, depth))
    if structs:
        field = widened(field, _struct(name, structs, depth))
    return field


def _field_of(name: str, value: Any, depth: int) -> pa.Field:
    if isinstance(value, bool):
        return pa.field(name, pa.bool_())
    if isinstance(value, int):
        return pa.field(name, pa.int64()) if -_INT64 <= value < _INT64 else json_text(name)
    if isinstance(value, float):
        return pa.field(name, pa.float64())
    if isinstance(value, str):
        return pa.field(name, pa.string())
    if isinstance(value, (datetime, date)):
        return pa.field(name, TIMESTAMP)
    if isinstance(value, list) and depth < MOST_DEPTH:
        return pa.field(name, pa.list_(inferred("item", value, depth + 1)))
    return json_text(name)


def _struct(name: str, values: Sequence[Mapping[str, Any]], depth: int) -> pa.Field:
    keys = list(dict.fromkeys(key for value in values for key in value))
    if depth >= MOST_DEPTH or len(keys) > MOST_KEYS or any(not _writable(key) for key in keys):
        return json_text(name)
    inner = [inferred(key, (value.get(key) for value in values), depth + 1) for key in keys]
    return pa.field(name, pa.struct(inner))


def _writable(key: str) -> bool:
    return key.isascii() or "\ufffd" not in mended(key)


def mended(text: str) -> str:
    """Replace halves of surrogate pairs, which are no characters, by U+FFFD.

    >>> mended("a\\ud83d") == "a\\ufffd"
    True
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


Fit = Callable[[Any], Any]


def fitter(field: pa.Field, path: str, seen: Seen) -> Fit:
    """Return a function that fits one value to a field or raises `Unfit`; null fits everywhere."""
    kind = field.type
    if is_json_text(field):
        return lambda value: (
            value if value is None else _text(value, seen) if isinstance(value, str) else as_json(value)
        )
    if pa.types.is_struct(kind):
        return _struct_fitter(kind, path, seen)
    if pa.types.is_list(kind):
        return _list_fitter(kind, path, seen)
    if pa.types.is_boolean(kind):
        return lambda value: value if value is None or isinstance(value, bool) else _unfit(path, "a bool")
    if pa.types.is_integer(kind):
        return lambda value: _int(value, path, 1 << (kind.bit_width - 1))
    if pa.types.is_floating(kind):
        return lambda value: _float(value, path)
    if pa.types.is_timestamp(kind):
        return lambda value: _time(value, path, seen)
    if pa.types.is_string(kind):
        return lambda value: _string(value, path, seen)
    return lambda value: None if value is None else _unfit(path, str(kind))


def as_json(value: Any) -> str:
    """Write a value as JSON text, the same for equal values."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return text if text.isascii() else mended(text)


def _unfit(path: str, wanted: str) -> Any:
    column = path.partition(".")[0].removesuffix("[]")
    raise Unfit(f'"{path}" is not {wanted}, as in the first records; "types: {{{column}: string}}" keeps it as text')


def _int(value: Any, path: str, limit: int = _INT64) -> int | None:
    if isinstance(value, float) and value.is_integer() and abs(value) <= 1 << 53:
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit):
        return value
    return _unfit(path, "an int")  # type: ignore[no-any-return]  # raises


def _float(value: Any, path: str) -> float | None:
    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None if value is None else _unfit(path, "a float")
    try:
        number = float(value)
    except OverflowError:
        return _unfit(path, "in the range of a float")  # type: ignore[no-any-return]  # raises
    return number if math.isfinite(number) else _unfit(path, "in the range of a float")


def _time(value: Any, path: str, seen: Seen) -> Any:
    if isinstance(value, str):
        return _text(value, seen)
    return value if value is None or isinstance(value, (datetime, date)) else _unfit(path, "a timestamp")


def _string(value: Any, path: str, seen: Seen) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return _text(value, seen)
    if isinstance(value, (dict, list)):
        return _unfit(path, "text")  # type: ignore[no-any-return]  # raises
    seen.written[path] += 1
    return str(value) if isinstance(value, (datetime, date)) else as_json(value)


def _text(value: str, seen: Seen) -> str:
    if value.isascii():
        return value
    fixed = mended(value)
    seen.mended += fixed.count("\ufffd") - value.count("\ufffd")
    return fixed


def _list_fitter(kind: pa.ListType, path: str, seen: Seen) -> Fit:
    inner = fitter(kind.value_field, f"{path}[]", seen)

    def fit(value: Any) -> Any:
        if value is None:
            return None
        return [inner(each) for each in value] if isinstance(value, list) else _unfit(path, "a list")

    return fit


def _struct_fitter(kind: pa.StructType, path: str, seen: Seen) -> Fit:
    inner = {field.name: fitter(field, f"{path}.{field.name}", seen) for field in kind}

    def fit(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            return _unfit(path, "an object")
        for key in value:
            if key not in inner:
                seen.leave_out(f"{path}.{mended(key)}")
        return {key: each(value.get(key)) for key, each in inner.items()}

    return fit


class Columns(NamedTuple):
    """Records in columns."""

    batch: pa.RecordBatch
    wrong: dict[int, str]
    """Index among the records -> why it does not fit; the batch lacks it."""


def columns_of(records: Sequence[Mapping[str, Any]], schema: pa.Schema, seen: Seen) -> Columns:
    """Fit records to a schema.

    >>> found = columns_of([{"a": 1}, {"a": "x"}, {}], pa.schema([("a", pa.int64())]), Seen())
    >>> found.batch.to_pydict(), found.wrong
    ({'a': [1, None]}, {1: '"a" is not an int, as in the first records; "types: {a: string}" keeps it as text'})
    """
    fits = {field.name: fitter(field, field.name, seen) for field in schema}
    rows: list[list[Any]] = []
    wrong: dict[int, str] = {}
    for index, record in enumerate(records):
        for key in record:
            if key not in fits:
                seen.leave_out(mended(key))
        try:
            rows.append([fit(record.get(name)) for name, fit in fits.items()])
        except Unfit as reason:
            wrong[index] = str(reason)
        except RecursionError:
            wrong[index] = "nested too deep"
    plain = bare(schema)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(plain)
    kept = [index for index in range(len(records)) if index not in wrong]
    arrays, late = [], set()
    for field, values in zip(plain, columns, strict=True):
        if pa.types.is_timestamp(field.type):
            texts = [value.isoformat() if isinstance(value, date) else value for value in values]
            array, bad = converted(pa.array(texts, pa.string()), field.type, asked=True)
            late.update(bad)
            wrong.update({kept[index]: f'"{field.name}" is not a timestamp (ISO 8601)' for index in bad})
        else:
            array = pa.array(values, field.type)
        arrays.append(array)
    batch = pa.RecordBatch.from_arrays(arrays, schema=plain)
    if late:
        batch = batch.take(pa.array([index for index in range(len(kept)) if index not in late], pa.int64()))
    return Columns(batch, wrong)
