"""Read documents (HTML, PDF, Word, mail, Markdown, any file): one row a file, its bytes as they are.

The media type is told by the first bytes, then by the name; `extract` turns the bytes into text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from tilth.connectors._files.lines import too_long
from tilth.connectors._files.open import ENDINGS, Cut, opened
from tilth.connectors._files.rows import chunks
from tilth.connectors._reading import SAMPLE, Chunk, Reading
from tilth.text.media import media_type

DOCUMENTS = pa.schema([("file", pa.string()), ("content_type", pa.string()), ("content", pa.binary())])
"""`file` is the path relative to the source's root: its folder is often the label."""


def peek(reading: Reading, limit: int = SAMPLE) -> pa.Schema:
    """Return the one schema there is; nothing is read."""
    return DOCUMENTS


def read(reading: Reading, schema: pa.Schema) -> Iterator[Chunk]:
    """Yield the one row, unpacked; or say why there is none."""
    yield from chunks([(0, _row(reading))], schema)


def _row(reading: Reading) -> dict[str, Any] | str:
    cap = reading.max_record_bytes
    with opened(reading.path, reading.file) as stream:
        try:
            content = stream.read(cap + 1)
            more = stream.read(1) if len(content) <= cap else b""
        except Cut as cut:
            return str(cut)
    if len(content) > cap or more:
        return too_long(cap)
    name = reading.file.lower()
    for packed in ENDINGS:
        name = name.removesuffix(packed)
    return {"file": reading.file, "content_type": media_type(content, name), "content": content}
