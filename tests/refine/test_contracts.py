"""Every operator keeps the contract, unasked: a new file in `tilth/refine` is found by its name."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from tilth.core import registry
from tilth.testing import check_operator


def examples() -> list[Any]:
    found = []
    for name in registry.names("tilth.refine"):
        kind = registry.find("tilth.refine", name)
        module = importlib.import_module(kind.__module__)
        given = getattr(module, "EXAMPLES", ()) or (kind(),)
        found += [pytest.param(operator, id=f"{name}-{at}") for at, operator in enumerate(given)]
    return found


@pytest.mark.parametrize("operator", examples())
def test_operator_keeps_the_contract(operator: Any) -> None:
    check_operator(operator)
