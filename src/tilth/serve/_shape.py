"""Describe requests and answers for the OpenAPI page; the answers themselves are made elsewhere, as plain JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
from pydantic import BaseModel, Field

from tilth.serve._rows import Inputs


class Entity(BaseModel):
    """A stretch of text that the model names."""

    type: str = Field(description="What it is, such as PER.")
    start: int = Field(description="The first character, or the first token where tokens were sent.")
    end: int = Field(description="One past the last.")
    text: str = Field(description="What stands there.")


class Ok(BaseModel):
    """The model's answer."""

    status: Literal["ok"]
    prediction: str | list[str | None] | None = Field(
        None, description="The label; the labels where there may be several; a tag, or null, for each token."
    )
    confidence: float | list[float] | None = None
    scores: dict[str, float] | None = Field(None, description="The probability of every label.")
    entities: list[Entity] | None = Field(None, description="From a model that finds entities.")
    tokens: list[str] | None = Field(None, description="What the tags are for, where text was sent.")
    truncated: bool | None = Field(None, description="True where the model read only the beginning of the row.")


class Abstained(BaseModel):
    """The model is not sure enough to answer."""

    status: Literal["abstained"]
    prediction: list[None] | None = None
    confidence: float | list[float] | None = None
    scores: dict[str, float] | None = None
    entities: list[Entity] | None = None
    tokens: list[str] | None = None
    truncated: bool | None = None
    reason: str


class Dropped(BaseModel):
    """An operator drops the row, as it does in a run."""

    status: Literal["dropped"]
    operator: str
    rule: str
    value: float | None = Field(description="What was measured.")
    threshold: float | None = Field(description="What it was compared with.")


class Failed(BaseModel):
    """The row could not be worked on."""

    status: Literal["failed"]
    operator: str
    reason: str


class Which(BaseModel):
    """The model that answered."""

    name: str
    version: str
    digest: str = Field(description="The BLAKE2b-128 of the bundle: the same digest gives the same answers.")


class Answers(BaseModel):
    """One answer for each row, in the order of the rows."""

    model: Which
    answers: list[Ok | Abstained | Dropped | Failed]
    notes: list[str] | None = Field(None, description="What the sender should know, such as fields that are not read.")


class Said(BaseModel):
    """What went wrong."""

    what: str
    where: str | None = None
    wanted: str | None = None
    do: str | None = None
    id: str = Field(description="The request's id, as in the X-Request-Id header and the service's log.")


class Error(BaseModel):
    """A request that was not answered."""

    error: Said


def request_body(forms: Sequence[Inputs], most: int) -> dict[str, Any]:
    """Return OpenAPI's description of a prediction's body, with an example; a row may have any of these forms."""
    rows = [
        {
            "type": "object",
            "properties": {field.name: _schema(field.type) for field in form.fields},
            "required": [field.name for field in form.fields if not field.optional],
        }
        for form in forms
    ]
    short = [{"type": "string"}] if any(form.one_text for form in forms) else []
    listed = {"type": "array", "maxItems": most, "items": {"anyOf": [*rows, *short]}}
    many = {"type": "object", "properties": {"rows": listed}, "required": ["rows"]}
    example = {"rows": [{field.name: _example(field.type) for field in form.fields} for form in forms]}
    content = {"schema": {"anyOf": [many, *rows]}, "example": example}
    return {"required": True, "content": {"application/json": content}}


def _schema(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"type": ["array", "null"], "items": _schema(kind.value_type)}
    return {"type": [_JSON_TYPES[str(kind)], "null"]}


def _example(kind: pa.DataType) -> Any:
    if pa.types.is_list(kind):
        return [_example(kind.value_type)]
    return {"string": "Where is my order?", "int64": 1, "double": 0.5, "bool": True}[str(kind)]


_JSON_TYPES = {"string": "string", "int64": "integer", "double": "number", "bool": "boolean"}
