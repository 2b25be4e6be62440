"""Find what is new since a cursor: rows beyond it, rows that came late into the window before it, rows that are gone.

A transaction that began before the last run may commit after it, with a cursor value that the run has passed; and rows
may share the last value. So the window before the cursor (`overlap`) is looked at again. The cursor remembers a digest
of each row that stood there (its key and cursor value), up to `MOST_SEEN`; rows that are remembered are not read again.
Where more stood there, all of the window is read again: rows that say the same change nothing.
"""

# ruff: noqa: S608 (names are quoted, values are literals that a dialect wrote; conditions are the recipe's own)
from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._sql.dialect import Column, Dialect, Session
from tilth.connectors._sql.ranges import where
from tilth.core.errors import DataError, RecipeError

MOST_SEEN = 4096
"""Rows that a cursor remembers, 12 bytes each."""
SECONDS, STEPS = 60.0, 1000.0
"""The overlap where the recipe says none: of times, and of whole numbers."""
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?\s*\Z")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Late(NamedTuple):
    """A row in the window: its key and its cursor value, as `as_text` writes them."""

    key: tuple[str, ...]
    at: str


def amount(said: float | str | None, option: str) -> float | None:
    """Read `10m` as seconds and `500` as it is; raises `RecipeError`.

    >>> amount("10m", "sql.overlap"), amount(500, "sql.overlap")
    (600.0, 500.0)
    """
    if said is None:
        return None
    found = _DURATION.match(str(said))
    if not found:
        raise RecipeError(f'"{said}" is no duration', where=option, wanted="a number, or one with ms, s, m, h or d")
    return float(found[1]) * _UNITS[found[2] or "s"]


@dataclass(frozen=True)
class Window:
    """Looks at the cursor column of a relation."""

    dialect: Dialect
    session: Session
    relation: str
    column: Column
    key: Sequence[Column]
    overlap: float | None
    lag: float | None

    def cutoff(self) -> str | None:
        """Return the newest value that may be read, where rows are given time to settle (`lag`)."""
        if self.lag is None:
            return None
        if pa.types.is_temporal(self.column.type):
            now = str(self.session.rows(f"SELECT {self.dialect.now}")[0][0])
            return _unquoted_shift(now, self.lag)
        newest = self._end("DESC", [])
        return None if newest is None else lower(newest, self.column.type, self.lag)

    def newest(self, cutoff: str | None, at_least: str | None = None) -> str | None:
        """Return the greatest value there is, up to a cutoff; the one given where nothing is beyond it."""
        more = [] if at_least is None else [f"{self.name} >= {self.literal(at_least)}"]
        return self._end("DESC", [*more, *self.until(cutoff)]) or at_least

    def floor(self, last: str) -> str:
        """Return where the window before a value begins."""
        overlap = self.overlap
        if overlap is None:
            stamp = pa.types.is_timestamp(self.column.type)
            overlap = SECONDS if stamp else STEPS if pa.types.is_integer(self.column.type) else 0.0
        return lower(last, self.column.type, overlap)

    def until(self, cutoff: str | None) -> list[str]:
        """Return the condition that keeps to a cutoff."""
        return [] if cutoff is None else [f"{self.name} <= {self.literal(cutoff)}"]

    def rows(self, low: str, high: str, conditions: Sequence[str]) -> list[Late] | None:
        """List the rows in a window; None where they are too many."""
        inside = [*conditions, f"{self.name} >= {self.literal(low)}", f"{self.name} <= {self.literal(high)}"]
        texts = ", ".join(self.dialect.as_text(column) for column in (*self.key, self.column))
        found = self.session.rows(f"SELECT {texts} FROM {self.relation}{where(inside)} LIMIT {2 * MOST_SEEN + 1}")
        if len(found) > 2 * MOST_SEEN:
            return None
        return [Late(tuple(map(str, row[:-1])), str(row[-1])) for row in found if None not in row]

    @property
    def name(self) -> str:
        return self.dialect.quote(self.column.name)

    def literal(self, text: str) -> str:
        return self.dialect.literal(text, self.column)

    def _end(self, order: str, conditions: Sequence[str]) -> str | None:
        inner = where([f"{self.name} IS NOT NULL", *conditions])
        found = self.session.rows(
            f"SELECT {self.dialect.as_text(self.column)} FROM (SELECT {self.name} FROM {self.relation}{inner}"
            f" ORDER BY {self.name} {order} LIMIT 1) AS tilth_end"
        )
        return str(found[0][0]) if found else None


def lower(text: str, kind: pa.DataType, by: float) -> str:
    """Return a value that lies so far before another; the same where there is no before (texts).

    >>> lower("2024-01-01 00:00:30.5+00", pa.timestamp("us", "UTC"), 60), lower("1500", pa.int64(), 1000)
    ('2023-12-31 23:59:30', '500')
    """
    if by == 0:
        return text
    if pa.types.is_temporal(kind):
        return _unquoted_shift(text, by)
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_floating(kind):
        try:
            return format(Decimal(text) - Decimal(str(by)).normalize(), "f")
        except InvalidOperation:
            return text
    return text


def _unquoted_shift(text: str, seconds: float) -> str:
    """Take seconds from a time in ISO text, keeping its form; SQLite's come as literals, or as numbers."""
    mark = "'" if text.startswith("'") else ""
    inner = text.strip("'")
    try:
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", inner):
            return format(Decimal(inner) - Decimal(str(seconds)), "f")
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", inner):
            return f"{mark}{date.fromisoformat(inner) - timedelta(days=int(seconds // 86400))}{mark}"
        earlier = datetime.fromisoformat(inner) - timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"the cursor column holds {inner!r}, which is no time between the years 1 and 9999",
            do="Correct the row, or set overlap: 0.",
        ) from error
    whole = earlier.replace(microsecond=0, tzinfo=None).isoformat(sep="T" if "T" in inner else " ")
    return f"{mark}{whole}{mark}"


def digest(row: Late) -> bytes:
    """Return 12 bytes that stand for a row in a window."""
    return hashlib.blake2b(json.dumps([row.key, row.at]).encode(), digest_size=12).digest()


def pack(rows: Sequence[Late] | None) -> str | None:
    """Write what stood in a window as one JSON string; None where that is too much."""
    if rows is None or len(rows) > MOST_SEEN:
        return None
    return base64.b64encode(b"".join(sorted(map(digest, rows)))).decode("ascii")


def unpack(text: str | None) -> frozenset[bytes] | None:
    """Read what `pack` wrote."""
    if text is None:
        return None
    raw = base64.b64decode(text)
    return frozenset(raw[at : at + 12] for at in range(0, len(raw), 12))
