"""Write a recipe back with every option, so that a run can be repeated when defaults change."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import yaml

from tilth.core.spec import spec_of
from tilth.recipe.model import Entry, Recipe
from tilth.recipe.source import Loader


def filled(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as plain values with every default written out; secrets stay references."""
    values: dict[str, Any] = {"name": recipe.name}
    if recipe.use:
        values["use"] = recipe.use
    if recipe.code:
        values["code"] = list(recipe.code)
    values |= {"seed": recipe.seed, "bad_rows": recipe.bad_rows, "tolerance": recipe.tolerance}
    values["cache"] = recipe.cache
    if recipe.lake is not None:
        values["lake"] = recipe.lake
    values["acquire"] = [_entry(entry) for entry in recipe.acquire]
    values["split"] = _plain(recipe.split)
    values["refine"] = [_entry(entry) for entry in recipe.refine]
    if recipe.store:
        values["store"] = [_entry(entry) for entry in recipe.store]
    if recipe.train is not None:
        values["train"] = {"method": recipe.train.name, **spec_of(recipe.train.part)["options"]}
    values["evaluate"] = _plain(recipe.evaluate)
    values["serve"] = _plain(recipe.serve)
    values["engine"] = _plain(recipe.engine)
    return values


def as_yaml(recipe: Recipe) -> str:
    """Return the filled recipe as YAML that `check` reads again to the same recipe."""
    text: str = yaml.dump(filled(recipe), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quote what YAML 1.1 or 1.2 would read as something else than text: `no` and `3e-4` alike."""

    yaml_implicit_resolvers = {
        first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *Loader.yaml_implicit_resolvers.get(first, [])]
        for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *Loader.yaml_implicit_resolvers}
    }


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Unquoted, YAML folds these line ends into spaces.
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, '"' if re.search("[\x85\u2028\u2029]", text) else None
    )


_Dumper.add_representer(str, _text)


def _entry(entry: Entry) -> dict[str, Any]:
    agreed = {} if entry.agreement is None else {"agreement": entry.agreement.to_json()}
    return {entry.name: spec_of(entry.part)["options"], **agreed}


def _plain(section: Any) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(section).items()
    }
