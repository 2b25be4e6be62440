"""Cut a text file into pages of whole lines, in bounded memory; a line that cannot be read is set aside with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tilth.connectors._encoding import Encoding, encoding_of, transcoded
from tilth.connectors._open import Cut, Stream, opened
from tilth.connectors._reading import BLOCK, Reading

NUL = "holds a NUL byte"


class Page(NamedTuple):
    """Whole lines that follow one another, without their line ends (`\\r\\n` counts as one)."""

    lines: list[str]
    bad: dict[int, str]
    """Index in `lines` -> why the line cannot be read; the line itself is empty."""
    first: int
    """The number of the first line in the file, from 0."""


def pages(reading: Reading, encoding: Encoding | None = None) -> Iterator[Page]:
    """Yield the file's lines, about `BLOCK` bytes at a time.

    A line over `max_record_bytes` is skipped without being held; where a compressed stream breaks, the line that it
    breaks in is bad. A file without `\\n` has `\\r` for its line end.
    """
    encoding = encoding or encoding_of(reading)
    codec = encoding.codec if encoding.by_lines else "utf-8"
    first = 0
    for raw, reason in _raw_pages(reading, encoding):
        page = _decoded(raw, codec, encoding.codec, first, reading.max_record_bytes) if reason is None else None
        page = page or Page([""], {0: str(reason)}, first)
        yield page
        first += len(page.lines)


def _raw_pages(reading: Reading, encoding: Encoding) -> Iterator[tuple[bytes, str | None]]:
    """Yield bytes of whole lines without the last line end, or the reason why the next line cannot be read."""
    cap = reading.max_record_bytes
    too_long = f"longer than max_record_bytes ({cap:,} bytes)"
    cut: Cut | None = None
    pending = bytearray()
    skipping = False
    end = b""
    with opened(reading.path, reading.file) as stream:
        blocks = _blocks(stream, encoding.mark)
        source = blocks if encoding.by_lines else transcoded(blocks, encoding.codec)
        while True:
            try:
                block = next(source, None)
            except Cut as error:
                cut = error
                break
            if block is None:
                break
            end = end or _line_end(pending, block)
            if skipping:
                at = block.find(end) if end else -1
                if at < 0:
                    continue
                block, skipping = block[at + 1 :], False
                yield b"", too_long
            at = block.rfind(end) if end else -1
            if at >= 0:
                pending += block[:at]
                yield bytes(pending), None
                pending = bytearray(block[at + 1 :])
            else:
                pending += block
            if len(pending) > cap + 1:
                pending.clear()
                skipping = True
    if cut:
        yield b"", str(cut)
    elif skipping:
        yield b"", too_long
    elif pending:
        yield bytes(pending), None


def _blocks(stream: Stream, mark: int) -> Iterator[bytes]:
    block = stream.read(BLOCK)
    block = block[mark:]
    while block:
        yield block
        block = stream.read(BLOCK)


def _line_end(pending: bytearray, block: bytes) -> bytes:
    if b"\n" in block:
        return b"\n"
    # A `\r` that ends the block may be half of `\r\n`, so wait for one with something after it.
    at = pending.find(b"\r") if pending else -1
    return b"\r" if at >= 0 or b"\r" in block[:-1] else b""


def _decoded(raw: bytes, codec: str, called: str, first: int, cap: int) -> Page:
    bad: dict[int, str] = {}
    end = b"\n" if b"\n" in raw or b"\r" not in raw.rstrip(b"\r\n") else b"\r"
    try:
        lines = _split(raw.decode(codec), end.decode())
    except UnicodeDecodeError:
        lines = []
        for index, line in enumerate(raw.split(end)):
            try:
                lines.append(line.removesuffix(b"\r").decode(codec))
            except UnicodeDecodeError as error:
                bad[index] = f"not {called} at byte {error.start} of the line"
                lines.append("")
    if b"\0" in raw:
        for index, line in enumerate(lines):
            if "\0" in line:
                bad[index], lines[index] = NUL, ""
    if len(raw) > cap:
        for index, line in enumerate(lines):
            if len(line) > cap or (len(line) * 4 > cap and len(line.encode()) > cap):
                bad[index], lines[index] = f"longer than max_record_bytes ({cap:,} bytes)", ""
    return Page(lines, bad, first)


def _split(text: str, end: str) -> list[str]:
    if end == "\n" and "\r" in text:
        text = text.replace("\r\n", "\n").removesuffix("\r")
    return text.split(end)
