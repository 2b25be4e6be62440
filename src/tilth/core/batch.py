"""Carry rows: one Arrow record batch, and the columns every row has."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring
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
STATISTICS = "_stats."
"""Before a text column's name: its statistics, which a run attaches for operators that decide by them."""

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
    return [name for name in schema.names if name not in SYSTEM_FIELDS and not name.startswith(STATISTICS)]


def keyed_hash(salt: bytes, *parts: str) -> str:
    """Hash strings to 128 bits under a project's salt (BLAKE2b, length-prefixed), as 32 hex digits.

    >>> keyed_hash(b"salt", "tickets", "42") == keyed_hash(b"salt", "tickets", "42")
    True
    >>> keyed_hash(b"salt", "ab", "c") == keyed_hash(b"salt", "a", "bc")
    False
    """
    hasher = hashlib.blake2b(digest_size=16, key=salt[:64])
    for part in parts:
        hasher.update(_sized(part.encode("utf-8", "surrogatepass")))
    return hasher.hexdigest()


# Made once: json.dumps with these arguments would make one a call.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """Write a cell as one string that does not depend on batch, engine or column order.

    >>> canonical({"b": 1, "a": [None, 2.0]})
    '{"a":[null,2.0],"b":1}'
    """
    return encode_basestring(value) if isinstance(value, str) else _ENCODER.encode(_plain(value))


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
    """Hash each row's own cells with their columns' names, in the order of the names (BLAKE2b-128 under the salt).

    A text is hashed as its UTF-8 bytes, any other cell as `canonical` writes it. A null is left out: a file that lacks
    a column says the same as one that has it without a value.

    >>> one, other = pa.RecordBatch.from_pydict({"a": ["1"]}), pa.RecordBatch.from_pydict({"a": [1]})
    >>> revisions(one, b"salt") == revisions(other, b"salt")
    False
    """
    names = sorted(user_columns(batch.schema))
    base = hashlib.blake2b(digest_size=16, key=salt[:64])
    hashers = [base.copy() for _ in range(batch.num_rows)]
    for name in names:
        column = batch.column(name)
        text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        head = _sized(name.encode("utf-8", "surrogatepass")) + (b"t" if text else b"c")
        for hasher, cell in zip(hashers, cell_bytes(column) if text else _canonical_bytes(column), strict=True):
            if cell is not None:
                hasher.update(head + len(cell).to_bytes(8, "little"))
                hasher.update(cell)
    return [hasher.hexdigest() for hasher in hashers]


def cell_bytes(column: pa.Array) -> Iterator[memoryview | None]:
    """Yield each text's UTF-8 bytes as they lie in the Arrow buffers, without copying; None for a null.

    >>> [cell and bytes(cell) for cell in cell_bytes(pa.array(["ä", None, "b"])[1:])]
    [None, b'b']
    """
    count = len(column)
    if not count:
        return
    _, offsets, values = column.buffers()
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    ends = memoryview(offsets).cast("q" if wide else "i")[column.offset : column.offset + count + 1].tolist()
    whole = memoryview(values) if values is not None else memoryview(b"")
    present = column.is_valid().to_pylist() if column.null_count else None
    for row in range(count):
        yield whole[ends[row] : ends[row + 1]] if present is None or present[row] else None


def _canonical_bytes(column: pa.Array) -> Iterator[bytes | None]:
    for cell in for_python(column).to_pylist():
        yield None if cell is None else canonical(cell).encode("utf-8", "surrogatepass")


def _sized(raw: bytes) -> bytes:
    return len(raw).to_bytes(8, "little") + raw


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
    """Hash the stable names of a source's rows (a key, or path and ordinal) to ids: `keyed_hash` of source and name."""
    base = hashlib.blake2b(_sized(source.encode("utf-8", "surrogatepass")), digest_size=16, key=salt[:64])
    ids = []
    for name in names:
        hasher, raw = base.copy(), name.encode("utf-8", "surrogatepass")
        hasher.update(len(raw).to_bytes(8, "little") + raw)
        ids.append(hasher.hexdigest())
    return ids


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
