"""Give the serving tests a small real model and operators, and take them away afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tilth.core import registry
from tilth.serve import bundle
from tilth.serve.bundle import Facts

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def own_parts() -> Iterator[None]:
    """Register the parts by the door that `code:` uses; other tests list the rooms and must not meet them."""
    before = dict(registry._own)
    registry.load_code(HERE / "own_model.py", "tilth.train.models")
    registry.load_code(HERE / "own_operators.py", "tilth.refine")
    yield
    registry._own.clear()
    registry._own.update(before)


def _keyword_count(**changed: Any) -> Any:
    kind: Any = registry.find("tilth.train.models", "keyword_count")
    options: dict[str, Any] = {
        "labels": ("billing", "delivery", "other"),
        "words": ("refund", "invoice", "parcel", "late"),
        "weights": ((4.0, 0.0, 0.0), (3.0, 0.0, 0.5), (0.0, 3.5, 0.0), (0.0, 2.0, 0.25)),
    }
    return kind(**{**options, **changed})


def _own(name: str, **options: Any) -> Any:
    return registry.find("tilth.refine", name)(**options)


@pytest.fixture(scope="session")
def keyword_count() -> Callable[..., Any]:
    """Make the keyword model; keyword arguments change its options."""
    return _keyword_count


@pytest.fixture(scope="session")
def own() -> Callable[..., Any]:
    """Make one of the operators in `own_operators.py`."""
    return _own


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write a bundle of the keyword model; keyword arguments change what goes into it."""

    def write(
        version: str = "1",
        refine: tuple[Any, ...] | None = None,
        model: Any = None,
        name: str = "support",
        **facts: Any,
    ) -> Path:
        chosen = (_own("own_spaces"), _own("own_short")) if refine is None else refine
        model = model or _keyword_count()
        return bundle.write(
            tmp_path / "models" / name / version,
            name=name,
            version=version,
            task="text_classification",
            refine=chosen,
            model=model,
            facts=Facts(**{"created": "2024-05-01T12:00:00Z", "labels": model.labels, **facts}),
        )

    return write
