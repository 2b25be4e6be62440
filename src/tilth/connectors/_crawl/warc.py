"""Write pages to web archives (WARC 1.1, ISO 28500:2017), one gzip member a record, and read single ones again.

The archive is the crawl's journal: a page's two records (what came, and what was made of it) are written in one go the
moment the page has come, before its worker asks for another. What a killed crawl has not noted in its queue is read
back from the end of the archive; a record that is cut there is cut off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tilth.connectors._crawl.fetch import Exchange
from tilth.core.errors import DataError, Terminal

SEGMENT = 256 << 20
"""Bytes after which a new file begins."""
MOST_BYTES = 1 << 30
"""The longest record that is read again."""
_CHANGED = {b"content-encoding", b"transfer-encoding", b"content-length"}
_HOP = b"X-Crawler-"


class Place(NamedTuple):
    """Where a page's records lie."""

    file: int
    offset: int
    length: int
    """Of the first record, in bytes as compressed."""


class Entry(NamedTuple):
    """A page's records, read back."""

    place: Place
    end: int
    note: dict[str, Any]
    """What the second record says."""


def name_of(file: int) -> str:
    """Return a file's name."""
    return f"crawl-{file:05d}.warc.gz"


class Archive:
    """Append to the files of one folder."""

    def __init__(self, folder: Path, file: int, about: Mapping[str, str]) -> None:
        self._folder, self._about = folder, about
        self.file, self.length = file, 0
        self._open()

    def _open(self) -> None:
        self._out = os.open(self._folder / name_of(self.file), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.length = os.fstat(self._out).st_size
        if self.length == 0:
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
            self._write(_member(_info(self.file, self._about)))

    def add(self, exchange: Exchange, note: Mapping[str, Any], digest: bytes, *, body: bool = True) -> Place:
        """Write a page's records; returns when the system has them. Raises `Terminal` where it can't."""
        if self.length >= SEGMENT:
            self.syncer()()
            os.close(self._out)
            self.file += 1
            self._open()
        first, ident = _answer(exchange, digest, body)
        one = _member(first)
        two = _member(_note(exchange, note, ident))
        place = Place(self.file, self.length, len(one))
        self._write(one + two)
        return place

    def _write(self, data: bytes) -> None:
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._out, left) :]
        except OSError as error:
            os.ftruncate(self._out, self.length)
            raise Terminal(
                f"the archive cannot be written ({error.strerror})",
                where=name_of(self.file),
                do="Make room; run again.",
            ) from error
        self.length += len(data)

    def end(self) -> tuple[int, int]:
        """Return the file that is written to, and its length."""
        return self.file, self.length

    def syncer(self) -> Callable[[], None]:
        """Return what waits until the disc has all that is written now, on any thread; call it once."""
        out = os.dup(self._out)

        def sync() -> None:
            try:
                os.fdatasync(out)
            finally:
                os.close(out)

        return sync

    def close(self) -> None:
        """Close the file."""
        os.close(self._out)


def _member(record: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(record) + packer.flush()


def _ident(name: str) -> str:
    """Return a record's id, made from what is unique about it (a UUID of version 8, RFC 9562)."""
    hexed = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"<urn:uuid:{hexed[:8]}-{hexed[8:12]}-8{hexed[13:16]}-a{hexed[17:20]}-{hexed[20:]}>"


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _info(file: int, about: Mapping[str, str]) -> bytes:
    fields = "".join(f"{name}: {value}\r\n" for name, value in about.items()).encode()
    head = (
        f"WARC/1.1\r\nWARC-Type: warcinfo\r\nWARC-Date: {_stamp(time.time())}\r\nWARC-Filename: {name_of(file)}\r\n"
        f"WARC-Record-ID: {_ident(name_of(file))}\r\n"
        f"Content-Type: application/warc-fields\r\nContent-Length: {len(fields)}\r\n\r\n"
    )
    return head.encode() + fields + b"\r\n\r\n"


def _answer(exchange: Exchange, digest: bytes, body: bool) -> tuple[bytes, str]:
    """Return the record of an answer, and its id.

    Chunks and coding are undone; the headers that spoke of them are kept under another name, as Common Crawl does.
    """
    content = exchange.body if body else b""
    lines = [f"HTTP/1.1 {exchange.status} {exchange.reason}".encode("latin-1", "replace")]
    for name, value in exchange.raw_headers:
        kept = _HOP + name if name.lower() in _CHANGED else name
        lines.append(kept + b": " + value)
    lines.append(b"Content-Length: %d" % len(content))
    http = b"\r\n".join(lines) + b"\r\n\r\n"
    stamp = _stamp(exchange.time)
    ident = _ident(f"{exchange.url} {stamp}")
    truncated = exchange.truncated if body or not exchange.body else "unspecified"
    again = exchange.status == 304
    head = (
        f"WARC/1.1\r\nWARC-Type: {'revisit' if again else 'response'}\r\nWARC-Target-URI: {exchange.url}\r\n"
        f"WARC-Date: {stamp}\r\nWARC-Record-ID: {ident}\r\n"
        + ("WARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified\r\n" if again else "")
        + (f"WARC-Payload-Digest: sha256:{base64.b32encode(digest).decode()}\r\n" if body and not again else "")
        + (f"WARC-Truncated: {truncated}\r\n" if truncated else "")
        + f"Content-Type: application/http;msgtype=response\r\nContent-Length: {len(http) + len(content)}\r\n\r\n"
    )
    return b"".join((head.encode(), http, content, b"\r\n\r\n")), ident


def _note(exchange: Exchange, note: Mapping[str, Any], ident: str) -> bytes:
    said = json.dumps(note, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    head = (
        f"WARC/1.1\r\nWARC-Type: metadata\r\nWARC-Target-URI: {exchange.url}\r\nWARC-Date: {_stamp(exchange.time)}\r\n"
        f"WARC-Record-ID: {_ident(f'{ident} note')}\r\nWARC-Refers-To: {ident}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(said)}\r\n\r\n"
    )
    return head.encode() + said + b"\r\n\r\n"


def payload_digest(body: bytes) -> bytes:
    """Return the SHA-256 of a body."""
    return hashlib.sha256(body).digest()


def tail(folder: Path, file: int, offset: int) -> Iterator[Entry]:
    """Yield the pages written from a place on, through all later files; cut off what is not whole.

    Raises `DataError` where a file is shorter than what was noted of it.
    """
    path = folder / name_of(file)
    size = path.stat().st_size if path.is_file() else 0
    if size < offset:
        raise DataError(
            f"the archive has {size:,} bytes, and {offset:,} were written",
            where=str(path),
            do="Remove the folder to crawl anew.",
        )
    while path.is_file():
        whole = offset
        with path.open("rb") as stream:
            stream.seek(offset)
            members = _members(stream, offset)
            start = end = offset
            pending: Place | None = None
            for start, end, record in members:
                head, block = split(record)
                kind = head.get("warc-type")
                if kind == "metadata" and pending is not None:
                    yield Entry(pending, end, json.loads(block))
                    whole, pending = end, None
                elif kind == "warcinfo":
                    whole = end
                else:
                    pending = Place(file, start, end - start)
        if path.stat().st_size > whole:
            os.truncate(path, whole)
        file, offset = file + 1, 0
        path = folder / name_of(file)


def _members(stream: Any, offset: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield whole gzip members: where each begins and ends, and what it holds."""
    held = b""
    while True:
        unpack = zlib.decompressobj(31)
        parts: list[bytes] = []
        used = 0
        while not unpack.eof:
            data = held or stream.read(1 << 16)
            if not data:
                return
            try:
                parts.append(unpack.decompress(data))
            except zlib.error:
                return
            used += len(data)
            held = b""
        held = unpack.unused_data
        used -= len(held)
        yield offset, offset + used, b"".join(parts)
        offset += used


def split(record: bytes) -> tuple[dict[str, str], bytes]:
    """Return a record's headers, names in lower case, and its block."""
    head, _, rest = record.partition(b"\r\n\r\n")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return headers, rest[: int(headers.get("content-length", "0"))]


def read(folder: Path, place: Place) -> tuple[dict[str, str], dict[str, str], bytes]:
    """Return a page's WARC headers, its HTTP headers (the first of a name, in lower case) and its body."""
    path = folder / name_of(place.file)
    with path.open("rb") as stream:
        stream.seek(place.offset)
        packed = stream.read(place.length)
    try:
        record = zlib.decompressobj(31).decompress(packed, MOST_BYTES)
    except zlib.error as error:
        raise DataError(f"a record is damaged at byte {place.offset:,}", where=path.name) from error
    warc, block = split(record)
    head, _, body = block.partition(b"\r\n\r\n")
    http: dict[str, str] = {}
    for line in head.decode("utf-8", "replace").split("\r\n")[1:]:
        name, _, value = line.partition(":")
        http.setdefault(name.strip().lower(), value.strip())
    return warc, http, body


def note_after(folder: Path, place: Place) -> dict[str, Any]:
    """Return what was noted of a page: the record after its own."""
    with (folder / name_of(place.file)).open("rb") as stream:
        start = place.offset + place.length
        stream.seek(start)
        for _, _, record in _members(stream, start):
            note: dict[str, Any] = json.loads(split(record)[1])
            return note
    return {}
