"""Check what an operator declares: options, help, round trips, an example."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import json
import types
import typing
from typing import Any

from tilth.core import registry
from tilth.core.spec import from_spec, spec_of
from tilth.testing._compared import pickled


def check_declaration(operator: Any, room: str = "tilth.refine") -> None:
    """Check what a recipe, a worker and a reader of the docs need: options, help, round trips, an example."""
    kind = type(operator)
    assert dataclasses.is_dataclass(kind), f"{kind.__name__} is not a dataclass"
    assert vars(kind)["__dataclass_params__"].frozen, f"{kind.__name__} is not frozen"
    for option in registry.options(kind):
        assert option.help, f"option {option.name} has no help: put a string under the field"
        assert option.required or _fits(option.default, option.type), (
            f"option {option.name}: the default has another type"
        )
    assert all(field.kw_only for field in dataclasses.fields(kind)), f"{kind.__name__} has positional fields"
    spec = json.loads(json.dumps(spec_of(operator), allow_nan=False))
    if spec["part"] in registry.names(room):
        assert from_spec(room, spec) == operator, "the options do not survive the recipe"
    assert pickled(operator) == operator, "the operator does not survive a pickle"
    said = inspect.getdoc(kind) or ""
    first = said.split(maxsplit=1)[0] if said else ""
    assert first.istitle() and first.isalpha() and not first.endswith("s") and first not in {"A", "An", "The"}, (
        f'the docstring begins with "{first}", not with a verb such as "Drop"'
    )
    assert ">>>" in said, "the docstring shows no example"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(said, dict(vars(inspect.getmodule(kind))), kind.__name__, None, None)
    assert not doctest.DocTestRunner(verbose=False, optionflags=flags).run(test).failed, "the docstring's example fails"


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a default has the type that its field declares."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(part, inner[0]) for part in value)
    if origin is not None:
        return isinstance(value, origin)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is hint or (hint is type(None) and value is None)
