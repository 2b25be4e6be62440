"""Turn a warehouse's batches into rows, rejects and tombstones; BigQuery's and Redshift's alike."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from tilth.connectors._arrow_types import fitted
from tilth.connectors._reading import Chunk


def known(here: pa.Schema, before: pa.Schema | None) -> tuple[pa.Schema, list[str]]:
    """Return the columns to read, in the types they had before, and what became of them since.

    >>> known(pa.schema([("a", pa.int64())]), pa.schema([("b", pa.int64())]))[1]
    ['new column "a"', 'column "b" is gone: it is empty from now on']
    """
    if before is None:
        return here, []
    notes = [f'new column "{name}"' for name in here.names if name not in before.names]
    notes += [f'column "{name}" is gone: it is empty from now on' for name in before.names if name not in here.names]
    for field in before:
        if field.name in here.names and here.field(field.name).type != field.type:
            notes.append(f'column "{field.name}" is {here.field(field.name).type} now and was {field.type}')
    return pa.schema([*before, *(field for field in here if field.name not in before.names)]), notes


def fit(batch: pa.RecordBatch, schema: pa.Schema) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Bring a batch to a schema; return the rows that hold what their column cannot, with the reason."""
    arrays, wrong = [], dict[int, str]()
    for field in schema:
        if field.name not in batch.schema.names:
            arrays.append(pa.nulls(batch.num_rows, field.type))
            continue
        array, bad = fitted(batch.column(field.name), field)
        wrong.update(dict.fromkeys(bad, f'"{field.name}" holds what {field.type} cannot'))
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema), wrong


def parted(batch: pa.RecordBatch, wrong: Mapping[int, str], deleted: str | None, first: int) -> tuple[Chunk, Chunk]:
    """Part a batch into rows, with what is wrong as rejects, and rows that are marked as deleted."""
    gone = [bool(each) for each in batch.column(deleted).to_pylist()] if deleted else [False] * batch.num_rows
    here = [at for at, each in enumerate(gone) if not each and at not in wrong]
    there = [at for at, each in enumerate(gone) if each and at not in wrong]
    rejects = tuple((first + at, reason) for at, reason in sorted(wrong.items()))
    taken = batch if len(here) == batch.num_rows else batch.take(pa.array(here, pa.int64()))
    rows = Chunk(taken, [first + at for at in here], rejects)
    return rows, Chunk(batch.take(pa.array(there, pa.int64())), [first + at for at in there])
