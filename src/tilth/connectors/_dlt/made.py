"""Import and call what a recipe names, and run dlt with our options."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tilth.connectors._rest.keep import digest
from tilth.core import secret
from tilth.core.errors import DataError, first_line, missing_extra

_QUIET = {
    "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL", "LOAD__DELETE_COMPLETED_JOBS": "true",
}  # fmt: skip
"""dlt's own options: nothing is reported to its makers, and what has landed is not kept a second time."""


@contextmanager
def quiet() -> Iterator[None]:
    """Let dlt run with our options; they stand in the environment, where it looks first."""
    before = {name: os.environ.get(name) for name in _QUIET}
    os.environ.update(_QUIET)
    try:
        try:
            import dlt  # noqa: F401 (named here, so that what is missing is said at once)
        except ModuleNotFoundError as error:
            raise missing_extra("dlt", "dlt", "a dlt source") from error
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def made(resource: str, args: Mapping[str, Any], where: str) -> Any:
    """Return the dlt resource or source that `file.py:function` or `module:function` makes. Raises `DataError`."""
    import dlt

    place, _, function = resource.rpartition(":")
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise DataError(f"{Path(place).name} does not import: {said(error)}", where=where) from error
    found = getattr(module, function, None)
    if found is None:
        raise DataError(f'{Path(place).name} holds no "{function}"', where=where)
    told = {
        name: secret.reveal(value, where="dlt_source.args") if isinstance(value, str) else value
        for name, value in args.items()
    }
    # A resource that was never called is called: one that ran keeps what it saw.
    bound = _is_made(found) and getattr(found, "args_bound", True)
    try:
        result = found(**told) if callable(found) and (told or not bound) else found
    except Exception as error:
        raise DataError(f"{function} fails: {said(error)}", where=where) from error
    return result if _is_made(result) else dlt.resource(result, name=function)


def said(error: BaseException) -> str:
    """Return what an error of a user's code says, without secrets."""
    return secret.hide(f"{type(error).__name__}: {first_line(error)[:200]}")


def _is_made(value: Any) -> bool:
    from dlt.extract import DltResource, DltSource

    return isinstance(value, (DltResource, DltSource))


def _from_file(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.name}")
    name = f"tilth_dlt_{path.stem}_{digest([str(path), path.read_text(encoding='utf-8')])}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(f"{path.name} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
