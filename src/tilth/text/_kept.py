"""Keep files beside compiled code: tables that take time to build, and of all that, only what is used."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
KEPT = 3
"""How many versions' folders stay: this one, and two that another checkout or environment may use."""
IN_USE = 600.0
"""A folder that was used so many seconds ago, or less, stays too: a process may be compiling into it."""
_FOLDER = re.compile(r"kernel-[0-9a-f]{16}")
_BROKEN = (OSError, ValueError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, struct.error)
"""What NumPy and the zip reader raise over a file that is cut short, damaged or something else."""


def arrays(path: Path | None, build: Callable[[], Arrays], fits: Callable[[Arrays], bool]) -> Arrays:
    """Load arrays by name from a file (NumPy's npz); build and write them where it is missing, broken or does not fit.

    >>> arrays(None, lambda: {"one": np.ones(1)}, lambda found: "one" in found)
    {'one': array([1.])}
    """
    if path is None:
        return build()
    found = _load(path)
    if found is None or not fits(found):
        found = build()
        # What cannot be written is built again by the next process.
        with contextlib.suppress(OSError):
            _save(path, found)
    return found


def _load(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file:
            held = np.load(file, allow_pickle=False)
            return {name: held[name] for name in held.files} if isinstance(held, np.lib.npyio.NpzFile) else None
    except _BROKEN:
        return None


def _save(path: Path, found: Arrays) -> None:
    # Another process sees the whole file or none.
    with tempfile.TemporaryDirectory(dir=path.parent) as aside:
        whole = Path(aside) / path.name
        np.savez(whole, **found)  # type: ignore[arg-type]
        whole.replace(path)


def prune(base: Path) -> None:
    """Remove all versions' folders but those that were used last.

    A process whose folder goes compiles anew, no worse. A folder is renamed first, so that of two processes one
    removes it, and none finds it half empty.
    """
    with contextlib.suppress(OSError):
        folders = [each for each in base.iterdir() if _FOLDER.fullmatch(each.name) and _ours(each)]
        latest = time.time() - IN_USE
        for old in sorted(folders, key=_used, reverse=True)[KEPT:]:
            if _used(old) >= latest:
                continue
            with contextlib.suppress(OSError):
                old.rename(old.with_suffix(".gone"))
        for gone in base.glob("kernel-*.gone"):
            shutil.rmtree(gone, ignore_errors=True)


def _ours(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
