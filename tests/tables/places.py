"""Where tables lie in tests: a folder, S3 (moto), Google Cloud Storage (a test server of our own), a real HDFS."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
from tests.servers import gcs, hdfs, s3

from tilth.core.shard import Version
from tilth.tables.table import Table

EVERYWHERE = ("local", "s3", "gs", "hdfs")


@contextmanager
def place(kind: str, folder: Path) -> Iterator[str]:
    """Yield a new root, path or URL; what clients need to reach it is in the environment meanwhile."""
    name = f"t{secrets.token_hex(6)}"
    if kind == "local":
        yield str(folder / name)
        return
    module = {"s3": s3, "gs": gcs, "hdfs": hdfs}[kind]
    server = module.start()
    with patch.dict(os.environ, module.environment(server)):
        if kind == "hdfs":
            yield f"{server.facts['url']}/{name}"
        else:
            yield f"{kind}://{module.make_bucket(server, f'b{name}')}/{name}"


def rows(*ids: str, **columns: list[object]) -> list[pa.RecordBatch]:
    """Return one batch."""
    return [pa.RecordBatch.from_pydict({"_id": list(ids), **columns})]


def ids(table: Table, version: Version | None = None) -> list[str]:
    """Return the ids of a version, in the order of the rows; none where there is no table."""
    if version is None and not table.exists():
        return []
    return [row for batch in table.scan(version, ["_id"]).batches() for row in batch.column("_id").to_pylist()]


def all_rows(table: Table) -> list[dict[str, object]]:
    """Return the newest version's rows; none where there is no table."""
    if not table.exists():
        return []
    return [row for batch in table.scan().batches() for row in batch.to_pylist()]
