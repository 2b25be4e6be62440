"""Read files: CSV, JSON, Parquet, Arrow, text, CoNLL columns, workbooks, web archives, mail and documents."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from tilth.connectors._files import columnar
from tilth.connectors._files.columns import learned
from tilth.connectors._files.cursor import changed, fingerprint_of, state_of
from tilth.connectors._files.formats import UNTYPED, Told, format_of, module_for
from tilth.connectors._files.listing import Found, listed
from tilth.connectors._files.options import check
from tilth.connectors._finish import Finish, finish_for
from tilth.connectors._mirror import is_remote, mirror, probe
from tilth.connectors._reading import Piece, Reading
from tilth.connectors._schema import bare, dump, load
from tilth.core.connector import Finding, Landing, Record, Source
from tilth.core.errors import DataError
from tilth.core.shard import Cursor, Shard

_HOW = ("encoding", "delimiter", "quote", "header", "sheet", "records", "whole", "scheme")
"""Options that a reader takes as they are."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Read rows from files: a path, a folder or a glob.

    The columns and their types are learned when the source is planned, from the first 1,000 records of the first file
    and the first 100 of up to 63 others, and are the same for every shard. A later value of another type makes its row
    a reject that says what to do. Text columns of CSV become numbers, truth values or times only where that loses
    nothing; `00123` and telephone numbers stay text. An empty cell is null.

    >>> Files(path="data/tickets/*.csv", key="ticket_id").anchored(Path("/project")).path
    '/project/data/tickets/*.csv'
    """

    path: str
    """A file, a folder (every data file below it) or a glob such as data/**/*.csv; relative to the recipe. Or the same
    in a store: s3://bucket/prefix, gs://bucket/prefix/*.jsonl, hdfs://host:port/folder."""
    format: str | None = None
    """csv, tsv, json, jsonl, parquet, arrow, text, conll, excel, warc, wet, mbox or document (any file, one row each,
    for `extract` to read); by default told by the ending, else the content."""
    key: str | tuple[str, ...] | None = None
    """The column or columns that say which row is which; without, a row is known by its file and number."""
    licence: str | None = None
    """The licence that the rows come under."""
    subject: str | None = None
    """The column that names the person a row is about, so that the row can be found and erased."""
    name: str | None = None
    """What to call the source; by default the path as written. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""
    rename: Mapping[str, str] | None = None
    """New names for columns: {old: new}."""
    columns: tuple[str, ...] | None = None
    """The columns to keep, in this order; by default all."""
    encoding: str | None = None
    """How characters are written, such as gb18030; by default UTF-8, else guessed and said."""
    delimiter: str | None = None
    """What stands between the fields of a CSV file; by default the best of comma, semicolon, tab and bar."""
    quote: str | None = None
    """What encloses the fields of a CSV file; "" if quotation marks are text; by default told by the content."""
    header: bool = True
    """Whether the first line of a CSV file or sheet holds the names of the columns."""
    names: tuple[str, ...] | None = None
    """The names of the columns of a CSV file or sheet: without a header, or in place of it."""
    sheet: str | int | None = None
    """The sheet of a workbook, by name or by number from 0; by default the first."""
    records: str | None = None
    """The key under which a JSON file holds its array of records, such as data or result.items."""
    whole: bool = False
    """Whether a text file is one row, with its path in the column "file"; by default each line is one."""
    types: Mapping[str, str] | None = None
    """Types of columns: {column: string, int, float, bool or timestamp}."""
    scheme: Literal["auto", "iob1", "bio", "bioes"] = "auto"
    """How the tags of a CoNLL file mark entities; they are rewritten as BIO."""
    token_columns: tuple[str, ...] | None = None
    """The names of a CoNLL file's columns; by default the first is tokens and the last is tags."""
    max_record_bytes: int = 16 << 20
    """The longest record; a longer one becomes a reject."""

    def __post_init__(self) -> None:
        check(self)

    @property
    def source(self) -> str:
        """The source's name: the one that is given, else the path as written."""
        return self.name or self.path

    @property
    def lands(self) -> bool:
        """Whether the files have to be brought to this machine first."""
        return is_remote(self.path)

    def anchored(self, base: Path) -> Files:
        """Return a copy whose path is absolute; the source's name stays what it was."""
        path = self.path if is_remote(self.path) else str(base.absolute() / self.path)
        return replace(self, path=path, name=self.source)

    def land(self, landing: Landing) -> Files:
        """Bring a store's objects into a local folder, those that are new or changed; local files stay where they are.

        Raises `DataError` where nothing is meant or the disk is too small, and the store's own errors.
        """
        if not is_remote(self.path):
            return self
        return replace(self, path=str(mirror(self.path, landing)), name=self.source)

    def probe(self) -> Iterator[Finding]:
        """List the files, and read a little of one."""
        if is_remote(self.path):
            yield from probe(self.path)
            return
        try:
            shards, _ = self.plan()
            size = sum(shard.bytes for shard in shards) / (1 << 20)
            yield Finding(True, f"{len(shards)} shards, {size:.1f} MiB")
        except DataError as error:
            yield Finding(False, str(error))

    @staticmethod
    def fingerprint(cursor: Cursor) -> str:
        """Return a digest of the files a cursor saw: equal as long as no file is new, gone or changed."""
        return fingerprint_of(cursor)

    def plan(self, since: Cursor | None = None) -> tuple[Sequence[Shard], Cursor]:
        """List the files and look at the heads of some; return a shard a file (of a large columnar one, several).

        With the cursor of an earlier plan with the same options, only files that are new or changed since make shards,
        and columns keep the types they had. Raises `DataError` when there is no file, all are empty or an option
        names a column that is not there.
        """
        listing = listed(self.path, self.format)
        files = [found for found in listing.files if found.bytes]
        if not files:
            raise DataError(
                "the file is empty" if len(listing.files) == 1 else f"all {len(listing.files)} files are empty",
                where=self.path,
                wanted="rows",
            )
        how = self._how()
        known = since.position if since is not None and since.position.get("how") == how else {}
        states = {found.file: state_of(found) for found in listing.files}
        due = [found for found in listing.files if changed(states[found.file], known.get("files", {}).get(found.file))]
        told = {found.file: self._told(found) for found in files}
        _one_family({each.format for each in told.values()}, self)
        schema = self._learned([(found, told[found.file].format) for found in due if found.bytes], known.get("schema"))
        packed = dump(schema)
        moved = self._finish(schema)[1]
        notes = [*listing.notes, *(f"{self.path}: {note}" for note in moved)]
        shards: list[Shard] = []
        for found in due:
            format, note = told.get(found.file, Told(""))
            notes += [note] if note else []
            for number, piece in enumerate(self._pieces(found, format)):
                place = {"path": str(found.path.absolute()), "file": found.file, "part": dict(piece.part)}
                state = {"size": found.bytes, "mtime_ns": found.mtime_ns}
                where = {**place, **state, "format": format, "schema": packed, "notes": notes}
                name = f"{_safe(found.file)}-{number:05d}" if piece.part else _safe(found.file)
                shards.append(Shard(id=name, where=where, bytes=piece.bytes, rows=piece.rows))
                notes = []
        return shards, Cursor(position={"how": how, "schema": packed, "files": states})

    def read(self, shard: Shard) -> Iterator[Record]:
        """Read a shard's rows, about 8,192 at a time; raises `DataError` if its file is another than was planned."""
        where = shard.where
        file, schema = str(where["file"]), load(where["schema"])
        notes = tuple(where["notes"])
        finish, _ = self._finish(schema)
        _check_unchanged(where)
        if not where["format"]:
            yield finish.nothing(schema, (*notes, f"{file}: empty"))
            return
        reading = self._reading(Path(where["path"]), file, str(where["format"]))
        reading = replace(reading, asked=self._asked(), part=where["part"])
        for chunk in module_for(reading.format).read(reading, schema):
            record = finish.record(chunk, file)
            yield record._replace(notes=(*notes, *record.notes))
            notes = ()
        if notes:
            yield finish.nothing(schema, notes)

    def _told(self, found: Found) -> Told:
        return Told(self.format) if self.format else format_of(found.path, found.file)

    def _reading(self, path: Path, file: str, format: str) -> Reading:
        return Reading(
            path=path,
            file=file,
            format=format,
            token_columns=tuple(self.token_columns) if self.token_columns else None,
            names=tuple(self.names) if self.names else None,
            max_record_bytes=self.max_record_bytes,
            **{name: getattr(self, name) for name in _HOW},
        )

    def _how(self) -> str:
        """Digest the options that decide what a file's rows are."""
        options = asdict(self)
        wanted = [options[name] for name in (*_HOW, "format", "names", "token_columns", "types", "max_record_bytes")]
        return hashlib.blake2b(json.dumps(wanted, sort_keys=True).encode(), digest_size=8).hexdigest()

    def _learned(self, files: Sequence[tuple[Found, str]], before: str | None) -> pa.Schema:
        readings = [self._reading(found.path, found.file, format) for found, format in files]
        return learned(
            readings,
            before=load(before) if before else None,
            names=self._own([*self._key(), *([self.subject] if self.subject else [])]),
            asked=self._asked(),
            where=self.path,
        )

    def _asked(self) -> dict[str, str]:
        """Return the types that are asked for, by the files' own column names."""
        return dict(zip(self._own(list(self.types or {})), (self.types or {}).values(), strict=True))

    def _own(self, names: Sequence[str]) -> list[str]:
        """Return the files' own names of columns that the recipe may call by their new names."""
        old = {new: old for old, new in (self.rename or {}).items()}
        return [old.get(name, name) for name in names]

    def _key(self) -> tuple[str, ...]:
        return () if self.key is None else (self.key,) if isinstance(self.key, str) else tuple(self.key)

    def _finish(self, schema: pa.Schema) -> tuple[Finish, list[str]]:
        return finish_for(
            bare(schema),
            rename=self.rename or {},
            columns=self.columns,
            key=self._key(),
            subject=self.subject,
            where=self.path,
        )

    def _pieces(self, found: Found, format: str) -> Sequence[Piece]:
        if format in ("parquet", "arrow"):
            return columnar.pieces(self._reading(found.path, found.file, format))
        return [Piece({}, found.bytes, None if found.bytes else 0)]


def _one_family(formats: set[str], files: Files) -> None:
    if "conll" in formats and len(formats) > 1:
        raise DataError(
            f"files of several formats: {', '.join(sorted(formats))}",
            where=files.path,
            wanted="one format beside conll",
            do="Name each format's files in a source of their own.",
        )
    untyped = sorted(formats & UNTYPED)
    if files.types and untyped:
        raise DataError(f"types has no use for {untyped[0]} files", where=files.path, do="Leave it out.")


def _safe(file: str) -> str:
    """Return a name for a shard that is safe in a file name, and differs for files that differ."""
    digest = hashlib.blake2b(file.encode(), digest_size=6).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', file).strip('-')[-40:].strip('-') or 'file'}-{digest}"


def _check_unchanged(where: Mapping[str, Any]) -> None:
    try:
        state = Path(where["path"]).stat()
    except OSError as error:
        raise DataError("the file is gone since it was planned", where=where["file"], do="Run again.") from error
    if (state.st_size, state.st_mtime_ns) != (where["size"], where["mtime_ns"]):
        raise DataError("the file has changed since it was planned", where=where["file"], do="Run again.")


_: type[Source] = Files
