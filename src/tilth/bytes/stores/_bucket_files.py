"""Read a large object of a bucket in ranges, and write one in parts."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

from tilth.bytes.store import Entry
from tilth.core.errors import Transient

if TYPE_CHECKING:
    from tilth.bytes.stores._buckets import Bucket


class Ranges(io.RawIOBase):
    """An object as a file that asks for a range at each read, of the one content that it had when it was opened."""

    def __init__(self, store: Bucket, entry: Entry) -> None:
        self._store, self._entry, self._at = store, entry, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._entry.size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self._entry.size - self._at)
        if wanted <= 0:
            return 0
        options: dict[str, Any] = {"range": (self._at, self._at + wanted)}
        if self._entry.tag:
            options["if_match"] = self._entry.tag
        found = self._store.get(self._entry.path, options)
        if len(found) != wanted:
            raise Transient(f"{self._entry.path}: {len(found)} bytes came of {wanted}", where=self._store.url)
        buffer[:wanted] = found
        self._at += wanted
        return wanted


class BucketWriter:
    """An object that is sent in parts as it is written, and appears when it is closed.

    A writer that is killed leaves parts that nobody sees and that cost money: let the bucket drop unfinished uploads
    after some days (a lifecycle rule).
    """

    def __init__(self, store: Bucket, path: str, part: int) -> None:
        self._store, self._path = store, path
        self._file = store.call(
            f"writing {path}",
            lambda obstore: obstore.open_writer(store.client, path, buffer_size=part, max_concurrency=4),
        )
        self._closed = False

    def write(self, data: bytes) -> int:
        written: int = self._store.call(f"writing {self._path}", lambda _: self._file.write(data), self._path)
        return written

    def close(self) -> None:
        if self._closed:
            return
        self._store.call(f"writing {self._path}", lambda _: self._file.close(), self._path)
        self._closed = True

    def abandon(self) -> None:
        if self._closed:
            return
        self._closed = True
        # Its way to drop the parts is to leave by an error.
        error = InterruptedError()
        with contextlib.suppress(Exception):
            self._file.__exit__(InterruptedError, error, None)
