"""Read plain text: one row a line (blank lines left out), or with `whole` one row a file."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from tilth.connectors._files.encoding import Encoding, encoding_of
from tilth.connectors._files.lines import NUL, pages, too_long
from tilth.connectors._files.open import Cut, opened
from tilth.connectors._reading import ROWS, SAMPLE, Chunk, Reading
from tilth.connectors._schema import bare

LINES = pa.schema([("text", pa.string())])
WHOLE = pa.schema([("text", pa.string()), ("file", pa.string())])
"""With `whole`, `file` is the path relative to the source's root: its folder is often the label."""


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return the one schema there is; nothing is read."""
    return WHOLE if reading.whole else LINES


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield lines, numbered from 0, or the whole file."""
    encoding = encoding_of(reading)
    plain = bare(schema)
    notes = (encoding.note,) if encoding.note else ()
    for found in _whole(reading, encoding) if reading.whole else _lines(reading, encoding):
        rows, ordinals, rejects = found
        columns = {"text": rows, "file": [reading.file] * len(rows)}
        arrays = [
            pa.array(columns[field.name], pa.string()).cast(field.type)
            if field.name in (WHOLE if reading.whole else LINES).names
            else pa.nulls(len(rows), field.type)
            for field in plain
        ]
        yield Chunk(pa.RecordBatch.from_arrays(arrays, schema=plain), ordinals, tuple(rejects), notes)
        notes = ()


Found = tuple[list[str], list[int], list[tuple[int, str]]]


def _lines(reading: Reading, encoding: Encoding) -> Iterator[Found]:
    for page in pages(reading, encoding):
        for start in range(0, len(page.lines), ROWS):
            rows, ordinals, rejects = [], [], []
            for index in range(start, min(start + ROWS, len(page.lines))):
                number, line = page.first + index, page.lines[index]
                if index in page.bad:
                    rejects.append((number, f"line {number + 1}: {page.bad[index]}"))
                elif line and not line.isspace():
                    rows.append(line)
                    ordinals.append(number)
            yield rows, ordinals, rejects


def _whole(reading: Reading, encoding: Encoding) -> Iterator[Found]:
    cap = reading.max_record_bytes
    with opened(reading.path, reading.file) as stream:
        try:
            raw = stream.read(cap + 1)
            more = stream.read(1) if len(raw) <= cap else b""
        except Cut as cut:
            yield [], [], [(0, str(cut))]
            return
    if len(raw) > cap or more:
        yield [], [], [(0, too_long(cap))]
        return
    try:
        text = raw[encoding.mark :].decode(encoding.codec).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        yield [], [], [(0, f"not {encoding.codec} at byte {encoding.mark + error.start}")]
        return
    yield ([], [], [(0, NUL)]) if "\0" in text else ([text], [0], [])
