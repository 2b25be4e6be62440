"""Sections: each option explains itself, has a default that works, and refuses what cannot be."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tilth.core import registry
from tilth.core.errors import RecipeError
from tilth.recipe.check import TOP
from tilth.recipe.sections import SECTIONS, Engine, Evaluate, Serve, Split
from tilth.recipe.values import coerce


@pytest.mark.parametrize("kind", SECTIONS.values(), ids=list(SECTIONS))
def test_every_option_has_help_and_a_default_of_its_own_type(kind: Any) -> None:
    for option in registry.options(kind):
        assert option.help.endswith("."), f"{kind.__name__}.{option.name}"
        assert not option.required
        plain = list(option.default) if isinstance(option.default, tuple) else option.default
        assert coerce(plain, option.type) == option.default
    assert dataclasses.asdict(kind()) == {option.name: option.default for option in registry.options(kind)}
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), registry.options(kind)[0].name, None)


def test_sections_are_named_as_recipes_name_them() -> None:
    assert set(SECTIONS) <= set(TOP)
    assert [kind.__name__.lower() for kind in SECTIONS.values()] == list(SECTIONS)


@pytest.mark.parametrize(
    ("kind", "options", "where"),
    [
        (Split, {"seed": 2**63}, "split.seed"),
        (Split, {"seed": -(2**63) - 1}, "split.seed"),
        (Evaluate, {"bootstrap": -1}, "evaluate.bootstrap"),
        (Evaluate, {"seeds": 0}, "evaluate.seeds"),
        (Evaluate, {"worst": -1}, "evaluate.worst"),
        (Evaluate, {"cost_error": -0.5}, "evaluate.cost_error"),
        (Evaluate, {"cost_abstain": -0.5}, "evaluate.cost_abstain"),
        (Serve, {"port": -1}, "serve.port"),
        (Serve, {"port": 65536}, "serve.port"),
        (Serve, {"host": ""}, "serve.host"),
        (Serve, {"cache": "redsi://cache"}, "serve.cache"),
        (Engine, {"master": "local[2]"}, "engine.kind"),
        (Engine, {"kind": "spark", "master": "sprak://host:7077"}, "engine.master"),
        (Engine, {"kind": "spark", "settings": {"executor.memory": "4g"}}, "engine.settings.executor.memory"),
        (
            Engine,
            {"kind": "spark", "settings": {"spark.executor.memory": None}},
            "engine.settings.spark.executor.memory",
        ),
    ],
)
def test_what_cannot_be_is_refused(kind: Any, options: dict[str, Any], where: str) -> None:
    with pytest.raises(RecipeError) as caught:
        kind(**options)
    assert caught.value.where == where


def test_the_limits_themselves_are_allowed() -> None:
    (
        Split(seed=-(2**63)),
        Split(seed=2**63 - 1),
        Evaluate(bootstrap=0, seeds=1, worst=0, cost_error=0.0, cost_abstain=0.0),
    )
    Serve(port=0), Serve(port=65535)
    for master in ("local", "local[*]", "local[2,4]", "spark://a:7077,b:7077", "yarn", "k8s://https://host:443"):
        Engine(kind="spark", master=master)


def test_serving_is_closed_to_the_outside_by_default() -> None:
    assert (Serve().host, Serve().keys) == ("127.0.0.1", None)


def test_answers_are_kept_only_where_the_recipe_says_so() -> None:
    assert Serve().cache == "none"
    for url in ("disk", "redis://cache:6379/0", "rediss://cache", "memcached://cache", "env:TILTH_CACHE"):
        assert Serve(cache=url).cache == url
