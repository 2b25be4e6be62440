"""Keep objects as files of HDFS, through hdfs-native: no Java, no libhdfs."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, TypeVar

from tilth.bytes.store import PATIENCE, Entry, Patience
from tilth.bytes.stores._hdfs_files import HDFSFile, HDFSWriter
from tilth.bytes.stores._hdfs_refusals import refusal
from tilth.bytes.stores._paths import TEMPORARY, checked, checked_new
from tilth.bytes.stores._walk import Listed, walk, walk_unfinished
from tilth.core.errors import DataError, Terminal, Transient, missing_extra

T = TypeVar("T")
_AT_A_TIME = 16
_COPIED = 4 << 20
"""Bytes of a copy in memory."""
_started_in: list[int] = []
"""The process in which hdfs-native's own threads run, once they do."""


@dataclass(frozen=True)
class HDFSStore:
    """Objects are files below a folder of HDFS, read and written as `HADOOP_USER_NAME`, or as who runs this.

    An object is written to `.tmp-…` beside its place, then renamed: over what is there, or, by `create`, only where
    nothing is. A name holds no colon, and a file cannot stand where a folder is. `HADOOP_CONF_DIR` is read.
    """

    address: str
    """`host:port` of the NameNode, or the name of a nameservice."""
    folder: str = ""
    patience: Patience = PATIENCE

    @property
    def url(self) -> str:
        return f"hdfs://{self.address}" + (f"/{self.folder}" if self.folder else "")

    def list(self, prefix: str = "") -> Iterator[Entry]:
        return walk(self._look, prefix)

    def unfinished(self, prefix: str = "") -> Iterator[Entry]:
        return walk_unfinished(self._look, prefix)

    def stat(self, path: str) -> Entry | None:
        place = self._place(checked(path))
        try:
            found = self.call(f"looking at {path}", path, lambda client: client.get_file_info(place))
        except FileNotFoundError:
            return None
        return None if found.isdir else _entry(path, found)

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        file = self._open(path)
        left = max(0, file.seek(0, io.SEEK_END) - start)
        wanted = left if length is None else min(left, length)
        return file.part(start, wanted) if wanted else b""

    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            waiting: deque[tuple[str, Future[bytes]]] = deque()
            try:
                for path in paths:
                    waiting.append((path, pool.submit(self.read, path)))
                    if len(waiting) == _AT_A_TIME:
                        first, found = waiting.popleft()
                        yield first, found.result()
                for first, found in waiting:
                    yield first, found.result()
            finally:
                for _, found in waiting:
                    found.cancel()

    def open(self, path: str) -> IO[bytes]:
        return io.BufferedReader(self._open(path), buffer_size=1 << 20)

    def put(self, path: str, data: bytes) -> None:
        self._publish(path, data, overwrite=True)

    def create(self, path: str, data: bytes) -> bool:
        if self.stat(path):
            return False
        return self._publish(path, data, overwrite=False)

    def write(self, path: str) -> HDFSWriter:
        return HDFSWriter(self, checked_new(path))

    def copy(self, path: str, other: str) -> None:
        writer = self.write(other)
        try:
            with self.open(path) as file:
                while piece := file.read(_COPIED):
                    writer.write(piece)
            writer.close()
        except BaseException:
            writer.abandon()
            raise

    def delete(self, path: str) -> None:
        if self.stat(path) is None:
            return
        place = self._place(path)
        with contextlib.suppress(FileNotFoundError):
            self.call(f"deleting {path}", path, lambda client: client.delete(place, False))

    def beside(self, path: str) -> str:
        """Return the place of a new unfinished file beside a path."""
        if ":" in path:
            raise DataError(f"{path!r} cannot be a file's name in HDFS", where=self.url, wanted="no colon")
        name = f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
        folder = path.rpartition("/")[0]
        return self._place(f"{folder}/{name}" if folder else name)

    def name(self, unfinished: str, path: str, *, overwrite: bool, size: int) -> bool:
        """Give an unfinished file its name; False where there is one of that name, and it is not to be replaced."""
        place = self._place(path)
        try:
            self.call(f"writing {path}", path, lambda client: client.rename(unfinished, place, overwrite))
        except FileExistsError:
            return False
        except (FileNotFoundError, Transient):
            # The answer may have been lost, and the client have asked again for what was done: nobody else knows the
            # unfinished file's name, so if it is gone, it is there.
            there = None if self._is(unfinished) else self.stat(path)
            if there is None or there.size != size:
                raise
        return True

    def drop(self, unfinished: str) -> None:
        """Remove an unfinished file, as far as that can be done; raises nothing."""
        with contextlib.suppress(Exception):
            self._client.delete(unfinished, False)

    def _publish(self, path: str, data: bytes, *, overwrite: bool) -> bool:
        writer = self.write(path)
        try:
            writer.write(data)
            return writer.finish(overwrite=overwrite)
        finally:
            writer.abandon()

    def _open(self, path: str) -> HDFSFile:
        place = self._place(checked(path))
        return HDFSFile(self, path, self.call(f"reading {path}", path, lambda client: client.read(place)))

    def _is(self, place: str) -> bool:
        try:
            self.call("looking", place, lambda client: client.get_file_info(place))
        except FileNotFoundError:
            return False
        return True

    def _place(self, path: str) -> str:
        return "/" + "/".join(part for part in (self.folder, path) if part)

    def _look(self, folder: str) -> Listed:
        place = self._place(folder)
        start = f"{folder}/" if folder else ""
        try:
            found = self.call(f"listing {folder}", folder, lambda client: list(client.list_status(place, False)))
        except FileNotFoundError:
            return
        for one in found:
            name = one.path.rstrip("/").rpartition("/")[2]
            if one.path.rstrip("/") == place.rstrip("/") and not one.isdir:
                return  # A file: there is no folder of that name.
            yield name, None if one.isdir else _entry(start + name, one)

    def call(self, doing: str, path: str, call: Callable[[Any], T]) -> T:
        """Return what a call of the client's returns; what it raises is made plain."""
        client = self._client
        if _started_in[0] != os.getpid():
            # Its threads are not in the fork, and a call would wait for them for ever.
            raise Terminal(
                "HDFS cannot be used in a fork of a process that has used it", where=self.url,
                do='Start workers by "spawn" or "forkserver"',
            )  # fmt: skip
        try:
            return call(client)
        except (OSError, RuntimeError, ValueError) as error:
            raise refusal(error, self.url, doing, path) from error

    @cached_property
    def _client(self) -> Any:
        try:
            import hdfs_native
        except ImportError as error:
            raise missing_extra("hdfs-native", "stores", "hdfs") from error
        if not _started_in:
            _started_in.append(os.getpid())
        try:
            return hdfs_native.Client(f"hdfs://{self.address}", self._settings())
        except (OSError, RuntimeError, ValueError) as error:
            raise refusal(error, self.url, "opening", "") from error

    def _settings(self) -> dict[str, str]:
        patience = self.patience
        return {
            # The client waits 180 s for a NameNode that is not there, unless it is told otherwise.
            "dfs.client.failover.max.attempts": str(patience.retries),
            "dfs.client.failover.sleep.base.millis": "100",
            "dfs.client.failover.sleep.max.millis": "5000",
            "dfs.client.socket-timeout": str(int(patience.silence * 1000)),
        }

    def __reduce__(self) -> tuple[type[HDFSStore], tuple[str, str, Patience]]:
        return type(self), (self.address, self.folder, self.patience)


def _entry(path: str, found: Any) -> Entry:
    # Milliseconds: two contents of one length would have to be written within one to look alike.
    return Entry(path, found.length, found.modification_time / 1000, f"{found.modification_time:x}-{found.length:x}")
