"""Keep a servable in one folder: fitted operators, model, labels, decision, and the hash of every file.

    <folder>/bundle.json      what it is, and the size and BLAKE2b-128 of every file below model/
    <folder>/model/...        what `Model.save` wrote: safetensors, tokenizer, JSON; never a pickle

A folder is written beside its place and renamed into it, so a crash leaves no half bundle; after that it never changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tilth.core.errors import ModelError
from tilth.core.learner import Model, Signature
from tilth.serve import _files, _parts

FORMAT = 1
CARD = "bundle.json"
CARD_LIMIT = 64 << 20
"""The largest `bundle.json` that is read, in bytes: it holds fitted operators, not data."""
_LEFT_BEHIND = 24 * 3600
"""After how many seconds the temporary folder of a writer that died is cleared away."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a bundle says about how it came to be; JSON values only."""

    created: str
    """When it was made, ISO 8601, as the caller's clock says."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The committed data it was trained on, such as `{"table": "support", "version": 3}`."""
    recipe: str = ""
    """The recipe's fingerprint."""
    labels: tuple[str, ...] = ()
    """The labels in the order of the model's scores."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """The summary of the test measurement."""
    inputs: Mapping[str, str] | None = None
    """The columns that a raw row has and their types, for when the operators read other columns than the model does.
    A type that ends in `?` may be missing. None: what the model reads."""


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was read and found whole."""

    folder: Path
    card: Mapping[str, Any]
    """What `bundle.json` holds."""
    digest: str
    """The BLAKE2b-128 of `bundle.json`, which holds the hash of everything else: the bundle's identity."""
    refine: tuple[Any, ...]
    """The fitted operators, in the order in which they run."""
    model: Model
    signature: Signature
    """What a raw row holds, and what the model adds to it."""
    notes: tuple[str, ...] = ()
    """What may make answers differ from those of the run, such as another version of a package."""

    @property
    def name(self) -> str:
        """The name it was trained under."""
        return str(self.card["name"])

    @property
    def version(self) -> str:
        """The version of that name."""
        return str(self.card["version"])

    @property
    def task(self) -> str:
        """What kind of question the model answers, such as `text_classification`."""
        return str(self.card["task"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the model's scores."""
        return tuple(self.card["labels"])


def write(
    folder: Path, *, name: str, version: str, task: str, refine: Sequence[Any], model: Model, facts: Facts
) -> Path:
    """Write a bundle in one act; writing the very same bundle twice is no error.

    Raises `ModelError` for an operator that is not row-wise or does not survive being written, for a model that cannot
    be found by name again or that saves a pickle or a link, and when the folder holds another bundle.
    """
    folder = folder.absolute()
    head = {
        "format": FORMAT,
        "name": name,
        "version": version,
        "task": task,
        "created": facts.created,
        "made_by": _parts.made_by(),
        "data": dict(facts.data),
        "recipe": facts.recipe,
        "refine": [_parts.operator_card(operator, f"refine[{place}]") for place, operator in enumerate(refine)],
        "model": _parts.model_card(model),
        "signature": {
            "inputs": dict(model.signature.inputs if facts.inputs is None else facts.inputs),
            "outputs": dict(model.signature.outputs),
        },
        "labels": list(facts.labels),
        "decision": _parts.decision_of(model),
        "metrics": dict(facts.metrics),
    }
    folder.parent.mkdir(parents=True, exist_ok=True)
    _clear_left_behind(folder)
    staged = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.part"
    (staged / "model").mkdir(parents=True)
    try:
        model.save(staged / "model")
        files = {name: _files.entry_of(path) for name, path in _files.listing(staged).items()}
        raw = _to_json({**head, "files": files}, str(folder))
        (staged / CARD).write_bytes(raw)
        _files.settle(staged)
        _move(staged, folder, raw)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def read(folder: Path, *, device: str = "auto") -> Bundle:
    """Read a bundle, check every byte of it, and load its operators and its model.

    `device`: auto, cpu or cuda. Raises `ModelError` when the folder is no bundle, is of another format, is cut short,
    was tampered with, or needs an operator or a model that this installation does not have.
    """
    folder = folder.absolute()
    raw, card = _card(folder)
    _files.check(folder, card["files"])
    where = str(folder / CARD)
    signature = Signature(**{side: dict(card["signature"].get(side, {})) for side in ("inputs", "outputs")})
    model = _parts.load_model(card["model"], folder / "model", device)
    if dict(model.signature.outputs) != signature.outputs:
        raise ModelError(
            f"the model gives {_words(model.signature.outputs)}", where=where, wanted=_words(signature.outputs)
        )
    own = tuple(getattr(model, "labels", ()) or ())
    if own and own != tuple(card["labels"]):
        raise ModelError(
            "the labels in bundle.json are not those of the model", where=where, wanted=", ".join(own[:20])
        )
    if _parts.decision_of(model) != card["decision"]:
        raise ModelError("the decision in bundle.json is not that of the model", where=where)
    operators = [_parts.load_operator(spec, f"{where} refine[{at}]") for at, spec in enumerate(card["refine"])]
    return Bundle(
        folder=folder,
        card=card,
        digest=hashlib.blake2b(raw, digest_size=16).hexdigest(),
        refine=tuple(operators),
        model=model,
        signature=signature,
        notes=tuple(note for spec in card["refine"] for note in _parts.package_notes(spec)),
    )


def _card(folder: Path) -> tuple[bytes, dict[str, Any]]:
    path = folder / CARD
    if path.is_symlink() or not path.is_file():
        raise ModelError(f"no {CARD}", where=str(folder), wanted="a bundle folder", do="Train first: tilth run.")
    if path.stat().st_size > CARD_LIMIT:
        raise ModelError(f"{CARD} is {path.stat().st_size} bytes long", where=str(folder), wanted=f"up to {CARD_LIMIT}")
    raw = path.read_bytes()
    try:
        card = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(
            f"{CARD} is not JSON, or is cut short: {len(raw)} bytes found", where=str(folder), wanted="a whole file"
        ) from error
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format") if isinstance(card, dict) else None
        raise ModelError(
            f"bundle format {str(found)[:20]}",
            where=str(path),
            wanted=f"format {FORMAT}",
            do="Read it with the version of Tilth that wrote it, or train again.",
        )
    for key, kind in _SHAPE.items():
        if not isinstance(card.get(key), kind):
            raise ModelError(f'"{key}" is missing or of the wrong type', where=str(path), wanted=_JSON_WORD[kind])
    for side in ("inputs", "outputs"):
        words = card["signature"].get(side)
        if not isinstance(words, dict) or not all(isinstance(word, str) for word in words.values()):
            raise ModelError(f'"signature.{side}" is missing or of the wrong type', where=str(path), wanted="an object")
    if not all(isinstance(label, str) for label in card["labels"]):
        raise ModelError('"labels" holds something other than strings', where=str(path), wanted="strings")
    return raw, card


def _move(staged: Path, folder: Path, raw: bytes) -> None:
    try:
        # A rename onto a folder that holds anything fails, so a bundle that is there is never overwritten.
        os.rename(staged, folder)  # noqa: PTH104 (Path.rename would do the same; os.rename is the documented atomic call)
    except OSError as error:
        held = folder / CARD
        if held.is_file() and held.read_bytes() == raw:
            _files.check(folder, json.loads(raw)["files"])
            return
        if folder.exists():
            raise ModelError(
                "this version exists already", where=str(folder), wanted="a new version: a bundle never changes"
            ) from error
        raise
    _files.sync_folder(folder.parent)


def _clear_left_behind(folder: Path) -> None:
    oldest = time.time() - _LEFT_BEHIND
    for path in folder.parent.glob(f".{folder.name}.*.part"):
        if path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)


def _to_json(card: Mapping[str, Any], where: str) -> bytes:
    try:
        return (json.dumps(card, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ModelError(f"the bundle's facts are not JSON values: {error}", where=where) from error


def _words(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in columns.items()) or "nothing"


_SHAPE: dict[str, type] = {
    "name": str,
    "version": str,
    "task": str,
    "created": str,
    "data": dict,
    "recipe": str,
    "refine": list,
    "model": dict,
    "signature": dict,
    "labels": list,
    "decision": dict,
    "metrics": dict,
    "files": dict,
}
_JSON_WORD: dict[type, str] = {str: "a string", dict: "an object", list: "a list"}
