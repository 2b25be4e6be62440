"""Decide how a file's characters are encoded: its byte-order mark, else UTF-8, else the best guess.

The decision is made once a file, on a sample (all of it up to 1 MiB; else head, middle and tail, cut at line ends; of a
compressed file, its head). UTF-8 stays UTF-8 with a few broken lines in it: fewer than one line in a thousand, fewer
than there are lines with proper multi-byte characters, or ones that no other encoding explains. Those lines become
rejects.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import NamedTuple

from tilth.connectors._files.charset import guess
from tilth.connectors._files.open import Cut, Stream, compression, head_of, opened
from tilth.connectors._reading import Reading
from tilth.core.errors import DataError

SAMPLE_BYTES = 1 << 20
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
ASCII_NEWLINES = (
    *("utf_8", "ascii", "iso8859", "cp125", "cp85", "cp86", "cp874", "cp93", "cp94", "cp95"),
    *("gb", "big5", "shift", "euc", "koi8", "mac"),
)
"""Beginnings of codec names in which the byte 0x0A is always a line end."""
BROKEN = "\udcff"
"""Stands for bytes that do not decode; no valid text holds it."""

codecs.register_error("tilth_broken", lambda error: (BROKEN, error.end))  # type: ignore[attr-defined]  # always a UnicodeError


class Encoding(NamedTuple):
    """How to decode a file."""

    codec: str
    mark: int
    """How many bytes at the start are a byte-order mark."""
    note: str | None = None

    @property
    def by_lines(self) -> bool:
        """Tell whether the bytes can be cut at line ends before they are decoded."""
        return codecs.lookup(self.codec).name.replace("-", "_").startswith(ASCII_NEWLINES)


def encoding_of(reading: Reading) -> Encoding:
    """Return the encoding that was asked for, else decide it from the content.

    Raises `DataError` when the content is in no encoding that we know.
    """
    head = head_of(reading.path, reading.file, 64 << 10)
    mark, marked = next(((len(mark), codec) for mark, codec in MARKS if head.startswith(mark)), (0, None))
    if reading.encoding:
        codec = codecs.lookup(reading.encoding).name
        if codec in ("utf-16", "utf-32"):
            codec = marked if marked and marked.startswith(codec) else f"{codec}-le"
        if codec == "utf-8-sig":
            codec = "utf-8"
        return Encoding(codec, mark if marked == codec else 0)
    if marked:
        return Encoding(
            marked, mark, None if marked == "utf-8" else f"{reading.file}: read as {marked} (its first bytes)"
        )
    wide = _wide(head)
    if wide:
        return Encoding(wide, 0, f"{reading.file}: read as {wide} (every other byte is zero)")
    return _looked_at(reading)


def _looked_at(reading: Reading) -> Encoding:
    sample = _sample(reading)
    if _is_utf8(sample):
        return Encoding("utf-8", 0)
    lines = [line for part in sample for line in part.split(b"\n")]
    proper, broken = 0, []
    for line in lines:
        try:
            proper += len(line.decode("utf-8")) < len(line)
        except UnicodeDecodeError:
            broken.append(line)
    if len(broken) * 1000 < len(lines) or proper > len(broken):
        return Encoding("utf-8", 0)
    codec = guess([line for line in lines if not line.isascii()])
    if codec is None and len(broken) * 2 < len(lines):
        return Encoding("utf-8", 0)
    at = _first_bad_byte(reading)
    if codec is None:
        raise DataError(
            f"not UTF-8 from byte {at} on, and no other encoding fits",
            where=reading.file,
            wanted="text",
            do='If it is text, say how it is encoded, such as "encoding: gb18030".',
        )
    return Encoding(codec, 0, f"{reading.file}: read as {codec} (not UTF-8 from byte {at} on)")


def _wide(head: bytes) -> str | None:
    """Recognise UTF-16 without a mark: text in it has a zero in (almost) every other byte."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if odd > 0.4 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * pairs and odd < 0.05 * pairs else None


def _sample(reading: Reading) -> list[bytes]:
    """Return pieces of the file that begin and end with whole lines."""
    size = reading.path.stat().st_size
    if compression(reading.path, reading.file) or size <= SAMPLE_BYTES:
        head = head_of(reading.path, reading.file, SAMPLE_BYTES + 1)
        return [head if len(head) <= SAMPLE_BYTES else _whole_lines(head, start=False)]
    quarter = SAMPLE_BYTES // 4
    with reading.path.open("rb") as raw:
        head = raw.read(2 * quarter)
        raw.seek(size // 2)
        middle = raw.read(quarter)
        raw.seek(size - quarter)
        tail = raw.read(quarter)
    kept = [_whole_lines(head, start=False)]
    kept += [_whole_lines(middle, start=True)] if b"\n" in middle else []
    kept += [tail[tail.index(b"\n") + 1 :]] if b"\n" in tail else []
    return [part for part in kept if part]


def _whole_lines(piece: bytes, *, start: bool) -> bytes:
    if b"\n" not in piece:
        # One long line: drop what may be half a character at its end.
        try:
            return piece[: codecs.utf_8_decode(piece, "strict", False)[1]]
        except UnicodeDecodeError:
            return piece
    first = piece.index(b"\n") + 1 if start else 0
    return piece[first : piece.rindex(b"\n")]


def _is_utf8(sample: list[bytes]) -> bool:
    try:
        for part in sample:
            part.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _first_bad_byte(reading: Reading) -> int:
    """Return the offset of the first byte that is not UTF-8."""
    base, rest = 0, b""
    with opened(reading.path, reading.file) as stream:
        while True:
            block = _next(stream)
            buffer = rest + block
            try:
                used = codecs.utf_8_decode(buffer, "strict", not block)[1]
            except UnicodeDecodeError as error:
                return base + error.start
            if not block:
                return base + used
            base, rest = base + used, buffer[used:]


def _next(stream: Stream) -> bytes:
    try:
        return stream.read(1 << 20)
    except Cut:
        return b""


def transcoded(blocks: Iterator[bytes], codec: str) -> Iterator[bytes]:
    """Turn any encoding into UTF-8 bytes; what does not decode turns into bytes that are not UTF-8 either."""
    decoder = codecs.getincrementaldecoder(codec)("tilth_broken")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogatepass")
    yield decoder.decode(b"", True).encode("utf-8", "surrogatepass")
