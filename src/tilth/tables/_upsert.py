"""Take out of a table's parts the rows whose keys new rows have; parts without any stay as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types as t

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.shard import Receipt, Shard
from tilth.tables import _rewrite
from tilth.tables._home import Home
from tilth.tables._log import State
from tilth.tables._parts import SCHEMA, bundle_name, encode
from tilth.tables._scan import ReadParts


class Stay(NamedTuple):
    """What stays of a version."""

    kept: tuple[str, ...]
    """Parts in which no row is replaced."""
    rewritten: tuple[Receipt, ...]
    """Parts without the rows that are replaced."""


def stay_of(
    home: Home,
    root: str,
    name: str,
    codec: Literal["zstd", "lz4"],
    state: State,
    receipts: Sequence[Receipt],
    by: Sequence[str],
) -> Stay:
    """Return what stays of a version when rows come with these keys; holds the keys of the new rows in memory.

    Raises `DataError` where new rows have no key, or two have the same.
    """
    paths = sorted(part.path for receipt in receipts for part in receipt.parts)
    fresh = _fresh(home, name, paths, by)
    kept: list[str] = []
    rewritten: list[Receipt] = []
    schema = state.schema
    if lost := [column for column in by if column not in schema.names]:
        wanted = f"one of {', '.join(schema.names)}"
        raise DataError(f'the table has no column "{lost[0]}" to find rows by', where=name, wanted=wanted)
    keys = ReadParts(root=root, name=name, schema=pa.schema([schema.field(column) for column in by]))
    rows = ReadParts(root=root, name=name, schema=schema)
    for part in state.parts:
        shard = Shard(id="upsert", where={"pieces": [[part.path, 0, -1]]})
        gone = sum(_among(batch, fresh, by).true_count for batch in keys(shard))
        if not gone:
            kept.append(part.path)
            continue
        if gone == part.rows:
            continue
        told = json.dumps([part.path, paths, list(by), codec, pa.__version__])
        other = bundle_name(part.path, int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest(), "big"))
        rest = (batch.filter(pc.invert(_among(batch, fresh, by))) for batch in rows(shard))
        made = _rewrite.found(home, other) or _rewrite.written(home, other, schema, rest, name, codec)
        rewritten.append(Receipt(shard=other, parts=(made,), rows=made.rows, notes={SCHEMA: encode(schema)}))
    return Stay(tuple(kept), tuple(rewritten))


def _fresh(home: Home, name: str, paths: Sequence[str], by: Sequence[str]) -> pa.Array:
    """Return the keys of the new rows."""
    found = [_told(batch, by) for path in paths for batch in _columns(home, name, path, by)]
    keys = pa.concat_arrays(found) if found else pa.array([], pa.string())
    if keys.null_count:
        raise DataError(
            f"{keys.null_count:,} rows have no {' and '.join(by)}", where=name, wanted="a key in every row of an upsert"
        )
    if (several := len(keys) - len(pc.unique(keys))) > 0:
        raise DataError(
            f"{several:,} rows have a key that another row of the same run has",
            where=name,
            wanted=f"one row for each {' and '.join(by)}",
            do="Drop duplicates before storing, or upsert by more columns",
        )
    return keys


def _columns(home: Home, name: str, path: str, by: Sequence[str]) -> Iterator[Batch]:
    with home.parquet(path) as file:
        if lost := [column for column in by if column not in file.schema_arrow.names]:
            raise DataError(f'the rows have no column "{lost[0]}" to find others by', where=name)
        yield from file.iter_batches(columns=list(by))


def _among(batch: Batch, keys: pa.Array, by: Sequence[str]) -> pa.BooleanArray:
    return pc.is_in(_told(batch, by), value_set=keys)


def _told(batch: Batch, by: Sequence[str]) -> pa.Array:
    """Write each row's key as one text: each value with its length, so that no two keys are written alike."""
    texts = [batch.column(column) for column in by]
    texts = [column if t.is_string(column.type) else column.cast(pa.string()) for column in texts]
    if len(texts) == 1:
        return texts[0]
    sized = [pc.binary_join_element_wise(pc.binary_length(text).cast(pa.string()), text, ":") for text in texts]
    return pc.binary_join_element_wise(*sized, "")
