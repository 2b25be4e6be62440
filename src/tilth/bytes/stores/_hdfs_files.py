"""Read a file of HDFS in ranges, and write one that gets its name when it is closed."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.bytes.stores.hdfs import HDFSStore

_PIECE = 4 << 20
"""Bytes given to the client at a time."""


class HDFSFile(io.RawIOBase):
    """A file whose blocks are those that it had when it was opened."""

    def __init__(self, store: HDFSStore, path: str, reader: Any) -> None:
        self._store, self._path, self._reader = store, path, reader
        self._size, self._at = len(reader), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._size - self._at)
        if wanted <= 0:
            return 0
        buffer[:wanted] = self.part(self._at, wanted)
        self._at += wanted
        return wanted

    def part(self, start: int, length: int) -> bytes:
        """Return the bytes of a range that the file holds."""

        def read(_: Any) -> bytes:
            found = bytes(self._reader.read_range(start, length))
            if len(found) != length:
                raise ConnectionError(f"{len(found)} bytes came of {length}")
            return found

        return self._store.call(f"reading {self._path}", self._path, read)


class HDFSWriter:
    """A file that is written beside its place, and gets its name when it is closed."""

    def __init__(self, store: HDFSStore, path: str) -> None:
        self._store, self._path, self._size = store, path, 0
        self._unfinished = store.beside(path)
        self._file = store.call(f"writing {path}", path, lambda client: client.create(self._unfinished))
        self._ended = False

    def write(self, data: bytes) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), _PIECE):
            self._piece(bytes(view[start : start + _PIECE]))
        self._size += len(view)
        return len(view)

    def _piece(self, piece: bytes) -> None:
        self._store.call(f"writing {self._path}", self._path, lambda _: self._file.write(piece))

    def close(self) -> None:
        self.finish(overwrite=True)

    def finish(self, *, overwrite: bool) -> bool:
        """Give the file its name; False where there is one of that name, and it is not to be replaced."""
        if self._ended:
            return True
        self._store.call(f"writing {self._path}", self._path, lambda _: self._file.close())
        named = self._store.name(self._unfinished, self._path, overwrite=overwrite, size=self._size)
        self._ended = named
        return named

    def abandon(self) -> None:
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(Exception):
            self._file.close()
        self._store.drop(self._unfinished)
