"""Make the engine that a recipe asks for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from tilth.engines.local import Local
from tilth.engines.spark import Spark
from tilth.recipe import fill
from tilth.recipe.model import Recipe

_REFERENCE = re.compile(r"\benv:([A-Za-z_][A-Za-z0-9_]*)")
_CLIENTS = ("AWS_", "GOOGLE_", "HADOOP_USER_NAME", "OMP_", "HF_HUB_OFFLINE")
"""Variables that the vendors' own clients read, by their first letters."""


def engine_for(recipe: Recipe, *, workers: int, spill: Path, stop: Callable[[], bool]) -> Local | Spark:
    """Return the engine; nothing starts before it is used."""
    code = tuple((path, "tilth.refine") for path in recipe.code)
    asked = recipe.engine
    if asked.kind == "local":
        return Local(workers=workers, spill=spill, stop=stop, code=code)
    settings = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in asked.settings.items()
    }
    return Spark(
        master=asked.master,
        scratch=asked.scratch or str(spill),
        settings=settings,
        stop=stop,
        code=code,
        environment=needed(recipe, os.environ),
    )


def needed(recipe: Recipe, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that work on another machine needs: those that the recipe names, and the clients' own.

    >>> from tilth.recipe.sections import Split
    >>> recipe = Recipe(name="a", path="a.yaml", acquire=(), split=Split(), cache="env:CACHE_URL")
    >>> needed(recipe, {"AWS_REGION": "eu-1", "HOME": "/root", "CACHE_URL": "redis://cache"})
    {'AWS_REGION': 'eu-1', 'CACHE_URL': 'redis://cache'}
    """
    named = set(_REFERENCE.findall(fill.as_yaml(recipe)))
    return {name: value for name, value in environment.items() if name in named or name.startswith(_CLIENTS)}
