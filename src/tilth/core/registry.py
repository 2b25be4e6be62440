"""Find a part by the name of its file: no list is edited to add one.

A room is a package, such as `tilth.refine`. A part is the one public class of a module in it whose file name is the
part's name in snake case: `refine/too_short.py` holds `TooShort`. Users' own parts (`code: my_ops.py`) and plug-ins'
entry points (group `tilth.rooms`: `room.name = package.module`) come by the same door.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import itertools
import pkgutil
import re
import sys
import textwrap
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.core.errors import RecipeError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option of a part: a field of its dataclass."""

    name: str
    type: Any
    default: Any
    """`dataclasses.MISSING` when the option must be given."""
    help: str

    @property
    def required(self) -> bool:
        """Tell whether a recipe must give it."""
        return self.default is dataclasses.MISSING


_own: dict[tuple[str, str], type] = {}
_own_sources: dict[str, str] = {}


def names(room: str) -> list[str]:
    """List the parts of a room, built-in and the user's own.

    >>> "errors" in names("tilth.core")
    True
    """
    package = importlib.import_module(room)
    built_in = {module.name for module in pkgutil.iter_modules(package.__path__) if not module.name.startswith("_")}
    return sorted(built_in | {name for where, name in _own if where == room} | set(_plugged(room)))


def find(room: str, name: str, *, where: str | None = None) -> type:
    """Return the class that a name stands for, or raise `RecipeError` with the likely typo."""
    if (room, name) in _own:
        return _own[room, name]
    plugged = _plugged(room)
    if name in plugged:
        try:
            module = importlib.import_module(plugged[name])
        except Exception as error:
            said = f"the plug-in {name} does not import: {type(error).__name__}: {error}"
            raise RecipeError(said, where=where, do="Mend it or uninstall it.") from error
        return _the_class(module, name)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name not in names(room):
        known = names(room)
        raise RecipeError(
            f'no {room.rpartition(".")[2]} part called "{name}"',
            where=where,
            wanted=f"one of {', '.join(known)}",
            do=did_you_mean(name, known),
        )
    return _the_class(importlib.import_module(f"{room}.{name}"), name)


def options(part: type) -> list[Option]:
    """List a part's options; the help text is the string under each field.

    >>> from tilth.core.shard import Shard
    >>> [option.name for option in options(Shard)]
    ['id', 'where', 'bytes', 'rows']
    """
    hints = _hints(part)
    helps = _field_helps(part)
    return [
        Option(name=field.name, type=hints[field.name], default=_default(field), help=helps.get(field.name, ""))
        for field in dataclasses.fields(part)
        if field.init
    ]


def name_of(part: type | object) -> str:
    """Return the recipe name of a class or an operator: its module's file name, or its own in snake case."""
    kind = part if isinstance(part, type) else type(part)
    for (_, name), own in _own.items():
        if own is kind:
            return name
    stem = kind.__module__.rpartition(".")[2]
    return stem if _snake(kind.__name__) == stem else _snake(kind.__name__)


def home_of(kind: type) -> str:
    """Return the part in whose file a class stands: itself, or for a fitted operator its fold."""
    name = name_of(kind)
    if code_digest(kind):
        return name
    # A plug-in's entry point may have another name than its file.
    homes = [part for _, part, module in _entries() if module == kind.__module__]
    return name if name in homes else homes[0] if homes else kind.__module__.rpartition(".")[2]


def load_code(path: Path, room: str) -> list[str]:
    """Load a user's own operators from a Python file; every public dataclass in it becomes a part of the room.

    Returns the names. Raises `RecipeError` when the file is missing or does not import.
    """
    if not path.is_file():
        raise RecipeError(f"no file {path}", where="code", wanted="a Python file with operators")
    try:
        source = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path} is not UTF-8 at byte {error.start}", where="code") from error
    digest = hashlib.blake2b(source.encode(), digest_size=8).hexdigest()
    module_name = f"tilth_code_{path.stem}_{digest}"
    module = sys.modules.get(module_name)
    if module is None:
        spec = importlib.util.spec_from_file_location(module_name, path)
        if spec is None or spec.loader is None:
            raise RecipeError(f"{path} is not a Python file", where="code")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[module_name]
            raise RecipeError(f"{path} does not import: {type(error).__name__}: {error}", where="code") from error
    found = []
    for kind in _public_classes(module):
        if dataclasses.is_dataclass(kind):
            _own[room, _snake(kind.__name__)] = kind
            _own_sources[kind.__module__] = digest
            found.append(_snake(kind.__name__))
    if not found:
        raise RecipeError(f"{path} holds no operator", where="code", wanted="a public frozen dataclass")
    return found


def code_digest(part: type) -> str:
    """Return the hash of the user's file that a part comes from, or "" for a built-in."""
    return _own_sources.get(part.__module__, "")


def own_parts() -> Mapping[tuple[str, str], type]:
    """Return the parts loaded from users' files."""
    return types.MappingProxyType(_own)


@functools.cache
def _plugged(room: str) -> dict[str, str]:
    short = room.rpartition(".")[2]
    return {name: module for where, name, module in _entries() if where == short}


@functools.cache
def _entries() -> tuple[tuple[str, str, str], ...]:
    """List plug-ins as (room, name, module)."""
    found = []
    for entry in importlib.metadata.entry_points(group="tilth.rooms"):
        where, _, name = entry.name.partition(".")
        if name:
            found.append((where, name, entry.module))
    return tuple(found)


def _the_class(module: types.ModuleType, name: str) -> type:
    wanted = [kind for kind in _public_classes(module) if _snake(kind.__name__) == name]
    if not wanted:
        raise RecipeError(f"{module.__name__} holds no class named like its file", wanted=_camel(name))
    return wanted[0]


def _public_classes(module: types.ModuleType) -> Iterator[type]:
    for name, kind in vars(module).items():
        if inspect.isclass(kind) and kind.__module__ == module.__name__ and not name.startswith("_"):
            yield kind


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return dataclasses.MISSING


def _hints(part: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(part)
    except (NameError, TypeError, AttributeError) as error:
        said = f"the type of an option of {name_of(part)} cannot be read: {error}"
        raise RecipeError(said, wanted="types that can be looked up when the file is imported") from error


@functools.cache
def _field_helps(part: type) -> dict[str, str]:
    helps: dict[str, str] = {}
    for kind in reversed(part.__mro__):
        if not dataclasses.is_dataclass(kind):
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
        except (OSError, SyntaxError):
            continue
        body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
        for field, text in itertools.pairwise(body):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                helps[field.target.id] = inspect.cleandoc(text.value.value)
    return helps
