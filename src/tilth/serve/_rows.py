"""Read raw rows as a batch, or say which row and which field are wrong, never what they say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.core.batch import ID, REV, SYSTEM_FIELDS, Batch, canonical, keyed_hash, with_column
from tilth.core.errors import DataError, ModelError, closest

_MARGIN = 64
"""How much of a field's name is repeated in a message."""


class Field(NamedTuple):
    """One column that a raw row has."""

    name: str
    type: pa.DataType
    optional: bool

    def __str__(self) -> str:
        return f"{self.name} ({_WORDS.get(str(self.type), str(self.type))}{', optional' if self.optional else ''})"


@dataclass(frozen=True)
class Inputs:
    """The columns that raw rows have.

    >>> inputs = Inputs.of({"text": "string", "channel": "string?"})
    >>> inputs.batch(["hello", {"text": "hi", "channel": "web"}]).select(["text", "channel"]).to_pydict()
    {'text': ['hello', 'hi'], 'channel': [None, 'web']}
    """

    fields: tuple[Field, ...]

    @classmethod
    def of(cls, words: Mapping[str, str]) -> Inputs:
        """Read a signature's inputs, such as `{"text": "string", "tags": "list<string>?"}`."""
        if not words:
            raise ModelError("the signature names no input", wanted="at least one column")
        return cls(tuple(Field(name, type_of(word), word.endswith("?")) for name, word in words.items()))

    def batch(self, rows: Sequence[Mapping[str, Any] | str], chosen: Sequence[bool] | None = None) -> Batch:
        """Return the (chosen) rows as one batch with all system columns; fields that are not named here are left out.

        Raises `DataError` for a row or a field of the wrong type, and for a field that is missing.
        """
        if not is_list(rows):
            raise DataError("not a list of rows", wanted="a list; for one row, a list of one")
        plain = [self._row(row, f"rows[{at}]") for at, row in enumerate(rows) if chosen is None or chosen[at]]
        return identified(pa.RecordBatch.from_pylist(plain, schema=self.schema))

    @property
    def schema(self) -> pa.Schema:
        """The columns as Arrow knows them."""
        return pa.schema([(field.name, field.type) for field in self.fields])

    def select(self, batch: Batch) -> Batch:
        """Return a batch's input columns, cast to their types, with all system columns."""
        columns = []
        for field in self.fields:
            at = batch.schema.get_field_index(field.name)
            if at < 0 and not field.optional:
                names = batch.schema.names
                raise DataError(
                    f'no column "{field.name}"',
                    wanted=", ".join(map(str, self.fields)),
                    do=_meant(field.name, names) or f"Columns here: {', '.join(names[:20])}.",
                )
            try:
                columns.append(batch.column(at).cast(field.type) if at >= 0 else pa.nulls(len(batch), field.type))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
                held = batch.schema.field(at).type
                raise DataError(f'the column "{field.name}" holds {held}', wanted=str(field)) from error
        chosen = pa.RecordBatch.from_arrays(columns, schema=self.schema)
        ids = batch.column(ID) if ID in batch.schema.names else None
        return identified(chosen, ids)

    def unknown(self, rows: Sequence[Mapping[str, Any] | str]) -> list[str]:
        """List, sorted, the fields that rows have and the model does not read."""
        known = {field.name for field in self.fields} | set(SYSTEM_FIELDS)
        return sorted({str(name) for row in rows if isinstance(row, Mapping) for name in row} - known)

    def _row(self, row: Any, where: str) -> Mapping[str, Any]:
        if isinstance(row, str):
            if self.one_text is None:
                raise DataError("a string is not enough for a row", where=where, wanted=self._wanted())
            row = {self.one_text: row}
        if not isinstance(row, Mapping):
            raise DataError(f"the row is {json_word(row)}", where=where, wanted=self._wanted())
        return {field.name: self._cell(row, field, where) for field in self.fields}

    @property
    def one_text(self) -> str | None:
        """The field that a bare string stands for, where one text is all that a row needs."""
        needed = [field for field in self.fields if not field.optional] or self.fields
        texts = [field.name for field in needed if field.type == pa.string()]
        return texts[0] if len(texts) == len(needed) == 1 else None

    def _cell(self, row: Mapping[str, Any], field: Field, where: str) -> Any:
        if field.name not in row:
            if field.optional:
                return None
            raise DataError(
                f'no field "{field.name}"',
                where=where,
                wanted=self._wanted(),
                do=_meant(field.name, [str(name)[:_MARGIN] for name in row]),
            )
        value = row[field.name]
        wrong = misfit(value, field.type)
        if wrong:
            raise DataError(wrong, where=f"{where}.{field.name}", wanted=_WORDS.get(str(field.type), str(field.type)))
        return value

    def _wanted(self) -> str:
        return ", ".join(map(str, self.fields))


def is_list(rows: Any) -> bool:
    """Tell whether this is a list of something, and not one text."""
    return isinstance(rows, Sequence) and not isinstance(rows, (str, bytes))


def type_of(word: str) -> pa.DataType:
    """Return the Arrow type that a signature's word stands for; raise `ModelError` for an unknown one.

    >>> type_of("list<string>"), type_of("double?")
    (ListType(list<item: string>), DataType(double))
    """
    plain = word.removesuffix("?").strip()
    if plain.startswith("list<") and plain.endswith(">"):
        return pa.list_(type_of(plain[5:-1].removeprefix("item:").strip()))
    if plain not in _KINDS:
        raise ModelError(
            f'no type "{word[:_MARGIN]}" for an input', wanted=f"one of {', '.join(_KINDS)}, list<...>; ? for optional"
        )
    return _KINDS[plain]


def misfit(value: Any, kind: pa.DataType) -> str | None:
    """Say why a JSON value does not fit a type, or return None. Null fits: the operators and the model decide on it.

    >>> misfit(True, pa.int64())
    'the field is true or false'
    """
    if value is None:
        return None
    if pa.types.is_list(kind):
        if not isinstance(value, (list, tuple)):
            return f"the field is {json_word(value)}"
        if any(inner is None for inner in value):
            return "the list holds a null"
        wrong = next((said for said in (misfit(inner, kind.value_type) for inner in value) if said), None)
        return wrong and f"in the list, {wrong}"
    fits: tuple[type, ...] = _PYTHON[str(kind)]
    if not isinstance(value, fits) or (isinstance(value, bool) and bool not in fits):
        return f"the field is {json_word(value)}"
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"half of a surrogate pair at character {error.start} is not Unicode text"
    if isinstance(value, float) and not math.isfinite(value):
        return "the field is not a finite number"
    if isinstance(value, int) and not abs(value) <= (2**53 if kind == pa.float64() else 2**63 - 1):
        return "the number does not fit in 64 bits"
    return None


def json_word(value: Any) -> str:
    """Name a value's JSON type, never the value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    return {str: "a string", int: "a number", float: "a number"}.get(type(value), f"a {type(value).__name__}")


def _meant(name: str, here: Iterable[str]) -> str | None:
    found = closest(name, here)
    return f'"{found}" is here: is it meant?' if found else None


def identified(batch: Batch, ids: pa.Array | None = None) -> Batch:
    """Add every system column: the ids given, else the hash of the row's content and its occurrence number.

    The place in the request plays no part, so that an answer cannot depend on a row's neighbours.
    """
    rows = batch.num_rows
    if ids is None or ids.null_count or len(ids.unique()) < rows:
        seen: dict[str, int] = {}
        names = []
        for row in batch.to_pylist():
            content = canonical(row)
            seen[content] = occurrence = seen.get(content, -1) + 1
            names.append(keyed_hash(b"request", content, str(occurrence)))
        ids = pa.array(names, pa.string())
    for name, kind in SYSTEM_FIELDS.items():
        batch = with_column(batch, name, ids.cast(pa.string()) if name in (ID, REV) else pa.nulls(rows, kind))
    return batch


_KINDS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}
_PYTHON: dict[str, tuple[type, ...]] = {"string": (str,), "int64": (int,), "double": (int, float), "bool": (bool,)}
_WORDS = {
    "string": "a string",
    "int64": "a whole number",
    "double": "a number",
    "bool": "true or false",
    "list<item: string>": "a list of strings",
}
