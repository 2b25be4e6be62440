"""Find rows that say the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch, canonical
from tilth.core.engine import KEY, Engine, Exchange, Rows
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.groups import Headed, headed
from tilth.core.operator import DECISION
from tilth.core.registry import name_of
from tilth.refine._columns import cells
from tilth.refine._ranks import ranks
from tilth.text.words import blank, fold

_KEYED = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("rank", pa.string())])
_CLUSTERED = pa.schema([("cluster", pa.string()), (ID, pa.string()), ("rank", pa.string())])
_RANKED = pa.schema([(KEY, pa.string()), (ID, pa.string()), ("row", pa.string())])


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
    version: ClassVar[int] = 2

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

    def __post_init__(self) -> None:
        """Refuse options that can compare nothing."""
        if self.partitions < 1:
            raise RecipeError(f"partitions {self.partitions}", where=name_of(self), wanted="1 or more")

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
        rank = ranks(batch, self.prefer, self) if self.prefer else [None] * batch.num_rows
        keyed = pa.RecordBatch.from_arrays(
            [pa.array(keys, pa.string()), batch.column(ID), pa.array(rank, pa.string())], schema=_KEYED
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
    """The first of a key has the smallest id: it stays, and names the cluster."""
    for found in headed(keyed, KEY):
        yield _decided(found, found.batch.column(ID).take(found.head))


def _cluster(keyed: Iterator[Batch]) -> Iterable[Batch]:
    """Name each group of two or more by its smallest id."""
    for found in headed(keyed, KEY):
        rows = pa.array(_together(found))
        batch, first = found.batch.take(rows), found.batch.column(ID).take(found.head.take(rows))
        yield pa.RecordBatch.from_arrays([first, batch.column(ID), batch.column("rank")], schema=_CLUSTERED)


def _ranked(clustered: Batch) -> Batch:
    cluster, row, rank = clustered.columns
    return pa.RecordBatch.from_arrays([cluster, pc.binary_join_element_wise(rank, row, " "), row], schema=_RANKED)


def _decide_ranked(ranked: Iterator[Batch]) -> Iterable[Batch]:
    """The first of a cluster has the best rank, then the smallest id: it stays."""
    for found in headed(ranked, KEY):
        batch = found.batch
        named = pa.RecordBatch.from_arrays([batch.column(KEY), batch.column("row")], names=[KEY, ID])
        yield _decided(found._replace(batch=named), batch.column(KEY))


def _decided(found: Headed, cluster: pa.Array) -> Batch:
    """Decide about groups of two or more: each head stays, and the other rows go for it."""
    rows = _together(found)
    ids = found.batch.column(ID)
    first = found.head.to_numpy()[rows]
    # Where an id stands twice, a row is not its own duplicate.
    itself = pc.equal(ids.take(pa.array(rows)), ids.take(pa.array(first))).to_numpy(zero_copy_only=False)
    rows, first = rows[~itself | (first == rows)], first[~itself | (first == rows)]
    head, goes = pa.array(first), pa.array(first != rows)
    text, number = pa.scalar(None, pa.string()), pa.scalar(None, pa.float64())
    return pa.RecordBatch.from_arrays(
        [
            ids.take(pa.array(rows)),
            cluster.take(pa.array(rows)),
            pc.invert(goes),
            pc.if_else(goes, "exact_duplicates", text),
            pc.if_else(goes, 1.0, number),
            pc.if_else(goes, 1.0, number),
            pc.if_else(goes, ids.take(head), text),
        ],
        schema=DECISION,
    )


def _together(found: Headed) -> npt.NDArray[np.int64]:
    """Return the rows that are not alone with their key and were not in an earlier batch with company."""
    head = found.head.to_numpy()
    crowd = np.bincount(head, minlength=len(head))[head] > 1
    crowd[: found.again] &= found.alone
    return np.flatnonzero(crowd)


EXAMPLES = (
    ExactDuplicates(),
    ExactDuplicates(columns=("label", "price"), fold=False, prefer="number", blanks=True),
    ExactDuplicates(columns=("label",), prefer="text"),
)
