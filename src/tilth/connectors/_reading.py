"""What a format's reader is asked (`Reading`) and what it gives (`Chunk`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from tilth.core.batch import Batch

ROWS = 8192
"""The most rows in one batch."""
BLOCK = 4 << 20
"""How many bytes are read, decoded and parsed at a time; about the largest batch."""
SAMPLE = 1000
"""How many records of a file are looked at to learn its columns and types."""
SAMPLE_CHARS = 16 << 20
"""And how many characters: the look ends with the record that goes over."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One file, and how to read it."""

    path: Path
    file: str
    """The path relative to the source's root: the name in messages and in rows' names."""
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    header: bool = True
    names: tuple[str, ...] | None = None
    sheet: str | int | None = None
    records: str | None = None
    whole: bool = False
    scheme: str = "auto"
    token_columns: tuple[str, ...] | None = None
    max_record_bytes: int = 16 << 20
    asked: Mapping[str, str] = field(default_factory=dict)
    """The type words that the recipe gives, by the file's own column names."""
    part: Mapping[str, int] = field(default_factory=dict)
    """Which piece of the file to read, for formats that can be cut: `start`, `stop`, `ordinal`."""


class Chunk(NamedTuple):
    """Some records in the source's schema (the file's own column names), and those that could not be read."""

    batch: Batch
    ordinals: Sequence[int]
    """One a row: the record's number in its file."""
    rejects: tuple[tuple[int, str], ...] = ()
    """Ordinal and reason; never what the record says."""
    notes: tuple[str, ...] = ()


class Piece(NamedTuple):
    """A part of a file that one shard reads."""

    part: Mapping[str, int]
    bytes: int
    rows: int | None


class Format(Protocol):
    """A module that reads one format."""

    def peek(self, reading: Reading, limit: int) -> pa.Schema:
        """Infer columns and types from the first records; a null type where every sampled value is missing."""
        ...

    def read(self, reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
        """Read the file in the source's schema, in batches of at most `ROWS` rows."""
        ...
