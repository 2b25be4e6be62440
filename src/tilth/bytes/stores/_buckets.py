"""Keep objects in a bucket through obstore: what S3 and Google Cloud Storage have in common."""

from __future__ import annotations

import contextlib
import datetime
import errno
import io
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any, ClassVar, TypeVar

from tilth.bytes.store import PATIENCE, Entry, Patience
from tilth.bytes.stores import _bucket_many
from tilth.bytes.stores._bucket_files import BucketWriter, Ranges
from tilth.bytes.stores._paths import checked, checked_new, checked_prefix, order
from tilth.bytes.stores._refusals import Kind, refusal
from tilth.core.errors import Terminal, missing_extra

T = TypeVar("T")
PART = 8 << 20
"""Bytes of one part of a large object; S3 takes 10,000 parts, so an object of 80 GB at most."""
_ONE_REQUEST = 32 << 20
"""Bytes up to which an object is put in one request."""
_MARK = "tilth-writer"
_started_in: list[int] = []
"""The process in which obstore's own threads run, once they do."""


@dataclass(frozen=True)
class Bucket:
    """Objects below a prefix of a bucket; made again by a pickle, with a client of its own."""

    bucket: str
    prefix: str = ""
    patience: Patience = PATIENCE

    scheme: ClassVar[str]
    kind: ClassVar[Kind]

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def list(self, prefix: str = "") -> Iterator[Entry]:
        folder = checked_prefix(prefix).rpartition("/")[0]
        # The store knows whole steps only: begin just before the prefix, end just after it.
        before = prefix[:-1] if len(prefix) > len(folder) + 2 else None
        doing, last = f"listing {prefix}", b""
        pages = self.call(doing, lambda obs: obs.list(self.client, folder or None, offset=before, chunk_size=1000))
        while page := self.call(doing, lambda _: next(pages, None)):
            for found in page:
                path, key = found["path"], order(found["path"])
                if not path.startswith(prefix):
                    if key > order(prefix):
                        return
                    continue
                if key < last:
                    raise Terminal(f"{path} is listed out of order", where=self.url, do="This store cannot be used")
                last = key
                # obstore shows the object `a/`, by which consoles draw an empty folder, as an empty `a`.
                if found["size"] or self.stat(path):
                    yield _entry(path, found)

    def unfinished(self, prefix: str = "") -> Iterator[Entry]:
        return iter(())

    def stat(self, path: str) -> Entry | None:
        checked(path)
        try:
            return _entry(path, self.call(f"looking at {path}", lambda obs: obs.head(self.client, path), path))
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            self._there(path)
            return b""
        part: Any = {"offset": start} if length is None else (start, start + length)
        return self.get(path, {"range": part} if start or length is not None else {})

    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return _bucket_many.read_many(self, paths)

    def open(self, path: str) -> IO[bytes]:
        return io.BufferedReader(Ranges(self, self._there(path)), buffer_size=1 << 20)

    def put(self, path: str, data: bytes) -> None:
        checked_new(path)
        parts: dict[str, Any] = {"use_multipart": len(data) > _ONE_REQUEST, "chunk_size": PART, "max_concurrency": 4}
        self.call(f"writing {path}", lambda obs: obs.put(self.client, path, data, **parts), path)

    def create(self, path: str, data: bytes) -> bool:
        checked_new(path)
        # The client may send a request again whose answer was lost, and then find its own object there.
        mark = {_MARK: secrets.token_hex(16)}
        there = loaded(self.url).exceptions.AlreadyExistsError
        try:
            self.call(
                f"creating {path}",
                lambda obs: obs.put(self.client, path, data, mode="create", attributes=mark),
                path,
                through=there,
            )
        except there:
            return self._mark(path) == mark[_MARK]
        return True

    def write(self, path: str) -> BucketWriter:
        return BucketWriter(self, checked_new(path), PART)

    def copy(self, path: str, other: str) -> None:
        checked(path), checked_new(other)
        if path == other:  # S3 refuses it.
            self._there(path)
            return
        self.call(f"copying {path} to {other}", lambda obs: obs.copy(self.client, path, other), path)

    def delete(self, path: str) -> None:
        checked(path)
        with contextlib.suppress(FileNotFoundError):
            self.call(f"deleting {path}", lambda obs: obs.delete(self.client, path), path)

    @cached_property
    def client(self) -> Any:
        """Obstore's client of this process."""
        raise NotImplementedError

    def get(self, path: str, options: dict[str, Any]) -> bytes:
        """Return an object's bytes, by obstore's options; none for a range that begins after its end."""
        checked(path)
        some = loaded(self.url).exceptions.GenericError
        try:
            found: bytes = self.call(
                f"reading {path}",
                lambda obs: obs.get(self.client, path, options=options).bytes().to_bytes(),
                path,
                through=some,
            )
        except some as error:
            if "range" in options and past_the_end(error):
                return b""
            raise self.refused(error, f"reading {path}", path) from error
        return found

    def call(
        self,
        doing: str,
        call: Callable[[Any], T],
        path: str | None = None,
        *,
        through: type[Exception] | tuple[()] = (),
    ) -> T:
        """Return what a call of obstore's returns; what it raises is made plain, but for what goes `through`."""
        obstore = loaded(self.url)
        try:
            return call(obstore)
        except through:
            raise
        except (obstore.exceptions.BaseError, ValueError, OSError) as error:
            raise self.refused(error, doing, path) from error

    def refused(self, error: Exception, doing: str, path: str | None = None) -> Exception:
        """Return the error to raise for one of the client's."""
        return refusal(error, self.kind, self.url, doing, path)

    def _there(self, path: str) -> Entry:
        entry = self.stat(path)
        if entry is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", f"{self.url}/{path}")
        return entry

    def _mark(self, path: str) -> str | None:
        """Return what the one who created an object left with it."""
        look = {"head": True}
        found = self.call(f"looking at {path}", lambda obs: obs.get(self.client, path, options=look).attributes, path)
        return next((value for name, value in found.items() if name.lower() == _MARK), None)

    def __reduce__(self) -> tuple[type[Bucket], tuple[str, str, Patience]]:
        return type(self), (self.bucket, self.prefix, self.patience)


def past_the_end(error: Exception) -> bool:
    """Tell whether a range was refused because the object ends before it begins."""
    return "status code: 416" in str(error)


def loaded(url: str) -> Any:
    """Return obstore, where it can run. Raises `MissingExtra`; `Terminal` in a fork of a process that has used it."""
    try:
        import obstore
    except ImportError as error:
        raise missing_extra("obstore", "stores", url.partition(":")[0]) from error
    if not _started_in:
        _started_in.append(os.getpid())
    if _started_in[0] != os.getpid():
        # Its threads are not in the fork, and a call would wait for them for ever.
        raise Terminal(
            "a bucket cannot be used in a fork of a process that has used one", where=url,
            do='Start workers by "spawn" or "forkserver"',
        )  # fmt: skip
    return obstore


def settings(patience: Patience, plain: bool) -> dict[str, Any]:
    """Return what obstore is told about waiting and asking again; `plain` allows http."""
    second = datetime.timedelta(seconds=1)
    return {
        "client_options": {
            "connect_timeout": patience.connect * second,
            "read_timeout": patience.silence * second,
            "timeout": patience.whole * second,
            "allow_http": plain,
        },
        "retry_config": {
            "max_retries": patience.retries,
            "retry_timeout": patience.in_all * second,
            "backoff": {"init_backoff": 0.1 * second, "max_backoff": 5 * second, "base": 2},
        },
    }


def allowed(variable: str) -> bool:
    """Tell whether an environment variable says yes."""
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on", "y")


def _entry(path: str, found: Any) -> Entry:
    # A list tells parts of a second, a look at one object does not.
    return Entry(path, found["size"], float(int(found["last_modified"].timestamp())), found["e_tag"])
