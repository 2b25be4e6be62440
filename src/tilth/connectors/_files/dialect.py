"""Look at the head of a CSV file: separator, quoting, and the names of the columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from tilth.connectors._files.encoding import Encoding
from tilth.connectors._files.lines import pages
from tilth.connectors._files.records import UNCLOSED, Marks, parsed
from tilth.connectors._reading import Reading
from tilth.core.errors import DataError

SEPARATORS = ("\t", ";", "|", ",")
"""Tried in this order among equals: a comma is the likeliest to be in the text itself."""
NO_SEPARATOR = "\x1f"
LOOK = 200
"""How many lines tell the separator."""
LOOK_QUOTES = 5000
"""How many lines tell whether quotation marks enclose fields."""
_CALLED = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "bars"}
_SEP_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


class Dialect(NamedTuple):
    """How a CSV file is written, and its columns."""

    marks: Marks
    names: tuple[str, ...]
    header_lines: int
    """How many lines from the top hold no row: `sep=;`, blank lines, the header."""
    notes: tuple[str, ...]


def dialect_of(reading: Reading, encoding: Encoding) -> Dialect | None:
    """Return the dialect; None for a file without a single record.

    Raises `DataError` when the header cannot be read or does not go with the given names.
    """
    lines, bad = _head(reading, encoding)
    top = next((number for number, line in enumerate(lines) if line.strip() or number in bad), None)
    if top is None:
        return None
    stated = _SEP_LINE.fullmatch(lines[top])
    top += bool(stated)
    if reading.header and top in bad:
        raise DataError(f"the header cannot be read: {bad[top]}", where=reading.file, wanted="a line of column names")
    body = [line + "\n" for number, line in enumerate(lines[top:], top) if line.strip() and number not in bad]
    if not body:
        return None
    delimiter = reading.delimiter or (stated[1] if stated else None)
    marks, notes = _marks(body, delimiter, reading)
    first, used = _first(marks, [line + "\n" for line in lines[top:]], reading)
    names, renamed = cleaned(_names(first, reading))
    if reading.header and looks_like_data(first):
        notes.append("the first line looks like a row, not like names; if it is one, set header: false")
    said = tuple(f"{reading.file}: {note}" for note in [*notes, *renamed])
    return Dialect(marks, names, top + used if reading.header else top, said)


def _head(reading: Reading, encoding: Encoding) -> tuple[list[str], dict[int, str]]:
    lines: list[str] = []
    bad: dict[int, str] = {}
    for page in pages(reading, encoding):
        bad.update({page.first + index: reason for index, reason in page.bad.items() if index < LOOK_QUOTES})
        lines += page.lines[:LOOK_QUOTES]
        if len(lines) >= LOOK_QUOTES or sum(map(len, lines)) > 1 << 20:
            break
    return lines, bad


def _marks(body: Sequence[str], delimiter: str | None, reading: Reading) -> tuple[Marks, list[str]]:
    notes = []
    found = delimiter or _separator(body[:LOOK], reading)
    usual = "\t" if reading.format == "tsv" else ","
    if not delimiter and found not in (usual, NO_SEPARATOR):
        notes.append(f"columns are separated by {_CALLED[found]}")
    quote = reading.quote
    if quote is None:
        quote = _quote(body, found)
        notes += [] if quote else ["quotation marks are part of the text, they enclose no fields"]
    text = "".join(body[:LOOK])
    spaced = found in ",;|" and 0 < text.count(found) == text.count(f"{found} ")
    notes += ["the space after each separator is left out"] if spaced else []
    return Marks(found, quote, spaced), notes


def _separator(lines: Sequence[str], reading: Reading) -> str:
    """Choose the separator that gives the most records as many columns as the first record has."""
    if reading.format == "tsv":
        return "\t"
    scored = [(_agreement(lines, Marks(mark)), -rank, mark) for rank, mark in enumerate(SEPARATORS)]
    score, _, mark = max(scored)
    return mark if score > 0 else NO_SEPARATOR


def _agreement(lines: Sequence[str], marks: Marks) -> float:
    """Return the share of records that have as many columns as the first, if that is more than one."""
    widths = [len(record) if isinstance(record, list) else 0 for record in parsed(lines, marks, final=False).records]
    if not widths or widths[0] == 1:
        return 0.0
    return sum(width == widths[0] for width in widths) / len(widths) if widths[0] else 0.0


def _quote(lines: Sequence[str], delimiter: str) -> str:
    """Tell whether quotation marks enclose fields or are text, by what they are like and by what makes even columns.

    A writer that encloses fields does so to every field with a quotation mark in it. So a field that opens and closes
    between separators speaks for, one in an open field against. Fields that run over lines look open line by line:
    then even columns decide.
    """
    if not any('"' in line for line in lines):
        return '"'
    edge = re.escape(delimiter)
    # Possessive, so that a field of megabytes costs no memory to go back through.
    closed = re.compile(rf'(?:(?<=^)|(?<={edge})|(?<={edge} ))"[^"]*+(?:""[^"]*+)*+"(?={edge}|$)')
    enclosed = bare = 0
    for line in lines:
        rest, count = closed.subn("", line.rstrip("\n"))
        enclosed += count > 0
        bare += '"' in rest
    if enclosed >= bare:
        return '"'
    return '"' if _agreement(lines, Marks(delimiter)) > _agreement(lines, Marks(delimiter, quote="")) else ""


def _first(marks: Marks, lines: Sequence[str], reading: Reading) -> tuple[list[str], int]:
    """Return the first record and how many lines it takes, blank ones before it included."""
    blank = next(number for number, line in enumerate(lines) if line.strip())
    found = parsed(lines[:LOOK_QUOTES], marks, final=False, cap=reading.max_record_bytes).records
    record = found[0] if found else UNCLOSED
    if isinstance(record, list):
        return record, blank + 1 + sum(cell.count("\n") for cell in record)
    if reading.header:
        raise DataError(
            f"the header cannot be read: {record}",
            where=reading.file,
            do='If quotation marks are text in this file, set quote: "".',
        )
    return lines[blank].rstrip("\n").split(marks.delimiter), blank + 1


def _names(first: list[str], reading: Reading) -> list[str]:
    if reading.names is None:
        return first if reading.header else [f"column_{number + 1}" for number in range(len(first))]
    if len(reading.names) != len(first):
        raise DataError(
            f"`names` gives {len(reading.names)} columns, the first record has {len(first)}",
            where=reading.file,
            wanted="one name for each column, in order",
        )
    return list(reading.names)


def cleaned(names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Give every column a name of its own: empty and repeated ones are renamed, and said so."""
    clean: list[str] = []
    taken = {name.strip() for name in names}
    renamed = []
    for number, raw in enumerate(names, 1):
        name = raw.strip()
        if not name or name in clean:
            numbers = range(2 if name else number, number + 2 * len(names) + 2)
            tries = (f"{name or 'column'}_{count}" for count in numbers)
            new = next(candidate for candidate in tries if candidate not in taken)
            renamed.append(f'column {number} {f"repeats {_quoted(name)}" if name else "has no name"}: called "{new}"')
            taken.add(new)
            name = new
        clean.append(name)
    more = [f"{len(renamed) - 3} more columns are renamed so"] if len(renamed) > 3 else []
    return tuple(clean), [*renamed[:3], *more]


def _quoted(name: str) -> str:
    return f'"{name}"'


def looks_like_data(names: Sequence[str]) -> bool:
    """Tell whether a header is more likely a row: a number, a repeated value or a long text among the names.

    >>> looks_like_data(["id", "text"]), looks_like_data(["4", "The sea"])
    (False, True)
    """
    filled = [name.strip() for name in names if name.strip()]
    number = any(re.fullmatch(r"[-+]?[0-9]+([.,][0-9]+)?", name) for name in filled)
    return number or len(set(filled)) < len(filled) or any(len(name) > 40 for name in filled)
