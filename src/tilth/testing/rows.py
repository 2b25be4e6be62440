"""Build rows by hand, make them odd, cut them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.engine import Rows
from tilth.core.shard import Shard

ODD_TEXTS = (
    "",
    " \t\r\n ",
    "שלום עולם 123",
    "مرحبا \u202bبالعالم\u202c ٣٤",
    "zero\u200bwidth\u200d\ufeff",
    "e\u0301\u0323 \u0301 क्ष ไทย한국어",
    "👩‍👩‍👧‍👦👍🏽🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "𝔘𝔫𝔦 𠮷野家 \U0010ffff",
    "nul\x00bel\x07\x1b[31m&amp;&lt;",
    "Ａ１，￥１，２００．５０",
    "long " * 20_000,
)
"""Texts that break careless code."""
_ODD_NUMBERS = (0.0, -0.0, -1.0, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf, 3.0)


def batch(*, ids: Sequence[str] | None = None, **columns: Any) -> Batch:
    """Build a batch from lists or arrays, with `_id`s in ascending order.

    >>> batch(text=["a", "b"]).column("_id").to_pylist() == [f"{row:032x}" for row in range(2)]
    True
    """
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    count = len(next(iter(arrays.values()))) if arrays else len(ids or ())
    own = [f"{row:032x}" for row in range(count)] if ids is None else list(ids)
    return pa.RecordBatch.from_pydict({ID: pa.array(own, pa.string()), **arrays})


def example_batch() -> Batch:
    """Return ordinary rows, with a column for every operator of Tilth: text, label, price, number, count."""
    texts = (
        "Where is my new card? It was sent two weeks ago.",
        "where is my new card?  It was sent two weeks ago!",
        "Invoice 2041: 12 boxes of paper, 1,200.50 EUR, due 2024-05-31.",
        "Invoice 2042: 15 boxes of paper, 1,350.00 EUR, due 2024-06-30.",
        "我的新卡在哪里？两个星期前就寄出了。",
        "Mail ann@example.org or call +44 20 7946 0958.",
        "hi",
        None,
    )
    labels = ("ham", "ham", "bill", "bill", "ham", "spam", "ham", None)
    prices = ("1.234,50 €", "¥1,200", "12%", "(3 000)", "on request", "", "7", None)
    return batch(
        text=pa.array(texts * 2, pa.string()),
        label=pa.array(labels * 2, pa.string()),
        price=pa.array(prices * 2, pa.string()),
        number=pa.array([*map(float, range(14)), 1000.0, None], pa.float64()),
        count=pa.array([*range(14), None, 3], pa.int64()),
    )


@dataclass(frozen=True)
class _Held:
    batches: tuple[Batch, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        yield self.batches[shard.where["at"]]


class MemoryRows(Rows):
    """Hold batches in memory as rows, one shard a batch.

    >>> [part.num_rows for part in MemoryRows(batch(text=["a"]), batch(text=["b", "c"])).batches()]
    [1, 2]
    """

    def __init__(self, *batches: Batch, ids: Sequence[str] | None = None) -> None:
        named = ids if ids is not None else [f"memory-{at:04}" for at in range(len(batches))]
        shards = tuple(
            Shard(id=name, where={"at": at}, rows=held.num_rows)
            for at, (name, held) in enumerate(zip(named, batches, strict=True))
        )
        super().__init__(shards=shards, read=_Held(batches))


def variants(rows: Batch) -> Mapping[str, Batch]:
    """Return the rows as given, none, one, all null, and with odd texts and numbers in every column of their kind."""
    nulls, odd = rows, rows
    for at, field in enumerate(rows.schema):
        if field.name == ID:
            continue
        nulls = nulls.set_column(at, field, pa.nulls(rows.num_rows, field.type))
        odd = odd.set_column(at, field, _odd(field.type, rows.column(at)))
    return {"as given": rows, "no rows": rows.slice(0, 0), "one row": rows.slice(0, 1), "nulls": nulls, "odd": odd}


def cut(rows: Batch, parts: int) -> list[Batch]:
    """Cut a batch into parts, some of them empty when there are fewer rows."""
    ends = [rows.num_rows * part // parts for part in range(parts + 1)]
    return [rows.slice(start, end - start) for start, end in itertools.pairwise(ends)]


def _odd(kind: pa.DataType, values: pa.Array) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([ODD_TEXTS[row % len(ODD_TEXTS)] for row in range(len(values))], kind)
    if pa.types.is_floating(kind):
        return pa.array([_ODD_NUMBERS[row % len(_ODD_NUMBERS)] for row in range(len(values))], kind)
    if pa.types.is_signed_integer(kind):
        least, greatest = -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1
        return pa.array([(least, greatest, 0, 1)[row % 4] for row in range(len(values))], kind)
    return values
