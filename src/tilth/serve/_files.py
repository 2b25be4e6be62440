"""Know every file of a bundle: list them without following links, hash them, check them, make them last."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tilth.core.errors import ModelError

PICKLES = frozenset({".bin", ".ckpt", ".dill", ".joblib", ".pickle", ".pkl", ".pt", ".pth"})
"""Endings of files that a loader may unpickle, which runs whatever code the file says."""


def listing(folder: Path) -> dict[str, Path]:
    """Return every file below a folder by its relative POSIX path, sorted; refuse links, devices and pickles."""
    found: dict[str, Path] = {}
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as scan:
            entries = list(scan)
        for entry in entries:
            path = Path(entry.path)
            name = path.relative_to(folder).as_posix()
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif not stat.S_ISREG(mode):
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a regular file"
                raise ModelError(f"{name} is {kind}", where=str(folder), wanted="plain files inside the bundle only")
            else:
                refuse_pickle(name, folder)
                found[name] = path
    return dict(sorted(found.items()))


def refuse_pickle(name: str, folder: Path) -> None:
    """Raise `ModelError` when a file's ending says that loading it may run code."""
    if PurePosixPath(name).suffix.lower() in PICKLES:
        raise ModelError(
            f"{name} may hold a pickle, which runs code when it is loaded",
            where=str(folder),
            wanted="weights as safetensors, everything else as JSON or text",
        )


def entry_of(path: Path) -> dict[str, Any]:
    """Return what `bundle.json` says of a file: its size, and the BLAKE2b-128 of its bytes in hex."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        return {"bytes": os.fstat(stream.fileno()).st_size, "blake2b": digest}


def check(folder: Path, files: Mapping[str, Any]) -> None:
    """Compare a bundle's files with what `bundle.json` says of them; sizes first, as that is cheap.

    Raises `ModelError` for a file that is missing, cut short, too long, changed, unlisted or outside the bundle.
    """
    for name, said in files.items():
        if not _inside(name):
            raise ModelError(f'bundle.json names the file "{name}"', where=str(folder), wanted="a path inside model/")
        if not isinstance(said, Mapping) or not _is_size(said.get("bytes")) or not isinstance(said.get("blake2b"), str):
            raise ModelError(f"bundle.json does not say how long {name} is and what it hashes to", where=str(folder))
    present = listing(folder)
    for name, said in files.items():
        if name not in present:
            raise ModelError(f"{name} is missing", where=str(folder), wanted=f"{said['bytes']} bytes", do=_AGAIN)
        held = present[name].stat().st_size
        if held != said["bytes"]:
            what = "is cut short" if held < said["bytes"] else "is too long"
            raise ModelError(
                f"{name} {what}: {held} bytes found", where=str(folder), wanted=f"{said['bytes']} bytes", do=_AGAIN
            )
    for name in present:
        if name.startswith("model/") and name not in files:
            raise ModelError(
                f"{name} is not listed in bundle.json", where=str(folder), wanted="only the files it was written with"
            )
    for name, said in files.items():
        digest = entry_of(present[name])["blake2b"]
        if digest != said["blake2b"]:
            raise ModelError(
                f"{name} was changed: its BLAKE2b-128 is {digest}",
                where=str(folder),
                wanted=str(said["blake2b"])[:64],
                do=_AGAIN,
            )


def settle(folder: Path) -> None:
    """Force a folder's files and names to the disk, so that a rename after it never shows half of them."""
    for root, _, names in os.walk(folder):
        for name in names:
            _sync(Path(root, name))
        sync_folder(Path(root))


def sync_folder(folder: Path) -> None:
    """Force a folder's list of names to the disk, where the system knows how."""
    if os.name == "posix":
        _sync(folder)


def _sync(path: Path) -> None:
    # Windows flushes a handle only when it may write through it.
    handle = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _inside(name: str) -> bool:
    path = PurePosixPath(name)
    plain = not ("\\" in name or "\0" in name or ":" in name) and path.as_posix() == name and ".." not in path.parts
    return plain and len(path.parts) > 1 and path.parts[0] == "model"


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_AGAIN = "Copy the bundle again from where it was written, or train again."
