"""Check a recipe: every section, part and option, each with its line, the allowed values and the likely typo."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tilth.core import registry
from tilth.core.agreement import Agreement
from tilth.core.connector import Lander, Sink
from tilth.core.connector import Source as Connector
from tilth.core.edit import Editor
from tilth.core.errors import RecipeError, TilthError, did_you_mean
from tilth.core.fold import Fold
from tilth.core.operator import Decider, Filter, Mapper
from tilth.recipe import agreement, licence, secrets
from tilth.recipe.model import Entry, Recipe
from tilth.recipe.sections import CACHE_FORMS, CACHES, SECTIONS, Engine, Evaluate, Serve, Split
from tilth.recipe.source import Place, Source, read
from tilth.recipe.values import coerce, shown, wanted

TOP = (
    "name",
    "use",
    "code",
    "acquire",
    "split",
    "refine",
    "store",
    "train",
    "evaluate",
    "serve",
    "cache",
    "lake",
    "engine",
    "bad_rows",
    "tolerance",
    "seed",
)
ROOMS = {"acquire": "tilth.connectors", "refine": "tilth.refine", "store": "tilth.connectors"}
LEARNERS = "tilth.train.learners"
KINDS: dict[str, tuple[tuple[type, ...], str, str]] = {
    "acquire": ((Connector, Lander), "source", "a class with plan and read, or land"),
    "store": ((Sink,), "sink", "a class with write, commit and newest"),
    "refine": (
        (Mapper, Filter, Fold, Decider, Editor),
        "operator",
        "a class with map, judge, decide, edits, or observe, merge, finish and fits_on",
    ),
}
"""What the parts of a section must be: the protocols, their word, and what shows them."""


def load(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read and check a recipe file. Raises the first `RecipeError`, saying how many more there are."""
    source = read(path, overrides)
    recipe, errors = check(source, folder=path.resolve().parent)
    if recipe is None or errors:
        first = errors[0]
        more = f"And {len(errors) - 1} more: `tilth check {path}` shows all." if len(errors) > 1 else None
        do = " ".join(part for part in (first.do, more) if part) or None
        raise RecipeError(first.what, where=first.where, wanted=first.wanted, do=do)
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
        self.secrets = [text for _, text in secrets.literals(source.values)]

    def recipe(self) -> Recipe | None:
        values = self.source.values
        for key in values:
            if key not in TOP:
                self._wrong(f'no section "{key}"', (key,), wanted=f"one of {', '.join(TOP)}", do=did_you_mean(key, TOP))
        secrets.refuse_literals(values, self._wrong)
        code = self._code(values.get("code"))
        train = self._train(values.get("train"))
        acquire = self._parts("acquire", values.get("acquire"), train)
        if values.get("acquire") in (None, []):
            self._wrong("nothing to read", ("acquire",), wanted="at least one source under `acquire:`")
        refine = self._parts("refine", values.get("refine"), train)
        store = self._parts("store", _sinks(values.get("store")), train)
        sections = {name: self._section(name, kind, values.get(name)) for name, kind in SECTIONS.items()}
        use = values.get("use")
        if use not in (None, *(uses := typing.get_args(licence.Use))):
            do = did_you_mean(use, uses) if isinstance(use, str) else None
            self._wrong(f"use is {shown(use)}", ("use",), wanted=f"one of {', '.join(uses)}", do=do)
        cache = values.get("cache", "disk")
        if not isinstance(cache, str) or cache.partition(":")[0] not in CACHES:
            self._wrong(f"cache is {shown(cache)}", ("cache",), wanted=CACHE_FORMS)
        lake = values.get("lake")
        if lake is not None and (not isinstance(lake, str) or not lake):
            self._wrong(f"lake is {shown(lake)}", ("lake",), wanted="a folder, or s3://…, gs://… or hdfs://…")
        shares = {name: self._share(name, default) for name, default in (("bad_rows", 0.01), ("tolerance", 0.0))}
        seed = values.get("seed", 0)
        if not isinstance(seed, int) or isinstance(seed, bool):
            self._wrong(f"seed is {shown(seed)}", ("seed",), wanted="a whole number")
        name = values.get("name", Path(self.source.path).stem)
        if not isinstance(name, str) or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            do = None if "name" in values else "Write `name:` into the recipe; without, it is the file's."
            do = "A name of digits needs quotes." if isinstance(name, int) else do
            self._wrong(f"name is {shown(name)}", ("name",), wanted="letters, digits, - and _", do=do)
        split = sections["split"]
        if isinstance(split, Split):
            self._check_split(split, acquire)
        self._check_licences(use, acquire)
        if self.errors:
            return None
        return Recipe(
            name=name,
            path=self.source.path,
            acquire=tuple(acquire),
            split=typing.cast(Split, split),
            refine=tuple(refine),
            store=tuple(store),
            train=train,
            evaluate=typing.cast(Evaluate, sections["evaluate"]),
            serve=typing.cast(Serve, sections["serve"]),
            engine=typing.cast(Engine, sections["engine"]),
            use=use,
            cache=cache,
            lake=lake,
            code=tuple(code),
            seed=seed,
            lines={key: self.source.at((key,)) for key in values},
            **shares,
        )

    def _code(self, value: Any) -> list[str]:
        paths = [value] if isinstance(value, str) else [] if value is None else value
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            wanted = "a Python file beside the recipe, or a list of them"
            self._wrong(f"code is {shown(value)}", ("code",), wanted=wanted)
            return []
        found = []
        for path in paths:
            try:
                registry.load_code(self.folder / path, ROOMS["refine"])
                found.append(str(self.folder / path))
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
            agreed = None
            if section == "acquire" and isinstance(entry, dict) and "agreement" in entry and len(entry) == 2:
                agreed = self._agreement(entry["agreement"], (*place, "agreement"), f"{section}[{number}] agreement")
                entry = {name: options for name, options in entry.items() if name != "agreement"}
            if not isinstance(entry, dict) or len(entry) != 1:
                self._wrong(
                    f"{section}[{number}] is not one part", place, wanted="`- name` or `- name: {option: value}`"
                )
                continue
            name, options = next(iter(entry.items()))
            label = f"{section}[{number}] {name}"
            built = self._part(ROOMS[section], label, name, options, (*place, name), train)
            kinds, word, shows = KINDS[section]
            if built and not isinstance(built.part, kinds):
                self._wrong(f"{type(built.part).__name__} is no {word}", (*place, name), label=label, wanted=shows)
            elif built:
                found.append(replace(built, agreement=agreed))
        return found

    def _agreement(self, value: Any, place: Place, label: str) -> Agreement | None:
        found, errors = agreement.parse(value, at=self.source.at, place=place, label=label, folder=self.folder)
        self.errors += errors
        return found

    def _train(self, value: Any) -> Entry | None:
        if value is None:
            return None
        if not isinstance(value, dict):
            self._wrong("train is not a mapping", ("train",), wanted="task, label and other options")
            return None
        options = dict(value)
        method = options.pop("method", "full")
        return self._part(LEARNERS, "train", str(method), options, ("train",), None, named_at=("train", "method"))

    def _part(
        self,
        room: str,
        label: str,
        name: str,
        options: Any,
        place: Place,
        train: Entry | None,
        named_at: Place | None = None,
    ) -> Entry | None:
        try:
            kind = registry.find(room, name)
            registry.options(kind)
        except TilthError as error:
            self._wrong(error.what, named_at or place, label=label, wanted=error.wanted, do=error.do)
            return None
        if options is None:
            options = {}
        if not isinstance(options, dict):
            self._wrong("the options are not a mapping", place, label=label, wanted="{option: value}")
            return None
        built = self._build(kind, self._bound(kind, options, train), place, label)
        if built is None:
            return None
        return Entry(place=label, where=self.source.at(place), name=name, part=built, given=tuple(sorted(options)))

    def _bound(self, kind: type, options: dict[str, Any], train: Entry | None) -> dict[str, Any]:
        """Bind an operator's `column` to the text or the label that is trained on, where the user left it open."""
        if train is None:
            return options
        defaults = {option.name: option.default for option in registry.options(kind)}
        bound: dict[str, Any] = {}
        for role in ("text", "label"):
            trained = getattr(train.part, role, None)
            if isinstance(trained, str):
                bound |= {"column": trained} if defaults.get("column") == role else {}
                bound |= {"columns": [trained]} if defaults.get("columns") == (role,) else {}
        return {**bound, **options}

    def _section(self, name: str, kind: type, value: Any) -> Any:
        if value is None:
            value = {}
        if name == "engine" and isinstance(value, str):
            value = {"kind": value}
        if not isinstance(value, dict):
            self._wrong(f"{name} is not a mapping", (name,), wanted="{option: value}")
            return None
        return self._build(kind, value, (name,), name)

    def _build(self, kind: type, given: dict[str, Any], place: Place, label: str) -> Any:
        known = {option.name: option for option in registry.options(kind)}
        before = len(self.errors)
        values, told = {}, False
        for key, value in given.items():
            if secrets.literals({key: value}):
                # Told already, and what is said about it here would repeat it.
                told = True
            elif key not in known:
                self._wrong(
                    f'no option "{key}"',
                    (*place, key),
                    label=label,
                    wanted=f"one of {', '.join(sorted(known))}",
                    do=did_you_mean(key, known),
                )
            else:
                try:
                    values[key] = coerce(value, known[key].type)
                except ValueError as error:
                    self._wrong(
                        f'option "{key}" is {shown(value)}',
                        (*place, key),
                        label=label,
                        wanted=wanted(known[key].type),
                        do=str(error) or None,
                    )
        for name, option in known.items():
            if option.required and name not in given:
                self._wrong(f'option "{name}" is missing', place, label=label, wanted=wanted(option.type))
        if told or len(self.errors) > before:
            return None
        try:
            return kind(**values)
        except TilthError as error:
            # A part names the option as `files.types.amount`.
            path = (error.where or "").split(".")[1:]
            if path and path[0] in known:
                named = ".".join(path)
                label = f"{label}.{named}"
                place = (*place, *path)
            self._wrong(error.what, place, label=label, wanted=error.wanted, do=error.do)
        except Exception as error:  # noqa: BLE001 (a user's own part may raise anything)
            said = f": {error}" if str(error) else ""
            plain = isinstance(error, ValueError) and said
            self._wrong(str(error) if plain else f"{type(error).__name__}{said}", place, label=label)
        return None

    def _share(self, name: str, default: float) -> float:
        value = self.source.values.get(name, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 1:
            self._wrong(f"{name} is {shown(value)}", (name,), wanted="a share from 0 to 1")
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
        if split.time and split.by != "time":
            self._wrong(f"time: {split.time} orders nothing here", ("split", "time"), wanted="`by: time` beside it")
        given = [entry for entry in acquire if getattr(entry.part, "split", None)]
        if split.by == "given" and not given and len(acquire) == len(self.source.values.get("acquire") or []):
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
        at = self.source.at(place)
        parts = (what, f"{at}  {label}" if label else at, wanted, do)
        said, where, wanted, do = (secrets.redacted(part, self.secrets) if part else None for part in parts)
        self.errors.append(RecipeError(said or "", where=where, wanted=wanted, do=do))


def _sinks(value: Any) -> Any:
    """Return the entries of `store:`: a path or a URL alone is a Delta table there."""
    entries = value if isinstance(value, list) else [] if value is None else [value]
    return [
        {"delta": {"path": entry}} if isinstance(entry, str) and re.search(r"[/\\]", entry) else entry
        for entry in entries
    ]
