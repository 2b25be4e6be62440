"""Turn frozen dataclasses into JSON values and back, passing over keys that are not known."""

from __future__ import annotations

import dataclasses
import math
import numbers
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from tilth.core.errors import DataError

Part = TypeVar("Part")


def fields(record: Any) -> dict[str, Any]:
    """Return a dataclass's fields as JSON values; a number that is not finite becomes None."""
    return {part.name: _value(getattr(record, part.name)) for part in dataclasses.fields(record)}


def build(kind: type[Part], value: Any, where: str) -> Part:
    """Build a dataclass from what `fields` gave; `where` is for messages.

    Raises `DataError` when a key that must be there is missing, or a value has the wrong shape.
    """
    if not isinstance(value, Mapping):
        raise DataError(f"found a {type(value).__name__}", where=where, wanted="a mapping")
    hints = typing.get_type_hints(kind)
    given = {}
    for part in dataclasses.fields(typing.cast(Any, kind)):
        if part.name in value:
            given[part.name] = _shaped(hints[part.name], value[part.name], f"{where}.{part.name}")
        elif part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING:
            raise DataError(f'no "{part.name}"', where=where, do="The file may be cut short: run again to write it.")
    return kind(**given)


def _value(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return fields(value)
    if isinstance(value, Mapping):
        return {str(name): _value(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(inner) for inner in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    raise DataError(f"a summary holds a {type(value).__name__}", wanted="JSON values: text, numbers, lists, mappings")


def _shaped(hint: Any, value: Any, where: str) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        if value is None:
            return None
        hint = next(part for part in typing.get_args(hint) if part is not types.NoneType)
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, (list, tuple)):
            raise DataError(f"found a {type(value).__name__}", where=where, wanted="a list")
        each = typing.get_args(hint)[0]
        return tuple(_shaped(each, inner, f"{where}[{at}]") for at, inner in enumerate(value))
    allowed: tuple[type, ...] = {str: (str,), int: (int,), float: (int, float)}.get(hint, (object,))
    if not isinstance(value, allowed):
        raise DataError(f"found a {type(value).__name__}", where=where, wanted=f"a {hint.__name__}")
    if typing.get_origin(hint) is Mapping and not isinstance(value, Mapping):
        raise DataError(f"found a {type(value).__name__}", where=where, wanted="a mapping")
    return value
