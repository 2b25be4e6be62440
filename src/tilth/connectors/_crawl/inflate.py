"""Undo a content's coding, bounded by what comes out and not by what is said to."""

from __future__ import annotations

import zlib
from typing import Any


class Coded(Exception):
    """Content that cannot be decoded; says why."""


class Inflater:
    """Undo gzip or deflate, piece by piece."""

    def __init__(self, coding: str) -> None:
        self._gzip = coding == "gzip"
        self._unpack = zlib.decompressobj(31 if self._gzip else 15)
        self._fresh = True
        self.ended = False

    def feed(self, data: bytes, room: int) -> bytes:
        """Return up to `room` bytes of what the next piece holds; what would be more is not made."""
        parts: list[bytes] = []
        while data and room > 0:
            try:
                part = self._unpack.decompress(data, room)
            except zlib.error as error:
                if not self._gzip and self._fresh:
                    # Some servers send the bare stream that the name suggests.
                    self._unpack, self._fresh = zlib.decompressobj(-15), False
                    continue
                if self.ended:
                    # Rubbish after the end, which browsers ignore.
                    break
                raise Coded(f"the content's coding is broken ({error})") from error
            self._fresh = False
            parts.append(part)
            room -= len(part)
            self.ended = self._unpack.eof
            data = self._unpack.unused_data if self.ended else self._unpack.unconsumed_tail
            if self.ended and data:
                if not self._gzip or not data.startswith(b"\x1f\x8b"):
                    break
                self._unpack = zlib.decompressobj(31)
        return b"".join(parts)


class Brotli:
    """Undo br, piece by piece."""

    def __init__(self) -> None:
        try:
            import brotli  # type: ignore[import-untyped]
        except ImportError as error:
            raise Coded("content in the coding br, which is not offered") from error
        self._error, self._unpack = brotli.error, brotli.Decompressor()
        if not hasattr(self._unpack, "can_accept_more_data"):
            raise Coded("content in the coding br, which is not offered")

    @property
    def ended(self) -> bool:
        """Whether the stream is whole."""
        return bool(self._unpack.is_finished())

    def feed(self, data: bytes, room: int) -> bytes:
        """Return about `room` bytes of what the next piece holds."""
        parts: list[bytes] = []
        try:
            while room > 0:
                part = self._unpack.process(data, output_buffer_limit=room)
                parts.append(part)
                room -= len(part)
                data = b""
                if self._unpack.can_accept_more_data() or self._unpack.is_finished():
                    break
        except self._error as error:
            raise Coded(f"the content's coding is broken ({error})") from error
        return b"".join(parts)


def inflater_for(coding: str) -> Any:
    """Return what undoes a coding, None for none. Raises `Coded` for one that cannot be undone.

    >>> inflater_for("gzip").feed(zlib.compress(b"x" * 1000, wbits=31), 10)
    b'xxxxxxxxxx'
    """
    if coding in ("", "none"):
        return None
    if coding in ("gzip", "x-gzip", "deflate"):
        return Inflater("gzip" if coding != "deflate" else "deflate")
    if coding == "br":
        return Brotli()
    raise Coded(f"content in the coding {coding[:40]!r}, which was not asked for")
