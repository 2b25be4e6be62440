"""Keyed rows to exchange, and what an exchange may do with them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Rows
from tilth.core.shard import Shard

KEYS = (
    "",
    "a",
    "b",
    "ab",
    "B",
    "a\0b",
    "é",
    "e\u0301",
    "键",
    "\U0010ffff",
    "\u200b",
    *(f"key {at}" for at in range(30)),
)
"""Keys that careless comparing, hashing or naming of files takes for one another."""
NUMBERS = (0, 1, 2, 15, 16, 17, 255, 256, (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, *range(40, 60))
"""Keys that are numbers, also such as are negative for who forgets that they have no sign."""


def keyed_rows(
    chance: random.Random,
    *,
    shards: int = 5,
    rows: int = 400,
    keys: Sequence[str] | Sequence[int] = KEYS,
    numbered: bool = False,
) -> Rows:
    """Return random rows with `key`, `_id` and `n`: few keys take most rows; ids come in any order.

    Keys are texts or unsigned numbers, and so are ids (`numbered`).

    >>> rows = keyed_rows(random.Random(0), shards=2, rows=10)
    >>> sum(part.num_rows for part in rows.batches()) <= 20
    True
    """
    planned = []
    for at in range(shards):
        count = chance.randint(rows // 2, rows)
        where = {"at": at, "seed": chance.randrange(1 << 30), "rows": count, "keys": list(keys), "numbered": numbered}
        planned.append(Shard(id=f"s{at:02}", where=where, bytes=chance.choice((0, 1000, 64 << 20))))
    return Rows(shards=tuple(planned), read=_read_keyed)


def _read_keyed(shard: Shard) -> Iterator[Batch]:
    chance, left, keys = random.Random(shard.where["seed"]), shard.where["rows"], shard.where["keys"]
    numbers = chance.sample(range(1 << 40), left)
    kind = pa.uint64() if isinstance(keys[0], int) else pa.string()
    while left:
        size = min(left, chance.choice((0, 1, 7, 100, 5000)))
        mine = numbers[left - size : left]
        left -= size
        ids = [(number << 24) + shard.where["at"] for number in mine]
        yield pa.RecordBatch.from_pydict(
            {
                "key": pa.array([keys[int(len(keys) * chance.random() ** 4)] for _ in mine], kind),
                ID: pa.array(ids, pa.uint64()) if shard.where["numbered"] else pa.array(map(str, ids), pa.string()),
                "n": pa.array(mine, pa.int64()),
            }
        )


def same(rows: Batch) -> Batch:
    return rows.rename_columns([KEY if name == "key" else name for name in rows.schema.names])


def none(rows: Batch) -> Batch:
    return same(rows).slice(0, 0)


def by_parity(rows: Batch) -> Batch:
    keys = pa.array([str(number % 2) for number in rows.column("n").to_pylist()], pa.string())
    return pa.RecordBatch.from_arrays([keys, rows.column(ID)], names=[KEY, ID])


def numbered(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Give back the rows with the place each came at."""
    at = 0
    for part in batches:
        places = pa.array(range(at, at + part.num_rows), pa.int64())
        at += part.num_rows
        own = part.rename_columns(["key" if name == KEY else name for name in part.schema.names])
        yield own.append_column("place", places)


def counted(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Count runs of one key, which is right only where all rows of a key come in a row."""
    key, count = None, 0
    for part in batches:
        for line in part.column(KEY).to_pylist():
            if line != key and count:
                yield _count_of(key, count)
                count = 0
            key, count = line, count + 1
    if count:
        yield _count_of(key, count)


def _count_of(key: str | int | None, count: int) -> Batch:
    return pa.RecordBatch.from_pydict({ID: pa.array([str(key)], pa.string()), "count": pa.array([count], pa.int64())})
