"""Read dates that people wrote, and settle by the column whether day or month comes first."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import Failure, Outcome
from tilth.core.registry import name_of
from tilth.refine import _dates
from tilth.refine._columns import cells, strings
from tilth.text.words import blank

STATE = pa.schema([(name, pa.int64()) for name in ("column", "day", "month", "open", "timed", "zoned")])
"""Cells a column that tell that the day comes first, or the month; that leave it open; with a time; with a zone."""


@dataclass(frozen=True, kw_only=True)
class Dates:
    """Read written dates into a date or time column; 03/04/2024 is decided by the other cells of its column.

    >>> from tilth.testing import batch
    >>> rows = batch(due=["03/04/2024", "25/04/2024", "2024年5月1日", "1. Mai 2024", None])
    >>> fold = Dates(columns=("due",))
    >>> read = fold.finish(fold.observe(rows))
    >>> read.orders, [day.isoformat() for day in read.map(rows).batch.column("due").to_pylist()[:2]]
    (('day',), ['2024-04-03', '2024-04-25'])

    The forms are those of `_dates.read`: year first, month by name in seven languages, Chinese, Japanese and Korean, or
    numbers. Whether day or month comes first is learnt on train rows from the cells in which one number is over 12: the
    more frequent order is the column's, and `tilth check` shows it in the fitted operator (`orders`). A cell that can
    be read in one way only is read so. Where nothing tells, such a cell is doubtful and `undecided` says what becomes
    of it. A column becomes date32, or timestamp where a train cell has a time (UTC where one has a zone; times without
    one are then taken for UTC); in a column of dates a later cell's time is cut off. Dates already read pass through.
    """

    fits_on: ClassVar[FitsOn] = "train"

    columns: tuple[str, ...]
    """The columns to read."""
    order: Literal["auto", "day", "month"] = "auto"
    """What comes first where only numbers are written: learn it, or know it."""
    undecided: Literal["fail", "null", "day", "month"] = "fail"
    """A cell that may be either where the column does not tell: set the row aside, blank the cell, or take one."""
    unread: Literal["fail", "null"] = "fail"
    """A cell that is no date: set the row aside, or put null."""

    def __post_init__(self) -> None:
        """Refuse to read nothing."""
        if not self.columns:
            raise RecipeError("no columns", where=name_of(self), wanted="one or more columns of written dates")

    def observe(self, batch: Batch) -> pa.Table:
        """Count what tells the order."""
        rows = []
        for at, column in enumerate(self.columns):
            found = [] if _temporal(batch, column, self) else _readings(batch, column, self)
            read = [one for one in found if isinstance(one, _dates.Read)]
            rows.append(
                (
                    at,
                    sum(one.first == "day" for one in read),
                    sum(one.first == "month" for one in read),
                    sum(one.swapped is not None for one in read),
                    sum(one.timed for one in read),
                    sum(one.zoned for one in read),
                )
            )
        return _table(rows)

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        sums = np.column_stack([left[name].to_numpy() + right[name].to_numpy() for name in STATE.names[1:]])
        return _table([(at, *row) for at, row in enumerate(sums.tolist())])

    def finish(self, state: pa.Table) -> DatesRead:
        """Return the operator for all rows."""
        orders: list[_dates.Order] = []
        kinds: list[Kind] = []
        for row in state.to_pylist():
            seen: _dates.Order = "unknown"
            if row["day"] != row["month"]:
                seen = "day" if row["day"] > row["month"] else "month"
            orders.append(seen if self.order == "auto" else self.order)
            kinds.append("utc" if row["zoned"] else "time" if row["timed"] else "date")
        return DatesRead(
            columns=self.columns,
            orders=tuple(orders),
            kinds=tuple(kinds),
            undecided=self.undecided,
            unread=self.unread,
        )


Kind = Literal["date", "time", "utc"]
_TYPES: dict[Kind, pa.DataType] = {
    "date": pa.date32(),
    "time": pa.timestamp("us"),
    "utc": pa.timestamp("us", tz="UTC"),
}


@dataclass(frozen=True, kw_only=True)
class DatesRead:
    """Read written dates in a known order of day and month. Made by `Dates`.

    >>> from tilth.testing import batch
    >>> read = DatesRead(columns=("due",), orders=("month",), kinds=("date",))
    >>> read.map(batch(due=["03/04/2024"])).batch.column("due")[0].as_py().isoformat()
    '2024-03-04'
    """

    columns: tuple[str, ...]
    """The columns to read."""
    orders: tuple[_dates.Order, ...]
    """What comes first in each: day, month or unknown."""
    kinds: tuple[Kind, ...]
    """What each becomes: date, time or utc (a time in UTC)."""
    undecided: Literal["fail", "null", "day", "month"] = "fail"
    """A cell that may be either in a column of unknown order: set aside, blank, day or month first."""
    unread: Literal["fail", "null"] = "fail"
    """A cell that is no date: set the row aside, or put null."""

    def map(self, batch: Batch) -> Outcome:
        """Return the batch with dates, and the rows that are set aside with the first reason."""
        reasons: list[str | None] = [None] * batch.num_rows
        for column, order, kind in zip(self.columns, self.orders, self.kinds, strict=True):
            if _temporal(batch, column, self):
                continue
            values: list[datetime.datetime | None] = []
            for at, one in enumerate(_readings(batch, column, self)):
                value, reason = self._value(one, order)
                values.append(value)
                if reason and reasons[at] is None:
                    reasons[at] = f"{column}: {reason}"
            batch = with_column(batch, column, _array(values, kind))
        rows = zip(batch.column(ID).to_pylist(), reasons, strict=True)
        failures = tuple(Failure(row, reason) for row, reason in rows if reason)
        return Outcome(batch.filter(pa.array([reason is None for reason in reasons], pa.bool_())), failures)

    def _value(
        self, one: _dates.Read | Literal["no"] | None, order: str
    ) -> tuple[datetime.datetime | None, str | None]:
        if one is None:
            return None, None
        if one == "no":
            return None, "not a date" if self.unread == "fail" else None
        if one.swapped is None:
            return one.moment, None
        order = self.undecided if order == "unknown" else order
        if order in ("fail", "null"):
            return None, "day or month first?" if order == "fail" else None
        return (one.moment if order == "day" else one.swapped), None


def _readings(batch: Batch, column: str, operator: object) -> list[_dates.Read | Literal["no"] | None]:
    """Read a column's cells: None where nothing is said, "no" where no date is."""
    texts: Sequence[str | None] = strings(batch, column, operator).to_pylist()
    return [None if text is None or blank(text) else _dates.read(text) or "no" for text in texts]


def _temporal(batch: Batch, column: str, operator: object) -> bool:
    return bool(pa.types.is_temporal(cells(batch, column, operator).type))


def _array(values: list[datetime.datetime | None], kind: Kind) -> pa.Array:
    moments = pa.array(values, pa.timestamp("us"))
    return moments.cast(pa.date32(), safe=False) if kind == "date" else moments.cast(_TYPES[kind])


def _table(rows: Sequence[tuple[int, ...]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table([pa.array(column, pa.int64()) for column in columns], schema=STATE)


EXAMPLES = (
    Dates(columns=("text",)),
    Dates(columns=("text", "price"), order="month", undecided="null", unread="null"),
)
