"""Know where a table lies: in a folder of this machine, or in a bucket or HDFS through `tilth.bytes.store`."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from tilth.bytes.opening import open_store
from tilth.bytes.store import PATIENCE, Store
from tilth.core.errors import DataError
from tilth.core.secret import learn, shown_url
from tilth.tables import _delta_errors, _folder

_FEW = 32
"""Up to so many parts are looked at one by one; more are found by one list."""
_IN_MEMORY = 32 << 20
"""Bytes of a part that wait in memory for its name; more wait in a file without a name on this machine."""
_PIECE = 8 << 20
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_BEARER_TOKEN")


class Seen(NamedTuple):
    """A part as it lies there."""

    bytes: int
    modified: float


class Draft(Protocol):
    """A part that has no name yet."""

    raw: IO[bytes]

    def publish(self, name: str) -> None:
        """Give it its name in one act, whole and to stay."""
        ...

    def abandon(self) -> None:
        """Leave nothing behind; raises `OSError` at most."""
        ...


class Home(Protocol):
    """Where a table's parts and log lie."""

    @property
    def uri(self) -> str:
        """How delta-rs is told."""
        ...

    @property
    def options(self) -> dict[str, str] | None:
        """What delta-rs is told beside."""
        ...

    @property
    def store(self) -> Store: ...

    def begin(self) -> Draft: ...

    def errors(self, doing: str, where: str) -> contextlib.AbstractContextManager[None]:
        """Turn what the operating system and delta-rs raise into errors that say what to do."""
        ...

    def failed(self, doing: str, where: str, error: Exception) -> Exception:
        """Return the error for storage that did not do what was asked."""
        ...

    def seen(self, names: Collection[str]) -> dict[str, Seen]:
        """Look at parts; those that are not there are left out."""
        ...

    def parquet(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """Open a part as pyarrow's `ParquetFile`. Raises `FileNotFoundError`."""
        ...

    def read(self, path: str) -> bytes:
        """Return a small object, such as an entry of the log. Raises `FileNotFoundError`."""
        ...

    def alias(self, name: str, other: str) -> None:
        """Give a part a second name."""
        ...

    def make(self) -> None:
        """Be there."""
        ...

    def settle(self, entry: str) -> None:
        """Make a commit outlive a power cut."""
        ...


def home_of(root: str) -> Home:
    """Return where a table lies; opens nothing. Raises `DataError` for a URL that names no store."""
    if "://" not in root or root.startswith("file:"):
        return OnDisk(_folder.local(root))
    open_store(root)
    if "%" in root:
        raise DataError(f'{shown_url(root)}: a table\'s URL holds no "%"', do="Write the path as it is, unescaped")
    escaped = re.search(r"[^\x21-\x7e]|[\"<>`{}|^\\]", root) if root.startswith("hdfs:") else None
    if escaped:
        # delta-rs 1.6 would write the log to another folder, named with %20 and the like, and not find it there.
        raise DataError(
            f'{shown_url(root)}: delta-rs cannot keep a table on HDFS in a folder with "{escaped[0]}" in its name',
            wanted="letters without accents, digits, dots, dashes and underscores",
        )
    return InStore(root.rstrip("/"))


def name_of(root: str) -> str:
    """Return the last step of a path or URL.

    >>> name_of("s3://bucket/datasets/support/"), name_of("/data/tickets")
    ('support', 'tickets')
    """
    return unquote(urlsplit(root).path.rstrip("/").rpartition("/")[2]) if "://" in root else Path(root).name


@dataclass(frozen=True)
class OnDisk:
    """A folder of this machine."""

    folder: Path
    options = None

    @property
    def uri(self) -> str:
        return str(self.folder)

    @property
    def store(self) -> Store:
        return open_store(str(self.folder))

    def begin(self) -> Draft:
        return _FileDraft(self.folder)

    def errors(self, doing: str, where: str) -> contextlib.AbstractContextManager[None]:
        return _folder.storage_errors(doing, where)

    def failed(self, doing: str, where: str, error: Exception) -> Exception:
        return _folder.broken(doing, where, error)

    def seen(self, names: Collection[str]) -> dict[str, Seen]:
        found = {}
        for name in names:
            path = self.folder / name
            if path.is_file():
                status = path.stat()
                found[name] = Seen(status.st_size, status.st_mtime)
        return found

    def parquet(self, name: str) -> contextlib.AbstractContextManager[Any]:
        from pyarrow.parquet import ParquetFile

        file: contextlib.AbstractContextManager[Any] = ParquetFile(self.folder / name)
        return file

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def alias(self, name: str, other: str) -> None:
        _folder.alias(self.folder, name, other)

    def make(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        _folder.settle(self.folder)

    def settle(self, entry: str) -> None:
        _folder.settle(self.folder / entry)
        _folder.settle((self.folder / entry).parent)


class _FileDraft:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = _folder.temporary(folder)
        self.raw: IO[bytes] = self._path.open("xb")

    def publish(self, name: str) -> None:
        self.raw.flush()
        os.fsync(self.raw.fileno())
        self.raw.close()
        _folder.publish(self._path, name)

    def abandon(self) -> None:
        # After a failure these fail once more, on a full disk for one; the first error is the one to tell.
        with contextlib.suppress(OSError):
            self.raw.close()
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True)
class InStore:
    """A prefix of a bucket, or a folder of HDFS."""

    root: str

    @property
    def uri(self) -> str:
        return self.root

    @property
    def options(self) -> dict[str, str]:
        """What delta-rs cannot guess: that S3 puts on a condition, and the variables it does not read by itself.

        Made anew each time: they hold keys, and this object travels to workers.
        """
        learn(*map(os.environ.get, _SECRETS))
        scheme = urlsplit(self.root).scheme
        if scheme == "hdfs":
            return {}
        waits = {
            "timeout": f"{PATIENCE.silence}s",
            "connect_timeout": f"{PATIENCE.connect}s",
            "max_retries": f"{PATIENCE.retries}",
            "retry_timeout": f"{PATIENCE.in_all}s",
        }
        if scheme == "gs":
            return waits | {name.lower(): value for name, value in os.environ.items() if name.startswith("GOOGLE_")}
        return waits | {"aws_conditional_put": "etag"}

    @cached_property
    def store(self) -> Store:
        return open_store(self.root, patience=PATIENCE)

    def __reduce__(self) -> tuple[type[InStore], tuple[str]]:
        return InStore, (self.root,)

    def begin(self) -> Draft:
        return _StoreDraft(self.store)

    @contextlib.contextmanager
    def errors(self, doing: str, where: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise self.failed(doing, where, error) from error

    def failed(self, doing: str, where: str, error: Exception) -> Exception:
        return _delta_errors.plain(doing, where, error)

    def seen(self, names: Collection[str]) -> dict[str, Seen]:
        if len(names) <= _FEW:
            entries = [entry for entry in map(self.store.stat, names) if entry]
        else:
            prefix = "part-" if all(name.startswith("part-") for name in names) else ""
            entries = [entry for entry in self.store.list(prefix) if entry.path in names]
        return {entry.path: Seen(entry.size, entry.modified) for entry in entries}

    @contextlib.contextmanager
    def parquet(self, name: str) -> Iterator[Any]:
        from pyarrow.parquet import ParquetFile

        # The columns of a row group are asked for together: each range is a request.
        with self.store.open(name) as raw, ParquetFile(raw, pre_buffer=True) as file:
            yield file

    def read(self, path: str) -> bytes:
        return self.store.read(path)

    def alias(self, name: str, other: str) -> None:
        self.store.copy(name, other)

    def make(self) -> None:
        return

    def settle(self, entry: str) -> None:
        return


class _StoreDraft:
    """A part that waits on this machine until its digest, and so its name, is known.

    Nothing unfinished ever stands in the store, no byte is copied there, and a writer that is killed leaves nothing:
    the file has no name here either.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.raw: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (closed by its two ends)

    def publish(self, name: str) -> None:
        size = self.raw.tell()
        self.raw.seek(0)
        with self.raw:
            if size <= _IN_MEMORY:
                self._store.put(name, self.raw.read())
                return
            writer = self._store.write(name)
            try:
                while piece := self.raw.read(_PIECE):
                    writer.write(piece)
                writer.close()
            except BaseException:
                writer.abandon()
                raise

    def abandon(self) -> None:
        self.raw.close()
