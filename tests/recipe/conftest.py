"""A user's operators that one test loads are not there in the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tilth.core import registry


@pytest.fixture(autouse=True)
def own_parts_go() -> Iterator[None]:
    before = dict(registry.own_parts())
    registry._own.clear()
    yield
    registry._own.clear()
    registry._own.update(before)
