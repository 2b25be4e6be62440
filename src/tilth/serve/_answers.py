"""Turn the columns that a model adds into answers: one JSON object a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.errors import ModelError

DIGITS = 6
"""To how many decimals numbers are written: float32 has no more that mean anything."""


class Answer(TypedDict, total=False):
    """What is said of one row; which keys there are depends on `status` and on the task."""

    status: Literal["ok", "dropped", "failed", "abstained"]
    prediction: Any
    """A label; a list of labels where there may be several; a list of tags, one a word."""
    confidence: float | list[float] | None
    scores: dict[str, float]
    """The probability of every label."""
    entities: list[dict[str, Any]]
    """What was found: `type`, `text`, and `start` and `end` in characters, or in tokens where tokens were sent."""
    tokens: list[str]
    """The words that the tags are for, where text was sent."""
    truncated: bool
    """True where the model read only the beginning of the row; else not there."""
    operator: str
    rule: str
    value: float | None
    threshold: float | None
    reason: str


_COPIED = ("prediction", "confidence", "scores", "entities", "truncated")


def read(told: Batch, asked: Sequence[str], outputs: Mapping[str, str], labels: tuple[str, ...]) -> dict[str, Answer]:
    """Return each row's answer by its id. The model has decided: a prediction that is null is none.

    `told` is what the model gave back, `asked` names the columns it was given. Raises `ModelError` when a column of the
    signature is missing, or the scores do not fit the labels.
    """
    names = [name for name in _COPIED if name in outputs]
    missing = [name for name in names if name not in told.schema.names]
    if missing or not {"prediction", "entities"} & set(names):
        raise ModelError(f"the model gave no {missing[0] if missing else 'prediction'}", wanted=", ".join(outputs))
    if "tokens" in told.schema.names and "tokens" not in asked:
        names.append("tokens")
    columns = [told.column(name).to_pylist() for name in names]
    rows = (dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True))
    return {id: _answer(row, labels) for id, row in zip(told.column(ID).to_pylist(), rows, strict=True)}


def _answer(row: dict[str, Any], labels: tuple[str, ...]) -> Answer:
    answer: Answer = {"status": "ok"}
    if "prediction" in row:
        answer["prediction"] = given = row["prediction"]
        if given is None or (given and isinstance(given, list) and all(tag is None for tag in given)):
            answer["status"] = "abstained"
            answer["reason"] = "the model is not sure enough"
    if "confidence" in row:
        answer["confidence"] = _rounded(row["confidence"])
    if row.get("scores") is not None:
        if len(row["scores"]) != len(labels):
            raise ModelError(
                f"the model gave {len(row['scores'])} scores", wanted=f"one for each of {len(labels)} labels"
            )
        answer["scores"] = dict(zip(labels, _rounded(row["scores"]), strict=True))
    if "entities" in row:
        answer["entities"] = [{name: _rounded(value) for name, value in one.items()} for one in row["entities"] or ()]
    if "tokens" in row:
        answer["tokens"] = row["tokens"]
    if row.get("truncated"):
        answer["truncated"] = True
    return answer


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DIGITS)
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def columns(outputs: Mapping[str, str]) -> pa.Schema:
    """Return the columns that answers fill, whatever the rows: their types follow from the signature's outputs."""
    lists = {name for name, word in outputs.items() if word.startswith("list<")}
    kinds = {
        "prediction": pa.list_(pa.string()) if "prediction" in lists else pa.string(),
        "confidence": pa.list_(pa.float64()) if "confidence" in lists else pa.float64(),
        "scores": pa.map_(pa.string(), pa.float64()),
        "entities": pa.list_(_ENTITY),
        "truncated": pa.bool_(),
    }
    given = [(name, kind) for name, kind in kinds.items() if name in outputs]
    why = [("operator", pa.string()), ("rule", pa.string()), ("value", pa.float64()), ("threshold", pa.float64())]
    return pa.schema([("status", pa.string()), *given, *why, ("reason", pa.string())])


_ENTITY = pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("text", pa.string())])
