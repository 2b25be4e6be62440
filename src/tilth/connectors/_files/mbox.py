"""Read mailboxes (mbox, RFC 4155): one row a mail, its bytes as they are; `extract` reads its text.

A mail begins with a line `From ` after a blank line or at the start. Of `>From ` one mark is taken away, as mboxrd and
mboxo want it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tilth.connectors._files.bounded import Bounded
from tilth.connectors._files.lines import too_long
from tilth.connectors._files.open import Cut, opened
from tilth.connectors._files.rows import chunks
from tilth.connectors._reading import SAMPLE, Chunk, Reading

MAILS = pa.schema([("content_type", pa.string()), ("content", pa.binary())])
KIND = "message/rfc822"
_ESCAPED = re.compile(rb"^>(>*From )", re.M)


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return the one schema there is; nothing is read."""
    return MAILS


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield mails, numbered from 0."""
    yield from chunks(_rows(reading), schema)


def _rows(reading: Reading) -> Iterator[tuple[int, dict[str, Any] | str]]:
    cap = reading.max_record_bytes
    number, lines, size = -1, bytearray(), 0
    blank, begun = True, False
    with opened(reading.path, reading.file) as stream:
        source = Bounded(stream, reading.path.stat().st_size)
        while True:
            try:
                line = source.line()
            except Cut as cut:
                yield number + 1, str(cut)
                break
            starts = line is not None and blank and line.startswith(b"From ")
            if (line is None or starts) and (begun or size):
                number += 1
                yield number, _mail(lines, size, cap, begun=begun)
                lines.clear()
                size = 0
            if line is None:
                break
            begun = begun or starts
            if not starts:
                size += len(line)
                if size <= cap:
                    lines += line
            blank = not line.strip(b"\r\n")


def _mail(lines: bytearray, size: int, cap: int, *, begun: bool) -> dict[str, Any] | str:
    if not begun:
        return "no mail begins here"
    if size > cap:
        return too_long(cap)
    if not lines.strip():
        return "an empty mail"
    content = bytes(lines).removesuffix(b"\n").removesuffix(b"\r")
    return {"content_type": KIND, "content": _ESCAPED.sub(rb"\1", content)}
