"""Stream the result of a query as Arrow batches, by MySQL's binary protocol, over a connection of PyMySQL.

PyMySQL connects, authenticates and encrypts; it does not speak this protocol, which spares the server from writing
numbers and times as text (half of its time) and keeps floats exact. What is used of PyMySQL beyond its documented
interface is `_execute_command`, `_read_packet`, `_rfile`, `_force_close` and `MySQLResult.init_unbuffered_query`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from tilth.connectors._sql import _decode
from tilth.connectors._sql._found import Found, bits, fixed, one_by_one, raw, text
from tilth.connectors._sql._window import Window
from tilth.connectors._sql.dialect import Column, Piece

BATCH_BYTES = 16 << 20
"""A batch ends at so many bytes of rows, whatever the number of rows."""
_PREPARE, _EXECUTE, _CLOSE = 0x16, 0x17, 0x19
_HUGE = 0xFFFFFF
_DAY = 86_400_000_000
_LARGEST_ROW = 1 << 30
"""What a server can send at all (`max_allowed_packet`)."""


class Wire(NamedTuple):
    """How the server sends a column."""

    width: int
    """Bytes of a cell; `BYTES` or `TIME` where it says so itself."""
    kind: str
    """NumPy's name of a number, or bytes or time."""


class Cells(NamedTuple):
    """The cells of one column."""

    found: Found
    wire: Wire


def stream(connection: Any, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
    """Run a query and yield its rows; the connection can take another query after the last.

    Raises PyMySQL's errors: `OperationalError` (2013) where the connection ends before the result does.
    """
    from pymysql import err

    statement, wires = _begin(connection, sql)
    if len(wires) != len(columns):
        raise err.InternalError(2027, f"{len(wires)} columns came, {len(columns)} were asked for")
    widths = np.array([wire.width for wire in wires], np.int64)
    window = _Window(connection)
    starts = np.empty((len(columns), batch_rows), np.int64)
    lengths = np.empty((len(columns), batch_rows), np.int64)
    at = row = 0
    while True:
        at, row, how = _decode.cells(window.buffer, at, window.end, row, widths, starts, lengths)
        if how == _decode.MORE and at < BATCH_BYTES:
            window.fill()
            continue
        if how == _decode.BROKEN:
            raise err.InternalError(2027, "Malformed packet: the server's rows cannot be read")
        if row:
            found = [
                Cells(Found(window.buffer, starts[n, :row], lengths[n, :row]), wire) for n, wire in enumerate(wires)
            ]
            yield piece(found, columns)
        window.forget(at)
        at = row = 0
        if how == _decode.HUGE:
            yield _huge(window, wires, columns)
        elif how in (_decode.END, _decode.ERROR):
            window.finish()
            connection._execute_command(_CLOSE, struct.pack("<I", statement))
            return


def _begin(connection: Any, sql: str) -> tuple[int, list[Wire]]:
    """Prepare and execute a query; return the statement's number and how the server sends each column."""
    from pymysql.connections import MySQLResult

    connection._execute_command(_PREPARE, sql)
    told = connection._read_packet().get_all_data()
    statement, columns, parameters = struct.unpack_from("<IHH", told, 1)
    for count in (parameters, columns):
        if count:
            for _ in range(count + 1):
                connection._read_packet()
    connection._execute_command(_EXECUTE, struct.pack("<IBI", statement, 0, 1))
    result = MySQLResult(connection)
    result.init_unbuffered_query()
    result.unbuffered_active, result.connection = False, None
    return statement, [_wire(field) for field in result.fields or ()]


def _wire(field: Any) -> Wire:
    from pymysql.constants import FIELD_TYPE, FLAG

    whole = {FIELD_TYPE.TINY: 1, FIELD_TYPE.SHORT: 2, FIELD_TYPE.YEAR: 2, FIELD_TYPE.INT24: 4, FIELD_TYPE.LONG: 4,
             FIELD_TYPE.LONGLONG: 8}  # fmt: skip
    if field.type_code in whole:
        width = whole[field.type_code]
        return Wire(width, f"{'u' if field.flags & FLAG.UNSIGNED else 'i'}{width}")
    if field.type_code in (FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE):
        width = 4 if field.type_code == FIELD_TYPE.FLOAT else 8
        return Wire(width, f"f{width}")
    if field.type_code in (FIELD_TYPE.DATE, FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP, FIELD_TYPE.TIME):
        return Wire(_decode.TIME, "time")
    return Wire(_decode.BYTES, "bytes")


class _Window(Window):
    """The part of the stream that is looked at."""

    def __init__(self, connection: Any) -> None:
        super().__init__(self._received, self._over)
        self.connection = connection
        self._begun = False

    def packet(self) -> bytes:
        """Return the next packet's content, joined where it is longer than one can be."""
        parts = []
        while True:
            size = int.from_bytes(self.take(4)[:3], "little")
            parts.append(self.take(size))
            if sum(map(len, parts)) > _LARGEST_ROW:
                raise self._over()
            if size < _HUGE:
                return b"".join(parts)

    def finish(self) -> None:
        """Read the packet that ends the result; raises the server's error if it is one."""
        from pymysql.err import raise_mysql_exception

        last = self.packet()
        self.connection._result = None
        if last[:1] == b"\xff":
            raise_mysql_exception(last)

    def _received(self, into: memoryview) -> int:
        try:
            if self._begun:
                return int(self.connection._rfile.raw.readinto(into))
            # What PyMySQL has read ahead; behind that, its buffer is empty, and the socket itself is read.
            self._begun = True
            ahead = self.connection._rfile.read1(len(into))
            into[: len(ahead)] = ahead
            return len(ahead)
        except (OSError, ValueError) as error:
            raise self._over(error) from error

    def _over(self, error: Exception | None = None) -> Exception:
        from pymysql import err

        self.connection._force_close()
        why = f" ({error})" if error else ""
        lost: Exception = err.OperationalError(2013, f"Lost connection to MySQL server during query{why}")
        return lost


def _huge(window: _Window, wires: Sequence[Wire], columns: Sequence[Column]) -> Piece:
    """Read one row that spans several packets."""
    content = window.packet()
    starts, lengths, at = [], [], 1 + (len(wires) + 9) // 8
    for number, wire in enumerate(wires):
        length = wire.width
        if content[1 + (number + 2 >> 3)] >> (number + 2 & 7) & 1:
            length = -1
        elif length <= 0:
            length = content[at]
            wide = {0xFC: 2, 0xFD: 3, 0xFE: 8}.get(length, 0) if wire.width == _decode.BYTES else 0
            if wide:
                length = int.from_bytes(content[at + 1 : at + 1 + wide], "little")
            at += 1 + wide
        starts.append(at)
        lengths.append(length)
        at += max(0, length)
    buffer = np.frombuffer(content, np.uint8)
    places = zip(starts, lengths, wires, strict=True)
    return piece(
        [Cells(Found(buffer, np.array([start]), np.array([length])), wire) for start, length, wire in places], columns
    )


def piece(found: Sequence[Cells], columns: Sequence[Column]) -> Piece:
    """Turn cells into a batch; what a column's type cannot hold becomes a null, said in a note or as a bad row."""
    arrays: list[pa.Array] = []
    notes: list[str] = []
    bad: list[tuple[int, str]] = []
    for cells, column in zip(found, columns, strict=True):
        array, odd, rows = _reader(cells.wire, column.type)(cells, column)
        arrays.append(array)
        if odd:
            notes.append(f'column "{column.name}": dates that no calendar has, such as 0000-00-00, are empty')
        bad += rows
    schema = pa.schema([pa.field(column.name, column.type) for column in columns])
    return Piece(pa.RecordBatch.from_arrays(arrays, schema=schema), tuple(bad), tuple(notes))


Read = tuple[pa.Array, int, list[tuple[int, str]]]


def _reader(wire: Wire, kind: pa.DataType) -> Callable[[Cells, Column], Read]:
    if wire.width > 0:
        return _numbers
    if wire.width == _decode.TIME:
        return _times
    return _decimals if pa.types.is_decimal(kind) and kind.precision <= 18 else _texts


def _numbers(cells: Cells, column: Column) -> Read:
    count = len(cells.found.starts)
    packed, valid = np.empty((count, cells.wire.width), np.uint8), np.empty(count, np.uint8)
    nulls = _decode.fixed(*cells.found, packed, valid)
    values = packed.reshape(-1).view(f"<{cells.wire.kind}")
    if pa.types.is_boolean(column.type):
        odd = np.flatnonzero(values > 1 if cells.wire.kind[0] == "u" else (values != 0) & (values != 1))
        why = f'is neither 0 nor 1; "types: {{{column.name}: int}}" reads it'
        bad = [(int(row), f'column "{column.name}": {values[row]} {why}') for row in odd]
        valid[odd] = 0
        both = [bits(valid), bits(values == 1)]
        return pa.Array.from_buffers(pa.bool_(), count, both), 0, bad
    if pa.types.is_decimal(column.type):
        halves = np.zeros((count, 2), np.int64)
        halves[:, 0] = values.view(np.int64) if cells.wire.width == 8 else values
        if cells.wire.kind[0] == "i":
            halves[:, 1] = -(values < 0).astype(np.int64)
        return fixed(column.type, halves, valid, nulls), 0, []
    kind = pa.from_numpy_dtype(values.dtype)
    array = fixed(kind, values, valid, nulls)
    return array if kind == column.type else array.cast(column.type), 0, []


def _decimals(cells: Cells, column: Column) -> Read:
    count = len(cells.found.starts)
    values, valid = np.empty((count, 2), np.int64), np.empty(count, np.uint8)
    nulls = _decode.decimals(*cells.found, column.type.scale, values, valid)
    return _texts(cells, column) if nulls < 0 else (fixed(column.type, values, valid, nulls), 0, [])


def _times(cells: Cells, column: Column) -> Read:
    count = len(cells.found.starts)
    values, valid = np.empty(count, np.int64), np.empty(count, np.uint8)
    nulls, odd = _decode.times(*cells.found, values, valid)
    if pa.types.is_date(column.type):
        return fixed(pa.date32(), (values // _DAY).astype(np.int32), valid, nulls), odd, []
    return fixed(column.type, values, valid, nulls), odd, []


def _texts(cells: Cells, column: Column) -> Read:
    """Read a column as bytes, then as its type: text, or numbers of any length."""
    array = raw(cells.found)
    if column.type == array.type:
        return array, 0, []
    try:
        return text(array, column.type), 0, []
    except pa.ArrowInvalid:
        good, bad = one_by_one(array, column.name, column.type)
        return good, 0, bad
