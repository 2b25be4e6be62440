"""Keep objects as files of a folder on this machine: whole or not at all, and there after a power cut."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tilth.bytes.store import Entry
from tilth.bytes.stores._paths import TEMPORARY, checked, checked_new
from tilth.bytes.stores._walk import Listed, walk, walk_unfinished
from tilth.core.errors import Terminal, first_line

_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


@dataclass(frozen=True)
class LocalStore:
    """Objects are files below `root`, which need not be there before the first is written.

    Files reached through symbolic links are read and listed; linked folders are not listed. An object is written to
    `.tmp-…` beside its place, made durable (fsync of file and folder), then renamed or, by `create`, linked.
    """

    root: str

    @property
    def url(self) -> str:
        return self.root

    def list(self, prefix: str = "") -> Iterator[Entry]:
        with _errors(f"listing {prefix}", self.root):
            yield from walk(self._look, prefix)

    def unfinished(self, prefix: str = "") -> Iterator[Entry]:
        with _errors(f"listing {prefix}", self.root):
            yield from walk_unfinished(self._look, prefix)

    def stat(self, path: str) -> Entry | None:
        with _errors(f"looking at {path}", self.root):
            try:
                return _entry(path, self._file(path).stat()) if self._file(path).is_file() else None
            except _ABSENT:
                return None

    def read(self, path: str, start: int = 0, length: int | None = None) -> bytes:
        with self.open(path) as file, _errors(f"reading {path}", self.root):
            if start:
                file.seek(start)
            return file.read(-1 if length is None else length)

    def read_many(self, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, self.read(path)) for path in paths)

    def open(self, path: str) -> IO[bytes]:
        with _errors(f"opening {path}", self.root):
            try:
                return self._file(path).open("rb")
            except _ABSENT as error:
                raise _absent(path, self.root) from error

    def put(self, path: str, data: bytes) -> None:
        writer = self.write(path)
        try:
            writer.write(data)
            writer.close()
        except BaseException:
            writer.abandon()
            raise

    def create(self, path: str, data: bytes) -> bool:
        place = self._file(checked_new(path))
        with _errors(f"creating {path}", self.root):
            if place.exists():
                return False
            unfinished = _unfinished(place)
            try:
                _write(unfinished, data)
                os.link(unfinished, place)
            except FileExistsError:
                return False
            finally:
                unfinished.unlink(missing_ok=True)
            _settle(place.parent)
        return True

    def write(self, path: str) -> LocalWriter:
        place = self._file(checked_new(path))
        with _errors(f"writing {path}", self.root):
            return LocalWriter(place, path, self.root)

    def copy(self, path: str, other: str) -> None:
        source, place = self._file(path), self._file(checked_new(other))
        if not source.is_file():
            raise _absent(path, self.root)
        with _errors(f"copying {path} to {other}", self.root):
            unfinished = _unfinished(place)
            try:
                # No file is ever written in place, so two names may share one.
                os.link(source.resolve(), unfinished)
                unfinished.replace(place)
            except FileNotFoundError as error:
                raise _absent(path, self.root) from error
            finally:
                # The name is still there where both were links to one file already.
                unfinished.unlink(missing_ok=True)
            _settle(place.parent)

    def delete(self, path: str) -> None:
        place = self._file(path)
        with _errors(f"deleting {path}", self.root):
            try:
                if place.is_dir() and not place.is_symlink():
                    return
                place.unlink()
            except _ABSENT:
                return
            _settle(place.parent)

    def _file(self, path: str) -> Path:
        return Path(self.root, checked(path))

    def _look(self, folder: str) -> Listed:
        start = f"{folder}/" if folder else ""
        try:
            with os.scandir(Path(self.root, folder)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        yield entry.name, None
                    elif entry.is_file():
                        with contextlib.suppress(FileNotFoundError):
                            yield entry.name, _entry(start + entry.name, entry.stat())
        except FileNotFoundError:
            return
        except NotADirectoryError:
            if not folder:
                raise
            return


class LocalWriter:
    """A file that gets its name when it is closed."""

    def __init__(self, place: Path, path: str, root: str) -> None:
        self._place, self._path, self._root = place, path, root
        self._unfinished = _unfinished(place)
        self._file = self._unfinished.open("xb")

    def write(self, data: bytes) -> int:
        with _errors(f"writing {self._path}", self._root):
            return self._file.write(data)

    def close(self) -> None:
        if self._file.closed:
            return
        with _errors(f"writing {self._path}", self._root):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._unfinished.replace(self._place)
            _settle(self._place.parent)

    def abandon(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._unfinished.unlink(missing_ok=True)


def _entry(path: str, found: os.stat_result) -> Entry:
    # Every write makes another file: its number and its time to the nanosecond tell one content from another.
    return Entry(path, found.st_size, found.st_mtime, f"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}")


def _unfinished(place: Path) -> Path:
    _make(place.parent)
    return place.parent / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"


def _make(folder: Path) -> None:
    """Make a folder and those above it, each durable in the one above."""
    if folder.is_dir():
        return
    _make(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    _settle(folder.parent)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Make a folder's list of names outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _absent(path: str, root: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, "no such object", f"{root}/{path}")


@contextlib.contextmanager
def _errors(doing: str, root: str) -> Iterator[None]:
    """Turn the operating system's errors into `Terminal`; that a file is not there is none of them."""
    try:
        yield
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise Terminal(f"no right while {doing}", where=root, do="Give this user the right, and run again") from error
    except (NotADirectoryError, IsADirectoryError) as error:
        raise Terminal(
            f"a file stands where a folder is needed, or the other way round, while {doing}", where=root,
            do="Use another name, or move what is there",
        ) from error  # fmt: skip
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise Terminal(
            f"{'no space left' if full else 'storage failed'} while {doing}: {error.strerror or first_line(error)}",
            where=root,
            do="Free some space and run again" if full else "Mend it and run again",
        ) from error
