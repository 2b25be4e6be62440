"""Refuse a workbook that would fill the memory, before it is read: what it unpacks to, how far apart its cells are."""

from __future__ import annotations

import functools
import re
import zipfile
import zlib

from tilth.connectors._files.open import compression
from tilth.connectors._reading import Reading
from tilth.core.errors import DataError

MOST_CELLS = 50_000_000
"""The reader fills the rectangle around a sheet's cells: one stray cell in the last row and column is 17 billion."""
_CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\br\s*=\s*["']\s*([A-Za-z]{1,3})([0-9]{1,7})\s*["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br\s*=\s*["']\s*([0-9]{1,7})\s*["']""")
_ANY_CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
_LONGEST_TAG = 512
MOST_UNPACKED = 1 << 30
"""A workbook that unpacks to more bytes than this is refused: it is read whole."""


def refuse_bombs(reading: Reading) -> None:
    """Raise `DataError` for a workbook that would unpack to too much, or span too much."""
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
        raise broken(reading) from error
    if size > MOST_UNPACKED:
        raise DataError(
            f"the workbook unpacks to {size:,} bytes",
            where=reading.file,
            wanted=f"at most {MOST_UNPACKED:,}",
            do="Save the sheet as CSV.",
        )


def broken(reading: Reading) -> DataError:
    """Say that a workbook cannot be read."""
    return DataError(
        "the workbook is cut short or broken", where=reading.file, wanted="a whole file", do="Save it again."
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
