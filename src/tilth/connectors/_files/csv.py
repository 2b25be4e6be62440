"""Read CSV and TSV: a strict parse over decoded lines; ragged and broken records become rejects.

A record's number counts records from 0, the header and blank lines left out, broken records included. `\\r\\n` inside a
field is read as `\\n`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._cells import converted, inferred
from tilth.connectors._files.dialect import Dialect, dialect_of
from tilth.connectors._files.encoding import Encoding, encoding_of
from tilth.connectors._files.lines import nothing, pages
from tilth.connectors._files.records import parsed
from tilth.connectors._reading import ROWS, SAMPLE, SAMPLE_CHARS, Chunk, Reading
from tilth.connectors._schema import bare, differences


class _Rows(NamedTuple):
    """Records as they stand in the file: each as wide as the header."""

    cells: list[list[str]]
    ordinals: Sequence[int]
    rejects: list[tuple[int, str]]


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Infer the columns' types from the first `limit` records."""
    encoding = encoding_of(reading)
    dialect = dialect_of(reading, encoding)
    if dialect is None:
        return pa.schema([])
    sample: list[list[str]] = []
    size = 0
    for rows in _rows(reading, encoding, dialect):
        sample += rows.cells[: limit - len(sample)]
        size += sum(len(cell) for row in rows.cells for cell in row)
        if len(sample) >= limit or size > SAMPLE_CHARS:
            break
    columns = zip(*sample, strict=True) if sample else [()] * len(dialect.names)
    return pa.schema([(name, inferred(name, cells)) for name, cells in zip(dialect.names, columns, strict=True)])


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield the file's records in the source's schema, columns matched by name."""
    plain = bare(schema)
    encoding = encoding_of(reading)
    dialect = dialect_of(reading, encoding)
    notes = (encoding.note,) if encoding.note else ()
    if dialect is None:
        yield from nothing(reading, encoding, plain, (*notes, f"{reading.file}: holds no record"))
        return
    notes = (*notes, *dialect.notes, *differences(reading.file, dialect.names, plain.names))
    count = 0
    for rows in _rows(reading, encoding, dialect):
        chunk = _chunk(rows, dialect.names, plain, reading)
        count += len(rows.ordinals) + len(rows.rejects)
        yield chunk._replace(notes=notes)
        notes = ()
    if not count:
        empty = pa.RecordBatch.from_pylist([], schema=plain)
        yield Chunk(empty, (), notes=(*notes, f"{reading.file}: holds a header and no row"))


def _rows(reading: Reading, encoding: Encoding, dialect: Dialect) -> Iterator[_Rows]:
    """Yield records in order, a batch's worth at a time, checked for width."""
    width, first = len(dialect.names), 0
    for records in _records(reading, encoding, dialect):
        yield _even(records, width, first) or _checked(records, width, first)
        first += len(records)


def _even(records: list[list[str] | str], width: int, first: int) -> _Rows | None:
    """Take records that are all as they should be, at the speed of C."""
    cells = [record for record in records if type(record) is list]
    if len(cells) < len(records) or set(map(len, cells)) != {width}:
        return None
    return _Rows(cells, range(first, first + len(cells)), [])


def _checked(records: list[list[str] | str], width: int, first: int) -> _Rows:
    cells, ordinals, rejects = [], [], []
    for ordinal, record in enumerate(records, first):
        if isinstance(record, str):
            rejects.append((ordinal, record))
        elif len(record) == width or (len(record) > width and not any(record[width:])):
            # More cells than columns lose nothing as long as they are empty.
            cells.append(record[:width])
            ordinals.append(ordinal)
        else:
            rejects.append((ordinal, f"has {len(record)} fields, the header has {width}"))
    return _Rows(cells, ordinals, rejects)


def _records(reading: Reading, encoding: Encoding, dialect: Dialect) -> Iterator[list[list[str] | str]]:
    """Yield records, from up to `ROWS` lines at a time; one that these do not finish is given again with the next."""
    cap = reading.max_record_bytes
    carried: list[str] = []
    for lines, reason in _stretches(reading, encoding, dialect.header_lines):
        lines = carried + lines
        # A line that cannot be read ends any record that runs into it.
        found = parsed(lines, dialect.marks, final=reason is not None, cap=cap)
        carried = lines[found.rest :]
        records = found.records if reason is None else [*found.records, reason]
        if records:
            yield records
    if carried:
        yield parsed(carried, dialect.marks, final=True, cap=cap).records


def _stretches(reading: Reading, encoding: Encoding, skip: int) -> Iterator[tuple[list[str], str | None]]:
    """Yield stretches of lines with their line ends; with a reason where the line after them cannot be read."""
    for page in pages(reading, encoding):
        start = min(max(skip - page.first, 0), len(page.lines))
        for bad in [*sorted(index for index in page.bad if index >= start), None]:
            stop = len(page.lines) if bad is None else bad
            for at in range(start, stop, ROWS):
                yield [line + "\n" for line in page.lines[at : min(at + ROWS, stop)]], None
            if bad is not None:
                yield [], page.bad[bad]
                start = bad + 1


def _chunk(rows: _Rows, names: Sequence[str], schema: pa.Schema, reading: Reading) -> Chunk:
    columns = dict(zip(names, zip(*rows.cells, strict=True), strict=True)) if rows.cells else {}
    count = len(rows.cells)
    arrays = []
    wrong: dict[int, str] = {}
    for field in schema:
        if field.name not in columns:
            arrays.append(pa.nulls(count, field.type))
            continue
        asked = field.name in reading.asked
        array, bad = converted(pa.array(columns[field.name], pa.string()), field.type, asked=asked)
        arrays.append(array)
        for index in bad:
            wrong.setdefault(index, unfit(field.name, field.type))
    batch = pa.RecordBatch.from_arrays(arrays, schema=schema)
    if not wrong:
        return Chunk(batch, rows.ordinals, tuple(rows.rejects))
    kept = [index for index in range(count) if index not in wrong]
    rejects = rows.rejects + [(rows.ordinals[index], reason) for index, reason in wrong.items()]
    return Chunk(
        batch.take(pa.array(kept, pa.int64())), [rows.ordinals[index] for index in kept], tuple(sorted(rejects))
    )


def unfit(name: str, type: pa.DataType) -> str:
    """Say that a cell is not of its column's type."""
    word = {"int64": "an int", "double": "a float", "bool": "a bool"}.get(str(type), "a timestamp")
    return f'column "{name}" is not {word}, as the first records are; "types: {{{name}: string}}" keeps it as text'
