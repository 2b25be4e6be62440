"""Say which paths name an object: steps joined by `/`, none of which leads out of the root."""

from __future__ import annotations

import os
import re

from tilth.core.errors import DataError

TEMPORARY = ".tmp-"
"""How the last step of an unfinished object's path begins, where a store has no other way; lists pass over these."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def checked(path: str) -> str:
    """Return a path that can be read. Raises `DataError` for one that leaves the root or names no object."""
    steps = path.split("/")
    if "\0" in path or any(step in ("", ".", "..") for step in steps):
        raise DataError(
            f"{path!r} names no object of a store",
            wanted='steps joined by "/", below the root: none empty, none "." or ".."',
        )
    return path


def checked_new(path: str) -> str:
    """Return a path that can be written in every store. Raises `DataError`."""
    if _CONTROL.search(path) or not encodable(path):
        raise DataError(f"{path!r} cannot be an object's name", wanted="Unicode text without control characters")
    if checked(path).rpartition("/")[2].startswith(TEMPORARY):
        raise DataError(f"{path!r} cannot be an object's name", wanted=f'no name that begins with "{TEMPORARY}"')
    return path


def checked_prefix(prefix: str) -> str:
    """Return what paths to list begin with; it may end in the middle of a step. Raises `DataError`."""
    if prefix:
        checked(prefix.removesuffix("/"))
    return prefix


def order(path: str) -> bytes:
    """Return the bytes by which paths are ordered."""
    return os.fsencode(path)


def encodable(path: str) -> bool:
    """Tell whether a path is Unicode text; a file's name on this machine may be any bytes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
