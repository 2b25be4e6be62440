"""Make Arrow columns of cells that were found in a buffer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tilth.connectors._sql import _decode


class Found(NamedTuple):
    """The cells of one column: where each lies in the buffer, and how long it is; -1 is a null."""

    buffer: Any
    starts: Any
    lengths: Any


def raw(found: Found) -> pa.Array:
    """Return a column of bytes, as `binary`, or `large_binary` past 2 GiB."""
    count = len(found.starts)
    offsets, valid = np.empty(count + 1, np.int64), np.empty(count, np.uint8)
    total, nulls = _decode.sizes(found.lengths, offsets, valid)
    data = np.empty(total, np.uint8)
    _decode.gather(found.buffer, found.starts, found.lengths, data)
    if total < 1 << 31:
        offsets = offsets.astype(np.int32)
    kind = pa.binary() if total < 1 << 31 else pa.large_binary()
    buffers = [bits(valid) if nulls else None, pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.Array.from_buffers(kind, count, buffers, nulls)


def text(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Read bytes as text, checked to be UTF-8, then as a type. Raises `pa.ArrowInvalid`."""
    return array.cast(pa.string() if pa.types.is_binary(array.type) else pa.large_string()).cast(kind)


def fixed(kind: pa.DataType, values: Any, valid: Any, nulls: int) -> pa.Array:
    """Return a column of values of one width."""
    return pa.Array.from_buffers(kind, len(valid), [bits(valid) if nulls else None, pa.py_buffer(values)], nulls)


def bits(valid: Any) -> pa.Buffer:
    """Pack a byte a row into a bit a row."""
    return pa.py_buffer(np.packbits(valid, bitorder="little"))


def one_by_one(array: pa.Array, name: str, kind: pa.DataType) -> tuple[pa.Array, list[tuple[int, str]]]:
    """Read bytes as text and then as a type, cell by cell; what is neither is null, and said with its row."""
    good, bad = [], []
    for row, value in enumerate(array.to_pylist()):
        try:
            good.append(None if value is None else pa.scalar(value.decode()).cast(kind))
        except (UnicodeDecodeError, pa.ArrowInvalid):
            good.append(None)
            bad.append((row, f'column "{name}": {"text that is not UTF-8" if kind == pa.string() else f"no {kind}"}'))
    return pa.array([None if value is None else value.as_py() for value in good], kind), bad
