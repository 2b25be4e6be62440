"""Read Parquet and Arrow files, whole row groups a shard; a file that is cut short is one clear error.

Rows are numbered over the whole file, so cutting it into shards changes no name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tilth.connectors._arrow_types import fitted, storable
from tilth.connectors._files.lines import too_long
from tilth.connectors._files.open import compression
from tilth.connectors._reading import ROWS, SAMPLE, Chunk, Piece, Reading
from tilth.connectors._schema import bare, differences
from tilth.core.errors import DataError

PIECE_BYTES = 64 << 20
"""A file is cut into shards of about this size, at row groups."""
BATCH_BYTES = 8 << 20
NOT_UTF8 = "holds text that is not UTF-8"
DAMAGED = "stands among damaged rows"


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return the file's schema, in types that tables can store."""
    with _opened(reading) as source:
        schema = source.schema_arrow if reading.format == "parquet" else source.schema
    repeated = {name for name in schema.names if schema.names.count(name) > 1}
    if repeated:
        raise DataError(f'two columns are called "{min(repeated)}"', where=reading.file, wanted="names that differ")
    return pa.schema([storable(field) for field in schema])


def pieces(reading: Reading) -> list[Piece]:
    """Cut the file at row groups (Parquet) or record batches (Arrow files; an Arrow stream is one piece)."""
    size = reading.path.stat().st_size
    with _opened(reading) as source:
        if reading.format == "parquet":
            groups = [source.metadata.row_group(number) for number in range(source.metadata.num_row_groups)]
            counts = [(group.num_rows, group.total_byte_size) for group in groups]
        elif size <= PIECE_BYTES or not hasattr(source, "num_record_batches"):
            return [Piece({}, size, None)]
        else:
            rows = [source.get_batch(number).num_rows for number in range(source.num_record_batches)]
            counts = [(count, size * count // max(1, sum(rows))) for count in rows]
    cuts: list[Piece] = []
    start = ordinal = taken = held = 0
    for number, (rows_here, bytes_here) in enumerate(counts):
        taken, held = taken + rows_here, held + bytes_here
        if held >= PIECE_BYTES or number == len(counts) - 1:
            part = {"start": start, "stop": number + 1, "ordinal": ordinal}
            cuts.append(Piece(part, held, taken))
            start, ordinal, taken, held = number + 1, ordinal + taken, 0, 0
    return cuts or [Piece({}, size, 0)]


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield rows; those with text that is not UTF-8, or over `max_record_bytes`, become rejects."""
    ordinal = reading.part.get("ordinal", 0)
    plain = bare(schema)
    with _opened(reading) as source:
        names = source.schema_arrow.names if reading.format == "parquet" else source.schema.names
        notes = tuple(differences(reading.file, names, plain.names))
        wanted = [name for name in names if name in plain.names]
        for raw in _batches(reading, source, wanted):
            rows = max(1, raw.num_rows * BATCH_BYTES // max(BATCH_BYTES, raw.nbytes))
            for start in range(0, raw.num_rows, min(ROWS, rows)):
                piece = raw.slice(start, min(ROWS, rows))
                yield _chunk(piece, ordinal + start, schema, reading)._replace(notes=notes)
                notes = ()
            ordinal += raw.num_rows
    if notes:
        yield Chunk(pa.RecordBatch.from_pylist([], schema=plain), (), notes=notes)


@contextmanager
def _opened(reading: Reading) -> Iterator[Any]:
    """Open the file; whatever Arrow finds wrong with it, now or while it is read, is one `DataError`."""
    if compression(reading.path, reading.file):
        raise DataError(
            f"a compressed {reading.format} file cannot be read from its end", where=reading.file, do="Unpack it first."
        )
    try:
        with pa.OSFile(str(reading.path)) as raw:
            yield _openers(reading.format)(raw)
    except (pa.ArrowException, OSError, EOFError, MemoryError) as error:
        raise DataError(
            f"the {reading.format} file is cut short or broken ({type(error).__name__})",
            where=reading.file,
            wanted="a whole file",
            do="Write or copy it again.",
        ) from error


def _openers(format: str) -> Callable[[Any], Any]:
    return pq.ParquetFile if format == "parquet" else _open_arrow


def _open_arrow(raw: Any) -> Any:
    magic = raw.read(6)
    raw.seek(0)
    return pa.ipc.open_file(raw) if magic == b"ARROW1" else pa.ipc.open_stream(raw)


def _batches(reading: Reading, source: Any, wanted: list[str]) -> Iterator[pa.RecordBatch]:
    part = reading.part
    if reading.format == "parquet":
        groups = range(part.get("start", 0), part.get("stop", source.metadata.num_row_groups))
        yield from source.iter_batches(batch_size=ROWS, row_groups=list(groups), columns=wanted, use_threads=False)
    elif hasattr(source, "num_record_batches"):
        for number in range(part.get("start", 0), part.get("stop", source.num_record_batches)):
            yield source.get_batch(number).select(wanted)
    else:
        for batch in source:
            yield batch.select(wanted)


def _chunk(raw: pa.RecordBatch, first: int, schema: pa.Schema, reading: Reading) -> Chunk:
    raw, wrong = _usable(raw, reading.max_record_bytes)
    kept = [index for index in range(len(wrong) + raw.num_rows) if index not in wrong]
    arrays = []
    late: dict[int, str] = {}
    for field in schema:
        here = raw.schema.get_field_index(field.name)
        if here < 0:
            arrays.append(pa.nulls(raw.num_rows, bare(pa.schema([field]))[0].type))
            continue
        array, bad = fitted(raw.column(here), field)
        arrays.append(array)
        late.update(dict.fromkeys(bad, f'column "{field.name}" is not of the type {field.type}'))
    batch = pa.RecordBatch.from_arrays(arrays, schema=bare(schema))
    if late:
        batch = batch.take(pa.array([index for index in range(len(kept)) if index not in late], pa.int64()))
        wrong.update({kept[index]: reason for index, reason in late.items()})
        kept = [index for index in kept if index not in wrong]
    rejects = tuple((first + index, reason) for index, reason in sorted(wrong.items()))
    return Chunk(batch, [first + index for index in kept], rejects)


def _usable(raw: pa.RecordBatch, cap: int) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Return the rows without those that nothing downstream could hold, and why they cannot be used."""
    wrong = {}
    broken = not _valid(raw)
    if broken:
        wrong = {index: NOT_UTF8 for index in range(raw.num_rows) if not _valid(raw.slice(index, 1))}
    if raw.nbytes > cap:
        for index in range(raw.num_rows):
            if raw.slice(index, 1).nbytes > cap:
                wrong.setdefault(index, too_long(cap))
    if not broken and not wrong:
        return raw, wrong
    # A copy counts its nulls itself: a damaged file may say another number.
    good = raw.take(pa.array([index for index in range(raw.num_rows) if index not in wrong], pa.int64()))
    if not broken or _valid(good):
        return good, wrong
    return raw.slice(0, 0), {index: wrong.get(index, DAMAGED) for index in range(raw.num_rows)}


def _valid(batch: pa.RecordBatch) -> bool:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True
