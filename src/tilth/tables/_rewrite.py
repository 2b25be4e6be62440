"""Write rows that a table holds already to another part, under a name that says what it was made of."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Literal

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.shard import Part
from tilth.tables._home import Home
from tilth.tables._parts import PartFile
from tilth.tables._row_groups import RowGroups


def found(home: Home, name: str) -> Part | None:
    """Return a part that was written before under this name."""
    there = home.seen([name]).get(name)
    if there is None:
        return None
    with home.parquet(name) as file:
        return Part(path=name, rows=int(file.metadata.num_rows), bytes=there.bytes, digest="")


def written(
    home: Home, name: str, schema: pa.Schema, batches: Iterable[Batch], where: str, codec: Literal["zstd", "lz4"]
) -> Part:
    """Write a part; holds one row group."""
    file = PartFile(home, schema, functools.partial(home.errors, "writing rows anew", where), codec)
    groups = RowGroups()
    try:
        for batch in batches:
            for group in groups.add(batch):
                file.write(group)
        for group in groups.rest():
            file.write(group)
        return file.publish(lambda digest: name)
    except BaseException:
        file.abandon()
        raise
