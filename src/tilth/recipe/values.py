"""Bring YAML's values to the types of options, strictly, and say types and values in words."""

from __future__ import annotations

import json
import types
import typing
from typing import Any

import pydantic


def coerce(value: Any, hint: Any) -> Any:
    """Return the value in the option's type, strictly: no text becomes a number. Raises `ValueError`.

    >>> coerce([1, 2], tuple[float, ...])
    (1.0, 2.0)
    """
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise ValueError("A number is too large.") from error
    try:
        # JSON mode: lists become tuples and whole numbers floats, yet "5" stays a text.
        return pydantic.TypeAdapter(hint).validate_json(text, strict=True)
    except pydantic.ValidationError as error:
        inner = [problem for problem in error.errors() if problem["loc"]]
        # A single value where a list is wanted is a common and harmless slip.
        several = [part for part in _alternatives(hint) if typing.get_origin(part) is tuple]
        if several and not isinstance(value, (list, dict)):
            return coerce([value], several[0])
        raise ValueError("; ".join(str(problem["msg"]) for problem in inner[:1])) from error
    except pydantic.PydanticUserError as error:
        raise ValueError("YAML has no values of this type.") from error


def wanted(hint: Any) -> str:
    """Say in words what an option takes.

    >>> wanted(int | None)
    'a whole number or nothing'
    """
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(str(value) for value in inside)
    if tuple in (hint, origin):
        return f"a list of {wanted(inside[0]).removeprefix('a ')} values" if inside else "a list"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(wanted(part) for part in inside)
    if origin is not None and issubclass(origin, typing.Mapping):
        return "a mapping"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "nothing"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def shown(value: Any) -> str:
    """Write a value for a message, cut short where it is long.

    >>> shown(["en", None])
    '["en", null]'
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _alternatives(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
