"""Read an answer's body within a size and a time, also while it is unpacked."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from typing import Any

import urllib3

from tilth.core.errors import Terminal, Transient
from tilth.core.secret import shown_url

STEP = 256 << 10
_WINDOW = 30.0
_SLOWEST = 512
"""Bytes a second: over half a minute, less than this is no answer but a connection held open."""


def pieces(response: urllib3.BaseHTTPResponse, url: str, *, deadline: float | None) -> Iterator[bytes]:
    """Yield the raw bytes as they come. Raises `Transient` past the deadline, or where they come far too slowly."""
    began, seen = time.monotonic(), 0
    while piece := response.read1(STEP, decode_content=False):
        yield piece
        seen += len(piece)
        now = time.monotonic()
        if deadline is not None and now > deadline:
            raise Transient("the answer takes too long", where=shown_url(url))
        if now - began > _WINDOW:
            if seen < _SLOWEST * (now - began):
                raise Transient(f"the answer comes at {seen / (now - began):.0f} bytes a second", where=shown_url(url))
            began, seen = now, 0
    if deadline is not None and time.monotonic() > deadline:
        # The watch has cut the connection: of a body without a length that looks like its end.
        raise Transient("the answer takes too long", where=shown_url(url))


def framed(response: urllib3.BaseHTTPResponse, method: str) -> bool:
    """Tell whether the answer says where it ends: by a length, in chunks, or by having no body."""
    return (
        method == "HEAD"
        or response.status in (204, 304)
        or bool(getattr(response, "chunked", False))
        or response.length_remaining is not None
    )


def may_end_anyhow(response: urllib3.BaseHTTPResponse) -> bool:
    """Tell whether an answer may go on until the connection closes (RFC 9112, 6.3 and 9.3).

    Python takes headers that break off for whole ones; an answer of HTTP/1.1 without a length that does not announce
    the close is such a one.
    """
    return response.version < 11 or "close" in response.headers.get("connection", "").lower()


def body(response: urllib3.BaseHTTPResponse, url: str, *, most: int, deadline: float) -> bytes:
    """Return the whole body, unpacked. Raises `Terminal` as soon as it is longer than `most` bytes."""
    unpack = _unpacker(response.headers.get("content-encoding", ""), url)
    found = bytearray()
    for piece in pieces(response, url, deadline=deadline):
        found += piece if unpack is None else _unpacked(unpack, piece, most + 1 - len(found), url)
        if len(found) > most:
            raise Terminal(
                f"the answer is longer than {most} bytes", where=shown_url(url), do="Ask for less at a time."
            )
    if unpack is not None and found and not unpack.eof:
        raise Transient("the packed answer is cut short", where=shown_url(url))
    return bytes(found)


def _unpacker(encoding: str, url: str) -> Any:
    word = encoding.strip().lower()
    if word in ("", "identity"):
        return None
    if word in ("gzip", "x-gzip"):
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    if word == "deflate":
        return zlib.decompressobj()
    raise Terminal(f'the answer is packed as "{word[:20]}", which was not asked for', where=shown_url(url))


def _unpacked(unpack: Any, piece: bytes, most: int, url: str) -> bytes:
    """Unpack at most `most` bytes: a small body may unpack to any size."""
    try:
        found: bytes = unpack.decompress(piece, max(most, 1))
    except zlib.error as error:
        raise Transient("the packed answer is broken", where=shown_url(url)) from error
    return found
