"""Keep a uniform sample of rows that is the same however the rows are cut, in a fold's bounded state.

Rows are ordered by a hash of seed and id; as many of the first are kept as fit (bottom-k sampling, Cohen and Kaplan
2007, with bytes for k). Where rows were left out, a last line holds the hash at which: no later merge takes in a row
from there on, so merging is exact, associative and commutative.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

LIMIT = 12 << 20
"""Bytes of cells; offsets, hashes and the like stay below the rest of a fold's 16 MiB."""
_HASH, _CUT = "_hash", "_cut"


def observe(ids: pa.Array, columns: Mapping[str, pa.Array], *, seed: int, rows: int, limit: int = LIMIT) -> pa.Table:
    """Return the sample of one batch: at most `rows` rows and `limit` bytes."""
    hashes = [xxhash.xxh3_64_intdigest(f"{row}".encode("utf-8", "surrogatepass"), seed) for row in ids.to_pylist()]
    head = {_HASH: pa.array(hashes, pa.uint64()), _CUT: pa.array([False] * len(hashes), pa.bool_())}
    return _cut(pa.table({**head, **columns}), rows, limit)


def merge(left: pa.Table, right: pa.Table, *, rows: int, limit: int = LIMIT) -> pa.Table:
    """Return the sample of both."""
    return _cut(pa.concat_tables([left, right]), rows, limit)


def read(state: pa.Table) -> pa.Table:
    """Return the sampled rows, in the order of their hashes."""
    return state.filter(pc.invert(state[_CUT])).drop_columns([_HASH, _CUT])


def _cut(table: pa.Table, rows: int, limit: int) -> pa.Table:
    # Rows of one hash (one id that stands twice) come in the order of what they say.
    order = [(_HASH, "ascending"), *((name, "ascending") for name in table.schema.names if name != _HASH)]
    table = table.sort_by(order).combine_chunks()
    if not table.num_rows:
        return table
    hashes, cut = table[_HASH].to_numpy(), table[_CUT].to_numpy()
    over = (np.cumsum(_sizes(table)) > limit) | (np.cumsum(~cut) > rows) | cut
    if not over.any():
        return table
    # The whole of a hash goes, so that it doesn't matter which of its rows came first.
    at = hashes[np.argmax(over)]
    kept = table.filter(pa.array((hashes < at) & ~cut))
    nothing = [pa.nulls(1, field.type) for field in list(table.schema)[2:]]
    end = pa.Table.from_arrays([pa.array([at], pa.uint64()), pa.array([True]), *nothing], schema=table.schema)
    return pa.concat_tables([kept, end]).combine_chunks()


def _sizes(table: pa.Table) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    sizes = np.full(table.num_rows, 16, np.int64)
    for column in table.columns[2:]:
        if pa.types.is_string(column.type):
            lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy().astype(np.int64)
            sizes += lengths + 5
        else:
            sizes += 9
    return sizes
