"""Draw random rows and random operators with valid options, by a seed: what property tests run recipes of."""

from __future__ import annotations

import dataclasses
import importlib
import json
import random
import types
import typing
from typing import Any

import pyarrow as pa

from tilth.core import registry
from tilth.core.batch import ID, Batch
from tilth.testing.rows import _ODD_NUMBERS, ODD_TEXTS, example_batch

ROOM = "tilth.refine"


def examples(room: str = ROOM) -> list[Any]:
    """Return what each operator's module names in EXAMPLES, or the operator with its defaults.

    >>> {"length", "near_duplicates"} <= {registry.name_of(one) for one in examples()}
    True
    """
    found: list[Any] = []
    for name in registry.names(room):
        kind = registry.find(room, name)
        module = importlib.import_module(kind.__module__)
        found += getattr(module, "EXAMPLES", ()) or (kind(),)
    return found


def varied(operator: Any, chance: random.Random) -> Any:
    """Return the operator with some options drawn anew; where its class refuses them, the operator as it is."""
    new = {}
    for option in registry.options(type(operator)):
        if chance.random() < 0.5:
            new[option.name] = _other(getattr(operator, option.name), option.type, chance)
    try:
        other = dataclasses.replace(operator, **new)
        json.dumps(dataclasses.asdict(other), allow_nan=False)
    except Exception:  # noqa: BLE001  # an operator refuses options by any error; a recipe check would say which
        return operator
    return other


def draw_rows(chance: random.Random, count: int) -> Batch:
    """Return rows with the columns of `example_batch()`: ordinary cells, nulls, odd ones, and cells that stand twice.

    >>> draw_rows(random.Random(0), 5).num_rows
    5
    """
    ordinary = example_batch()
    columns = {
        field.name: pa.array([_cell(field, ordinary, chance) for _ in range(count)], field.type)
        for field in ordinary.schema
        if field.name != ID
    }
    return pa.RecordBatch.from_pydict({ID: pa.array([f"{row:032x}" for row in range(count)], pa.string()), **columns})


def _cell(field: pa.Field, ordinary: Batch, chance: random.Random) -> Any:
    luck = chance.random()
    if luck < 0.1:
        return None
    if luck < 0.2 and pa.types.is_string(field.type):
        return chance.choice(ODD_TEXTS[:-1])
    if luck < 0.2 and pa.types.is_floating(field.type):
        return chance.choice([number for number in _ODD_NUMBERS if abs(number) < 1e300])
    cell = chance.choice(ordinary.column(field.name).to_pylist())
    if isinstance(cell, str) and luck < 0.6 and field.name == "text":
        return f"{cell} {chance.choice('abcdefgh')}{chance.randrange(40)}"
    return cell


def _other(value: Any, hint: Any, chance: random.Random) -> Any:
    """Return another value that an option of this type may have."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return chance.choice(inner)
    if origin in (typing.Union, types.UnionType):
        return _other(value, chance.choice(inner), chance)
    if hint is type(None):
        return None
    if hint is bool:
        return chance.random() < 0.5
    if hint is int:
        base = value if type(value) is int else 2
        return chance.choice((0, 1, 2, base + 1, base * 2, max(base - 1, 0)))
    if hint is float:
        share = float(value) if isinstance(value, (int, float)) else 0.5
        return chance.choice((0.0, 0.5, 1.0, share * 0.5, share * 1.5, share + 1))
    return value
