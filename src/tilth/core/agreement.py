"""Say what was agreed about a source's rows: what a recipe's `agreement:` holds, and what came of checking it.

Two kinds of rules. A *row* breaks a rule by itself (type, range, pattern, allowed values, length, a value that must be
there) and is set aside. A *set* breaks one as a whole (columns, repeated values, share of nulls, count, age, licence)
and stops the run before anything is committed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.errors import RecipeError

Kind = Literal["text", "int", "float", "bool", "timestamp", "date", "bytes", "list", "mapping"]
Bound = int | float | str
_UNITS = {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600, "day": 86400, "week": 604800}


@dataclass(frozen=True, kw_only=True)
class Column:
    """What the cells of one column must be. Nulls break no rule but `required` and `null`."""

    type: Kind | None = None
    """text, int, float, bool, timestamp, date, bytes, list or mapping; text that reads as one of the second to sixth
    becomes it, and a number is no text."""
    required: bool = False
    """Whether every row must have a value; a row without one is set aside."""
    unique: bool = False
    """Whether no two rows may have the same value, in all of the source; nulls don't count."""
    null: float | None = None
    """The share of rows, from 0 to 1, that may have no value."""
    min: Bound | None = None
    """The least value: a number, or a moment such as 2024-01-31."""
    max: Bound | None = None
    """The greatest value."""
    min_length: int | None = None
    """The fewest characters of a text, bytes, or entries of a list."""
    max_length: int | None = None
    """The most."""
    matches: str | None = None
    """A pattern that the whole text must match: a regular expression in RE2's syntax, which takes linear time."""
    allowed: tuple[Bound | bool, ...] | None = None
    """The values there may be; a recipe says `in: [en, zh]`."""

    def __post_init__(self) -> None:
        """Refuse what no cell could keep, and rules that do not fit the type."""
        for name in ("min_length", "max_length"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise _wrong(name, value, "0 or more")
        if self.null is not None and not 0 <= self.null <= 1:
            raise _wrong("null", self.null, "a share from 0 to 1")
        if self.allowed is not None and not self.allowed:
            raise _wrong("in", "an empty list", "at least one value")
        self._check_bounds()
        self._check_fit()
        if self.matches is not None:
            try:
                pc.match_substring_regex(pa.array([""]), whole(self.matches))
            except pa.ArrowInvalid as error:
                said = str(error).rpartition(": ")[2]
                raise _wrong("matches", f"no pattern ({said})", "a regular expression as RE2 reads it") from error

    @property
    def of_time(self) -> bool:
        """Whether its bounds are moments."""
        return self.type in ("timestamp", "date") or isinstance(self.min, str) or isinstance(self.max, str)

    def _check_bounds(self) -> None:
        for name in ("min", "max"):
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise _wrong(name, value, "a finite number")
            if self.of_time and value is not None and (not isinstance(value, str) or moment(value) is None):
                raise _wrong(name, value, "a moment such as 2024-01-31 or 2024-01-31T12:00:00Z")
        for low, high in (("min", "max"), ("min_length", "max_length")):
            least, most = getattr(self, low), getattr(self, high)
            if least is None or most is None:
                continue
            if (moment(least) > moment(most)) if isinstance(least, str) else least > most:  # type: ignore[operator]
                raise _wrong(low, least, f"at most {high}, which is {most}")

    def _check_fit(self) -> None:
        fit: dict[str, tuple[str, ...]] = {
            "min": ("int", "float", "timestamp", "date"),
            "max": ("int", "float", "timestamp", "date"),
            "min_length": ("text", "bytes", "list"),
            "max_length": ("text", "bytes", "list"),
            "matches": ("text",),
            "allowed": ("text", "int", "float", "bool"),
            "unique": ("text", "int", "float", "bool", "timestamp", "date", "bytes"),
        }
        for name, kinds in fit.items():
            if _given(getattr(self, name)) and self.type is not None and self.type not in kinds:
                said = "in" if name == "allowed" else name
                raise _wrong(said, f"a rule for {' and '.join(kinds)}", f"no such rule where type is {self.type}")
        if self.allowed is not None and len({_family(value) for value in self.allowed}) > 1:
            raise _wrong("in", "of several kinds", "texts, or numbers, or true and false")
        words = {"text": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
        if self.allowed is not None and self.type in words:
            for value in self.allowed:
                if not isinstance(value, words[self.type]) or isinstance(value, bool) != (self.type == "bool"):
                    raise _wrong("in", f"{value!r} in it", f"{self.type} values, as type says")


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many rows a source must have; not asked of a sample."""

    min: int | None = None
    """The fewest."""
    max: int | None = None
    """The most."""

    def __post_init__(self) -> None:
        """Refuse counts that nothing has."""
        least, most = self.min or 0, self.max
        if least < 0 or (most is not None and most < least):
            raise RecipeError(f"{self.min} to {most} rows", where="rows", wanted="min from 0 up to max")


@dataclass(frozen=True, kw_only=True)
class Fresh:
    """How old the newest row may be."""

    column: str
    """The column that says when a row was made or changed."""
    within: str
    """How long ago that may be for the newest row, such as 7 days, 12 h or 30 min."""

    def __post_init__(self) -> None:
        """Refuse what is no time."""
        duration(self.within)


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """What a source's rows must be, checked before they are committed.

    >>> agreed = Agreement(columns={"amount": Column(type="float", min=0)}, tolerance=0.05)
    >>> agreed.columns["amount"].min
    0
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    """By name as the recipe knows them, after `rename:`; a column of rules that no source row has stops the run."""
    extra_columns: Literal["allow", "forbid", "drop"] = "allow"
    """What happens to columns that are not named here: they stay, the run stops, or they are left out."""
    rows: Count | None = None
    """How many rows there must be."""
    fresh: Fresh | None = None
    """How old the newest row may be."""
    licences: tuple[str, ...] | None = None
    """The licences that the source may state."""
    on_break: Literal["quarantine", "stop"] = "quarantine"
    """What a row that breaks a rule leads to: it is set aside with the reasons, or the run stops."""
    tolerance: float = 0.01
    """The share of rows that may be set aside; beyond it the run stops."""
    notes: tuple[str, ...] = ()
    """What the contract's file asks for and is not checked."""

    def __post_init__(self) -> None:
        """Refuse a share that is none, and rules about columns that `extra_columns` takes away."""
        if not 0 <= self.tolerance <= 1:
            raise _wrong("tolerance", self.tolerance, "a share from 0 to 1")
        if self.fresh and self.extra_columns != "allow" and self.fresh.column not in self.columns:
            raise _wrong("fresh.column", f'"{self.fresh.column}", which is no column here', "one of `columns:`")
        if self.licences is not None and not self.licences:
            raise _wrong("licences", "an empty list", "at least one licence")

    @property
    def unique(self) -> tuple[str, ...]:
        """The columns without repeated values."""
        return tuple(name for name, column in self.columns.items() if column.unique)

    def to_json(self) -> dict[str, Any]:
        """Return it as a recipe writes it; rules that say nothing are left out, and so are the notes."""
        found: dict[str, Any] = {"columns": {name: _said(column) for name, column in self.columns.items()}}
        found |= {"extra_columns": self.extra_columns, "on_break": self.on_break, "tolerance": self.tolerance}
        found |= {name: _said(value) for name in ("rows", "fresh") if (value := getattr(self, name)) is not None}
        return found | ({"licences": list(self.licences)} if self.licences else {})


def duration(text: str) -> timedelta:
    """Return how long a text such as `7 days` says. Raises `RecipeError`.

    >>> duration("36 h").days
    1
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)s?\s*", text.lower())
    unit = found and (_UNITS.get(found[2]) or _UNITS.get(f"{found[2]}s"))
    if not found or not unit or float(found[1]) * unit > 1e10:
        raise RecipeError(f'"{text}" is no time', where="fresh.within", wanted="such as 7 days, 12 h or 30 min")
    return timedelta(seconds=float(found[1]) * unit)


def moment(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text says, UTC where it does not say; None for any other text.

    >>> moment("2024-01-31").isoformat()
    '2024-01-31T00:00:00+00:00'
    """
    try:
        found = datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(date.fromisoformat(text), _NIGHT)
    except (ValueError, TypeError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def whole(pattern: str) -> str:
    """Return the pattern that matches a whole text where the other matches some of it."""
    return rf"\A(?:{pattern})\z"


_NIGHT = datetime.min.time()


def _said(part: Any) -> dict[str, Any]:
    said = {one.name: getattr(part, one.name) for one in fields(part) if _given(getattr(part, one.name))}
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    return {"in" if name == "allowed" else name: value for name, value in plain.items()}


def _given(value: Any) -> bool:
    return value is not None and value is not False


def _family(value: Any) -> type:
    return bool if isinstance(value, bool) else float if isinstance(value, (int, float)) else type(value)


def _wrong(option: str, value: Any, wanted: str) -> RecipeError:
    return RecipeError(f"{option} is {value}", where=option, wanted=wanted)
