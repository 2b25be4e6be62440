"""Keep a fit's place on disk: tensors in safetensors, the rest in JSON, each write all or nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import xxhash

from tilth.bytes.digest import digest

if TYPE_CHECKING:
    from torch import Tensor

_FOLDER = re.compile(r"(step|best)-(\d{9})")
TENSORS, STATE = "tensors.safetensors", "state.json"


class Saved(NamedTuple):
    """What was stored at a step."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


@dataclass(frozen=True)
class Checkpoints:
    """One fit's folder: the place to go on from (`step-…`) and the best weights so far (`best-…`).

    A folder gets its name only when it is whole, so a kill leaves the one before. What another fit left (other options,
    other data) is removed.
    """

    root: Path
    fingerprint: str

    @property
    def folder(self) -> Path:
        """Return the folder of this fit."""
        return self.root / self.fingerprint

    def prepare(self) -> None:
        """Make the folder; remove other fits' and what a kill cut short."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for other in self.root.iterdir():
            if other.is_dir() and other != self.folder and re.fullmatch(r"[0-9a-f]{32}", other.name):
                shutil.rmtree(other)
        for half in self.folder.glob(".half-*"):
            shutil.rmtree(half)

    def newest(self) -> tuple[Saved, Saved | None] | None:
        """Return the newest whole place, and the best weights it speaks of; None to begin anew."""
        for step in sorted(self._steps("step"), reverse=True):
            place = self._read("step", step)
            if place is None:
                continue
            best_step = place.state.get("best_step")
            best = None if best_step is None else self._read("best", best_step)
            if best_step is None or best is not None:
                return place, best
        return None

    def write(self, kind: str, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Store one place, or one set of weights, then remove older places and weights that no place speaks of."""
        from safetensors.torch import save_file

        target = self.folder / f"{kind}-{step:09d}"
        half = self.folder / f".half-{kind}-{step:09d}"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        save_file({name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}, half / TENSORS)
        body = json.dumps({"tensors": digest(half / TENSORS), "state": state}, sort_keys=True)
        (half / STATE).write_text(json.dumps({"digest": xxhash.xxh3_128_hexdigest(body.encode()), "body": body}))
        for written in (half / TENSORS, half / STATE, half):
            _sync(written)
        shutil.rmtree(target, ignore_errors=True)
        half.rename(target)
        _sync(self.folder)
        if kind == "step":
            self._clean(step, state.get("best_step"))

    def _clean(self, step: int, best_step: int | None) -> None:
        for kind, kept in (("step", step), ("best", best_step)):
            for other in self._steps(kind):
                if other != kept:
                    shutil.rmtree(self.folder / f"{kind}-{other:09d}")

    def _steps(self, kind: str) -> list[int]:
        found = (_FOLDER.fullmatch(entry.name) for entry in self.folder.iterdir())
        return [int(match[2]) for match in found if match and match[1] == kind]

    def _read(self, kind: str, step: int) -> Saved | None:
        """Return what was stored, or None where a file is cut short or changed."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = self.folder / f"{kind}-{step:09d}"
        try:
            said = json.loads((folder / STATE).read_text(encoding="utf-8"))
            body = str(said["body"])
            if xxhash.xxh3_128_hexdigest(body.encode()) != said["digest"]:
                return None
            told = json.loads(body)
            if digest(folder / TENSORS) != told["tensors"]:
                return None
            return Saved(step, load_file(folder / TENSORS), told["state"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return None


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
