"""Seal a model's folder: a manifest that holds a checksum of every file, and of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tilth
from tilth.core.errors import ModelError

MANIFEST = "model.json"
FORMAT = 1
FILES = ("config.json", "model.safetensors", "tokenizer.json")
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib")


def seal(folder: Path, said: Mapping[str, Any]) -> None:
    """Write the manifest over the files that lie in the folder."""
    files = {name: {"blake2b": _checksum(folder / name), "bytes": (folder / name).stat().st_size} for name in FILES}
    body: dict[str, Any] = {"format": FORMAT, "tilth": tilth.__version__, **said, "files": files}
    sealed = {**body, "digest": _digest(body)}
    (folder / MANIFEST).write_text(json.dumps(sealed, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def unseal(folder: Path, *, kind: str) -> dict[str, Any]:
    """Return the manifest after checking it and every file, or raise `ModelError` naming the one that is wrong."""
    where = f"model {folder.name}"
    if not (folder / MANIFEST).is_file():
        raise ModelError(f"no {MANIFEST}", where=where, wanted="a folder that a model was saved to")
    try:
        said = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digest = said.pop("digest")
        sound = digest == _digest(said)
    except (ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{MANIFEST} is cut short", where=where, do="Save the model again.") from error
    if not sound:
        raise ModelError(f"{MANIFEST} was changed after it was saved", where=where, do="Save the model again.")
    if said.get("format") != FORMAT or said.get("kind") != kind:
        raise ModelError(
            f"{MANIFEST} is format {said.get('format')} of kind {said.get('kind')}",
            where=where,
            wanted=f"format {FORMAT} of kind {kind}",
        )
    pickled = sorted(file.name for file in folder.iterdir() if file.suffix in PICKLES)
    if pickled:
        raise ModelError(f"{pickled[0]} is a pickle, which can run code", where=where, do="Take it away.")
    for name, file in said["files"].items():
        _check(folder / str(name), file, where)
    missing = [name for name in FILES if name not in said["files"]]
    if missing:
        raise ModelError(f"{MANIFEST} does not vouch for {missing[0]}", where=where)
    return dict(said)


def _check(path: Path, said: Mapping[str, Any], where: str) -> None:
    if not path.is_file():
        raise ModelError(f"{path.name} is missing", where=where, do="Copy the folder again.")
    size = path.stat().st_size
    if size != said["bytes"]:
        raise ModelError(
            f"{path.name} has {size} bytes", where=where, wanted=f"{said['bytes']} bytes", do="Copy the folder again."
        )
    if _checksum(path) != said["blake2b"]:
        raise ModelError(f"{path.name} was changed after it was saved", where=where, do="Copy the folder again.")


def _checksum(path: Path) -> str:
    hasher = hashlib.blake2b(digest_size=16)
    with path.open("rb") as opened:
        while block := opened.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=16).hexdigest()
