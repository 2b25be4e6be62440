"""Parse lines of CSV into records; a broken record costs its first line only, never the rest of the file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import Any, NamedTuple

from tilth.connectors._files.lines import too_long

MOST_LINES = 5000
"""A quoted field that runs over more lines than this was never closed."""
UNCLOSED = "a quotation mark opens a field and nothing closes it"
_REASONS = {
    "unexpected end": UNCLOSED,
    "expected after": "text follows a closing quotation mark",
    "new-line character": "a carriage return stands in a field without quotation marks",
}


class Marks(NamedTuple):
    """How a CSV file separates and encloses its fields."""

    delimiter: str
    quote: str = '"'
    """One character, or "" where quotation marks are text."""
    skip_space: bool = False


class Parsed(NamedTuple):
    """Records in order: the fields, or why a record is broken."""

    records: list[list[str] | str]
    rest: int
    """The index of the line where a record begins that these lines do not finish; else the number of lines."""


def parsed(lines: Sequence[str], marks: Marks, *, final: bool, cap: int = 16 << 20) -> Parsed:
    """Parse lines that keep their line ends; blank lines are no records.

    With `final`, a record that is not finished is broken; else it is left for the caller to give again with more
    lines, unless it is already over the limits.

    >>> parsed(['1,"a\\n', 'b"\\n', '2,"c\\n', '3,d\\n'], Marks(","), final=True).records
    [['1', 'a\\nb'], 'a quotation mark opens a field and nothing closes it', ['3', 'd']]
    """
    # The module's limit is one for the process; ours are kept by `cap`, and no longer field can get here.
    csv.field_size_limit(max(csv.field_size_limit(), 2 * cap))
    records: list[list[str] | str] = []
    start, count = 0, len(lines)
    while start < count:
        reader = _reader(lines, start, marks)
        base = done = start
        try:
            for row in reader:
                end = base + reader.line_num
                if end - done > 1:
                    broken = _over(lines, done, end, cap)
                    if broken:
                        records.append(broken)
                        break
                if row:
                    records.append(row)
                done = end
            else:
                return Parsed(records, count)
        except csv.Error as error:
            unfinished = "unexpected end" in str(error)
            broken = _over(lines, done, count, cap) if unfinished else ""
            if unfinished and not final and not broken:
                return Parsed(records, done)
            records.append(broken or _reason(error))
        start = done + 1
    return Parsed(records, count)


def _reader(lines: Sequence[str], start: int, marks: Marks) -> Any:
    return csv.reader(
        map(lines.__getitem__, range(start, len(lines))),
        delimiter=marks.delimiter,
        quotechar=marks.quote or None,
        quoting=csv.QUOTE_MINIMAL if marks.quote else csv.QUOTE_NONE,
        skipinitialspace=marks.skip_space,
        strict=True,
    )


def _over(lines: Sequence[str], start: int, end: int, cap: int) -> str:
    if end - start > MOST_LINES:
        return f"{UNCLOSED} within {MOST_LINES:,} lines"
    size = sum(map(len, lines[start:end]))
    if size > cap or (4 * size > cap and sum(len(line.encode()) for line in lines[start:end]) > cap):
        return too_long(cap)
    return ""


def _reason(error: csv.Error) -> str:
    return next((reason for sign, reason in _REASONS.items() if sign in str(error)), "not a CSV record")
