"""Find cells that the rest of the table contradicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa

from tilth.core.batch import ID, Batch, user_columns, with_column
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import verdicts
from tilth.core.registry import name_of
from tilth.refine import _row_sample
from tilth.refine._cell_errors_find import Suspect, finder
from tilth.refine._cell_errors_learn import learn
from tilth.refine._columns import cells
from tilth.text.words import blank

_LONGEST = 256
_ROWS = 200_000


@dataclass(frozen=True, kw_only=True)
class CellErrors:
    """Learn a table's own rules from train rows, and flag, repair, blank or drop what breaks them.

    >>> from tilth.testing import batch
    >>> rows = batch(zip=["35233"] * 6 + ["36049"] * 6, city=["birmingham"] * 5 + ["birminghxm"] + ["luverne"] * 6)
    >>> fold = CellErrors(action="repair")
    >>> fixed = fold.finish(fold.observe(rows)).map(rows)
    >>> fixed.column("city")[5].as_py(), fixed.column("cell_errors")[5].as_py()
    ('birmingham', ['city'])

    Three kinds of evidence, none with labels. *Dependencies*: where one column tells another (all but `wrong` of rows,
    each told by the others), cells vote for what their neighbours in the row should say; a cell is suspect when the
    votes for one other value outweigh those for its own. *Slips*: a value or word within a quarter of its letters of
    one ten times as common, in a column whose values or words mostly repeat; numbers are no slips of numbers.
    *Shapes*: "95x" among "95%", in a column where 95% of cells have a usual shape. The last two are asked only where
    the votes say nothing. Empty cells are left to `fill_empty`.

    The rules are learnt from a sample of up to 200,000 rows or 12 MiB of cells, those with the smallest hashes of id.
    Texts over 256 characters, lists and bytes are not looked at.
    """

    fits_on: ClassVar[FitsOn] = "train"
    packages: ClassVar[tuple[str, ...]] = ("rapidfuzz",)

    columns: tuple[str, ...] = ()
    """The columns to look at; none means all of them."""
    action: Literal["flag", "repair", "null", "drop"] = "flag"
    """List suspect columns in `into`; also repair cells where it is clear how; also blank them; or drop the row."""
    wrong: float = 0.1
    """The largest share of rows (0 to 0.5) that may break a dependency."""
    into: str = "cell_errors"
    """The column for the names of suspect columns."""
    seed: int = 1
    """Chooses the sample."""

    def __post_init__(self) -> None:
        """Refuse a share that means nothing."""
        if not 0 <= self.wrong <= 0.5:
            raise RecipeError(f"wrong {self.wrong}", where=name_of(self), wanted="0 to 0.5")

    def observe(self, batch: Batch) -> pa.Table:
        """Sample a batch."""
        columns = {name: pa.array(_texts(batch, name, self), pa.string()) for name in _looked_at(batch, self.columns)}
        return _row_sample.observe(batch.column(ID), columns, seed=self.seed, rows=_ROWS)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Sample both; exact."""
        return _row_sample.merge(left, right, rows=_ROWS)

    def finish(self, state: pa.Table) -> CellErrorsMarked | CellErrorsDropped:
        """Return the operator for all rows."""
        sample = _row_sample.read(state)
        knowledge = learn({name: sample[name].to_pylist() for name in sample.schema.names}, self.wrong)
        if self.action == "drop":
            return CellErrorsDropped(knowledge=knowledge)
        return CellErrorsMarked(knowledge=knowledge, into=self.into, action=self.action)


@dataclass(frozen=True, kw_only=True)
class CellErrorsMarked:
    """List each row's suspect columns, and repair or blank their cells if told to. Made by `CellErrors`.

    >>> from tilth.testing import batch
    >>> CellErrorsMarked(knowledge={"dependencies": [], "except": [], "columns": {}}).map(batch(a=["b"])).schema.names
    ['_id', 'a', 'cell_errors']
    """

    knowledge: Mapping[str, Any] = field(hash=False)
    """What was learnt: dependencies, common values and words, usual shapes."""
    into: str = "cell_errors"
    """The column for the names of suspect columns."""
    action: Literal["flag", "repair", "null"] = "flag"
    """Leave the cells, repair them where it is clear how, or blank them."""

    def map(self, batch: Batch) -> Batch:
        """Return the batch with the list, and with other cells if they are to be mended."""
        found = _suspects(batch, self.knowledge, self)
        if self.action != "flag":
            for column in dict.fromkeys(one.column for row in found for one in row):
                batch = self._mended(batch, column, found)
        return with_column(batch, self.into, [[one.column for one in row] for row in found], pa.list_(pa.string()))

    def _mended(self, batch: Batch, column: str, found: list[list[Suspect]]) -> Batch:
        better = {at: one.better for at, row in enumerate(found) for one in row if one.column == column}
        if self.action == "repair":
            better = {at: value for at, value in better.items() if value is not None}
        if not better:
            return batch
        old = batch.column(column)
        kind = old.type.value_type if pa.types.is_dictionary(old.type) else old.type
        texts = old.cast(kind).to_pylist()
        for at, value in better.items():
            texts[at] = None if self.action == "null" or value is None else pa.scalar(value).cast(kind).as_py()
        return with_column(batch, column, pa.array(texts, kind).cast(old.type))


@dataclass(frozen=True, kw_only=True)
class CellErrorsDropped:
    """Drop rows that hold a suspect cell. Made by `CellErrors`.

    >>> from tilth.testing import batch
    >>> CellErrorsDropped(knowledge={"dependencies": [], "except": [], "columns": {}}).judge(batch(a=["b"])).to_pylist()
    [None]
    """

    knowledge: Mapping[str, Any] = field(hash=False)
    """What was learnt: dependencies, common values and words, usual shapes."""

    def judge(self, batch: Batch) -> pa.StructArray:
        """Return a verdict for each row with a suspect cell: how many it has, and the most that stay (none)."""
        counts = [len(row) for row in _suspects(batch, self.knowledge, self)]
        return verdicts([count > 0 for count in counts], "cell_errors", values=counts, threshold=0)


def _suspects(batch: Batch, knowledge: Mapping[str, Any], operator: Any) -> list[list[Suspect]]:
    names = list(knowledge["columns"])
    if not names:
        return [[] for _ in range(batch.num_rows)]
    find = finder(dict(knowledge))
    # A row that is asked about later (a request) may lack columns, such as the label: they say nothing then.
    nothing: list[str | None] = [None] * batch.num_rows
    columns = [_texts(batch, name, operator) if name in batch.schema.names else nothing for name in names]
    return [find(dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


def _looked_at(batch: Batch, columns: tuple[str, ...]) -> list[str]:
    return list(columns) or [name for name in user_columns(batch.schema) if _flat(batch.schema.field(name).type)]


def _flat(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date(kind)
    )


def _texts(batch: Batch, column: str, operator: Any) -> list[str | None]:
    """Return a column's cells as texts; empty and very long ones as null."""
    found = cells(batch, column, operator)
    if not _flat(found.type):
        return [None] * batch.num_rows
    if pa.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    return [
        None if text is None or len(text) > _LONGEST or blank(text) else text
        for text in found.cast(pa.string()).to_pylist()
    ]


EXAMPLES = (
    CellErrors(),
    CellErrors(columns=("text", "label"), action="repair", wrong=0.2, seed=3),
    CellErrors(columns=("label", "price"), action="drop"),
)
