"""Name the operators and the model of a bundle, and find them again by name."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tilth.core import registry
from tilth.core.errors import MissingExtra, ModelError, TilthError, missing_extra
from tilth.core.learner import Model
from tilth.core.spec import from_spec, spec_of

REFINE = "tilth.refine"
MODELS = "tilth.train.models"
_NOT_ROW_WISE = {
    "decide": "compares rows with one another",
    "observe": "is a fold that is not fitted yet",
    "expand": "makes several rows of one",
    "grow": "makes new rows",
}


def operator_card(operator: Any, where: str) -> dict[str, Any]:
    """Return the spec of a fitted row-wise operator, after building it again from JSON and finding it the same.

    Raises `ModelError` for an operator that does not look at one row by itself, or that JSON cannot carry.
    """
    refuse_unless_row_wise(operator, where)
    spec = {**spec_of(operator), **_behaviour(type(operator))}
    where = f"{where} {spec['part']}"
    try:
        carried = json.loads(json.dumps(spec, allow_nan=False))
        again = from_spec(REFINE, carried)
    except (TypeError, ValueError, TilthError) as error:
        raise ModelError(f"the operator cannot be written as JSON: {error}", where=where) from error
    if again != operator or type(again) is not type(operator):
        raise ModelError("the operator is not the same after it is written as JSON and read", where=where)
    return spec


def load_operator(spec: Any, where: str) -> Any:
    """Build an operator from its spec; raise `ModelError` where this installation has no such operator."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("part"), str):
        raise ModelError("not an operator's spec", where=where, wanted='an object with "part" and "options"')
    where = f"{where} {spec['part']}"
    try:
        operator = from_spec(REFINE, spec)
    except (TilthError, TypeError, ValueError) as error:
        raise ModelError(
            f"cannot build the operator: {error}",
            where=where,
            do="Install the version of Tilth that wrote the bundle; load your own operators with `code:` first.",
        ) from error
    refuse_unless_row_wise(operator, where)
    said = {key: spec.get(key, otherwise) for key, otherwise in (("version", 1), ("code", ""))}
    here = _behaviour(type(operator))
    for key, what in {"version": "the operator's version", "code": "the hash of the operator's own code"}.items():
        if said[key] != here.get(key, ""):
            raise ModelError(
                f"{what} is {here.get(key, '') or 'none'}: it may answer differently now",
                where=where,
                wanted=str(said[key] or "none")[:64],
            )
    return operator


def package_notes(spec: Mapping[str, Any]) -> list[str]:
    """List the packages an operator depends on that have another version here than where the bundle was written."""
    said = spec.get("packages")
    if not isinstance(said, Mapping):
        return []
    here = {name: _installed(str(name)) for name in said}
    return [
        f"{spec['part']}: {name} is {here[name]} here, was {said[name]}" for name in said if here[name] != said[name]
    ]


def refuse_unless_row_wise(operator: Any, where: str) -> None:
    """Raise `ModelError` unless the operator maps or judges one row by itself."""
    kind = type(operator).__name__
    for method, what in _NOT_ROW_WISE.items():
        if callable(getattr(operator, method, None)):
            raise ModelError(
                f"{kind} {what}, so it cannot run on one request",
                where=where,
                wanted="a fitted operator that maps or judges each row by itself",
            )
    row_wise = callable(getattr(operator, "map", None)) or callable(getattr(operator, "judge", None))
    if isinstance(operator, type) or not dataclasses.is_dataclass(operator) or not row_wise:
        raise ModelError(f"{kind} is no operator", where=where, wanted="a frozen dataclass with `map` or `judge`")


def model_card(model: Model) -> dict[str, Any]:
    """Return the word by which the model's class is found again, after finding it."""
    kind = registry.name_of(model)
    if registry.find(MODELS, kind, where="model") is not type(model):
        raise ModelError(f'the name "{kind}" finds another model than {type(model).__name__}', where="model")
    return {"kind": kind, **_code(type(model))}


def load_model(card: Mapping[str, Any], folder: Path, device: str) -> Model:
    """Load a model's weights from its folder; whatever goes wrong there is one `ModelError`."""
    kind = str(card.get("kind"))
    where = f"{folder} ({kind})"
    try:
        part: Any = registry.find(MODELS, kind, where=where)
        if str(card.get("code", "")) != _code(part).get("code", ""):
            raise ModelError("the model's own code changed since the bundle was written", where=where)
        model = part.load(folder, device=device)
    except (ModelError, MissingExtra):
        raise
    except ModuleNotFoundError as error:
        raise missing_extra(error.name or "torch", "train", f"serving a model of kind {kind}") from error
    except Exception as error:
        raise ModelError(f"the model does not load: {type(error).__name__}: {error}", where=where) from error
    if not isinstance(model, Model):
        raise ModelError(f"{type(model).__name__} is no model", where=where, wanted="signature, map and save")
    return model


def decision_of(model: Model) -> dict[str, Any]:
    """Return how the model decides (temperature, thresholds), where it says: the model holds it, the card shows it."""
    decision: Any = getattr(model, "decision", None)
    if not dataclasses.is_dataclass(decision) or isinstance(decision, type):
        return {}
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(decision), default=dict))
    return plain


def made_by() -> str:
    """Return which Tilth is running."""
    return f"tilth {_installed('tilth')}"


def _behaviour(part: type) -> dict[str, Any]:
    """Return what may change an operator's answers beside its options, as a run fingerprints it."""
    packages = {name: _installed(name) for name in getattr(part, "packages", ())}
    return {"version": getattr(part, "version", 1), **({"packages": packages} if packages else {}), **_code(part)}


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _code(part: type) -> dict[str, str]:
    digest = registry.code_digest(part)
    return {"code": digest} if digest else {}
