"""Bring rows into a staging table: a Parquet file, then one load job that replaces the table."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import IO, Any, NamedTuple

import pyarrow as pa
from pyarrow import types as t

from tilth.connectors._bigquery.client import patient
from tilth.connectors._bigquery.sql import field_of
from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.tables._types import storable_batch

KEPT = timedelta(days=7)
"""After this BigQuery removes a staging table that nobody committed."""
FILE_BYTES = 256 << 20
"""About how large one file becomes; a load job takes 5 GB and more."""


class Packed(NamedTuple):
    """A Parquet file that is written, and what is in it."""

    file: IO[bytes]
    schema: pa.Schema
    rows: int
    digest: str


def packed(batches: Iterable[Batch], where: str) -> Iterator[Packed]:
    """Yield rows as Parquet files; a new one begins where the columns change, or one is large enough.

    A file lives until the next is asked for. Holds one batch. Raises `DataError` for a null in a list.
    """
    from pyarrow.parquet import ParquetWriter

    waiting = (batch for batch in map(storable_batch, batches) if batch.num_rows)
    batch = next(waiting, None)
    while batch is not None:
        schema, rows = _typed(batch.schema), 0
        with tempfile.TemporaryFile() as file:
            with ParquetWriter(file, schema, compression="zstd") as writer:
                while batch is not None and _typed(batch.schema) == schema and file.tell() < FILE_BYTES:
                    batch = batch.select(schema.names)
                    for field, column in zip(schema, batch.columns, strict=True):
                        _check_lists(column, field.name, where)
                    writer.write_batch(batch)
                    rows += batch.num_rows
                    batch = next(waiting, None)
            file.seek(0)
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            file.seek(0)
            yield Packed(file, schema, rows, digest)


def loaded(client: Any, table: str, part: Packed) -> None:
    """Make a staging table hold a file's rows, whatever it held; it vanishes after seven days."""
    from google.cloud import bigquery
    from google.cloud.bigquery.format_options import ParquetOptions

    schema = [field_of(field) for field in part.schema]
    made = bigquery.Table(table, schema=schema)
    made.expires = datetime.now(UTC) + KEPT
    client.create_table(made, exists_ok=True, retry=patient())
    lists: Any = ParquetOptions()  # type: ignore[no-untyped-call]
    lists.enable_list_inference = True
    config = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema, write_disposition="WRITE_TRUNCATE")
    config.parquet_options = lists
    client.load_table_from_file(part.file, table, rewind=True, job_config=config).result(retry=patient())


def _typed(schema: pa.Schema) -> pa.Schema:
    # A column that holds nothing but nulls: what type it has, other parts may know.
    typed = [field for field in schema if not t.is_null(field.type)]
    return pa.schema([field.with_metadata(None) for field in typed])


def _check_lists(column: pa.Array, name: str, where: str) -> None:
    if t.is_struct(column.type):
        for at in range(column.type.num_fields):
            _check_lists(column.field(at), name, where)
    elif t.is_list(column.type):
        values = column.flatten()
        if values.null_count:
            raise DataError(
                f'a list in "{name}" holds a null', where=where, wanted="lists that BigQuery has, without nulls"
            )
        _check_lists(values, name, where)
