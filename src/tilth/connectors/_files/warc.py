"""Read web archives (WARC 1.0 and 1.1, ISO 28500): one row a response; of WET files, one row a page's text.

A row's number counts all records of the file from 0, those that are no rows (requests, metadata) included. Where a
record's head is broken, the next one is looked for; where the file is cut short, what is whole comes first.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from tilth.connectors._files.bounded import Bounded
from tilth.connectors._files.lines import too_long
from tilth.connectors._files.open import Cut, opened
from tilth.connectors._files.rows import chunks
from tilth.connectors._reading import SAMPLE, Chunk, Reading

RESPONSES = pa.schema(
    [("url", pa.string()), ("date", pa.string()), ("status", pa.int64()), ("content_type", pa.string()),
     ("charset", pa.string()), ("content", pa.binary()), ("record_id", pa.string())]
)  # fmt: skip
TEXTS = pa.schema(
    [("url", pa.string()), ("date", pa.string()), ("language", pa.string()), ("text", pa.string()),
     ("record_id", pa.string())]
)  # fmt: skip
CUT_SHORT = "the record is cut short here; the rest of the file is lost"
_MOST_HEADERS = 1000
_BEGINS = re.compile(rb"WARC/[01]\.\d+\s*$")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{1,40})", re.I)
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?\s+(\d{3})\b")


class Unread(Exception):
    """A record that cannot be read; says why."""


class _Found(NamedTuple):
    headers: Mapping[str, str]
    block: bytes


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return the one schema there is; nothing is read."""
    return TEXTS if reading.format == "wet" else RESPONSES


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield responses, or the texts of a WET file."""
    wanted = "conversion" if reading.format == "wet" else "response"
    row = _text_row if reading.format == "wet" else _response_row
    yield from chunks(_rows(reading, wanted, row), schema)


def _rows(reading: Reading, wanted: str, row: Any) -> Iterator[tuple[int, dict[str, Any] | str]]:
    with opened(reading.path, reading.file) as stream:
        records = _records(Bounded(stream, reading.path.stat().st_size), wanted, reading.max_record_bytes)
        number = -1
        while True:
            number += 1
            try:
                found = next(records, None)
            except Cut as cut:
                yield number, str(cut)
                return
            if found is None:
                return
            if isinstance(found, str):
                yield number, found
            elif found.headers.get("warc-type") == wanted:
                try:
                    yield number, row(found, reading.max_record_bytes)
                except Unread as unread:
                    yield number, str(unread)


def _records(source: Bounded, wanted: str, cap: int) -> Iterator[_Found | str]:
    """Yield each record, without its block unless it is of the kind that is wanted; or why it cannot be read."""
    lost = False
    while (line := source.line()) is not None:
        if not line.strip():
            continue
        if not _BEGINS.match(line):
            # Say once that something is lost, then look for the next record.
            if not lost:
                yield "no WARC record begins here; the next one is looked for"
            lost = True
            continue
        headers = _headers(source)
        size = headers.get("content-length", "")
        if not size.isdecimal() or len(size) > 15:
            yield "a record without its length; the next one is looked for"
            lost = True
            continue
        lost = False
        whole, length = headers.get("warc-type") == wanted, int(size)
        held = whole and length <= cap
        block = source.exactly(length) if held else b""
        if (len(block) if held else source.skip(length)) < length:
            raise Cut(CUT_SHORT)
        yield too_long(cap) if whole and length > cap else _Found(headers, block)


def _headers(source: Bounded) -> dict[str, str]:
    """Read headers up to the blank line; names in lower case, the first of a name counts."""
    found: dict[str, str] = {}
    last = ""
    for _ in range(_MOST_HEADERS):
        line = source.line()
        if line is None or not line.strip():
            break
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text[:1] in (" ", "\t") and last:
            found[last] += f" {text.strip()}"
        else:
            name, _, value = text.partition(":")
            last = name.strip().lower()
            found.setdefault(last, value.strip())
    return found


def _common(headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "url": headers.get("warc-target-uri", "").strip("<>") or None,
        "date": headers.get("warc-date"),
        "record_id": headers.get("warc-record-id", "").strip("<>") or None,
    }


def _text_row(found: _Found, cap: int) -> dict[str, Any]:
    try:
        text = found.block.decode()
    except UnicodeDecodeError as error:
        raise Unread(f"not utf-8 at byte {error.start} of the record") from error
    language = found.headers.get("warc-identified-content-language")
    return {**_common(found.headers), "language": language, "text": text.replace("\0", "")}


def _response_row(found: _Found, cap: int) -> dict[str, Any]:
    status = _STATUS.match(found.block)
    if not status:
        if found.headers.get("content-type", "").startswith("application/http"):
            raise Unread("a response without the head of one")
        return {**_common(found.headers), "content_type": found.headers.get("content-type"), "content": found.block}
    head, split, body = found.block.partition(b"\r\n\r\n")
    if not split:
        head, split, body = found.block.partition(b"\n\n")
    headers = _http_headers(head)
    kind = headers.get("content-type")
    charset = _CHARSET.search(kind or "")
    return {
        **_common(found.headers),
        "status": int(status[1]),
        "content_type": kind,
        "charset": charset[1].lower() if charset else None,
        "content": _decoded(body, headers, cap),
    }


def _http_headers(head: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.split(b"\n")[1:_MOST_HEADERS]:
        name, _, value = line.decode("latin-1").partition(":")
        found.setdefault(name.strip().lower(), value.strip())
    return found


def _decoded(body: bytes, headers: Mapping[str, str], cap: int) -> bytes:
    """Undo the transfer's chunks and the content's compression; archives may have done either before."""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _unchunked(body)
    for name in reversed(headers.get("content-encoding", "").lower().split(",")):
        name = name.strip()
        if name in ("gzip", "x-gzip") and body.startswith(b"\x1f\x8b"):
            body = _inflated(body, 31, cap)
        elif name == "deflate":
            body = _inflated(body, 15 if body[:1] == b"\x78" else -15, cap)
        elif name in ("br", "zstd", "compress"):
            raise Unread(f"content in the encoding {name}, which cannot be undone here")
    return body


def _inflated(body: bytes, window: int, cap: int) -> bytes:
    unpack = zlib.decompressobj(window)
    try:
        whole = unpack.decompress(body, cap + 1)
    except zlib.error:
        # Archives keep the header and store what was unpacked.
        return body
    if len(whole) > cap:
        raise Unread(too_long(cap))
    return whole


def _unchunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    at = 0
    while at < len(body):
        end = body.find(b"\n", at, at + 100)
        size = body[at:end].split(b";")[0].strip() if end >= 0 else b""
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            # Stored without its chunks, or broken in the middle: what was whole so far.
            return b"".join(parts) if parts else body
        length = int(size, 16)
        if not length:
            break
        parts.append(body[end + 1 : end + 1 + length])
        at = end + 1 + length
        at += 2 if body[at : at + 2] == b"\r\n" else 1 if body[at : at + 1] == b"\n" else 0
    return b"".join(parts)
