"""Compile functions with Numba, once a machine: compiled code is kept on disk and found by every later process.

It lives in the first of these folders that can be written: `__pycache__` beside this file; `tilth/kernel` in the user's
cache folder (`XDG_CACHE_HOME`, else `~/.cache`); `tilth-<user>` among temporary files, as for a Spark executor without
a home, where no other user can write; or in the one that `TILTH_KERNEL_CACHE` names, and no other. Where none can be,
each process compiles for itself, some seconds. Within it, a folder is named by a hash of this room's sources, so that
no process meets the code of another version; folders of versions that are no longer used are removed.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import importlib
import importlib.metadata
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tilth.text import _kept

Function = TypeVar("Function", bound=Callable[..., Any])
Array = Any
"""A NumPy array in compiled code; Numba infers which."""
Number = Any
"""A NumPy or Python number in compiled code; Numba infers its width."""
CACHE = "TILTH_KERNEL_CACHE"
"""The environment variable that names the folder for compiled code."""
_HERE = Path(__file__).parent
_lock = threading.Lock()


def inner(function: Function) -> Function:
    """Compile a function that only compiled functions call; it may not make an array."""
    return _inner(function)


def inlined(function: Function) -> Function:
    """Compile a function into each that calls it: where it does little, and often, the call would take longer."""
    return _inner(function, forceinline=True)


def _inner(function: Function, **more: Any) -> Function:
    import numba

    # Without what Python would need to call it, which takes time to compile, and without counting who holds an array:
    # those who call hold it.
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "_nrt": False, **more}
    compiled: Function = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return compiled


def entry(function: Function) -> Function:
    """Compile a function that Python calls, and keep it on disk where that is possible."""
    import numba

    folder = cache_folder()
    make: Any = numba.njit(nogil=True, error_model="numpy", cache=folder is not None)
    with _lock:
        # Numba takes the folder from its settings when it decorates; other people's functions keep their own.
        before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
        numba.config.CACHE_DIR = str(folder or before)  # type: ignore[attr-defined]
        try:
            compiled: Function = make(function)
            if folder is not None:
                _load_quickly(compiled, function)
        finally:
            numba.config.CACHE_DIR = before  # type: ignore[attr-defined]
    _compile_quickly(compiled)
    return compiled


def _compile_quickly(compiled: Any) -> None:
    """Let no garbage collector walk through all that Numba makes while it compiles: a seventh of the time."""
    compile_one = compiled.compile

    def compile_uncollected(signature: Any) -> Any:
        collected = gc.isenabled()
        gc.disable()
        try:
            return compile_one(signature)
        finally:
            if collected:
                gc.enable()

    compiled.compile = compile_uncollected


def _load_quickly(compiled: Any, function: Callable[..., Any]) -> None:
    """Spare a process that only loads compiled code what Numba prepares for compiling (a second; it imports SciPy).

    Where this Numba is built otherwise than those that are known (0.61 to 0.68), it loads as it does by itself.
    """
    try:
        plain: Any = importlib.import_module("numba.core.caching").FunctionCache
        runtime: Any = importlib.import_module("numba.core.runtime").rtsys
    except (ImportError, AttributeError):
        return
    known = all(hasattr(plain, step) for step in ("_load_overload", "_guard_against_spurious_io_errors"))
    if not known or type(getattr(compiled, "_cache", None)) is not plain:
        return

    class Cache(plain):  # type: ignore[misc]
        def load_overload(self, sig: Any, target_context: Any) -> Any:
            # Compiled code asks for memory and gives it back through this; where nothing is found, Numba prepares all.
            runtime.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)

    compiled._cache = Cache(function)


@functools.cache
def available() -> bool:
    """Tell whether Numba is installed and not switched off (`NUMBA_DISABLE_JIT`)."""
    try:
        import numba
    except ImportError:
        return False
    return not numba.config.DISABLE_JIT  # type: ignore[attr-defined]


def cache_folder() -> Path | None:
    """Return where compiled code is kept, or None where nothing can be written."""
    return next((folder for folder in map(_inside, _candidates()) if folder is not None), None)


def _candidates() -> Iterator[Path]:
    named = os.environ.get(CACHE)
    if named:
        yield Path(named)
        return
    yield _HERE / "__pycache__"
    # A Spark executor may be a user without a home.
    with contextlib.suppress(RuntimeError):
        yield Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tilth" / "kernel"
    if (own := _own_temporary(Path(tempfile.gettempdir()))) is not None:
        yield own


def _own_temporary(folder: Path) -> Path | None:
    """Return a folder of this user's among temporary files; None where another user could put code there."""
    if not hasattr(os, "getuid"):
        return None
    own = folder / f"tilth-{os.getuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            own.mkdir(mode=0o700)
        held, around = own.lstat(), folder.stat()
    except OSError:
        return None
    shared = around.st_mode & 0o022 and not around.st_mode & stat.S_ISVTX
    mine = stat.S_ISDIR(held.st_mode) and held.st_uid == os.getuid() and not held.st_mode & 0o077
    return own if mine and not shared else None


def _inside(base: Path) -> Path | None:
    folder = base / f"kernel-{_version()}"
    try:
        new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Numba's cache holds code: a folder that belongs to another user is not to be trusted.
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            return None
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except (OSError, RuntimeError):
        return None
    if new:
        _kept.prune(base)
    return folder


@functools.cache
def _version() -> str:
    said = hashlib.blake2b(_numba().encode(), digest_size=8)
    for source in sorted(_HERE.glob("*.py")):
        said.update(source.read_bytes())
    return said.hexdigest()


def _numba() -> str:
    try:
        return importlib.metadata.version("numba")
    except importlib.metadata.PackageNotFoundError:
        return "none"
