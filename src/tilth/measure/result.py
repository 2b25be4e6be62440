"""Turn a result into plain JSON values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Result:
    """A measured result: a frozen dataclass that knows its JSON form.

    >>> @dataclass(frozen=True, kw_only=True)
    ... class Share(Result):
    ...     share: float
    >>> Share(share=0.5).to_json()
    {'share': 0.5}
    """

    def to_json(self) -> dict[str, Any]:
        """Return dictionaries, lists, strings, numbers and None only; a number that is not finite becomes None."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it.

    >>> plain((np.float64(0.5), float("nan"), {"a": np.array([1, 2])}))
    [0.5, None, {'a': [1, 2]}]
    """
    if isinstance(value, Result):
        return value.to_json()
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
