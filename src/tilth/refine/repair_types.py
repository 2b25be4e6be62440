"""Turn columns of texts into the numbers, dates and yes-or-no that they mean."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from tilth.core.batch import ID, Batch, user_columns, with_column
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import Failure, Outcome
from tilth.core.registry import name_of
from tilth.refine import _dates, _types
from tilth.refine._columns import strings
from tilth.text.words import blank

STATE = pa.schema([("column", pa.string()), *((name, pa.int64()) for name in _types.Counts._fields)])
_ARROW: dict[_types.Type, pa.DataType] = {
    "text": pa.string(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "utc": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, kw_only=True)
class RepairTypes:
    """Learn on train rows what type each column of texts is, and read it as that.

    >>> from tilth.testing import batch
    >>> rows = batch(
    ...     price=["1,50 €", "2,25 €", "1.000,00 €", "?", "3 €", None],
    ...     paid=["yes", "no", "Yes", "n/a", "no", "no"],
    ...     zip=["01234"] * 6,
    ... )
    >>> fold = RepairTypes(share=0.7)
    >>> typed = fold.finish(fold.observe(rows)).map(rows).batch
    >>> typed.column("price").to_pylist(), typed.column("paid").to_pylist()
    ([1.5, 2.25, 1000.0, None, 3.0, None], [True, False, True, None, False, False])
    >>> typed.column("zip")[0].as_py(), typed.column("unread")[3].as_py()
    ('01234', ['price'])

    A column is what at least `share` of its cells can be read as: yes or no, dates (`dates`), whole numbers, numbers
    (`parse_number`), else text. Digits with zeros before them or over 15 of them are codes and stay text, and so do
    dates of which nothing tells whether day or month comes first. Decimal comma or point, and day or month first, are
    decided by the column. A column of whole numbers becomes int64. Blank and "n/a"-like cells become null; others that
    cannot be read become null and are listed in `unread`, or the row is set aside.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...] = ()
    """The columns to look at; none means all that hold texts."""
    share: float = 0.9
    """The share of cells (above 0.5, up to 1) that must be readable for a type."""
    least: int = 5
    """So many cells must say something; else the column stays text."""
    unread: Literal["null", "fail"] = "null"
    """A cell that cannot be read: put null, or set the row aside."""
    into: str | None = "unread"
    """The column that lists the columns of a row that could not be read; null adds none."""

    def __post_init__(self) -> None:
        """Refuse a share that several types could reach."""
        if not 0.5 < self.share <= 1:
            raise RecipeError(f"share {self.share}", where=name_of(self), wanted="above 0.5, up to 1")

    def observe(self, batch: Batch) -> pa.Table:
        """Count what a batch's cells can be read as."""
        names = list(self.columns) or [
            name for name in user_columns(batch.schema) if _is_text(batch.schema.field(name).type)
        ]
        return _table([(name, _types.count(_said(batch, name, self))) for name in names])

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        sums = dict(_read(left))
        for name, counts in _read(right):
            sums[name] = _types.Counts(*map(sum, zip(sums.get(name, _types.Counts()), counts, strict=True)))
        return _table(list(sums.items()))

    def finish(self, state: pa.Table) -> TypesRepaired:
        """Return the operator for all rows; columns of texts that mean texts are left alone."""
        decided = [(name, _types.decide(counts, self.share, self.least)) for name, counts in _read(state)]
        typed = [(name, one) for name, one in decided if one.type != "text"]
        return TypesRepaired(
            columns=tuple(name for name, _ in typed),
            types=tuple(one.type for _, one in typed),
            decimals=tuple(one.decimal for _, one in typed),
            orders=tuple(one.order for _, one in typed),
            unread=self.unread,
            into=self.into,
        )


@dataclass(frozen=True, kw_only=True)
class TypesRepaired:
    """Read columns of texts as the types they mean. Made by `RepairTypes`.

    >>> from tilth.testing import batch
    >>> typed = TypesRepaired(columns=("n",), types=("whole",), decimals=("auto",), orders=("unknown",))
    >>> typed.map(batch(n=["1,200", "x"])).batch.to_pydict()["n"]
    [1200, None]
    """

    columns: tuple[str, ...]
    """The columns that change."""
    types: tuple[_types.Type, ...]
    """What each becomes."""
    decimals: tuple[_types.Decimal, ...]
    """The decimal separator of each."""
    orders: tuple[_dates.Order, ...]
    """Whether day or month comes first in each."""
    unread: Literal["null", "fail"] = "null"
    """A cell that cannot be read: put null, or set the row aside."""
    into: str | None = "unread"
    """The column that lists what could not be read."""

    def map(self, batch: Batch) -> Outcome:
        """Return the batch with typed columns, and the rows that are set aside."""
        lists: list[list[str]] = [[] for _ in range(batch.num_rows)]
        each = zip(self.columns, self.types, self.decimals, self.orders, strict=True)
        for column, type_, decimal, order in each:
            # A row that is asked about later (a request) may lack columns, such as the label.
            if column not in batch.schema.names or not _is_text(batch.schema.field(column).type):
                continue
            texts = _said(batch, column, self)
            values = _values(texts, type_, decimal, order)
            for at, (text, value) in enumerate(zip(texts, values, strict=True)):
                if text is not None and value is None:
                    lists[at].append(column)
            batch = with_column(batch, column, _array(values, type_))
        if self.into is not None:
            batch = with_column(batch, self.into, lists, pa.list_(pa.string()))
        if self.unread == "null":
            return Outcome(batch, ())
        failures = tuple(
            Failure(row, f"{columns[0]}: cannot be read as {self.types[self.columns.index(columns[0])]}")
            for row, columns in zip(batch.column(ID).to_pylist(), lists, strict=True)
            if columns
        )
        return Outcome(batch.filter(pa.array([not columns for columns in lists], pa.bool_())), failures)


def _values(
    texts: Sequence[str | None], type_: _types.Type, decimal: _types.Decimal, order: _dates.Order
) -> Sequence[Any]:
    if type_ == "boolean":
        return [None if text is None else _types.read_boolean(text) for text in texts]
    if type_ in ("whole", "number"):
        numbers = _types.read_numbers(texts, decimal)
        if type_ == "number":
            return numbers
        return [int(number) if number is not None and _fits(number) else None for number in numbers]
    return [_moment(text, order) for text in texts]


def _fits(number: float) -> bool:
    return number.is_integer() and abs(number) < 2.0**53


def _moment(text: str | None, order: _dates.Order) -> datetime.datetime | None:
    read = _dates.read(text) if text is not None else None
    if read is None:
        return None
    return read.moment if read.swapped is None or order == "day" else read.swapped if order == "month" else None


def _array(values: Sequence[Any], type_: _types.Type) -> pa.Array:
    if type_ == "date":
        return pa.array(values, pa.timestamp("us")).cast(pa.date32(), safe=False)
    return (
        pa.array(values, pa.timestamp("us")).cast(_ARROW[type_]) if type_ == "utc" else pa.array(values, _ARROW[type_])
    )


def _said(batch: Batch, column: str, operator: Any) -> list[str | None]:
    return [
        None if text is None or blank(text) or text.strip().casefold() in _MARKERS else text
        for text in strings(batch, column, operator).to_pylist()
    ]


_MARKERS = frozenset(["n/a", "#n/a", "<na>", "nan", "null", "<null>"])
"""Say nothing, as in `fill_empty`."""


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _read(state: pa.Table) -> list[tuple[str, _types.Counts]]:
    return [(row.pop("column"), _types.Counts(**row)) for row in state.to_pylist()]


def _table(rows: Sequence[tuple[str, _types.Counts]]) -> pa.Table:
    return pa.Table.from_pylist([{"column": name, **counts._asdict()} for name, counts in rows], schema=STATE)


EXAMPLES = (
    RepairTypes(),
    RepairTypes(columns=("price",), share=0.6, unread="fail", into=None),
    RepairTypes(columns=("text", "price"), share=0.51, least=1, into="odd"),
)
