"""Fingerprints change with whatever changes an answer, and with nothing else."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tilth.core import registry
from tilth.refine.label_map import LabelMap
from tilth.refine.language import Language
from tilth.refine.length import Length
from tilth.refine.near_duplicates import NearDuplicates
from tilth.run.fingerprint import chain, decides, digest, measures


@pytest.fixture(autouse=True)
def own_parts_go() -> Iterator[None]:
    before = dict(registry.own_parts())
    registry._own.clear()
    yield
    registry._own.clear()
    registry._own.update(before)


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Measures with `model`, decides by `threshold`."""

    version: ClassVar[int] = 1
    decides: ClassVar[tuple[str, ...]] = ("threshold",)
    packages: ClassVar[tuple[str, ...]] = ("numpy",)
    model: str = "a"
    threshold: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Plain:
    n: int = 1
    names: tuple[str, ...] = ("a",)


def test_fingerprints_never_change_between_versions() -> None:
    # Every project would do all its work again.
    assert digest() == "7ebb3c7c2a87b1a2f8a7ed729ecb040d"
    assert digest({"b": [1, None, 2.5], "a": "é"}, True) == "ef5d73527afe8707b8575d33253d7bbb"
    assert decides(Plain(n=3)) == "17fb23bab5a20afc65c996fb26e854cc"
    assert chain([Plain(), Plain(n=2)]) == "fcdcbdc567e103f8c2d4ebef7c1e68da"


def test_fingerprints_are_the_same_in_every_process() -> None:
    code = (
        "from tilth.run.fingerprint import decides, measures\nfrom tilth.refine.label_map import LabelMap\n"
        "one = LabelMap(labels={'a': 'b', 'c': 'd'}); print(measures(one), decides(one))"
    )
    here = LabelMap(labels={"c": "d", "a": "b"})
    for seed in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert run.stdout.split() == [measures(here), decides(here)], "nor by the order of a mapping"


def changes(option: registry.Option, value: Any) -> Any:
    """Return another value for an option, of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "x"
    if isinstance(value, tuple):
        return (*value, "x")
    if isinstance(value, dict):
        return {**value, "x": "y"}
    return "x"


def examples() -> list[Any]:
    found = []
    for name in registry.names("tilth.refine"):
        kind = registry.find("tilth.refine", name)
        given = getattr(importlib.import_module(kind.__module__), "EXAMPLES", ()) or (kind(),)
        found += [pytest.param(operator, id=f"{name}-{at}") for at, operator in enumerate(given)]
    return found


@pytest.mark.parametrize("operator", examples())
def test_every_option_of_every_operator_counts(operator: Any) -> None:
    before = decides(operator)
    assert decides(dataclasses.replace(operator)) == before
    for option in registry.options(type(operator)):
        other = dataclasses.replace(operator)
        # Past the operator's own check: what matters is that the option is in the fingerprint.
        object.__setattr__(other, option.name, changes(option, getattr(operator, option.name)))
        assert decides(other) != before, option.name


def test_operators_with_the_same_options_differ() -> None:
    first = {type(one.values[0]): one.values[0] for one in reversed(examples())}
    assert len({decides(one) for one in first.values()}) == len(first) > 5


def test_an_option_that_only_decides_leaves_the_measurement() -> None:
    one, other = Scored(threshold=0.5), Scored(threshold=0.9)
    assert measures(one) == measures(other)
    assert decides(one) != decides(other)
    assert measures(one) != measures(Scored(model="b"))
    assert decides(one) != decides(Scored(model="b"))


def test_a_new_version_of_an_operator_is_measured_again() -> None:
    class Newer(Scored):
        version = 2

    Newer.__name__ = "Scored"
    assert measures(Newer()) != measures(Scored())
    Newer.version = 1
    assert measures(Newer()) == measures(Scored())


def test_a_new_version_of_a_package_is_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = measures(Scored())
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{name} 99")
    assert measures(Scored()) != before
    assert measures(Language()) != before


def test_a_package_that_is_not_installed_has_a_fingerprint() -> None:
    class Other(Scored):
        packages = ("nowhere-at-all",)

    assert measures(Other()) != measures(Scored())


@pytest.mark.parametrize("name", registry.names("tilth.refine"))
def test_packages_that_operators_name_are_packages(name: str) -> None:
    kind = registry.find("tilth.refine", name)
    for package in getattr(kind, "packages", ()):
        assert importlib.metadata.version(package)
    assert set(getattr(kind, "decides", ())) <= {option.name for option in registry.options(kind)}


def test_changed_code_is_measured_again(tmp_path: Path) -> None:
    text = (
        "from dataclasses import dataclass\n\n@dataclass(frozen=True, kw_only=True)\nclass Mine:\n    n: int = 1\n\n"
        "    def map(self, batch):\n        return batch\n"
    )
    found = []
    for version in (text, text + "\n", text):
        (tmp_path / "my_ops.py").write_text(version)
        registry.load_code(tmp_path / "my_ops.py", "tilth.refine")
        found.append(measures(registry.find("tilth.refine", "mine")()))
    assert found[0] == found[2] != found[1]


def test_a_chain_depends_on_the_order() -> None:
    one, two = Length(min=2), NearDuplicates()
    assert chain([one, two]) != chain([two, one]) != chain([one])
    assert chain([]) == digest([])


def test_values_are_told_apart() -> None:
    values: list[Any] = [None, True, 1, 1.5, "1", "", [], [1], {}, {"a": 1}, ["a", 1], "é", "e\u0301", "\udce9"]
    assert len({digest(value) for value in values}) == len(values)
    assert digest(1, 2) != digest([1, 2]) != digest(12)
    assert digest({"a": {"x": 1, "y": 2}}) == digest({"a": {"y": 2, "x": 1}})
