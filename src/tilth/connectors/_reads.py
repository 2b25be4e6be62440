"""Name the options of `files` that sources take which bring files into the project and let `files` read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from tilth.connectors.files import Files
from tilth.core.errors import RecipeError


@dataclass(frozen=True, kw_only=True)
class Reads:
    """How the files are read: options that `files` has too."""

    format: str | None = None
    """csv, tsv, json, jsonl, parquet …, as for files; by default told by the ending, else the content."""
    key: str | tuple[str, ...] | None = None
    """The column or columns that say which row is which; without, a row is known by its file and number."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about."""
    name: str | None = None
    """What to call the source; by default where it comes from, as written. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    rename: Mapping[str, str] | None = None
    """New names for columns: {old: new}."""
    columns: tuple[str, ...] | None = None
    """The columns to keep, in this order; by default all."""
    encoding: str | None = None
    """How characters are written; by default UTF-8, else guessed and said."""
    delimiter: str | None = None
    """What stands between the fields of a CSV file; by default found."""
    quote: str | None = None
    """What encloses the fields of a CSV file; "" if quotation marks are text."""
    header: bool = True
    """Whether the first line of a CSV file or sheet holds the names of the columns."""
    names: tuple[str, ...] | None = None
    """The names of the columns of a CSV file or sheet: without a header, or in place of it."""
    sheet: str | int | None = None
    """The sheet of a workbook, by name or by number from 0; by default the first."""
    records: str | None = None
    """The key under which a JSON file holds its array of records."""
    whole: bool = False
    """Whether a text file is one row."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""

    def files(self, path: str, *, name: str, **more: Any) -> Files:
        """Return the reader of what lies at a path."""
        given = {field.name: getattr(self, field.name) for field in fields(Reads)}
        return Files(**{**given, "path": path, "name": name, **more})

    def check_reads(self, part: str) -> None:
        """Raise `RecipeError` for options that `files` would refuse, under this part's name."""
        try:
            self.files("path", name="name")
        except RecipeError as error:
            where = (error.where or "").replace("files.", f"{part}.", 1)
            raise RecipeError(error.what, where=where, wanted=error.wanted, do=error.do) from error
