"""Read a sheet of a workbook (.xlsx, .xlsm, .xlsb, .xls, .ods) through python-calamine; the sheet is read whole.

A row's number counts the sheet's rows after the header from 0, blank ones included. Empty cells and error cells (#N/A)
are null; a whole number is an int; identifiers stay text, by the rule for CSV.
"""

from __future__ import annotations

import functools
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import time, timedelta
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.connectors._cells import STAY_TEXT, words_of
from tilth.connectors._dialect import cleaned
from tilth.connectors._json import Numbered, chunk_of
from tilth.connectors._open import compression
from tilth.connectors._reading import ROWS, SAMPLE, Chunk, Reading
from tilth.connectors._values import Seen, inferred
from tilth.core.errors import DataError, did_you_mean, missing_extra

MOST_CELLS = 50_000_000
"""The reader fills the rectangle around a sheet's cells: one stray cell in the last row and column is 17 billion."""
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']\s*([A-Za-z]{1,3})([0-9]{1,7})\s*["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["']\s*([0-9]{1,7})\s*["']""")
_ANY_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_LONGEST_TAG = 512
MOST_UNPACKED = 1 << 30
"""A workbook that unpacks to more bytes than this is refused: it is read whole."""


class _Sheet(NamedTuple):
    names: tuple[str, ...]
    rows: list[list[Any]]
    notes: list[str]


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Infer the columns' types from the first `limit` rows."""
    sheet = _sheet(reading)
    columns = zip(*sheet.rows[:limit], strict=True) if sheet.rows else [()] * len(sheet.names)
    fields = []
    for name, cells in zip(sheet.names, columns, strict=True):
        field = inferred(name, cells)
        text = (words_of(name) or [""])[-1] in STAY_TEXT and not pa.types.is_null(field.type)
        fields.append(pa.field(name, pa.string()) if text else field)
    return pa.schema(fields)


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield the sheet's rows in the source's schema."""
    sheet = _sheet(reading)
    seen = Seen()
    notes = tuple(f"{reading.file}: {note}" for note in sheet.notes)
    for start in range(0, len(sheet.rows), ROWS):
        records = [
            Numbered(number, dict(zip(sheet.names, cells, strict=True)))
            for number, cells in enumerate(sheet.rows[start : start + ROWS], start)
            if any(cell is not None for cell in cells)
        ]
        yield chunk_of(records, schema, seen)._replace(notes=notes)
        notes = ()
    notes = (*notes, *([] if sheet.rows else [f"{reading.file}: holds no row"]), *seen.notes(reading.file))
    if notes:
        yield chunk_of([], schema, seen)._replace(notes=notes)


def _sheet(reading: Reading) -> _Sheet:
    try:
        import python_calamine as calamine
    except ImportError as error:
        raise missing_extra("python-calamine", "excel", "reading a workbook") from error
    _refuse_bombs(reading)
    try:
        with calamine.CalamineWorkbook.from_path(str(reading.path)) as book:
            name = _chosen(list(book.sheet_names), reading)
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
            others = [other for other in book.sheet_names if other != name]
    except calamine.PasswordError as error:
        raise DataError("the workbook has a password", where=reading.file, do="Save it without one.") from error
    except (calamine.CalamineError, OSError, ValueError) as error:
        raise _broken(reading) from error
    except BaseException as error:
        # The reader is written in Rust; where it gives up on a hostile file it raises a `PanicException`.
        if type(error).__name__ == "PanicException":
            raise _broken(reading) from error
        raise
    notes = [f'sheet "{name}" is read, not: {", ".join(others)}'] if others else []
    rows = [[_plain(cell) for cell in row] for row in cells]
    names, renamed = cleaned(_names(rows, reading))
    return _Sheet(names, rows[1:] if reading.header else rows, notes + renamed)


def _broken(reading: Reading) -> DataError:
    return DataError(
        "the workbook is cut short or broken", where=reading.file, wanted="a whole file", do="Save it again."
    )


def _chosen(names: Sequence[str], reading: Reading) -> str:
    sheet = reading.sheet
    if isinstance(sheet, int) and 0 <= sheet < len(names):
        return names[sheet]
    if sheet is None and names:
        return names[0]
    if sheet in names:
        return str(sheet)
    raise DataError(
        f'no sheet "{sheet}"' if names else "no sheet",
        where=reading.file,
        wanted=f"one of {', '.join(names)}, or a number from 0" if names else "a workbook with a sheet",
        do=did_you_mean(str(sheet), names) if names else None,
    )


def _names(rows: list[list[Any]], reading: Reading) -> list[str]:
    width = len(rows[0]) if rows else 0
    if reading.names is not None and rows:
        if len(reading.names) != width:
            raise DataError(
                f"`names` gives {len(reading.names)} columns, the sheet has {width}",
                where=reading.file,
                wanted="one name for each column, in order",
            )
        return list(reading.names)
    if reading.header and rows:
        return ["" if cell is None else str(cell) for cell in rows[0]]
    return [f"column_{number + 1}" for number in range(width)]


def _plain(cell: Any) -> Any:
    if cell == "" or cell is None:
        return None
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= 1 << 53:
        return int(cell)
    return str(cell) if isinstance(cell, (time, timedelta)) else cell


def _refuse_bombs(reading: Reading) -> None:
    if compression(reading.path, reading.file):
        raise DataError("a compressed workbook", where=reading.file, do="Unpack it first.")
    if not zipfile.is_zipfile(reading.path):
        return
    try:
        with zipfile.ZipFile(reading.path) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
            if size <= MOST_UNPACKED:
                _refuse_far_cells(packed, reading)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise _broken(reading) from error
    if size > MOST_UNPACKED:
        raise DataError(
            f"the workbook unpacks to {size:,} bytes",
            where=reading.file,
            wanted=f"at most {MOST_UNPACKED:,}",
            do="Save the sheet as CSV.",
        )


def _refuse_far_cells(packed: zipfile.ZipFile, reading: Reading) -> None:
    for entry in packed.infolist():
        # The workbook's relationships say which parts are sheets; a hostile one may put them anywhere.
        if not entry.filename.lower().endswith(".xml"):
            continue
        found = _Box()
        with packed.open(entry) as stream:
            before = b""
            while block := stream.read(1 << 20):
                text = before + block
                cells = _CELL.findall(text)
                for column, row in cells:
                    found.add(column.upper(), int(row))
                for row in _ROW.findall(text) if cells else ():
                    found.add(cells[0][0].upper(), int(row))
                # A cell that does not say where it is follows the one before it, from the first on.
                if len(_ANY_CELL.findall(text)) > len(cells):
                    found.add(b"A", 1)
                before = text[-_LONGEST_TAG:]
        if found.area > MOST_CELLS:
            raise DataError(
                f"the sheet {entry.filename} spans {found.rows:,} rows by {found.columns:,} columns",
                where=reading.file,
                wanted=f"at most {MOST_CELLS:,} cells",
                do="Delete the stray cells far from the rest, or save the sheet as CSV.",
            )


class _Box:
    """The rectangle around cells."""

    def __init__(self) -> None:
        self._columns: set[bytes] = set()
        self._least = self._greatest = 0

    def add(self, column: bytes, row: int) -> None:
        self._columns.add(column)
        self._least = min(self._least or row, row)
        self._greatest = max(self._greatest, row)

    @property
    def rows(self) -> int:
        return self._greatest - self._least + 1 if self._columns else 0

    @property
    def columns(self) -> int:
        numbers = [functools.reduce(lambda whole, letter: 26 * whole + letter - 64, name, 0) for name in self._columns]
        return max(numbers) - min(numbers) + 1 if numbers else 0

    @property
    def area(self) -> int:
        return self.rows * self.columns
