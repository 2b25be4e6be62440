"""Read a source's `agreement:`: the rules as they stand in the recipe, or a contract's file beside it.

A file holds the same keys, or a data contract in the Open Data Contract Standard (ODCS v3). `{contract: FILE, ...}`
takes the file's rules and changes those that stand beside it; `object:` names one of the tables that a contract has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tilth.core import registry
from tilth.core.agreement import Agreement, Column, Count, Fresh
from tilth.core.errors import RecipeError, TilthError, did_you_mean
from tilth.recipe import _odcs
from tilth.recipe.source import Place, read
from tilth.recipe.values import coerce, shown, wanted

At = Callable[[Place], str]
"""Says where a place is, such as `recipe.yaml:14`."""
_PARTS: dict[str, type] = {"rows": Count, "fresh": Fresh}
_SPELLED = {"in": "allowed"}
"""What a recipe calls an option whose name Python keeps for itself."""
_HIDDEN = {"notes"}


def parse(value: Any, *, at: At, place: Place, label: str, folder: Path) -> tuple[Agreement | None, list[RecipeError]]:
    """Return what a recipe's `agreement:` says, and all that is wrong with it.

    `place` is where it stands in the recipe, `label` what errors call it, such as `acquire[0] agreement`; paths are
    relative to `folder`.
    """
    reader = _Reader(at, label)
    given = {"contract": value} if isinstance(value, str) else value
    if not isinstance(given, dict):
        reader.wrong("not a mapping", place, wanted="columns, rows, fresh ..., or the path of a contract")
        return None, reader.errors
    given = dict(given)
    base: dict[str, Any] = {}
    notes: tuple[str, ...] = ()
    path, chosen = given.pop("contract", None), given.pop("object", None)
    for name, text in (("contract", path), ("object", chosen)):
        if text is not None and not isinstance(text, str):
            reader.wrong(f'option "{name}" is {shown(text)}', (*place, name), wanted="a text")
            return None, reader.errors
    if path is not None:
        found = _contract(folder / path, chosen, reader, place)
        if found is None:
            return None, reader.errors
        base, notes = found
    elif chosen is not None:
        reader.wrong("object without contract", (*place, "object"), wanted="`contract:` and a file beside it")
    built = reader.agreement(given, place, base, notes)
    return (None if reader.errors else built), reader.errors


def _contract(
    path: Path, chosen: str | None, reader: _Reader, place: Place
) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """Return the parts that a contract's file gives, each built, so that its errors name the file's own lines."""
    try:
        source = read(path)
    except RecipeError as error:
        reader.wrong(error.what, (*place, "contract"), wanted=error.wanted, do=error.do, inside=error.where)
        return None
    values = source.values
    notes: tuple[str, ...] = ()
    places: Mapping[Place, Place] = {}
    if _odcs.is_contract(values):
        try:
            translated = _odcs.translate(values, chosen)
        except RecipeError as error:
            reader.wrong(error.what, (*place, "contract"), wanted=error.wanted, do=error.do)
            return None
        values, notes, places = translated.values, translated.notes, translated.places
    elif chosen is not None:
        reader.wrong("object, but the file is no data contract", (*place, "object"), do="Leave it out.")
        return None
    inner = _Reader(lambda where: source.at(_odcs.origin(where, places)), reader.label)
    parts = inner.parts(values, ())
    if not inner.errors:
        # Built once to find what is wrong with it as a whole, too.
        inner.build(Agreement, {**parts, "notes": notes}, (), given=values)
    reader.errors += inner.errors
    return None if inner.errors else (parts, notes)


class _Reader:
    """One pass over an agreement that collects errors and goes on."""

    def __init__(self, at: At, label: str) -> None:
        self._at, self.label = at, label
        self.errors: list[RecipeError] = []

    def agreement(
        self, given: Mapping[str, Any], place: Place, base: Mapping[str, Any], notes: tuple[str, ...]
    ) -> Agreement | None:
        parts = self.parts(given, place)
        if self.errors:
            return None
        columns = {**base.get("columns", {}), **parts.get("columns", {})}
        values = {**base, **parts, "columns": columns, "notes": notes}
        built: Agreement | None = self.build(Agreement, values, place, given=given)
        return built

    def parts(self, given: Mapping[str, Any], place: Place) -> dict[str, Any]:
        """Return an agreement's options, its inner parts built."""
        plain = {name: value for name, value in given.items() if name not in ("columns", *_PARTS)}
        found = self.options(Agreement, plain, place, self.label)
        for name, kind in _PARTS.items():
            if given.get(name) is not None:
                found |= {name: self.part(kind, given[name], (*place, name), f"{self.label}.{name}")}
        if given.get("columns") is not None:
            found["columns"] = self.columns(given["columns"], (*place, "columns"))
        return found

    def columns(self, given: Any, place: Place) -> dict[str, Any]:
        if not isinstance(given, dict):
            self.wrong("columns is not a mapping", place, wanted="{column: {type: ..., required: ...}}")
            return {}
        found = {}
        for name, rules in given.items():
            # `id: int` says the type, `id:` that the column must be there.
            told = {"type": rules} if isinstance(rules, str) else {} if rules is None else rules
            found[str(name)] = self.part(Column, told, (*place, name), f"{self.label}.columns.{name}")
        return found

    def part(self, kind: type, given: Any, place: Place, label: str) -> Any:
        if not isinstance(given, dict):
            self.wrong("not a mapping", place, label=label, wanted="{option: value}")
            return None
        before = len(self.errors)
        values = self.options(kind, given, place, label)
        return self.build(kind, values, place, label=label, given=given) if len(self.errors) == before else None

    def options(self, kind: type, given: Mapping[str, Any], place: Place, label: str) -> dict[str, Any]:
        """Return options in their types; says which are unknown, missing or of another type."""
        known = {_spelled(option.name): option for option in registry.options(kind) if option.name not in _HIDDEN}
        values: dict[str, Any] = {}
        for key, value in given.items():
            if key not in known:
                choice = ", ".join(sorted(known))
                do = did_you_mean(key, known)
                self.wrong(f'no option "{key}"', (*place, key), label=label, wanted=f"one of {choice}", do=do)
                continue
            option = known[key]
            try:
                values[option.name] = coerce(value, option.type)
            except ValueError as error:
                said = f'option "{key}" is {shown(value)}'
                self.wrong(said, (*place, key), label=label, wanted=wanted(option.type), do=str(error) or None)
        for key, option in known.items():
            if option.required and key not in given:
                self.wrong(f'option "{key}" is missing', place, label=label, wanted=wanted(option.type))
        return values

    def build(
        self, kind: type, values: Mapping[str, Any], place: Place, *, given: Mapping[str, Any], label: str | None = None
    ) -> Any:
        try:
            return kind(**values)
        except TilthError as error:
            option = (error.where or "").split(".")[-1]
            here = (*place, option) if option in given else place
            self.wrong(error.what, here, label=label, wanted=error.wanted, do=error.do)
            return None

    def wrong(
        self,
        what: str,
        place: Place,
        *,
        label: str | None = None,
        wanted: str | None = None,
        do: str | None = None,
        inside: str | None = None,
    ) -> None:
        said = f"{inside}: {what}" if inside else what
        self.errors.append(RecipeError(said, where=f"{self._at(place)}  {label or self.label}", wanted=wanted, do=do))


def _spelled(name: str) -> str:
    return next((said for said, field in _SPELLED.items() if field == name), name)
