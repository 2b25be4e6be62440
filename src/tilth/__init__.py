"""Take scarce, noisy, private data to a model in production, and see which data work paid off."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "check", "load"]

if TYPE_CHECKING:
    from tilth.api import check, load


def __getattr__(name: str) -> Any:
    # `import tilth` stays light: what the names stand for is imported at their first use.
    if name in ("check", "load"):
        return getattr(importlib.import_module("tilth.api"), name)
    raise AttributeError(f"module 'tilth' has no attribute {name!r}")
