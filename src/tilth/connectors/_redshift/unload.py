"""Read a query through S3: UNLOAD writes Parquet there, we read it and take it away."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pyarrow as pa

from tilth.bytes.opening import open_store
from tilth.connectors._bigquery.rows import fit
from tilth.connectors._redshift.session import ROWS, Session, literal
from tilth.core.errors import DataError


def unloaded(
    session: Session, sql: str, schema: pa.Schema, *, staging: str, role: str, shard: str
) -> Iterator[tuple[pa.RecordBatch, dict[int, str]]]:
    """Yield a query's rows in order, and those of each batch that do not fit the schema.

    Each reading has a folder of its own below `staging`, so that two do not meet. What a killed one leaves there is
    for the bucket's lifecycle rule to remove.
    """
    import pyarrow.parquet as parquet

    folder = f"tilth-unload/{shard}/{uuid.uuid4().hex}"
    store = open_store(staging)
    # In dollars no quotation mark or backslash of the query needs care; in one file the order stays.
    if "$$" in sql:
        raise DataError("the query holds $$", where=session.where, do="Write it without, or leave out staging:.")
    target = literal(f"{staging.rstrip('/')}/{folder}/")
    session.execute(f"UNLOAD ($${sql}$$) TO {target} IAM_ROLE {literal(role)} FORMAT AS PARQUET PARALLEL OFF")
    files = [entry.path for entry in store.list(f"{folder}/") if entry.path.endswith(".parquet")]
    try:
        for file in files:
            with store.open(file) as opened, parquet.ParquetFile(opened) as rows:
                for batch in rows.iter_batches(batch_size=ROWS):
                    yield fit(batch, schema)
    finally:
        for entry in list(store.list(f"{folder}/")):
            store.delete(entry.path)
