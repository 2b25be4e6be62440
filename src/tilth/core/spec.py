"""Write an operator as plain JSON values and build it again, so that recipes, tables and bundles can carry it."""

from __future__ import annotations

import dataclasses
import inspect
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
    name = registry.name_of(kind)
    module = kind.__module__.rpartition(".")[2]
    spec: dict[str, Any] = {"part": name}
    if name != module and (not registry.code_digest(kind)):
        # A fold's fitted operator lives beside the fold: refine/standardise.py holds Standardise and Standardised.
        spec = {"part": module, "class": kind.__name__}
    return {**spec, "options": {field.name: _plain(getattr(operator, field.name)) for field in _options(kind)}}


def from_spec(room: str, spec: Mapping[str, Any]) -> Any:
    """Build the operator that a spec describes; only public dataclasses of the room's parts can be named."""
    kind = registry.find(room, str(spec["part"]))
    if "class" in spec:
        found = getattr(inspect.getmodule(kind), str(spec["class"]), None)
        if str(spec["class"]).startswith("_") or not dataclasses.is_dataclass(found) or not isinstance(found, type):
            raise ModelError(f'{spec["part"]} holds no operator "{spec["class"]}"')
        kind = found
    hints = typing.get_type_hints(kind)
    given = {name: _shaped(value, hints.get(name)) for name, value in dict(spec.get("options", {})).items()}
    return kind(**given)


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
    """Turn JSON lists into the tuples that frozen options hold."""
    if isinstance(value, list) and hint is not None:
        origin = typing.get_origin(hint)
        if origin in (typing.Union, types.UnionType):
            hint = next((part for part in typing.get_args(hint) if typing.get_origin(part) is tuple), None)
            origin = typing.get_origin(hint)
        if origin is tuple:
            inner = typing.get_args(hint)
            each = inner[0] if inner else None
            return tuple(_shaped(part, each) for part in value)
    return value
