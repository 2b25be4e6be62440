"""Gather rows of a fixed schema into chunks of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from tilth.connectors._reading import BLOCK, ROWS, Chunk
from tilth.connectors._schema import bare


def chunks(rows: Iterable[tuple[int, dict[str, Any] | str]], schema: pa.Schema) -> Iterator[Chunk]:
    """Yield numbered rows, and rejects where there is a reason in place of a row, about `BLOCK` bytes at a time."""
    plain = bare(schema)
    held: list[dict[str, Any]] = []
    ordinals: list[int] = []
    rejects: list[tuple[int, str]] = []
    size = 0
    for ordinal, row in rows:
        if isinstance(row, str):
            rejects.append((ordinal, row))
        else:
            held.append(row)
            ordinals.append(ordinal)
            size += sum(len(value) for value in row.values() if isinstance(value, (bytes, str)))
        if size >= BLOCK or len(held) >= ROWS or len(rejects) >= ROWS:
            yield Chunk(_batch(held, plain), tuple(ordinals), tuple(rejects))
            held, ordinals, rejects, size = [], [], [], 0
    if held or rejects:
        yield Chunk(_batch(held, plain), tuple(ordinals), tuple(rejects))


def _batch(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
