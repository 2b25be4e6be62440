"""Read numbers that people wrote."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import pyarrow as pa

from tilth.core.batch import ID, Batch, with_column
from tilth.core.operator import Failure, Outcome
from tilth.refine._columns import cells, floats, strings

_CURRENCY = re.compile(
    r"^(?:usd|eur|gbp|chf|cny|rmb|jpy|inr|krw|aud|cad|hkd|sgd|sek|nok|dkk|pln|czk|brl|rub|us|hk|rs\.?|kr\.?|zł|kč|元|円|人民币)\s*"
    r"|\s*(?:usd|eur|gbp|chf|cny|rmb|jpy|inr|krw|aud|cad|hkd|sgd|sek|nok|dkk|pln|czk|brl|rub|kr\.?|zł|kč|元|円|圆|人民币)$",
    re.IGNORECASE,
)
_UNITS = {
    "%": Decimal("0.01"),
    "‰": Decimal("0.001"),
    "万": Decimal(10**4),
    "萬": Decimal(10**4),
    "亿": Decimal(10**8),
    "億": Decimal(10**8),
}
_SIGNS = str.maketrans({"−": "-", "–": "-", "’": "'", "٫": ".", "٬": "'"})
_PLAIN = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?|\.\d+", re.IGNORECASE | re.ASCII)
_GROUPED = re.compile(r"\d{1,3}([ ',.])(?:\d{2,3}\1)*\d{3}", re.ASCII)
"""Thousands (1,234,567) or lakhs (12,34,567), one separator throughout, three digits last."""

_SCIENTIFIC = re.compile(r"\d+e[+-]?\d{1,3}", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ParseNumber:
    """Read a column of written numbers: "1.234,50 €", "¥1,200", "12%", "(3 000)", "１.２万".

    >>> from tilth.testing import batch
    >>> rows = batch(price=["1.234,50 €", "¥1,200", "12%", "(3 000)", None])
    >>> ParseNumber(column="price").map(rows).batch.column("price").to_pylist()
    [1234.5, 1200.0, 0.12, -3000.0, None]
    >>> ParseNumber(column="price").map(batch(price=["on request"])).failures[0].reason
    'price: not a number'

    A lone separator before exactly three digits is read in the English way: "1,234" is 1234 and "1.234" is 1.234,
    unless `decimal` says otherwise. A column of numbers already passes through as float64.
    """

    column: str
    """The column to read."""
    into: str | None = None
    """The column for the numbers; null replaces the text."""
    decimal: Literal["auto", ".", ","] = "auto"
    """The decimal separator, or auto: each cell tells for itself."""
    percent: Literal["fraction", "points"] = "fraction"
    """Read "12%" as 0.12, or as 12 points."""
    unparsed: Literal["fail", "null"] = "fail"
    """What to do with a cell that is not a number: set the row aside, or put null."""

    def map(self, batch: Batch) -> Batch | Outcome:
        """Return the batch with the numbers, and the rows that hold none."""
        into = self.into or self.column
        kind = cells(batch, self.column, self).type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            numbers = floats(batch, self.column, self)
            return with_column(batch, into, pa.array(numbers, pa.float64(), from_pandas=True))
        texts = strings(batch, self.column, self).to_pylist()
        parsed = [None if text is None else self._parse(text) for text in texts]
        batch = with_column(batch, into, parsed, pa.float64())
        if self.unparsed == "null":
            return batch
        good = [number is not None or text is None for number, text in zip(parsed, texts, strict=True)]
        failures = tuple(
            Failure(row, f"{self.column}: not a number")
            for row, fine in zip(batch.column(ID).to_pylist(), good, strict=True)
            if not fine
        )
        return Outcome(batch.filter(pa.array(good, pa.bool_())), failures)

    def _parse(self, text: str) -> float | None:
        if len(text) > 64:
            return None
        rest = unicodedata.normalize("NFKC", text).translate(_SIGNS)
        rest = " ".join("".join(" " if unicodedata.category(mark) == "Sc" else mark for mark in rest).split())
        rest, negative = _sign(_CURRENCY.sub("", rest).strip())
        rest = _CURRENCY.sub("", rest).strip()
        scale = Decimal(1)
        if rest[-1:] in _UNITS:
            scale = _UNITS[rest[-1]]
            if rest[-1] == "%" and self.percent == "points":
                scale = Decimal(1)
            rest = rest[:-1].strip()
        digits = self._plain(rest)
        if digits is None:
            return None
        number = float(Decimal(digits) * scale)
        if math.isinf(number):
            return None
        return -number if negative else number

    def _plain(self, rest: str) -> str | None:
        """Return the number with a point as decimal separator and no other, or None."""
        rest = "".join(str(unicodedata.digit(mark)) if mark.isdecimal() else mark for mark in rest)
        whole, point, fraction = rest, "", ""
        mark = self._decimal_mark(rest)
        if mark:
            whole, point, fraction = rest.rpartition(mark)
            if mark in whole:
                return None
        if not whole + fraction:
            return None
        whole = whole or "0"
        if not whole.isdigit() and not _SCIENTIFIC.fullmatch(whole):
            if not _GROUPED.fullmatch(whole):
                return None
            whole = re.sub(r"\D", "", whole)
        plain = f"{whole}.{fraction}" if point and fraction else whole
        return plain if _PLAIN.fullmatch(plain) else None

    def _decimal_mark(self, rest: str) -> str:
        if self.decimal != "auto":
            return self.decimal if self.decimal in rest else ""
        if "." in rest and "," in rest:
            return max(".", ",", key=rest.rfind)
        for mark in (".", ","):
            if rest.count(mark) == 1:
                whole, _, fraction = rest.partition(mark)
                grouped = len(fraction) == 3 and whole.isdigit() and 1 <= len(whole) <= 3 and whole != "0"
                return "" if mark == "," and grouped else mark
        return ""


def _sign(rest: str) -> tuple[str, bool]:
    """Take a sign off: before, after (accounting exports), or brackets around."""
    if rest.startswith("(") and rest.endswith(")"):
        return rest[1:-1].strip(), True
    if rest[:1] in ("-", "+"):
        return rest[1:].strip(), rest[0] == "-"
    if rest[-1:] == "-":
        return rest[:-1].strip(), True
    return rest, False


EXAMPLES = (ParseNumber(column="price"), ParseNumber(column="number", into="read", unparsed="null"))
