"""Translate a data contract in the Open Data Contract Standard (ODCS v3.0 and v3.1) into an agreement's options.

What Tilth checks: `schema` properties with `logicalType`, `required`, `unique`, `primaryKey` and `logicalTypeOptions`;
of `quality`, the library's `nullValues`, `missingValues`, `duplicateValues`, `invalidValues` and `rowCount` (v3.0:
`nullCheck`, `duplicateCount`, `validValues`, `rowCount`); of `slaProperties`, freshness with an element. All else (SQL,
text and other engines' rules) is named in the notes, never passed over in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from tilth.core.errors import RecipeError, did_you_mean
from tilth.recipe.source import Place

_TYPES = {
    "string": "text", "integer": "int", "number": "float", "boolean": "bool", "timestamp": "timestamp", "date": "date",
    "array": "list", "object": "mapping",
}  # fmt: skip
_OPTIONS = {
    "minLength": "min_length", "maxLength": "max_length", "minItems": "min_length", "maxItems": "max_length",
    "pattern": "matches", "minimum": "min", "maximum": "max",
}  # fmt: skip
_NULLS = ("nullValues", "missingValues", "nullCheck")
_REPEATS = ("duplicateValues", "duplicateCount")
_UNITS = {"d": "days", "day": "days", "days": "days", "h": "hours", "hour": "hours", "hours": "hours", "m": "minutes",
          "minute": "minutes", "minutes": "minutes", "w": "weeks", "week": "weeks"}  # fmt: skip


class Translated(NamedTuple):
    """A contract as an agreement's options."""

    values: dict[str, Any]
    notes: tuple[str, ...]
    """What it asks for and is not checked."""
    places: Mapping[Place, Place]
    """Where in the contract each part stands."""


def is_contract(values: Mapping[str, Any]) -> bool:
    """Tell whether a file's values are a data contract in this standard."""
    return values.get("kind") == "DataContract" or "apiVersion" in values


def origin(place: Place, places: Mapping[Place, Place]) -> Place:
    """Return where in the contract an option stands."""
    for length in range(len(place), 0, -1):
        if place[:length] in places:
            return places[place[:length]]
    return place


def translate(contract: Mapping[str, Any], chosen: str | None) -> Translated:
    """Translate what a contract says of one object. Raises `RecipeError`."""
    version = str(contract.get("apiVersion", ""))
    if not version.removeprefix("v").startswith("3."):
        raise RecipeError(f"a data contract of version {version[:20] or '(none)'}", wanted="apiVersion v3.0 or v3.1")
    number, table = _object(contract, chosen)
    notes: list[str] = []
    columns: dict[str, Any] = {}
    places: dict[Place, Place] = {("columns",): ("schema", number)}
    for at, one in enumerate(_dicts(table.get("properties"))):
        name = str(one.get("physicalName") or one.get("name") or "")
        columns[name] = _column(name, one, notes)
        places["columns", name] = ("schema", number, "properties", at)
    values: dict[str, Any] = {"columns": columns}
    for rule in _dicts(table.get("quality")):
        count = _bounds(rule) if _metric(rule) == "rowCount" else None
        if count:
            values["rows"] = {**values.get("rows", {}), **count}
        else:
            notes.append(_unchecked(str(table.get("name")), rule))
    fresh = _fresh(contract, str(table.get("name")), columns, notes)
    return Translated({**values, **({"fresh": fresh} if fresh else {})}, tuple(notes), places)


def _object(contract: Mapping[str, Any], chosen: str | None) -> tuple[int, Mapping[str, Any]]:
    tables = list(enumerate(_dicts(contract.get("schema"))))
    names = [str(table.get("name")) for _, table in tables]
    if chosen is None and len(tables) == 1:
        return tables[0]
    if chosen is None:
        raise RecipeError(
            f"the contract describes {len(tables)} objects",
            wanted="`object:` and one of their names" if tables else "`schema:` with an object",
            do=f"Objects here: {', '.join(names)}." if names else None,
        )
    for at, table in tables:
        if chosen in (table.get("name"), table.get("physicalName")):
            return at, table
    do = did_you_mean(chosen, names)
    raise RecipeError(f'the contract has no object "{chosen}"', wanted=f"one of {', '.join(names)}", do=do)


def _column(name: str, one: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    rules: dict[str, Any] = {}
    kind = one.get("logicalType")
    if kind in _TYPES:
        rules["type"] = _TYPES[kind]
    elif kind is not None:
        notes.append(f"{name}: logicalType {kind} is not checked")
    if one.get("required") or one.get("primaryKey"):
        rules["required"] = True
    if one.get("unique") or one.get("primaryKey"):
        rules["unique"] = True
    for key, value in _mapping(one.get("logicalTypeOptions")).items():
        exclusive = {"exclusiveMinimum": ("min", 1), "exclusiveMaximum": ("max", -1)}.get(key)
        if key in _OPTIONS:
            rules[_OPTIONS[key]] = value
        elif exclusive and kind == "integer" and isinstance(value, int) and not isinstance(value, bool):
            rules[exclusive[0]] = value + exclusive[1]
        else:
            notes.append(f"{name}: {key} is not checked")
    for rule in _dicts(one.get("quality")):
        found = _quality(rule)
        if found is None:
            notes.append(_unchecked(name, rule))
        else:
            rules |= found
    return rules


def _quality(rule: Mapping[str, Any]) -> dict[str, Any] | None:
    metric, asked = _metric(rule), _mapping(rule.get("arguments"))
    most = _most(rule)
    if metric in _REPEATS and most == 0:
        return {"unique": True}
    if metric in _NULLS and most == 0:
        return {"required": True}
    if metric in _NULLS and most is not None and rule.get("unit") == "percent":
        return {"null": min(1.0, most / 100)}
    values = asked.get("validValues") or rule.get("validValues")
    if metric in ("invalidValues", "validValues") and (most == 0 or metric == "validValues"):
        found = {"in": values} if values else {}
        return {**found, **({"matches": asked["pattern"]} if "pattern" in asked else {})} or None
    return None


def _bounds(rule: Mapping[str, Any]) -> dict[str, int]:
    exact = rule.get("mustBe")
    between = rule.get("mustBeBetween")
    if _whole(exact):
        return {"min": exact, "max": exact}
    if isinstance(between, list) and len(between) == 2 and all(map(_whole, between)):
        return {"min": between[0], "max": between[1]}
    told = {
        "min": [(rule.get("mustBeGreaterThan"), 1), (rule.get("mustBeGreaterOrEqualTo"), 0)],
        "max": [(rule.get("mustBeLessThan"), -1), (rule.get("mustBeLessOrEqualTo"), 0)],
    }
    return {name: value + step for name, some in told.items() for value, step in some if _whole(value)}


def _most(rule: Mapping[str, Any]) -> float | None:
    """Return how many rows (or per cent of them) may break a rule; None where it says something else."""
    for key, step in (("mustBe", 0.0), ("mustBeLessOrEqualTo", 0.0), ("mustBeLessThan", 1.0)):
        value = rule.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # Less than 1 row is none; less than 5 per cent is nearly 5.
            return float(value) if rule.get("unit") == "percent" else max(0.0, value - step)
    return None if any(str(key).startswith("mustBe") for key in rule) else 0.0


def _fresh(
    contract: Mapping[str, Any], table: str, columns: Mapping[str, Any], notes: list[str]
) -> dict[str, str] | None:
    found = None
    for one in _dicts(contract.get("slaProperties")):
        property, value, unit = str(one.get("property")), one.get("value"), _UNITS.get(str(one.get("unit")).lower())
        owner, _, column = str(one.get("element") or contract.get("slaDefaultElement") or "").rpartition(".")
        known = property in ("freshness", "latency", "ly") and unit and isinstance(value, (int, float))
        if known and owner in (table, "") and column in columns:
            found = {"column": column, "within": f"{value} {unit}"}
        elif owner in (table, ""):
            notes.append(f"slaProperties {property} is not checked")
    return found


def _metric(rule: Mapping[str, Any]) -> str:
    return str(rule.get("metric") or rule.get("rule") or "") if rule.get("type", "library") == "library" else ""


def _unchecked(owner: str, rule: Mapping[str, Any]) -> str:
    said = rule.get("name") or rule.get("metric") or rule.get("rule") or rule.get("type") or "a rule"
    return f"{owner}: quality {said} is not checked"


def _whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
