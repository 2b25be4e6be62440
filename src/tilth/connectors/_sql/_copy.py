"""Stream the result of a query as Arrow batches, by PostgreSQL's COPY in binary, over a connection of pg8000's.

pg8000 connects, authenticates and encrypts; what is said afterwards is said here, on its socket (`_usock`). Whoever
needs more of libpq than an address, a user and a password (a password file, a service, several hosts, a client's
certificate), or reads types that are not in `_TYPES`, is served by ADBC, slower.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from tilth.connectors._sql import _copy_rows
from tilth.connectors._sql._found import Found, bits, fixed, one_by_one, raw, text
from tilth.connectors._sql._window import Window
from tilth.connectors._sql.address import local
from tilth.connectors._sql.arrays import Reading, no_number
from tilth.connectors._sql.dialect import Address, Column, Piece

BATCH_BYTES = 4 << 20
"""A batch ends at so many bytes of rows, whatever the number of rows."""
_SIGNATURE = b"PGCOPY\n\xff\r\n\0"
_LONGEST = 1 << 20
"""Bytes of a message that is no row."""
_KNOWN = frozenset(("sslmode", "sslrootcert", "connect_timeout", "application_name", "options"))
_UTC = pa.timestamp("us", "UTC")
_TYPES: dict[int, tuple[pa.DataType, str]] = {
    16: (pa.bool_(), "u1"),
    21: (pa.int16(), "i2"),
    23: (pa.int32(), "i4"),
    20: (pa.int64(), "i8"),
    700: (pa.float32(), "f4"),
    701: (pa.float64(), "f8"),
    17: (pa.binary(), ""),
    25: (pa.string(), ""),
    1043: (pa.string(), ""),
    1042: (pa.string(), ""),
    19: (pa.string(), ""),
    1082: (pa.date32(), "i4"),
    1114: (_UTC, "i8"),
    1184: (_UTC, "i8"),
}
"""What is read here, besides decimals of up to 18 digits: the types' numbers in `pg_type`, which no server changes."""
_NUMERIC = 1700
_SHIFTS = {"i4": 10_957, "i8": 946_684_800_000_000}
"""From 2000, where PostgreSQL's time begins, to 1970: in days, in microseconds."""


class Refused(Exception):
    """What the server said, or that nothing can be read of what it says."""

    def __init__(self, said: str, sqlstate: str = "") -> None:
        super().__init__(said)
        self.sqlstate = sqlstate


class Copying:
    """A connection that reads."""

    def __init__(self, connection: Any) -> None:
        self._socket = connection._usock
        self._connection = connection
        self._window = Window(self._received, _over)

    def fits(self, sql: str, columns: Sequence[Column]) -> bool:
        """Tell whether this reads all columns of a query's, as they are described."""
        found = self._described(sql)
        return len(found) == len(columns) and all(map(_fits, found, columns))

    def stream(self, sql: str, columns: Sequence[Column], batch_rows: int) -> Iterator[Piece]:
        """Run a query whose columns fit and yield its rows; another query can follow the last."""
        kinds = [_TYPES.get(number, (None, "")) for number, _ in self._described(sql)]
        self._send(b"Q", f"COPY ({sql}) TO STDOUT (FORMAT binary)".encode() + b"\0")
        if not self._begun():
            return
        reading, window = Reading(columns), self._window
        starts = np.empty((len(columns), batch_rows), np.int64)
        lengths = np.empty((len(columns), batch_rows), np.int64)
        at = row = 0
        while True:
            at, row, how = _copy_rows.rows(window.buffer, at, window.end, row, starts, lengths)
            if how == _copy_rows.MORE and at < BATCH_BYTES:
                window.fill()
                continue
            if how == _copy_rows.BROKEN:
                raise _garbled()
            if row:
                found = [Found(window.buffer, starts[n, :row], lengths[n, :row]) for n in range(len(columns))]
                yield _piece(reading, found, columns, kinds)
            window.forget(at)
            at = row = 0
            if how == _copy_rows.OTHER and self._ended():
                return

    def interrupt(self) -> None:
        """Wake who waits for the server."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection, whatever is on its way."""
        self.interrupt()
        with contextlib.suppress(OSError):
            self._connection._sock.close()
        with contextlib.suppress(OSError):
            self._socket.close()

    def _described(self, sql: str) -> list[tuple[int, int]]:
        """Return the types of a query's columns: their numbers, and what modifies them."""
        parse = b"\0" + sql.encode() + b"\0" + struct.pack(">h", 0)
        self._send(b"P", parse, b"D", b"S\0", b"S", b"")
        found: list[tuple[int, int]] = []
        for kind, content in self._answers():
            if kind == b"T":
                at = 2
                for _ in range(int.from_bytes(content[:2], "big")):
                    at = content.index(b"\0", at) + 1
                    found.append(struct.unpack_from(">Ixxi", content, at + 6))
                    at += 18
        return found

    def _begun(self) -> bool:
        """Read up to the first row; False where the server says that it is done before."""
        if not any(kind == b"H" for kind, _ in self._answers(stop=b"H")):
            return False
        # The head comes in one message with the first row: that row gets a message of its own.
        head = self._window.take(5 + len(_SIGNATURE) + 8)
        size, more = int.from_bytes(head[1:5], "big"), int.from_bytes(head[-4:], "big")
        if head[:1] != b"d" or head[5:16] != _SIGNATURE or head[16:20] != bytes(4) or more:
            raise _garbled()
        left = size - (len(head) - 1)
        if left < 0:
            raise _garbled()
        if left:
            window, again = self._window, b"d" + (left + 4).to_bytes(4, "big")
            fresh = np.empty(max(len(window.buffer), window.end + 5), np.uint8)
            fresh[:5], fresh[5 : 5 + window.end] = list(again), window.buffer[: window.end]
            window.buffer, window.end = fresh, window.end + 5
        return True

    def _ended(self) -> bool:
        """Read a message that is no row; tell whether the result is over."""
        self._window.fill(max(0, 5 - self._window.end))
        if bytes(self._window.buffer[:1]) in (b"N", b"S", b"A"):
            self._message()
            return False
        for _ in self._answers():
            pass
        return True

    def _answers(self, stop: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield messages up to that which says that the server waits, or one of a kind. Raises what the server says."""
        error = None
        while True:
            kind, content = self._message()
            if kind == b"E":
                error = _said(content)
                if error.sqlstate[:2] in ("57", "08"):
                    raise error
            elif kind == b"Z":
                if error is not None:
                    raise error
                return
            elif kind not in (b"N", b"S", b"A"):
                yield kind, content
                if kind == stop:
                    return

    def _message(self) -> tuple[bytes, bytes]:
        head = self._window.take(5)
        size = int.from_bytes(head[1:], "big") - 4
        if not 0 <= size <= _LONGEST or not head[:1].isalnum():
            raise _garbled()
        return head[:1], self._window.take(size)

    def _send(self, *messages: bytes) -> None:
        kinds, contents = messages[::2], messages[1::2]
        sent = b"".join(kind + struct.pack(">i", len(content) + 4) + content
                        for kind, content in zip(kinds, contents, strict=True))  # fmt: skip
        self._socket.sendall(sent)

    def _received(self, into: memoryview) -> int:
        try:
            return int(self._socket.recv_into(into))
        except (OSError, ValueError) as error:
            raise _over() from error


def connected(address: Address, settings: str, seconds: float) -> Copying | None:
    """Connect, where the address needs nothing that libpq alone knows; None where it does, or where that fails.

    `settings` are those of the session, as libpq's `options` gives them.
    """
    asked = _asked(address)
    if asked is None:
        return None
    try:
        from pg8000.core import CoreConnection
        from pg8000.exceptions import Error
    except ImportError:
        return None
    try:
        startup = {"client_encoding": "UTF8", "options": settings}
        connection = CoreConnection(startup_params=startup, timeout=seconds, **asked)
        _patient(connection._usock)
    except (Error, OSError, ValueError):
        # ADBC tries it again, and says what is wrong.
        return None
    return Copying(connection)


def _asked(address: Address) -> dict[str, Any] | None:
    """Return what pg8000 needs, or None."""
    options, host, here = dict(address.options), address.host or "", local(address.host)
    mode = options.get("sslmode", "prefer" if here else "verify-full")
    plain = mode == "disable" or (here and mode == "prefer")
    unfit = not plain and (mode != "verify-full" or host.startswith("/"))
    if unfit or not host or "," in host or address.user is None or not options.keys() <= _KNOWN:
        return None
    if any(name.startswith(("PGSSL", "PGPASS", "PGSERVICE", "PGOPTIONS", "PGHOST", "PGPORT")) for name in os.environ):
        return None
    root = options.get("sslrootcert", "system")
    try:
        context = False if plain else ssl.create_default_context(cafile=None if root == "system" else root)
    except (OSError, ssl.SSLError):
        return None
    port = address.port or 5432
    where = {"unix_sock": f"{host}/.s.PGSQL.{port}"} if host.startswith("/") else {"host": host, "port": port}
    return {
        **where,
        "user": address.user,
        "password": address.password,
        "database": address.database or address.user,
        "application_name": options.get("application_name", "tilth"),
        "ssl_context": context,
    }


def precision_of(modifier: int) -> tuple[int, int]:
    """Return how many digits a numeric has, and how many behind the point; endless digits where nobody said."""
    if modifier < 4:
        return 1 << 16, 0
    scale = (modifier - 4) & 0x7FF
    return (modifier - 4) >> 16, scale - 2048 if scale & 0x400 else scale


def _patient(there: socket.socket) -> None:
    """Wait as long as the server works, but not for one that is gone."""
    there.settimeout(None)
    if there.family == socket.AF_UNIX:
        return
    for name, value in {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}.items():
        if hasattr(socket, name):
            there.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _fits(described: tuple[int, int], column: Column) -> bool:
    number, modifier = described
    if number == _NUMERIC:
        digits, scale = precision_of(modifier)
        return digits <= 18 and bool(column.type == pa.decimal128(digits, scale))
    return number in _TYPES and bool(_TYPES[number][0] == column.type)


def _piece(
    reading: Reading, found: Sequence[Found], columns: Sequence[Column], kinds: Sequence[tuple[pa.DataType | None, str]]
) -> Piece:
    arrays, bad, notes = [], [], []
    for cells, column, (kind, width) in zip(found, columns, kinds, strict=True):
        if kind is None:
            array, odd = _decimals(cells, column.type)
            arrays.append(array)
            notes += [no_number(column)] if odd else []
            continue
        if width:
            arrays.append(_numbers(cells, kind, width))
            continue
        array = raw(cells)
        if kind == pa.string():
            try:
                array = text(array, kind)
            except pa.ArrowInvalid:
                array, rows = one_by_one(array, column.name, kind)
                bad += rows
        arrays.append(array)
    piece = reading.piece(pa.RecordBatch.from_arrays(arrays, names=[column.name for column in columns]))
    return piece._replace(bad=(*bad, *piece.bad), notes=(*notes, *piece.notes)) if bad or notes else piece


def _numbers(cells: Found, kind: pa.DataType, width: str) -> pa.Array:
    count = len(cells.starts)
    packed, valid = np.empty((count, int(width[1])), np.uint8), np.empty(count, np.uint8)
    nulls = _copy_rows.swapped(*cells, packed, valid)
    if nulls < 0:
        raise _garbled()
    values = packed.reshape(-1).view(f"<{width}")
    if pa.types.is_boolean(kind):
        return pa.Array.from_buffers(kind, count, [bits(valid) if nulls else None, bits(values)], nulls)
    if pa.types.is_temporal(kind):
        # Infinity, the largest number, and what lies near it stay far beyond any calendar.
        shift = values.dtype.type(_SHIFTS[width])
        np.minimum(values, np.iinfo(values.dtype).max - shift, out=values)
        values += shift
    return fixed(kind, values, valid, nulls)


def _decimals(cells: Found, kind: pa.DataType) -> tuple[pa.Array, int]:
    count = len(cells.starts)
    values, valid = np.empty((count, 2), np.int64), np.empty(count, np.uint8)
    nulls, odd = _copy_rows.decimals(*cells, kind.scale, values, valid)
    if nulls < 0:
        raise _garbled()
    return fixed(kind, values, valid, nulls), odd


def _said(content: bytes) -> Refused:
    fields: Mapping[bytes, str] = {
        field[:1]: field[1:].decode("utf-8", "replace") for field in content.split(b"\0") if field
    }
    return Refused(fields.get(b"M", "no reason given"), fields.get(b"C", ""))


def _over() -> Refused:
    return Refused("the server closed the connection")


def _garbled() -> Refused:
    return Refused("message contents do not agree: lost synchronization with the server")
