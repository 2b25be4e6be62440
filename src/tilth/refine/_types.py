"""Tell of a column of texts what type it is, by counting how many of its cells can be read as what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import pyarrow as pa

from tilth.core.batch import ID
from tilth.refine import _dates
from tilth.refine.parse_number import ParseNumber

Type = Literal["text", "whole", "number", "boolean", "date", "time", "utc"]
Decimal = Literal["auto", ".", ","]
_TRUE = frozenset(["true", "t", "yes", "y", "on", "1", "是", "真", "对", "有", "ja", "oui", "vrai", "wahr", "si", "sí"])
_FALSE = frozenset(["false", "f", "no", "n", "off", "0", "否", "假", "错", "无", "nein", "non", "faux", "falsch"])
_COMMA = re.compile(r"\d,(?:\d{1,2}|\d{4,})\s*\D*$|\.\d{3},\d")
_POINT = re.compile(r"\d\.(?:\d{1,2}|\d{4,})\s*\D*$|,\d{3}\.\d")
_PADDED = re.compile(r"\s*0\d+\s*")
_LONG = re.compile(r"\s*[+-]?\d{16,}\s*")
_WHOLE = 2.0**53


class Counts(NamedTuple):
    """How many cells say anything, and can be read as what; sums over rows."""

    cells: int = 0
    numbers: int = 0
    whole: int = 0
    codes: int = 0
    """Digits with zeros before them, or more than a float can hold: names, not numbers."""
    comma: int = 0
    point: int = 0
    booleans: int = 0
    binary: int = 0
    """0 and 1."""
    dates: int = 0
    day: int = 0
    month: int = 0
    doubtful: int = 0
    """Dates that may be read with the day or with the month first."""
    timed: int = 0
    zoned: int = 0


class Decided(NamedTuple):
    """A column's type, its decimal separator, and whether its dates begin with the day or the month."""

    type: Type
    decimal: Decimal = "auto"
    order: _dates.Order = "unknown"


def count(texts: Sequence[str | None]) -> Counts:
    """Count a batch's cells; those that say nothing are None."""
    said = [text for text in texts if text is not None]
    numbers = [number for number in read_numbers(said, "auto") if number is not None]
    dates = [one for text in said if (one := _dates.read(text))]
    return Counts(
        cells=len(said),
        numbers=len(numbers),
        whole=sum(number.is_integer() and abs(number) < _WHOLE for number in numbers),
        codes=sum(bool(_PADDED.fullmatch(text) or _LONG.fullmatch(text)) for text in said),
        comma=sum(bool(_COMMA.search(text)) for text in said),
        point=sum(bool(_POINT.search(text)) for text in said),
        booleans=sum(read_boolean(text) is not None for text in said),
        binary=sum(text.strip() in ("0", "1") for text in said),
        dates=len(dates),
        day=sum(one.first == "day" for one in dates),
        month=sum(one.first == "month" for one in dates),
        doubtful=sum(one.swapped is not None for one in dates),
        timed=sum(one.timed for one in dates),
        zoned=sum(one.zoned for one in dates),
    )


def decide(counts: Counts, share: float, least: int) -> Decided:
    """Return the type that at least `share` of the cells can be read as; text where there are fewer than `least`."""
    enough = share * counts.cells
    if counts.cells < least:
        return Decided("text")
    if counts.booleans >= enough and counts.binary < counts.booleans:
        return Decided("boolean")
    if counts.dates >= enough:
        if counts.doubtful and counts.day == counts.month:
            return Decided("text")
        order: _dates.Order = "day" if counts.day > counts.month else "month" if counts.month else "unknown"
        return Decided("utc" if counts.zoned else "time" if counts.timed else "date", order=order)
    if counts.numbers < enough or counts.codes > 0.01 * counts.cells:
        return Decided("text")
    if counts.whole == counts.numbers and not counts.comma and not counts.point:
        return Decided("whole")
    return Decided("number", decimal="," if counts.comma > counts.point else "auto")


def read_numbers(texts: Sequence[str | None], decimal: Decimal) -> list[float | None]:
    """Read numbers as `parse_number` does; None where there is none."""
    ids = pa.array([""] * len(texts), pa.string())
    batch = pa.RecordBatch.from_pydict({ID: ids, "number": pa.array(texts, pa.string())})
    read = ParseNumber(column="number", decimal=decimal, unparsed="null").map(batch)
    found: list[float | None] = (read if isinstance(read, pa.RecordBatch) else read.batch).column("number").to_pylist()
    return found


def read_boolean(text: str) -> bool | None:
    """Read yes and no in a few languages.

    >>> read_boolean(" Yes "), read_boolean("否"), read_boolean("maybe")
    (True, False, None)
    """
    plain = text.strip().casefold()
    return True if plain in _TRUE else False if plain in _FALSE else None
