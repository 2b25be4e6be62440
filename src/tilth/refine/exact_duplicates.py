"""Find rows that say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch, canonical
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.core.errors import DataError
from tilth.core.fold import FitsOn
from tilth.core.operator import DECISION
from tilth.core.registry import name_of
from tilth.refine._columns import cells
from tilth.refine._rows import batches, crowded, groups
from tilth.text.words import blank, fold

_KEYED = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("rank", pa.string())])
_CLUSTERED = pa.schema([("cluster", pa.string()), (ID, pa.string()), ("rank", pa.string())])
_RANKED = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("row", pa.string())])
_PREFERRED = 256


@dataclass(frozen=True, kw_only=True)
class ExactDuplicates:
    """Keep one row of each group whose compared columns say the same.

    >>> from tilth.testing import batch, decide
    >>> rows = batch(ids=["a", "b", "c"], text=["Hello  World", "hello world", "bye"])
    >>> {row: found["keep"] for row, found in decide(ExactDuplicates(), rows).items()}
    {'a': True, 'b': False}

    Rows meet by a 128-bit BLAKE2b hash of the cells, which nobody can make collide. The row with the greatest `prefer`
    stays, then the one with the smallest id. Rows with nothing in any compared column are not duplicates of one
    another, unless `blanks` says so. Alone rows get no decision. No process holds more than a batch.
    """

    fits_on: ClassVar[FitsOn] = "all"
    columns_read: ClassVar[Any] = None

    columns: tuple[str, ...] = ("text",)
    """The columns that must agree."""
    fold: bool = True
    """Compare texts without regard to case, width (Unicode NFKC) and runs of white space."""
    prefer: str | None = None
    """A column of numbers, dates or strings (256 bytes of them): the row with the greatest stays; nulls come last."""
    blanks: bool = False
    """Compare rows that have nothing in any of the columns, too."""
    partitions: int = 16
    """Into how many parts the exchange cuts the rows; does not change the answer."""

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        """Return the decisions: two exchanges with `prefer`, one without."""
        by_hash = Exchange(
            name="exact_duplicates.same",
            emit=self._keyed,
            gather=_decide_first if self.prefer is None else _cluster,
            partitions=self.partitions,
        )
        found = engine.exchange(by_hash, rows)
        if self.prefer is None:
            return found
        by_rank = Exchange(
            name="exact_duplicates.best", emit=_ranked, gather=_decide_ranked, partitions=self.partitions
        )
        return engine.exchange(by_rank, found)

    def _keyed(self, batch: Batch) -> Batch:
        columns = [self._plain(cells(batch, column, self)) for column in self.columns]
        keys = [
            _hash(row) if self.blanks or any(cell is not None and not blank(cell) for cell in row) else None
            for row in zip(*columns, strict=True)
        ]
        ranks = _ranks(batch, self.prefer, self) if self.prefer else [None] * batch.num_rows
        keyed = pa.RecordBatch.from_arrays(
            [pa.array(keys, pa.string()), batch.column(ID), pa.array(ranks, pa.string())], schema=_KEYED
        )
        return keyed.filter(pc.is_valid(keyed.column(KEY)))

    def _plain(self, column: pa.Array) -> list[str | None]:
        return [
            None if cell is None else self._folded(cell) if isinstance(cell, str) else canonical(cell)
            for cell in column.to_pylist()
        ]

    def _folded(self, text: str) -> str:
        return " ".join(fold(text).split()) if self.fold else text


def _hash(row: Iterable[str | None]) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    for cell in row:
        raw = b"" if cell is None else cell.encode("utf-8", "surrogatepass")
        hasher.update((0 if cell is None else len(raw) + 1).to_bytes(8, "little"))
        hasher.update(raw)
    return hasher.hexdigest()


def _decide_first(keyed: Iterator[Batch]) -> Iterable[Batch]:
    """The first of a key has the smallest id: it stays."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for _, group in groups(crowded(keyed, KEY), (KEY, ID)):
            first = next(group)[1]
            for at, (_, row) in enumerate(group):
                if not at:
                    yield _stays(first, first)
                yield _goes(row, first, first)

    return batches(rows(), DECISION)


def _cluster(keyed: Iterator[Batch]) -> Iterable[Batch]:
    """Name each group of two or more by its smallest id."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for _, group in groups(crowded(keyed, KEY), (KEY, ID, "rank")):
            _, first, rank = next(group)
            for at, (_, row, its) in enumerate(group):
                if not at:
                    yield first, first, rank
                yield first, row, its

    return batches(rows(), _CLUSTERED)


def _ranked(clustered: Batch) -> Batch:
    cluster, row, rank = clustered.columns
    return pa.RecordBatch.from_arrays([cluster, pc.binary_join_element_wise(rank, row, " "), row], schema=_RANKED)


def _decide_ranked(ranked: Iterator[Batch]) -> Iterable[Batch]:
    """The first of a cluster has the best rank, then the smallest id: it stays."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for cluster, group in groups(ranked, (KEY, "row")):
            best = next(group)[1]
            yield _stays(best, cluster)
            for _, row in group:
                yield _goes(row, cluster, best)

    return batches(rows(), DECISION)


def _stays(row: str, cluster: str) -> tuple[Any, ...]:
    return row, cluster, True, None, None, None, None


def _goes(row: str, cluster: str, other: str) -> tuple[Any, ...]:
    return row, cluster, False, "exact_duplicates", 1.0, 1.0, other


def _ranks(batch: Batch, column: str, operator: Any) -> list[str]:
    """Write each value as a string whose order is the reverse of the values' own; nulls last."""
    found = cells(batch, column, operator)
    kind = found.type
    if pa.types.is_dictionary(kind):
        found, kind = found.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ["~" if text is None else _reversed(text) for text in found.to_pylist()]
    if pa.types.is_temporal(kind):
        found = found.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = _ordered(found.cast(pa.float64(), safe=False))
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or kind == pa.null()):
        raise DataError(
            f'column "{column}" holds {kind}', where=name_of(operator), wanted="numbers, dates or strings to prefer by"
        )
    return ["~" if number is None else f"{(1 << 64) - int(number):017x}" for number in found.to_pylist()]


def _ordered(floats: pa.Array) -> pa.Array:
    """Return integers in the order of the floats; NaN as null."""
    numbers = pc.fill_null(floats, float("nan")).to_numpy(zero_copy_only=False)
    bits = (numbers + 0.0).view(np.int64)
    ordered = np.where(bits < 0, np.int64(-(2**63)) - bits, bits)
    return pa.array(ordered, pa.int64(), mask=np.isnan(numbers))


def _reversed(text: str) -> str:
    """Write each byte as its complement; the end sorts after any byte, so that a longer text comes first."""
    return bytes(255 - byte for byte in text.encode("utf-8", "surrogatepass")[:_PREFERRED]).hex() + "g"


EXAMPLES = (
    ExactDuplicates(),
    ExactDuplicates(columns=("label", "price"), fold=False, prefer="number", blanks=True),
    ExactDuplicates(columns=("label",), prefer="text"),
)
