"""Touch storage: every file that a table or a project writes, lists or removes goes through here. Local folders."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tilth.core.errors import DataError, Terminal, first_line

TEMPORARY = ".tmp-"
"""How the name of an unfinished file begins; Delta and parquet readers pass over names with a dot."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def local(root: str) -> Path:
    """Return the folder that a path or a `file:` URL names.

    >>> local("file:///a%20b").as_posix()
    '/a b'
    """
    parts = urlsplit(root)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if "://" in root:
        raise DataError(f"{parts.scheme}: folders are not supported", wanted="a folder on this machine")
    return Path(root)


def safe_name(name: str, what: str) -> str:
    """Return the name if it can be one file or folder, or raise `DataError`."""
    if not _NAME.fullmatch(name):
        raise DataError(
            f'"{name}" cannot be the name of {what}',
            wanted="up to 128 letters, digits, dots, dashes and underscores, a letter or digit first",
        )
    return name


def temporary(folder: Path) -> Path:
    """Return the path of a file to write before it gets its name."""
    return folder / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"


def publish(unfinished: Path, name: str) -> None:
    """Give a finished file its name in one act; a file that has it already is replaced."""
    unfinished.replace(unfinished.with_name(name))


def claim(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Create a file with its content in one act; False when another made it first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = temporary(path.parent)
    try:
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink(missing_ok=True)
    settle(path.parent)
    return True


def alias(folder: Path, name: str, other: str) -> None:
    """Give a file a second name."""
    with contextlib.suppress(FileExistsError):
        os.link(folder / name, folder / other)


def settle(path: Path) -> None:
    """Make a file's content, or a folder's list of names, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def storage_errors(doing: str, where: str) -> Iterator[None]:
    """Turn the operating system's errors into one `Terminal` that says what to do."""
    try:
        yield
    except OSError as error:
        raise broken(doing, where, error) from error


def broken(doing: str, where: str, error: Exception) -> Terminal:
    """Return the error for storage that did not do what was asked."""
    said = (error.strerror if isinstance(error, OSError) else None) or first_line(error)
    if "No space left on device" in str(error):
        return Terminal(
            f"no space left while {doing}",
            where=where,
            do="Free some space and run again: what is committed is whole, and finished parts are kept",
        )
    return Terminal(f"storage failed while {doing}: {said}", where=where, do="Mend it and run again")
