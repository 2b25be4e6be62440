"""Unpack an archive: no path leads out of the folder, no link is made, and it ends before it fills the disk."""

from __future__ import annotations

import bz2
import contextlib
import fnmatch
import gzip
import lzma
import os
import re
import stat
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from tilth.core.errors import DataError

_STEP = 1 << 20
_FREE = 1 << 30
"""Bytes to which anything may unpack."""
_RATIO = 200
"""And beyond, to so many times the archive's size: archives of text reach 20, deflate 1,032."""
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, NotImplementedError,
           RuntimeError, ValueError)  # fmt: skip


_TARS = re.compile(r"\.(?:tar(?:\.\w{2,3})?|tgz|tbz2?|txz)$")
"""Names of tar archives: one that is broken is not taken for a text."""


class Member(NamedTuple):
    """One file in an archive."""

    name: str
    open: IO[bytes]


@dataclass(kw_only=True)
class Unpacked:
    """What came out."""

    files: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)


def kind_of(path: Path) -> str | None:
    """Return zip, tar or xz by the first bytes; None for a file that can be read as it is (gzip and bzip2 too)."""
    with path.open("rb") as file:
        head = file.read(6)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        # A workbook or a document is a zip archive too; what is asked for decides.
        return "zip"
    opener: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
    chosen = next((open_ for magic, open_ in opener.items() if head.startswith(magic)), None)
    try:
        with chosen(path) if chosen else path.open("rb") as file:
            block = file.read(512)
    except _BROKEN:
        block = b""
    if block[257:262] == b"ustar" or _TARS.search(path.name.lower()):
        return "tar"
    return "xz" if head.startswith(b"\xfd7zXZ") else None


def unpack(path: Path, target: Path, *, kind: str, member: str | None, max_files: int, max_bytes: int) -> Unpacked:
    """Unpack the files that fit the glob `member` into `target`, which is empty.

    Raises `DataError` for names that lead out of it, for what is broken or encrypted, and past the limits.
    """
    most = min(max_bytes, max(_FREE, _RATIO * path.stat().st_size))
    done = Unpacked()
    taken: set[str] = set()
    try:
        with contextlib.closing(_members(path, kind, done)) as members:
            for found in members:
                name = safe_name(found.name, path.name)
                if member is not None and not fits(name, member):
                    continue
                folded = unicodedata.normalize("NFC", name).casefold()
                if folded in taken:
                    raise DataError(f'two files are called "{name}"', where=path.name, wanted="names that differ")
                taken.add(folded)
                done.files += 1
                if done.files > max_files:
                    raise DataError(
                        f"more than {max_files} files", where=path.name, do="Raise max_files, or name member."
                    )
                _write(found.open, target / name, done, most, path.name)
    except DataError:
        raise
    except _BROKEN as error:
        raise DataError(f"the archive is broken ({type(error).__name__})", where=path.name) from error
    if not done.files:
        raise DataError(
            f'no file fits "{member}"' if member else "the archive holds no file",
            where=path.name,
            wanted="at least one file",
        )
    return done


def safe_name(name: str, archive: str) -> str:
    """Return a member's name as a relative path. Raises `DataError` for one that leads elsewhere.

    >>> safe_name("./a//b.csv", "x.zip")
    'a/b.csv'
    """
    steps = [step for step in name.split("/") if step not in ("", ".")]
    odd = any(step == ".." or len(step.encode("utf-8", "surrogatepass")) > 255 for step in steps)
    if not steps or odd or name.startswith("/") or any(mark in name for mark in "\0\\\n\r") or ":" in steps[0]:
        shown = name[:80].encode("ascii", "backslashreplace").decode()
        raise DataError(f'a file called "{shown}" leads out of the archive', where=archive, do="Do not trust it.")
    return "/".join(steps)


def fits(name: str, pattern: str) -> bool:
    """Tell whether a path fits a glob; one without `/` fits the last step.

    >>> fits("a/b.csv", "*.csv"), fits("a/b.csv", "a/*"), fits("a/b.csv", "c/*")
    (True, True, False)
    """
    return fnmatch.fnmatchcase(name if "/" in pattern else name.rpartition("/")[2], pattern)


def _members(path: Path, kind: str, done: Unpacked) -> Generator[Member]:
    if kind == "zip":
        yield from _of_zip(path, done)
    elif kind == "tar":
        yield from _of_tar(path, done)
    else:
        with lzma.open(path, "rb") as stream:
            yield Member(path.name.removesuffix(".xz"), stream)


def _of_zip(path: Path, done: Unpacked) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            kind = info.external_attr >> 16
            if kind and stat.S_IFMT(kind) not in (0, stat.S_IFREG):
                done.notes.append(f"{info.filename}: a link or device, left out")
                continue
            if info.flag_bits & 0x1:
                raise DataError(
                    f'"{info.filename}" is encrypted', where=path.name, wanted="an archive without a password"
                )
            with archive.open(info) as stream:
                yield Member(info.filename, stream)


def _of_tar(path: Path, done: Unpacked) -> Iterator[Member]:
    with tarfile.open(path, "r:*") as archive:
        for info in archive:
            if info.isdir():
                continue
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is None:
                done.notes.append(f"{info.name}: a link or device, left out")
                continue
            with stream:
                yield Member(info.name, stream)
        # An archive ends with blocks of zeros; `tarfile` takes one that is cut between two files for whole.
        archive.fileobj.seek(archive.offset)
        if archive.fileobj.read(512) != bytes(512):
            raise DataError("the archive is cut short", where=path.name)


def _write(stream: IO[bytes], path: Path, done: Unpacked, most: int, archive: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        while block := stream.read(_STEP):
            done.bytes += len(block)
            if done.bytes > most:
                raise DataError(
                    f"it unpacks to more than {most} bytes", where=archive, do="Raise max_bytes if you trust it."
                )
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    # The same bytes, the same time: `files` knows a file again by its time, among others.
    os.utime(path, (0, 0))
