"""Keep answers by what they depend on, so that a row that was answered before is not worked on again.

An answer depends on the bundle (its digest, which covers the users' own code), on Tilth's code and the packages that do
the arithmetic, on the processor, and on the row: its cells, their types and its id. All of it is in the key. Answers of
rows that failed are not kept: the next time may go well.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

import tilth
from tilth.bytes.cache import Cache, Statistics
from tilth.core.batch import ID, Batch, canonical, user_columns
from tilth.serve._answers import Answer
from tilth.serve.bundle import Bundle

SECONDS = 7 * 24 * 3600.0
"""How long an answer is kept."""
_PACKAGES = ("numba", "numpy", "pyarrow", "safetensors", "tokenizers", "torch", "transformers")


class Kept:
    """The answers of one bundle that were given before; safe to call from several threads."""

    def __init__(self, cache: Cache, bundle: Bundle) -> None:
        self._space = cache.space("predictions", version_of(bundle), seconds=SECONDS)

    def known(self, batch: Batch) -> tuple[list[str], dict[int, Answer]]:
        """Return the key of each row, and the answers that are known, by the row's place."""
        keys = _keys(batch)
        found = self._space.get_many(keys)
        answers = {row: json.loads(found[key]) for row, key in enumerate(keys) if key in found}
        return keys, answers

    def keep(self, keys: Sequence[str], answers: Sequence[Answer]) -> None:
        """Keep new answers under their rows' keys."""
        values: dict[str, bytes] = {}
        for key, answer in zip(keys, answers, strict=True):
            if answer["status"] == "failed":
                continue
            said = _as_json(answer)
            if said is not None:
                values[key] = said
        if values:
            self._space.put_many(values)

    @property
    def statistics(self) -> Statistics:
        """What came of the lookups."""
        return self._space.statistics


def version_of(bundle: Bundle) -> str:
    """Return what answers depend on beside the row."""
    device = getattr(bundle.model, "device", "")
    said = [bundle.digest, str(device), own_code(), *_machine(), *(f"{name} {_installed(name)}" for name in _PACKAGES)]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=16).hexdigest()


@functools.cache
def own_code() -> str:
    """Return the hash of Tilth's own code as it is installed here."""
    hasher = hashlib.blake2b(digest_size=16)
    root = Path(tilth.__file__).parent
    for path in sorted(root.rglob("*.py")):
        raw = path.read_bytes()
        name = path.relative_to(root).as_posix().encode()
        hasher.update(len(name).to_bytes(4, "little") + name + len(raw).to_bytes(8, "little") + raw)
    return hasher.hexdigest()


def _machine() -> tuple[str, ...]:
    """Name the processor: another may round the last digit in another way."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        lines = []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return platform.machine(), model or platform.processor()


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _keys(batch: Batch) -> list[str]:
    names = sorted(user_columns(batch.schema))
    types = canonical([[name, str(batch.schema.field(name).type)] for name in names])
    # The id too: an operator may decide by it, and a row that stands twice in a request has two.
    return [f"{types}{canonical(row)}" for row in batch.select([*names, ID]).to_pylist()]


def _as_json(answer: Mapping[str, object]) -> bytes | None:
    """Return an answer as JSON that reads as the very same, or None where it does not."""
    try:
        said = json.dumps(answer)
        same = json.loads(said)
    except (TypeError, ValueError):
        return None
    return said.encode() if same == answer and repr(same) == repr(dict(answer)) else None
