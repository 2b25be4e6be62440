"""Cut a text file into pages of whole lines, in bounded memory; set aside the lines that cannot be read."""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from tilth.connectors._files.encoding import Encoding, transcoded
from tilth.connectors._files.open import Cut, Stream, opened
from tilth.connectors._reading import BLOCK, Chunk, Reading

NUL = "holds a NUL byte"
HEAD = 256 << 10


class Page(NamedTuple):
    """Whole lines that follow one another, without their line ends (`\\r\\n` counts as one)."""

    lines: list[str]
    bad: dict[int, str]
    """Index in `lines` -> why the line cannot be read; the line itself is empty."""
    first: int
    """The number of the first line in the file, from 0."""


def pages(reading: Reading, encoding: Encoding) -> Iterator[Page]:
    """Yield the file's lines, about `BLOCK` bytes at a time.

    A line over `max_record_bytes` is skipped without being held; where a compressed stream breaks, the line that it
    breaks in is bad. In a file that begins without any `\\n`, a `\\r` ends a line.
    """
    first = 0
    for raw in raw_pages(reading, encoding):
        page = decoded(raw, encoding, first, reading.max_record_bytes)
        yield page
        first += len(page.lines)


def nothing(reading: Reading, encoding: Encoding, schema: pa.Schema, notes: tuple[str, ...]) -> Iterator[Chunk]:
    """Yield what there is to say of a file without one good line: the lines that cannot be read."""
    empty = pa.RecordBatch.from_pylist([], schema=schema)
    yield Chunk(empty, (), notes=notes)
    ordinal = itertools.count()
    for page in pages(reading, encoding):
        if page.bad:
            yield Chunk(empty, (), tuple((next(ordinal), reason) for _, reason in sorted(page.bad.items())))


def too_long(cap: int) -> str:
    """Say that a record is over the limit."""
    return f"longer than max_record_bytes ({cap:,} bytes)"


def raw_pages(reading: Reading, encoding: Encoding) -> Iterator[bytes | str]:
    """Yield the bytes of whole lines without the last line end, or the reason why the next line cannot be read.

    They are in UTF-8 where `in_utf8` says so, valid or not.
    """
    cap = reading.max_record_bytes
    pending = bytearray()
    skipping = False
    with opened(reading.path, reading.file) as stream:
        blocks = _with_newlines(_utf8_or_codec(_blocks(stream, encoding.mark), encoding))
        while True:
            try:
                block = next(blocks, None)
            except Cut as cut:
                yield str(cut)
                return
            if block is None:
                break
            if skipping:
                at = block.find(b"\n")
                if at < 0:
                    continue
                block, skipping = block[at + 1 :], False
                yield too_long(cap)
            at = block.rfind(b"\n")
            if at >= 0:
                yield b"".join((pending, memoryview(block)[:at]))
                pending = bytearray(memoryview(block)[at + 1 :])
            else:
                pending += block
            if len(pending) > cap + 1:
                pending.clear()
                skipping = True
    if skipping:
        yield too_long(cap)
    elif pending:
        yield bytes(pending)


def _blocks(stream: Stream, mark: int) -> Iterator[bytes]:
    # The first block is small: a look at the head of a file stops after it.
    block = stream.read(min(HEAD, BLOCK))[mark:]
    while block:
        yield block
        block = stream.read(BLOCK)


def _utf8_or_codec(blocks: Iterator[bytes], encoding: Encoding) -> Iterator[bytes]:
    return blocks if encoding.by_lines else transcoded(blocks, encoding.codec)


def _with_newlines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, None)
    if first is None:
        return
    only_returns = b"\n" not in first and b"\r" in first.rstrip(b"\r")
    for block in itertools.chain([first], blocks):
        yield block.replace(b"\r", b"\n") if only_returns else block


def in_utf8(encoding: Encoding) -> bool:
    """Tell whether raw pages are in UTF-8."""
    return not encoding.by_lines or codecs.lookup(encoding.codec).name == "utf-8"


def decoded(raw: bytes | str, encoding: Encoding, first: int, cap: int) -> Page:
    """Decode a raw page and cut it into lines; `first` is the number of its first line."""
    if isinstance(raw, str):
        return Page([""], {0: raw}, first)
    bad: dict[int, str] = {}
    codec = encoding.codec if encoding.by_lines else "utf-8"
    try:
        text = raw.decode(codec)
        lines = (text.replace("\r\n", "\n").removesuffix("\r") if "\r" in text else text).split("\n")
    except UnicodeDecodeError:
        lines = []
        for index, piece in enumerate(raw.split(b"\n")):
            try:
                lines.append(piece.removesuffix(b"\r").decode(codec))
            except UnicodeDecodeError as error:
                bad[index] = f"not {encoding.codec} at byte {error.start} of the line"
                lines.append("")
    if b"\0" in raw:
        for index, line in enumerate(lines):
            if "\0" in line:
                bad[index], lines[index] = NUL, ""
    if len(raw) > cap:
        for index, line in enumerate(lines):
            if len(line) > cap or (len(line) * 4 > cap and len(line.encode()) > cap):
                bad[index], lines[index] = too_long(cap), ""
    return Page(lines, bad, first)
