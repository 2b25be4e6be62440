"""Learn from all rows what comparing needs: each column's kind, and how often its values and words come.

Counts are kept in a count-min sketch (Cormode and Muthukrishnan 2005): two rows of 2^18 counters over all columns,
2 MiB; it never counts too few. Sums of counts do not depend on how rows were cut.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from tilth.core.batch import Batch
from tilth.core.engine import Engine, Reader, Rows, Step
from tilth.core.errors import DataError
from tilth.core.registry import name_of
from tilth.core.shard import Shard
from tilth.refine._columns import cells
from tilth.refine._matching_text import Kind, tokens, writer

_Counts = npt.NDArray[np.int64]
_WIDTH = 1 << 18
_SIGNED = 1 << 10
_ADDRESS = re.compile(r"addr|street|strasse|straße|地址|住所|주소", re.IGNORECASE)
_HOUSE = re.compile(r"\s*\d+\S*\s+\D*[^\W\d_]{2}")


class Field(NamedTuple):
    """A column and how its cells are compared."""

    column: str
    kind: Kind


class Shape(NamedTuple):
    """What a column's cells look like: sums over its cells that say something."""

    cells: int = 0
    digits: int = 0
    """Cells with digits and no letters, or whose alphanumeric characters are digits by six tenths."""
    houses: int = 0
    """Cells that begin with a number and go on with words."""
    words: int = 0


@dataclass(frozen=True, eq=False)
class Sketch:
    """About how often values (`v`) and words (`w`) come in each column."""

    table: _Counts
    totals: _Counts
    """How many cells of each field say something."""
    signed: _Counts
    """A count sketch each: its squares add up to about those of the values' counts (Charikar et al. 2002)."""

    def count(self, field: int, what: str, said: str) -> int:
        """Return the count, or somewhat more."""
        one, other, _ = _places(f"{field}{what}{said}")
        return int(min(self.table[0, one], self.table[1, other]))

    def share(self, field: int, value: str) -> float:
        """Return how often a value comes among the field's cells."""
        return max(1, self.count(field, "v", value)) / max(1, int(self.totals[field]))

    def agreement(self, field: int) -> float:
        """Return how often two of the field's cells, drawn at random, are equal."""
        total = max(1, int(self.totals[field]))
        return max(float(np.square(self.signed[field], dtype=np.float64).sum()) / total**2, 1 / total)


def written(batch: Batch, column: str, operator: Any) -> list[str | None]:
    """Return a column's cells as strings; raises `DataError` where a cell holds cells."""
    found = cells(batch, column, operator)
    if pa.types.is_nested(found.type) or pa.types.is_binary(found.type) or pa.types.is_large_binary(found.type):
        raise DataError(
            f'column "{column}" holds {found.type}', where=name_of(operator), wanted="texts, numbers, dates"
        )
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    text: list[str | None] = found.cast(pa.string()).to_pylist()
    return text


def fields(rows: Rows, columns: Iterable[str], kinds: Mapping[str, Kind], engine: Engine, operator: Any) -> list[Field]:
    """Return each column's kind: as told, by its type, or guessed from what its cells look like."""
    open_columns = tuple(column for column in columns if column not in kinds)
    found: dict[str, Kind] = dict(kinds)
    if open_columns:
        step = Step(name="match_records.shapes", work=partial(_shapes, rows.read, open_columns, operator))
        shapes = {column: Shape() for column in open_columns}
        typed: dict[str, Kind] = {}
        for _, (told, seen) in engine.run(step, rows.shards):
            typed |= told
            shapes = {column: Shape(*map(sum, zip(shapes[column], seen[column], strict=True))) for column in shapes}
        found |= {column: typed.get(column) or guess(column, shapes[column]) for column in open_columns}
    return [Field(column, found[column]) for column in columns]


def guess(column: str, shape: Shape) -> Kind:
    """Guess a text column's kind.

    >>> guess("phone", Shape(cells=10, digits=10, words=20)), guess("who", Shape(cells=10, words=15))
    ('code', 'name')
    """
    if shape.digits > 0.6 * shape.cells:
        return "code"
    if _ADDRESS.search(column) or shape.houses > 0.5 * shape.cells:
        return "address"
    return "name" if shape.words <= 1.6 * shape.cells else "org"


def sketch(rows: Rows, fields: Sequence[Field], engine: Engine, operator: Any) -> Sketch:
    """Count the written values and words of all rows."""
    step = Step(name="match_records.counts", work=partial(_counted, rows.read, tuple(fields), operator))
    table, totals, signed = _nothing(len(fields))
    for _, (its_table, its_totals, its_signed) in engine.run(step, rows.shards):
        table += its_table
        totals += its_totals
        signed += its_signed
    return Sketch(table, totals, signed)


def _shapes(read: Reader, columns: tuple[str, ...], operator: Any, shard: Shard) -> tuple[dict[str, Kind], Any]:
    typed: dict[str, Kind] = {}
    shapes = {column: Shape() for column in columns}
    for batch in read(shard):
        for column in columns:
            kind = _kind_of(cells(batch, column, operator).type)
            if kind:
                typed[column] = kind
                continue
            seen = shapes[column]
            for text in written(batch, column, operator):
                words = tokens(text or "")
                if words:
                    seen = Shape(
                        seen.cells + 1,
                        seen.digits + _digital(words),
                        seen.houses + _housed(text),
                        seen.words + len(words),
                    )
            shapes[column] = seen
    return typed, shapes


def _kind_of(kind: pa.DataType) -> Kind | None:
    if pa.types.is_temporal(kind):
        return "date"
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    return "code" if pa.types.is_integer(kind) or pa.types.is_boolean(kind) else None


def _digital(words: list[str]) -> bool:
    joined = "".join(words)
    return sum(mark.isdigit() for mark in joined) >= 0.6 * len(joined)


def _housed(text: str | None) -> bool:
    return bool(_HOUSE.match(text or ""))


def _nothing(fields: int) -> tuple[_Counts, _Counts, _Counts]:
    return np.zeros((2, _WIDTH), np.int64), np.zeros(fields, np.int64), np.zeros((fields, _SIGNED), np.int64)


def _counted(read: Reader, fields: tuple[Field, ...], operator: Any, shard: Shard) -> tuple[_Counts, _Counts, _Counts]:
    table, totals, signed = _nothing(len(fields))
    for batch in read(shard):
        for at, field in enumerate(fields):
            write = writer(field.kind)
            values = [write(text) if text else "" for text in written(batch, field.column, operator)]
            said = [value for value in values if value]
            words = [word for value in said for word in dict.fromkeys(value.split())] if field.kind == "org" else []
            if not said:
                continue
            places = np.array(
                [_places(f"{at}v{value}") for value in said] + [_places(f"{at}w{word}") for word in words]
            )
            for row in (0, 1):
                np.add.at(table[row], places[:, row], 1)
            which, sign = places[: len(said), 2] >> 1, (places[: len(said), 2] & 1) * 2 - 1
            np.add.at(signed[at], which, sign)
            totals[at] += len(said)
    return table, totals, signed


@functools.lru_cache(maxsize=1 << 16)
def _places(said: str) -> tuple[int, int, int]:
    """Return a counter in each row of the table, and one of the signed counters with its sign as the lowest bit."""
    digest = xxhash.xxh3_128_intdigest(said.encode("utf-8", "surrogatepass"))
    return digest % _WIDTH, (digest >> 32) % _WIDTH, (digest >> 64) % (2 * _SIGNED)
