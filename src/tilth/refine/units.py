"""Read measures such as "12 kg", "3 lb" and "5 ft 3 in" into numbers of one unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.errors import RecipeError
from tilth.core.fold import FitsOn
from tilth.core.operator import Failure, Outcome
from tilth.core.registry import name_of
from tilth.refine import _types, _units
from tilth.refine._columns import strings
from tilth.text.words import blank

STATE = pa.schema([("measure", pa.string()), ("count", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Units:
    """Turn a column of measures into numbers of one unit, and name the unit beside them.

    >>> from tilth.testing import batch
    >>> rows = batch(weight=["12 kg", "3 lb", "1,500 g", "２斤", None])
    >>> fold = Units(column="weight")
    >>> read = fold.finish(fold.observe(rows)).map(rows).batch
    >>> read.column("weight").to_pylist(), read.column("weight_unit")[0].as_py()
    ([12.0, 1.36077711, 1.5, 1.0, None], 'kg')

    Conversions are exact (SI brochure 2019, NIST SP 811; the table is `_units.py`) and rounded once, to a float. What
    the column measures is the commonest measure among its train rows; its unit is the SI one (volumes: litre) unless
    `to` names another. "5 ft 3 in", "5'3\"" and "2h 15m" add up. A cell of another measure, without a unit or unknown
    is set aside or blanked. Money is not converted: its mark is written in one way and stands in the unit column.
    """

    fits_on: ClassVar[FitsOn] = "train"

    column: str
    """The column to read."""
    to: str | None = None
    """The unit to tell all in, such as cm or °c; null takes the SI unit."""
    bare: str | None = None
    """The unit of numbers without one; null takes them for unreadable."""
    unit_into: str | None = None
    """The column for the unit; null takes the column's name and `_unit`."""
    unread: Literal["fail", "null"] = "fail"
    """A cell that is no such measure: set the row aside, or put null."""

    def __post_init__(self) -> None:
        """Refuse units that are not known."""
        for name in ("to", "bare"):
            unit = getattr(self, name)
            if unit is not None and _units.find(unit) is None:
                raise RecipeError(
                    f'{name}: unknown unit "{unit}"', where=name_of(self), wanted="one such as kg, ft, °c"
                )

    def observe(self, batch: Batch) -> pa.Table:
        """Count what a batch's cells measure."""
        found = [_units.find(parts[0].unit or self.bare or "") for parts in _parts(batch, self.column, self) if parts]
        return _table(Counter(unit.measure for unit in found if unit))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        """Add two counts; exact."""
        return _table(_read(left) + _read(right))

    def finish(self, state: pa.Table) -> UnitsRead:
        """Return the operator for all rows."""
        counts = _read(state)
        wanted = _units.find(self.to) if self.to else None
        measure = wanted.measure if wanted else min(counts, key=lambda name: (-counts[name], name), default="")
        return UnitsRead(
            column=self.column,
            measure=measure,
            to=self.to,
            bare=self.bare,
            unit_into=self.unit_into or f"{self.column}_unit",
            unread=self.unread,
        )


class _Value(NamedTuple):
    number: float | None
    unit: str | None
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class UnitsRead:
    """Read measures of one kind into one unit. Made by `Units`.

    >>> from tilth.testing import batch
    >>> read = UnitsRead(column="t", measure="temperature", to="°c", unit_into="t_unit")
    >>> read.map(batch(t=["68 °F", "20 °C", "12 kg"])).batch.column("t").to_pylist()
    [20.0, 20.0]
    """

    column: str
    """The column to read."""
    measure: str
    """What it measures."""
    unit_into: str
    """The column for the unit."""
    to: str | None = None
    """The unit to tell all in; null takes the SI unit."""
    bare: str | None = None
    """The unit of numbers without one."""
    unread: Literal["fail", "null"] = "fail"
    """A cell that is no such measure: set the row aside, or put null."""

    def map(self, batch: Batch) -> Outcome:
        """Return the batch with numbers and units, and the rows that are set aside."""
        found = _parts(batch, self.column, self)
        written = [part.number for parts in found for part in parts or ()]
        numbers = iter(_types.read_numbers(written, "auto"))
        values = [self._value(parts, [next(numbers) for _ in parts or ()]) for parts in found]
        batch = with_column(batch, self.column, [value.number for value in values], pa.float64())
        batch = with_column(batch, self.unit_into, [value.unit for value in values], pa.string())
        if self.unread == "null":
            return Outcome(batch, ())
        rows = zip(batch.column(ID).to_pylist(), values, strict=True)
        failures = tuple(Failure(row, f"{self.column}: {value.reason}") for row, value in rows if value.reason)
        return Outcome(batch.filter(pa.array([value.reason is None for value in values], pa.bool_())), failures)

    def _value(self, parts: tuple[_units.Part, ...] | None, numbers: Sequence[float | None]) -> _Value:
        if parts is None:
            return _Value(None, None)
        said = [number for number in numbers if number is not None]
        if not parts or len(said) < len(parts):
            return _Value(None, None, "not a measure")
        if not parts[0].unit and self.bare is None:
            return _Value(None, None, "a number without a unit")
        parts = tuple(_units.Part(part.number, part.unit or self.bare or "") for part in parts)
        unit = _units.find(parts[0].unit)
        if unit is None or unit.measure != self.measure:
            return _Value(None, None, f"not a measure of {self.measure or 'anything known'}")
        value, name = _units.base_value(parts, said), unit.base
        goal = _units.find(self.to) if self.to else None
        if goal and unit.measure == "money" and goal.base != unit.base:
            return _Value(None, None, "another currency")
        if goal and self.to and unit.measure != "money":
            value, name = (value - goal.offset) / goal.factor, self.to
        return _Value(_rounded(value), name)


def _rounded(value: Decimal) -> float:
    """Return the nearest float of the value to 15 digits, so that a third of a degree leaves no dust."""
    return float(f"{value:.15g}")


def _parts(batch: Batch, column: str, operator: object) -> list[tuple[_units.Part, ...] | None]:
    """Take a column's cells apart: None where nothing is said, () where no measure is."""
    texts: Sequence[str | None] = strings(batch, column, operator).to_pylist()
    return [None if text is None or blank(text) else _units.parts(text) for text in texts]


def _read(state: pa.Table) -> Counter[str]:
    return Counter(dict(zip(state["measure"].to_pylist(), state["count"].to_pylist(), strict=True)))


def _table(counts: Counter[str]) -> pa.Table:
    ranked = sorted(counts.items())
    return pa.table([[name for name, _ in ranked], [count for _, count in ranked]], schema=STATE)


EXAMPLES = (
    Units(column="text"),
    Units(column="price", to="€", bare="kg", unread="null", unit_into="currency"),
)
