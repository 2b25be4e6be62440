"""Carry rows: one Arrow record batch, and the columns every row has."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import pyarrow as pa

Batch: TypeAlias = pa.RecordBatch

ID = "_id"
"""Who the row is: 32 hex digits, stable when the row is updated, moved or re-sharded."""
REV = "_rev"
"""What the row says: 32 hex digits, a hash of its content."""
SOURCE = "_source"
"""The recipe's name of the source the row came from."""
LICENCE = "_licence"
"""The licence the row came under, or null."""
SUBJECT = "_subject"
"""Whom the row is about, where known, or null."""
SPLIT = "_split"
"""train, valid or test; present after the split is assigned."""
PARENTS = "_parents"
"""The ids of the rows an operator made this row from, or null."""
OPERATOR = "_operator"
"""The operator that made this row, or null."""
AT = "_at"
"""Where a row lies among the acquired rows, `shard:number`: unique even where a key stands twice."""

SYSTEM = (ID, REV, SOURCE, LICENCE, SUBJECT, SPLIT, PARENTS, OPERATOR)
SYSTEM_FIELDS: dict[str, pa.DataType] = {
    ID: pa.string(),
    REV: pa.string(),
    SOURCE: pa.string(),
    LICENCE: pa.string(),
    SUBJECT: pa.string(),
    SPLIT: pa.string(),
    PARENTS: pa.list_(pa.string()),
    OPERATOR: pa.string(),
    AT: pa.string(),
}
SPLITS = ("train", "valid", "test")


def user_columns(schema: pa.Schema) -> list[str]:
    """List the columns that are the user's own, in order.

    >>> user_columns(pa.schema([("_id", pa.string()), ("text", pa.string())]))
    ['text']
    """
    return [name for name in schema.names if name not in SYSTEM_FIELDS]


def keyed_hash(salt: bytes, *parts: str) -> str:
    """Hash strings to 128 bits under a project's salt (BLAKE2b, length-prefixed), as 32 hex digits.

    >>> keyed_hash(b"salt", "tickets", "42") == keyed_hash(b"salt", "tickets", "42")
    True
    >>> keyed_hash(b"salt", "ab", "c") == keyed_hash(b"salt", "a", "bc")
    False
    """
    hasher = hashlib.blake2b(digest_size=16, key=salt[:64])
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        hasher.update(len(raw).to_bytes(8, "little"))
        hasher.update(raw)
    return hasher.hexdigest()


# Made once: json.dumps with these arguments would make one a call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """Write a cell as one string that does not depend on batch, engine or column order.

    >>> canonical({"b": 1, "a": [None, 2.0]})
    '{"a":[null,2.0],"b":1}'
    """
    return _ENCODER.encode(_plain(value))


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else f"\0{value}"
    if isinstance(value, bytes):
        return f"\0b{value.hex()}"
    if isinstance(value, dict):
        # Without its nulls: whether a reader saw a field in this batch or only in others is not what the row says.
        return {str(name): _plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return f"\0{type(value).__name__}:{value}"


def revisions(batch: Batch, salt: bytes) -> list[str]:
    """Hash each row's own cells with their columns' names, in the order of the names.

    A null is left out: a file that lacks a column says the same as one that has it without a value.
    """
    names = sorted(user_columns(batch.schema))
    if not names:
        return [keyed_hash(salt)] * batch.num_rows
    columns = [for_python(batch.column(name)).to_pylist() for name in names]
    return [
        keyed_hash(
            salt,
            *(
                part
                for name, cell in zip(names, row, strict=True)
                if cell is not None
                for part in (name, canonical(cell))
            ),
        )
        for row in zip(*columns, strict=True)
    ]


def for_python(array: pa.Array) -> pa.Array:
    """Return nanoseconds as whole numbers: Python's times end at microseconds, and pandas may be there or not."""
    kind = _without_nanoseconds(array.type)
    return array if kind == array.type else array.cast(kind)


def _without_nanoseconds(kind: pa.DataType) -> pa.DataType:
    if getattr(kind, "unit", None) == "ns":
        return pa.int64()
    if pa.types.is_dictionary(kind):
        return _without_nanoseconds(kind.value_type) if getattr(kind.value_type, "unit", None) == "ns" else kind
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_nanoseconds(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_without_nanoseconds(kind.key_type), _without_nanoseconds(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(kind.value_field.with_type(_without_nanoseconds(kind.value_type)), kind.list_size)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        build = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return build(kind.value_field.with_type(_without_nanoseconds(kind.value_type)))
    return kind


def row_ids(names: Iterable[str], source: str, salt: bytes) -> list[str]:
    """Hash the stable names of a source's rows (a key, or path and ordinal) to ids."""
    return [keyed_hash(salt, source, name) for name in names]


def with_column(batch: Batch, name: str, values: pa.Array | Sequence[Any], type: pa.DataType | None = None) -> Batch:
    """Return the batch with a column replaced in place, or added at the end; `type`, where given, is the column's.

    >>> with_column(pa.RecordBatch.from_pydict({"a": [1]}), "a", ["x"]).to_pydict()
    {'a': ['x']}
    """
    array = values if isinstance(values, (pa.Array, pa.ChunkedArray)) else pa.array(values, type=type)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if type is not None and array.type != type:
        array = array.cast(type)
    field = pa.field(name, array.type)
    at = batch.schema.get_field_index(name)
    return batch.append_column(field, array) if at < 0 else batch.set_column(at, field, array)


def rebatch(batches: Iterable[Batch], rows: int) -> Iterator[Batch]:
    """Cut or join batches to `rows` rows each (the last may be shorter), so that cuts upstream do not show.

    >>> ones = pa.RecordBatch.from_pydict({"a": [1, 2, 3]})
    >>> [batch.num_rows for batch in rebatch([ones, ones], 4)]
    [4, 2]
    """
    if rows < 1:
        raise ValueError(f"batches of {rows} rows; 1 or more are wanted")
    waiting: list[Batch] = []
    held = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, rows - held)
            batch = batch.slice(part.num_rows)
            waiting.append(part)
            held += part.num_rows
            if held == rows:
                yield _join(waiting)
                waiting, held = [], 0
    if held:
        yield _join(waiting)


def _join(batches: list[Batch]) -> Batch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
