"""Read JSON lines and JSON arrays; objects stay structs, and what does not fit becomes a reject.

The quick way is Arrow's own parser with the source's schema, a batch at a time. It is taken where it cannot differ from
the careful way (one object a line, no NaN); at the least complaint of the parser the batch is read the careful way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.json

from tilth.connectors._cells import converted
from tilth.connectors._files.array import Text, elements
from tilth.connectors._files.array import decoded as record_of
from tilth.connectors._files.encoding import Encoding, encoding_of
from tilth.connectors._files.lines import Page, decoded, in_utf8, pages, raw_pages
from tilth.connectors._files.open import opened
from tilth.connectors._reading import BLOCK, ROWS, SAMPLE, SAMPLE_CHARS, Chunk, Reading
from tilth.connectors._schema import bare
from tilth.connectors._values import Seen, columns_of, inferred, mended
from tilth.core.errors import DataError

MOST_COLUMNS = 2000
_NEWLINE, _OPEN, _CLOSE = b"\n{}"
_ODD_NUMBER = re.compile(rb"[:,\[]\s*-?(?:NaN|Infinity|0[ \t]*[,}\]])")
"""What Arrow reads as another float than we do; the words may stand in prose too, which then costs time only."""


class Numbered(NamedTuple):
    """A record and where it stands."""

    number: int
    record: dict[str, Any] | str
    """The object, or why it is none."""
    size: int = 0
    """About how many characters it takes."""


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Infer columns, nested ones included, from the first `limit` records."""
    encoding = encoding_of(reading)
    sample: list[dict[str, Any]] = []
    size = 0
    for tried, numbered in enumerate(_records(reading, encoding), 1):
        if isinstance(numbered.record, dict) and _named(numbered.record):
            sample.append(numbered.record)
        size += numbered.size
        if tried >= limit or size > SAMPLE_CHARS:
            break
    if not sample:
        return pa.schema([])
    keys = list(dict.fromkeys(key for record in sample for key in record))
    if len(keys) > MOST_COLUMNS:
        raise DataError(
            f"the first {len(sample)} records have {len(keys)} different keys",
            where=reading.file,
            wanted=f"at most {MOST_COLUMNS}",
            do="If the keys are data, turn each into a record with a column for the key.",
        )
    return pa.schema([inferred(key, (record.get(key) for record in sample)) for key in keys])


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield the file's records in the source's schema."""
    encoding = encoding_of(reading)
    seen = Seen()
    notes = (encoding.note,) if encoding.note else ()
    count = 0
    by_lines = _by_lines(reading, encoding)
    for chunk in (
        _line_chunks(reading, encoding, schema, seen) if by_lines else _array_chunks(reading, encoding, schema, seen)
    ):
        count += len(chunk.ordinals) + len(chunk.rejects)
        yield chunk._replace(notes=notes)
        notes = ()
    last = [*notes, *([] if count else [f"{reading.file}: holds no record"]), *seen.notes(reading.file)]
    if last:
        yield Chunk(pa.RecordBatch.from_pylist([], schema=bare(schema)), (), notes=tuple(last))


def _by_lines(reading: Reading, encoding: Encoding) -> bool:
    """Tell a file of one object a line from one that is an array or holds one; raise for an object without rows."""
    if reading.format == "jsonl":
        return True
    if reading.records:
        return False
    with opened(reading.path, reading.file) as stream:
        sign = Text(stream, encoding).next()
    if sign != "{":
        return sign != "["
    first = next((page for page in pages(reading, encoding)), Page([], {}, 0))
    lines = [line.strip() for line in first.lines if line.strip()][:2]
    if not lines:
        return True
    record = record_of(lines[0])
    one = len(lines) == 1 and isinstance(record, dict)
    arrays = [key for key, value in record.items() if _is_table(value)] if one and isinstance(record, dict) else []
    if (isinstance(record, dict) or isinstance(record_of(lines[-1]), dict)) and not arrays:
        return True
    keys = arrays or _keys_of_arrays("\n".join(first.lines[:2000]))
    raise DataError(
        "holds one object, not an array or lines of objects",
        where=reading.file,
        wanted="rows",
        do=f"Say which key holds them, such as: records: {keys[0]}" if keys else "Say which key holds them: records: …",
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _keys_of_arrays(text: str) -> list[str]:
    return re.findall(r'"([^"\\]{1,80})"\s*:\s*\[\s*\{', text)[:1]


def _records(reading: Reading, encoding: Encoding) -> Iterator[Numbered]:
    if not _by_lines(reading, encoding):
        yield from _elements(reading, encoding)
        return
    for page in pages(reading, encoding):
        yield from _parsed(page, 0, len(page.lines))


def _elements(reading: Reading, encoding: Encoding) -> Iterator[Numbered]:
    return (Numbered(number, *element) for number, element in enumerate(elements(reading, encoding)))


def _parsed(page: Page, start: int, stop: int) -> Iterator[Numbered]:
    for index in range(start, stop):
        number = page.first + index
        if index in page.bad:
            yield Numbered(number, f"line {number + 1}: {page.bad[index]}")
        elif page.lines[index] and not page.lines[index].isspace():
            record = record_of(page.lines[index])
            said = record if isinstance(record, dict) else f"line {number + 1}: {record}"
            yield Numbered(number, said, len(page.lines[index]))


def _line_chunks(reading: Reading, encoding: Encoding, schema: pa.Schema, seen: Seen) -> Iterator[Chunk]:
    quick = _quick_schema(schema)
    utf8, cap, first = in_utf8(encoding), reading.max_record_bytes, 0
    for raw in raw_pages(reading, encoding):
        whole = _quick(raw, quick, schema) if utf8 and isinstance(raw, bytes) and _plain(raw, cap) else None
        if whole is not None:
            for start in range(0, whole.num_rows, ROWS):
                batch = whole.slice(start, ROWS)
                yield Chunk(batch, range(first + start, first + start + batch.num_rows))
            first += whole.num_rows
            continue
        page = decoded(raw, encoding, first, cap)
        first += len(page.lines)
        for start in range(0, len(page.lines), ROWS):
            stop = min(start + ROWS, len(page.lines))
            some = None if page.bad else _quick("\n".join(page.lines[start:stop]).encode(), quick, schema)
            if some is not None:
                yield Chunk(some, range(page.first + start, page.first + stop))
            else:
                yield chunk_of(_parsed(page, start, stop), schema, seen)


def _plain(raw: bytes, cap: int) -> bool:
    """Tell whether bytes need no look at their lines: no line is too long, none holds a NUL or ends in `\\r`."""
    return len(raw) <= cap and b"\0" not in raw and b"\r" not in raw


def _array_chunks(reading: Reading, encoding: Encoding, schema: pa.Schema, seen: Seen) -> Iterator[Chunk]:
    waiting: list[Numbered] = []
    size = 0
    for numbered in _elements(reading, encoding):
        waiting.append(numbered)
        size += numbered.size
        if len(waiting) >= ROWS or size > BLOCK:
            yield chunk_of(waiting, schema, seen)
            waiting, size = [], 0
    if waiting:
        yield chunk_of(waiting, schema, seen)


def chunk_of(records: Iterable[Numbered], schema: pa.Schema, seen: Seen) -> Chunk:
    """Fit records to the schema; those that do not fit become rejects."""
    numbers: list[int] = []
    rejects: list[tuple[int, str]] = []
    values: list[dict[str, Any]] = []
    for number, record, _ in records:
        if isinstance(record, str):
            rejects.append((number, record))
        elif not _named(record):
            rejects.append((number, "a key holds half of a surrogate pair"))
        else:
            numbers.append(number)
            values.append(record)
    found = columns_of(values, schema, seen)
    rejects += [(numbers[index], reason) for index, reason in found.wrong.items()]
    ordinals = [number for index, number in enumerate(numbers) if index not in found.wrong]
    return Chunk(found.batch, ordinals, tuple(sorted(rejects)))


def _named(record: dict[str, Any]) -> bool:
    """Tell whether every key can name a column: half of a surrogate pair is no character."""
    return all(key.isascii() or key == mended(key) for key in record)


def _quick_schema(schema: pa.Schema) -> pa.Schema:
    """Return what Arrow's parser is asked for: times come as text, and are converted by our rules."""
    return pa.schema(
        [field.with_type(pa.string()) if pa.types.is_timestamp(field.type) else field for field in bare(schema)]
    )


def _holds_floats(schema: pa.Schema) -> bool:
    return any(_is_float(field.type) for field in schema)


def _is_float(kind: pa.DataType) -> bool:
    inner = [kind.field(at).type for at in range(kind.num_fields)]
    return pa.types.is_floating(kind) or any(_is_float(each) for each in inner)


def _quick(raw: bytes, quick: pa.Schema, schema: pa.Schema) -> pa.RecordBatch | None:
    """Parse lines in UTF-8, valid or not, with Arrow; None where the careful way might find something else."""
    # With an object at both ends of every line and as many rows as lines, each line is one object.
    letters = np.frombuffer(raw, np.uint8)
    breaks = np.flatnonzero(letters == _NEWLINE)
    rows = len(breaks) + 1
    if not raw.startswith(b"{") or not raw.endswith(b"}"):
        return None
    if not (letters[breaks - 1] == _CLOSE).all() or not (letters[breaks + 1] == _OPEN).all():
        return None
    if not len(quick) or (_holds_floats(quick) and _ODD_NUMBER.search(raw)):
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(raw),
            read_options=pyarrow.json.ReadOptions(use_threads=False, block_size=len(raw) + 1),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=quick, unexpected_field_behavior="error"),
        )
        # Arrow's parser takes bytes for text without a look.
        table.validate(full=True)
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    if table.num_rows != rows:
        return None
    batch = table.select(quick.names).combine_chunks().to_batches()[0]
    arrays = []
    for field, array in zip(bare(schema), batch.columns, strict=True):
        if pa.types.is_timestamp(field.type):
            array, wrong = converted(array, field.type, asked=True)
            if wrong:
                return None
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=bare(schema))
