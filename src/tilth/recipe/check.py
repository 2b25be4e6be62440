"""Check a recipe: every section, part and option, each with its line, the allowed values and the likely typo."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydantic

from tilth.core import registry
from tilth.core.errors import RecipeError, TilthError, did_you_mean
from tilth.recipe import licence, secrets
from tilth.recipe.model import Entry, Recipe
from tilth.recipe.sections import SECTIONS, Evaluate, Serve, Split
from tilth.recipe.source import Place, Source, read

TOP = (
    "name",
    "use",
    "code",
    "acquire",
    "split",
    "refine",
    "train",
    "evaluate",
    "serve",
    "bad_rows",
    "tolerance",
    "seed",
)
ROOMS = {"acquire": "tilth.connectors", "refine": "tilth.refine"}
LEARNERS = "tilth.train.learners"


def load(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read and check a recipe file. Raises the first `RecipeError`, saying how many more there are."""
    source = read(path, overrides)
    recipe, errors = check(source, folder=path.resolve().parent)
    if recipe is None or errors:
        first = errors[0]
        more = f" (and {len(errors) - 1} more; `tilth check {path}` shows all)" if len(errors) > 1 else ""
        raise RecipeError(f"{first.what}", where=first.where, wanted=first.wanted, do=(first.do or "") + more or None)
    return recipe


def check(source: Source, *, folder: Path) -> tuple[Recipe | None, list[RecipeError]]:
    """Check a recipe's values; returns the recipe where there is no error, and all errors found."""
    checker = _Checker(source, folder)
    recipe = checker.recipe()
    return (None if checker.errors else recipe), checker.errors


class _Checker:
    """One pass over a recipe that collects errors and goes on."""

    def __init__(self, source: Source, folder: Path) -> None:
        self.source, self.folder = source, folder
        self.errors: list[RecipeError] = []

    def recipe(self) -> Recipe | None:
        values = self.source.values
        for key in values:
            if key not in TOP:
                self._wrong(f'no section "{key}"', (key,), wanted=f"one of {', '.join(TOP)}", do=did_you_mean(key, TOP))
        secrets.refuse_literals(values, self._wrong)
        code = self._code(values.get("code"))
        train = self._train(values.get("train"))
        acquire = self._parts("acquire", values.get("acquire"), train)
        if not acquire and not self.errors:
            self._wrong("nothing to read", ("acquire",), wanted="at least one source under `acquire:`")
        refine = self._parts("refine", values.get("refine"), train)
        sections = {name: self._section(name, kind, values.get(name)) for name, kind in SECTIONS.items()}
        use = values.get("use")
        if use not in (None, *typing.get_args(licence.Use)):
            self._wrong(f'use is "{use}"', ("use",), wanted=f"one of {', '.join(typing.get_args(licence.Use))}")
        shares = {name: self._share(name, default) for name, default in (("bad_rows", 0.01), ("tolerance", 0.0))}
        seed = values.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool):
            self._wrong(f"seed is {seed!r}", ("seed",), wanted="a whole number")
        name = values.get("name", Path(self.source.path).stem)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            self._wrong(f"name is {name!r}", ("name",), wanted="letters, digits, - and _")
        split = sections["split"]
        if isinstance(split, Split):
            self._check_split(split, acquire)
        if not self.errors:
            self._check_licences(use, acquire)
        if self.errors:
            return None
        return Recipe(
            name=name,
            path=self.source.path,
            acquire=tuple(acquire),
            split=typing.cast(Split, split),
            refine=tuple(refine),
            train=train,
            evaluate=typing.cast(Evaluate, sections["evaluate"]),
            serve=typing.cast(Serve, sections["serve"]),
            use=use,
            code=tuple(code),
            seed=seed,
            lines={key: self.source.at((key,)) for key in values},
            **shares,
        )

    def _code(self, value: Any) -> list[str]:
        paths = [value] if isinstance(value, str) else value or []
        found = []
        for path in paths:
            try:
                registry.load_code(self.folder / str(path), ROOMS["refine"])
                found.append(str(self.folder / str(path)))
            except RecipeError as error:
                self._wrong(error.what, ("code",), wanted=error.wanted, do=error.do)
        return found

    def _parts(self, section: str, value: Any, train: Entry | None) -> list[Entry]:
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(f"{section} is not a list", (section,), wanted="lines that begin with `- `")
            return []
        found = []
        for number, entry in enumerate(value):
            place: Place = (section, number)
            if isinstance(entry, str):
                entry = {entry: None}
            if not isinstance(entry, dict) or len(entry) != 1:
                self._wrong(
                    f"{section}[{number}] is not one part", place, wanted="`- name` or `- name: {option: value}`"
                )
                continue
            name, options = next(iter(entry.items()))
            built = self._part(ROOMS[section], f"{section}[{number}] {name}", name, options, (*place, name), train)
            if built:
                found.append(built)
        return found

    def _train(self, value: Any) -> Entry | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong("train is not a mapping", ("train",), wanted="task, label and other options")
            return None
        options = dict(value)
        method = options.pop("method", "full")
        return self._part(LEARNERS, "train", str(method), options, ("train",), None)

    def _part(self, room: str, label: str, name: str, options: Any, place: Place, train: Entry | None) -> Entry | None:
        try:
            kind = registry.find(room, name)
        except TilthError as error:
            self._wrong(error.what, place, label=label, wanted=error.wanted, do=error.do)
            return None
        if options is None:
            options = {}
        if not isinstance(options, dict):
            self._wrong("the options are not a mapping", place, label=label, wanted="{option: value}")
            return None
        options = self._bound(kind, options, train)
        built = self._build(kind, options, place, label)
        if built is None:
            return None
        return Entry(place=label, where=self.source.at(place), name=name, part=built, given=tuple(sorted(options)))

    def _bound(self, kind: type, options: dict[str, Any], train: Entry | None) -> dict[str, Any]:
        """Bind an operator's `column` to the text that is trained on, where the user left it open."""
        names = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
        text = getattr(train.part, "text", None) if train else None
        if "column" in names and "column" not in options and isinstance(text, str):
            default = next((option.default for option in registry.options(kind) if option.name == "column"), None)
            if default == "text":
                return {"column": text, **options}
        return options

    def _section(self, name: str, kind: type, value: Any) -> Any:
        if value is None:
            value = {}
        if not isinstance(value, dict):
            self._wrong(f"{name} is not a mapping", (name,), wanted="{option: value}")
            return None
        return self._build(kind, value, (name,), name)

    def _build(self, kind: type, given: dict[str, Any], place: Place, label: str) -> Any:
        known = {option.name: option for option in registry.options(kind)}
        before = len(self.errors)
        values = {}
        for key, value in given.items():
            if key not in known:
                self._wrong(
                    f'no option "{key}"',
                    (*place, key),
                    label=label,
                    wanted=f"one of {', '.join(sorted(known))}",
                    do=did_you_mean(key, known),
                )
                continue
            try:
                values[key] = coerce(value, known[key].type)
            except ValueError as error:
                self._wrong(
                    f'option "{key}" is {_shown(value)}',
                    (*place, key),
                    label=label,
                    wanted=wanted(known[key].type),
                    do=str(error) or None,
                )
        for name, option in known.items():
            if option.required and name not in given:
                self._wrong(f'option "{name}" is missing', place, label=label, wanted=wanted(option.type))
        if len(self.errors) > before:
            return None
        try:
            return kind(**values)
        except TilthError as error:
            self._wrong(error.what, place, label=label, wanted=error.wanted, do=error.do)
        except (ValueError, TypeError) as error:
            self._wrong(str(error), place, label=label)
        return None

    def _share(self, name: str, default: float) -> float:
        value = self.source.values.get(name, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
            self._wrong(f"{name} is {value!r}", (name,), wanted="a share from 0 to 1")
            return default
        return float(value)

    def _check_split(self, split: Split, acquire: list[Entry]) -> None:
        if split.test < 0 or split.valid < 0 or split.test + split.valid >= 1:
            self._wrong(
                f"test {split.test} and valid {split.valid} leave nothing to train on",
                ("split",),
                wanted="shares from 0 that add up to less than 1",
            )
        if split.by == "time" and not split.time:
            self._wrong("by: time needs a column", ("split",), wanted="`time:` and the column's name")
        given = [entry for entry in acquire if getattr(entry.part, "split", None)]
        if split.by == "given" and not given:
            self._wrong("by: given, but no source says its split", ("split",), wanted="`split: train` in a source")

    def _check_licences(self, use: str | None, acquire: list[Entry]) -> None:
        for entry in acquire:
            reason = licence.forbids(getattr(entry.part, "licence", None), typing.cast(Any, use))
            if reason:
                self.errors.append(
                    RecipeError(reason, where=entry.at, do="Leave the source out, or change `use:` if that is true.")
                )

    def _wrong(
        self, what: str, place: Place, *, label: str | None = None, wanted: str | None = None, do: str | None = None
    ) -> None:
        where = self.source.at(place)
        self.errors.append(RecipeError(what, where=f"{where}  {label}" if label else where, wanted=wanted, do=do))


def coerce(value: Any, hint: Any) -> Any:
    """Return the value in the option's type, strictly: no text becomes a number. Raises `ValueError`.

    >>> coerce([1, 2], tuple[float, ...])
    (1.0, 2.0)
    """
    try:
        # JSON mode: lists become tuples and whole numbers floats, yet "5" stays a text.
        return pydantic.TypeAdapter(hint).validate_json(json.dumps(value), strict=True)
    except pydantic.ValidationError as error:
        inner = [problem for problem in error.errors() if problem["loc"]]
        # A single value where a list is wanted is a common and harmless slip.
        if not isinstance(value, (list, dict)) and typing.get_origin(hint) is tuple:
            return coerce([value], hint)
        raise ValueError("; ".join(str(problem["msg"]) for problem in inner[:1])) from error


def wanted(hint: Any) -> str:
    """Say in words what an option takes.

    >>> wanted(int | None)
    'a whole number or nothing'
    """
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return "one of " + ", ".join(str(value) for value in inside)
    if origin is tuple:
        return f"a list of {wanted(inside[0]).removeprefix('a ')} values" if inside else "a list"
    if inside and (origin is typing.Union or str(origin) == "<class 'types.UnionType'>"):
        return " or ".join(wanted(part) for part in inside)
    if origin is not None and issubclass(origin, typing.Mapping):
        return "a mapping"
    words = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "nothing"}
    return words.get(hint, getattr(hint, "__name__", str(hint)))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
