"""Fingerprint work, so that what is unchanged is not done again.

An operator has two fingerprints. *measure* covers what it computes; *decide* covers, on top, the options that only
choose among what was computed (its `decides` names them). A change of the second re-decides without measuring again.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tilth.core import registry
from tilth.core.spec import spec_of


def digest(*values: Any) -> str:
    """Hash JSON values to 128 bits, as 32 hex digits.

    >>> digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def measures(operator: Any) -> str:
    """Fingerprint what an operator computes."""
    kind = type(operator)
    spec = spec_of(operator)
    decides = set(getattr(kind, "decides", ()))
    spec["options"] = {name: value for name, value in spec["options"].items() if name not in decides}
    return digest(spec, getattr(kind, "version", 1), _packages(kind), registry.code_digest(kind))


def decides(operator: Any) -> str:
    """Fingerprint all that an operator does."""
    return digest(measures(operator), spec_of(operator))


def chain(operators: Sequence[Any]) -> str:
    """Fingerprint operators that run one after another."""
    return digest([decides(operator) for operator in operators])


def located(operator: Any, folder: Path) -> tuple[Any, list[str]]:
    """Return an operator that finds its files beside the recipe in `folder`, and the hashes of what these hold."""
    operator = operator.anchored(folder) if hasattr(operator, "anchored") else operator
    return operator, sorted(getattr(operator, "resources", {}).values())


def _packages(kind: type) -> dict[str, str]:
    """Name the versions of the packages whose change may change an operator's answers."""
    return {name: _version(name) for name in getattr(kind, "packages", ())}


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
