"""Open a file and stream its bytes, decompressed; a broken stream gives what is whole first."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.core.errors import DataError

MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2"}
ENDINGS = (".gz", ".gzip", ".zst", ".zstd", ".bz2")
UNPACK = {
    b"\xfd7zXZ\x00": "an xz file",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x04\x22\x4d\x18": "an LZ4 file",
}
_STEP = 256 << 10


class Cut(Exception):
    """The bytes end early or are broken here; what was read before is good."""


class Stream:
    """Read bytes; on a broken stream give what is whole, then raise `Cut`."""

    def __init__(self, raw: Any, compression: str | None) -> None:
        self._raw = raw
        self._compression = compression
        self._cut: Cut | None = None
        # `read1` hands over what a step decompressed before it asks for more, so nothing whole is lost at a break.
        self._read = getattr(raw, "read1", raw.read) if compression in ("gzip", "bzip2") else raw.read

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end or before a break."""
        if self._cut:
            raise self._cut
        parts: list[bytes] = []
        wanted = size
        while wanted > 0:
            try:
                part = self._read(min(wanted, _STEP) if self._compression else wanted)
            except (EOFError, OSError, zlib.error, pa.ArrowException) as error:
                if not self._compression:
                    raise
                self._cut = Cut(f"the {self._compression} stream {_how(error)}; the rest of the file is lost")
                if not parts:
                    raise self._cut from error
                break
            if not part:
                break
            parts.append(part)
            wanted -= len(part)
        return b"".join(parts)


@contextmanager
def opened(path: Path, file: str) -> Iterator[Stream]:
    """Open for streaming; the compression is told by the first bytes, not by the name."""
    kind = compression(path, file)
    with _OPENERS[kind](path) as raw:
        yield Stream(raw, kind)


def _zstd(path: Path) -> Any:
    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


_OPENERS: dict[str | None, Callable[[Path], Any]] = {
    "gzip": gzip.GzipFile,
    "bzip2": bz2.BZ2File,
    "zstd": _zstd,
    None: lambda path: path.open("rb", buffering=0),
}


def compression(path: Path, file: str) -> str | None:
    """Return gzip, zstd, bzip2 or None; raise `DataError` for an archive that has to be unpacked first."""
    with path.open("rb") as raw:
        head = raw.read(8)
    for magic, what in UNPACK.items():
        if head.startswith(magic):
            raise DataError(
                f"this is {what}", where=file, wanted="plain, gzip, zstd or bzip2 files", do="Unpack it first."
            )
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)


def head_of(path: Path, file: str, size: int) -> bytes:
    """Return the first decompressed bytes, as many as there are before any break."""
    with opened(path, file) as stream:
        try:
            return stream.read(size)
        except Cut:
            return b""


def _how(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, EOFError) or "truncated" in text or "end-of-stream" in text:
        return "is cut short here"
    return "is broken here"
