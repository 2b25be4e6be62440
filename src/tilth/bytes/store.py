"""Name what an object store offers: the one interface to a folder on this machine, a bucket, or HDFS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple, Protocol, runtime_checkable


class Entry(NamedTuple):
    """One object."""

    path: str
    """Below the store's root, with `/` between its steps."""
    size: int
    """In bytes."""
    modified: float
    """Seconds since 1970, by the store's clock."""
    tag: str | None = None
    """Another whenever the content is (an ETag, a generation); None where the store has none."""


class Writer(Protocol):
    """A new object while it is written: nobody sees it before `close`, and nobody ever sees a part of it."""

    def write(self, data: bytes) -> int: ...

    def close(self) -> None:
        """Make the object appear, whole; one of that name is replaced."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind; raises nothing."""
        ...


@runtime_checkable
class Store(Protocol):
    """Objects below one root; picklable, and opens nothing before it is used.

    A path is steps joined by `/`; none is empty, `.` or `..` (`DataError`).

    Raises `FileNotFoundError` for an object that is not there, `Transient` where trying again may help, `Terminal`
    where it does not (no such bucket, no right, wrong key); messages never hold a secret.
    """

    @property
    def url(self) -> str:
        """The root, as it may be shown."""
        ...

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield every object whose path begins with the prefix, at any depth, in the order of the paths' bytes."""
        ...

    def unfinished(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the files of objects that are being written, or whose writers were killed; buckets show none.

        `list` shows none of them. One can be deleted once it is so old that nobody writes it any more.
        """
        ...

    def stat(self, path: str) -> Entry | None:
        """Return what is known about an object; None where there is none."""
        ...

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        """Return an object's bytes, or those from `start`, `length` of them at most."""
        ...

    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield small objects' paths and bytes, many at a time, in the order asked for."""
        ...

    def open(self, path: str) -> IO[bytes]:
        """Return a file that can seek, for readers of parquet; it asks for ranges as they are needed."""
        ...

    def put(self, path: str, data: bytes) -> None:
        """Write an object, whole or not at all; one of that name is replaced."""
        ...

    def create(self, path: str, data: bytes) -> bool:
        """Write an object where there is none, in one act; False where there is one already.

        Of several writers exactly one gets True. After `Transient` it may be there all the same: look at it.
        """
        ...

    def write(self, path: str) -> Writer:
        """Begin an object that is larger than memory should hold."""
        ...

    def copy(self, path: str, other: str) -> None:
        """Give an object's bytes a second name; one of that name is replaced."""
        ...

    def delete(self, path: str) -> None:
        """Remove an object; that there is none is no error."""
        ...


class Patience(NamedTuple):
    """How long a store waits for the other side, and how often it asks again, before it raises `Transient`."""

    connect: float = 10.0
    """Seconds until a connection stands."""
    silence: float = 30.0
    """Seconds without a byte of an answer."""
    whole: float = 300.0
    """Seconds for one request and its whole answer; a large object is read in ranges by `open`."""
    retries: int = 3
    """How often a request that may be sent twice is sent again; waits begin at 0.1 s and double, up to 5 s."""
    in_all: float = 120.0
    """Seconds after which no request is sent again."""


PATIENCE = Patience()
