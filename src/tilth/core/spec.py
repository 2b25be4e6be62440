"""Write an operator as plain JSON values and build it again, so that recipes, tables and bundles can carry it."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import types
import typing
from collections.abc import Mapping
from typing import Any

from tilth.core import registry
from tilth.core.errors import ModelError


def spec_of(operator: Any) -> dict[str, Any]:
    """Return `{"part": file name, "class": only for a fitted operator, "options": {...}}`.

    >>> from tilth.core.shard import Shard
    >>> spec_of(Shard(id="a"))["options"]
    {'id': 'a', 'where': {}, 'bytes': 0, 'rows': None}
    """
    kind = type(operator)
    home = registry.home_of(kind)
    spec: dict[str, Any] = {"part": home}
    if home != registry.name_of(kind):
        # A fold's fitted operator lives beside the fold: refine/standardise.py holds Standardise and Standardised.
        spec["class"] = kind.__name__
    return {**spec, "options": {field.name: _plain(getattr(operator, field.name)) for field in _options(kind)}}


def from_spec(room: str, spec: Mapping[str, Any]) -> Any:
    """Build the operator that a spec describes; only public dataclasses of the room's parts can be named.

    Raises `RecipeError` when the room has no such part, `ModelError` when the spec does not fit the part.
    """
    part, options = spec.get("part"), spec.get("options", {})
    if not isinstance(part, str) or not isinstance(options, Mapping):
        raise ModelError("not an operator's spec", wanted="`part`, and `options` where it has some")
    kind = registry.find(room, part)
    if "class" in spec:
        name = str(spec["class"])
        found = getattr(inspect.getmodule(kind), name, None)
        own = isinstance(found, type) and dataclasses.is_dataclass(found) and found.__module__ == kind.__module__
        if name.startswith("_") or not own:
            raise ModelError(f'{part} holds no operator "{name}"')
        kind = typing.cast(type, found)
    fields = {field.name: field for field in _options(kind)}
    hints = typing.get_type_hints(kind)
    for name in options:
        if name not in fields:
            raise ModelError(f'{part} has no option "{name}"', wanted=f"one of {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in options and _required(field)]
    if missing:
        raise ModelError(f"{part}: options are missing", wanted=", ".join(missing))
    return kind(**{name: _shaped(value, hints.get(name)) for name, value in options.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _options(kind: type) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(kind) if field.init]


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(inner) for inner in value)
    return value


def _shaped(value: Any, hint: Any) -> Any:
    """Turn JSON lists into the tuples and frozen sets that options hold."""
    if not isinstance(value, (list, Mapping)) or hint is None:
        return value
    wanted: tuple[Any, ...] = (tuple, frozenset) if isinstance(value, list) else (dict, Mapping)
    hints = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    hint = next((part for part in hints if typing.get_origin(part) in wanted), None)
    inner = typing.get_args(hint)
    if hint is None or not inner:
        return value
    if isinstance(value, Mapping):
        return {name: _shaped(part, inner[1]) for name, part in value.items()}
    if typing.get_origin(hint) is frozenset:
        return frozenset(_shaped(part, inner[0]) for part in value)
    each = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
    return tuple(_shaped(part, kind) for part, kind in itertools.zip_longest(value, each[: len(value)]))
