"""Read recipe text as plain values, and remember the line each came from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tilth.core.errors import RecipeError, did_you_mean, first_line
from tilth.recipe import secrets

Place = tuple[str | int, ...]
"""Where in a recipe a value stands: `("refine", 2, "near_duplicates", "threshold")`."""
LIMIT_BYTES = 1 << 20
LIMIT_NODES = 100_000
LIMIT_DEPTH = 100


@dataclass(frozen=True, kw_only=True)
class Source:
    """A recipe's values, and the line of each."""

    path: str
    values: dict[str, Any]
    lines: dict[Place, str] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """Say where a place is, such as `recipe.yaml:14`; the nearest parent's line when it has none itself."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return self.path


TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq")}


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: `no` is a word, `3e-4` is a number, a date is text."""


Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9_]*)$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
):
    Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def read(path: Path, overrides: Iterable[str] = ()) -> Source:
    """Read a recipe file and apply `key=value` overrides. Raises `RecipeError` for anything that is not plain YAML."""
    if not path.is_file():
        near = sorted(other.name for other in path.parent.glob("*.y*ml")) if path.parent.is_dir() else []
        raise RecipeError(
            f"no recipe {path}",
            wanted="a YAML file; `tilth init DATA` writes one",
            do=did_you_mean(path.name, near),
        )
    if path.stat().st_size > LIMIT_BYTES:
        raise RecipeError(f"{path} is larger than {LIMIT_BYTES >> 20} MiB", wanted="a recipe, not data")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"not UTF-8 at byte {error.start}", where=str(path), do="Save the recipe as UTF-8."
        ) from error
    except OSError as error:
        raise RecipeError(f"cannot be read: {error.strerror}", where=str(path)) from error
    return parse(text, path=str(path), overrides=overrides)


def parse(text: str, *, path: str = "recipe.yaml", overrides: Iterable[str] = ()) -> Source:
    """Read recipe text.

    >>> parse("refine: [{language: {keep: [en, no]}}]").values
    {'refine': [{'language': {'keep': ['en', 'no']}}]}
    """
    try:
        node = yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        problem = getattr(error, "problem", None) or first_line(error)
        if "undefined alias" in problem:
            # Its name may be a password that begins with *.
            problem = "an alias of nothing"
        raise RecipeError(f"broken YAML: {problem}", where=where, do=_yaml_hint(problem)) from error
    except RecursionError as error:
        raise RecipeError(f"nested more than {LIMIT_DEPTH} deep", where=path) from error
    if node is None:
        raise RecipeError("the recipe is empty", where=path, wanted="at least `acquire:`")
    lines: dict[Place, str] = {}
    values = _Values(path, lines).of(node, ())
    if not isinstance(values, dict):
        raise RecipeError("a recipe is a mapping", where=f"{path}:1", wanted="keys such as `acquire:` and `train:`")
    source = Source(path=path, values=values, lines=lines)
    for override in overrides:
        _override(source, override)
    return source


def _yaml_hint(problem: str) -> str | None:
    if "tab" in problem or "\\t" in problem:
        return "Indent with spaces, not tabs."
    if "mapping values are not allowed" in problem:
        return 'A text that holds ": " needs quotes.'
    if "alias" in problem:
        return "A text that begins with * needs quotes."
    return None


class _Values:
    """Build plain values from nodes, with their lines."""

    def __init__(self, path: str, lines: dict[Place, str]) -> None:
        self._path, self._lines, self._count = path, lines, 0
        self._scalars = yaml.constructor.SafeConstructor()

    def of(self, node: yaml.Node, place: Place) -> Any:
        self._count += 1
        if self._count > LIMIT_NODES:
            raise RecipeError(f"more than {LIMIT_NODES} values (aliases count each time)", where=self._path)
        if len(place) > LIMIT_DEPTH:
            raise RecipeError(f"nested more than {LIMIT_DEPTH} deep", where=self._path)
        where = f"{self._path}:{node.start_mark.line + 1}"
        self._lines.setdefault(place, where)
        if str(node.tag) not in TAGS:
            tag = "a tag here" if secrets.named(place) else f"the tag {node.tag}"
            raise RecipeError(f"{tag} is not allowed", where=where, wanted="plain values")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.of(inner, (*place, number)) for number, inner in enumerate(node.value)]
        try:
            return self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError) as error:
            what = "cannot read a value" if secrets.named(place) else f'cannot read "{node.value}"'
            raise RecipeError(what, where=where, wanted="a plain value") from error

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = f"{self._path}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise RecipeError("a key must be a word", where=where)
            key = str(key_node.value)
            if key in found:
                raise RecipeError(f'the key "{key}" stands twice', where=where, do="Keep one of the two.")
            self._lines[(*place, key)] = where
            found[key] = self.of(value_node, (*place, key))
        return found


def _override(source: Source, override: str) -> None:
    key, sign, text = override.partition("=")
    if not sign or not key:
        what = "not a key=value override"
        raise RecipeError(what, where=f"override {override}", wanted="such as train.epochs=3 or refine[0].min=5")
    # The value is shown only when it is known to hold no secret.
    where = f"override {key}=…"
    steps: list[str | int] = []
    for word in key.strip().split("."):
        found = re.fullmatch(r"([A-Za-z0-9_]+)((?:\[\d+\])*)", word)
        if not found:
            raise RecipeError(f'"{word}" is not a key', where=where, wanted="such as train.epochs=3")
        steps += [found[1], *(int(number) for number in re.findall(r"\d+", found[2]))]
    name = next(step for step in reversed(steps) if isinstance(step, str))
    value = parse(f"{name}: {text}", path=where).values[name]
    if not secrets.literals(value, secret=secrets.named(steps)):
        where = f"override {override}"
    place, here = _walk(source.values, steps, where)
    last = steps[-1]
    if isinstance(here, list):
        number = _index(here, last, where)
        if isinstance(last, str):
            here[number] = {last: value}
            place = (*place, number, last)
        else:
            here[number] = value
            place = (*place, number)
    elif isinstance(here, dict) and isinstance(last, str):
        here[last] = value
        place = (*place, last)
    else:
        raise RecipeError(f'"{key}" does not lead to an option', where=where)
    # What it replaced has no line any more.
    for old in [old for old in source.lines if old[: len(place)] == place]:
        del source.lines[old]
    source.lines[place] = where


def _walk(values: Any, steps: list[str | int], where: str) -> tuple[Place, Any]:
    place: Place = ()
    here = values
    for at, step in enumerate(steps[:-1]):
        if isinstance(here, list):
            number = _index(here, step, where)
            place, here = (*place, number), _options_of(here, number)
            if isinstance(step, str):
                if not isinstance(here, dict):
                    raise RecipeError(f'"{step}" does not lead to an option', where=where)
                here[step] = {} if here.get(step) is None else here[step]
                place, here = (*place, step), here[step]
            elif isinstance(here, dict) and len(here) == 1 and steps[at + 1] not in here:
                # refine[0].min=5 reaches the options of the one operator that stands there.
                name = next(iter(here))
                here[name] = {} if here[name] is None else here[name]
                place, here = (*place, name), here[name]
        elif isinstance(here, dict) and isinstance(step, str):
            if here.get(step) is None:
                here[step] = {}
            place, here = (*place, step), here[step]
        else:
            raise RecipeError(f'"{step}" does not lead to an option', where=where)
    return place, here


def _options_of(entries: list[Any], number: int) -> Any:
    if isinstance(entries[number], str):
        entries[number] = {entries[number]: {}}
    return entries[number]


def _index(entries: list[Any], step: str | int, where: str) -> int:
    names = [
        entry if isinstance(entry, str) else next(iter(entry), "") if isinstance(entry, dict) else ""
        for entry in entries
    ]
    if isinstance(step, int):
        if step < len(entries):
            return step
        known = f"0 to {len(entries) - 1}" if entries else "an entry to change: the list is empty"
        raise RecipeError(f"there is no entry [{step}]", where=where, wanted=known)
    if names.count(step) == 1:
        return names.index(step)
    what = "stands more than once" if step in names else "stands nowhere in this list"
    raise RecipeError(
        f'"{step}" {what}', where=where, wanted="its number, such as refine[0]", do=did_you_mean(step, names)
    )
