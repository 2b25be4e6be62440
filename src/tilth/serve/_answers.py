"""Turn a model's columns into answers: probabilities, the decision, one JSON object a row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.core.batch import ID, Batch
from tilth.core.errors import ModelError
from tilth.core.learner import Signature
from tilth.serve.decision import DIGITS, Decision


class Answer(TypedDict, total=False):
    """What is said of one row; which keys there are depends on `status`."""

    status: Literal["ok", "dropped", "failed", "abstained"]
    prediction: str | list[str] | None
    confidence: float | None
    scores: dict[str, float]
    entities: list[dict[str, Any]]
    operator: str
    rule: str
    value: float | None
    threshold: float | None
    reason: str


Kind = Literal["one", "many", "entities"]


@dataclass(frozen=True)
class Reader:
    """How to read the columns that a model adds.

    - one label: `logits` or `scores` (a list a row, in label order), or `prediction` and, if there, `confidence`
    - any number of labels: the same, with a `prediction` that is a list of strings
    - entities: `entities`, a list of structs with `label`, `start`, `end`, `text`, `confidence`
    """

    kind: Kind
    source: Literal["logits", "scores", "prediction", "entities"]
    labels: tuple[str, ...]
    decision: Decision

    @classmethod
    def of(cls, signature: Signature, labels: Sequence[str], decision: Decision) -> Reader:
        """Choose by the names and types of the signature's outputs; raise `ModelError` where none is an answer."""
        outputs = signature.outputs
        if "entities" in outputs:
            return cls("entities", "entities", tuple(labels), decision)
        kind: Kind = "many" if outputs.get("prediction", "").startswith("list<") else "one"
        for source in ("logits", "scores"):
            if source in outputs and labels:
                return cls(kind, source, tuple(labels), decision)
        if "prediction" in outputs:
            return cls(kind, "prediction", tuple(labels), decision)
        raise ModelError(
            f"the model gives {', '.join(outputs) or 'nothing'}",
            wanted="entities, prediction, or scores or logits in the order of the labels",
        )

    @property
    def many(self) -> bool:
        """Whether a row may have several labels."""
        return self.kind == "many"

    def answers(self, told: Batch) -> dict[str, Answer]:
        """Return one answer a row, by its id."""
        ids = told.column(ID).to_pylist()
        if self.kind == "entities":
            return dict(zip(ids, map(self._entities, told.column("entities").to_pylist()), strict=True))
        if self.source == "prediction":
            sure = told.column("confidence").to_pylist() if "confidence" in told.schema.names else [None] * len(ids)
            given = told.column("prediction").to_pylist()
            return dict(zip(ids, map(self._plain, given, sure), strict=True))
        decide = self._many if self.many else self._one
        return dict(zip(ids, map(decide, self._probabilities(told).tolist()), strict=True))

    def _probabilities(self, told: Batch) -> NDArray[np.float64]:
        column = told.column(self.source)
        values = np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float64)
        if column.null_count or len(values) != len(told) * len(self.labels) or np.isnan(values).any():
            raise ModelError(f"the model's {self.source} are not one number for each of {len(self.labels)} labels")
        matrix = values.reshape(len(told), len(self.labels))
        if self.source == "scores":
            if self.decision.temperature == 1.0:
                return np.asarray(matrix.round(DIGITS))
            floor = np.maximum(matrix, np.finfo(np.float64).tiny)
            matrix = np.log(floor) - (np.log1p(-np.minimum(matrix, 1 - 1e-16)) if self.many else 0.0)
        return self.decision.many(matrix) if self.many else self.decision.one(matrix)

    def _one(self, row: list[float]) -> Answer:
        best = max(range(len(row)), key=row.__getitem__)
        label, score = self.labels[best], row[best]
        scores = dict(zip(self.labels, row, strict=True))
        least = self.decision.of(label, 0.0)
        if score >= least:
            return {"status": "ok", "prediction": label, "confidence": score, "scores": scores}
        return {
            "status": "abstained",
            "prediction": None,
            "confidence": score,
            "scores": scores,
            "reason": f"the confidence is below {least:g}",
        }

    def _many(self, row: list[float]) -> Answer:
        scores = dict(zip(self.labels, row, strict=True))
        given = [label for label, score in scores.items() if score >= self.decision.of(label, 0.5)]
        # As sure as of the label it is least sure of, given or left out.
        sure = min((max(score, 1 - score) for score in row), default=1.0)
        return {"status": "ok", "prediction": given, "confidence": round(sure, DIGITS), "scores": scores}

    def _plain(self, given: Any, sure: float | None) -> Answer:
        answer: Answer = {"status": "ok", "prediction": given}
        if sure is not None and math.isfinite(sure):
            answer["confidence"] = round(sure, DIGITS)
        return answer

    def _entities(self, found: list[dict[str, Any]] | None) -> Answer:
        kept = []
        for entity in found or []:
            sure = entity.get("confidence")
            if sure is None or round(sure, DIGITS) >= self.decision.of(entity["label"], 0.0):
                kept.append({**entity, **({} if sure is None else {"confidence": round(sure, DIGITS)})})
        return {"status": "ok", "entities": kept}


def columns(*, many: bool) -> pa.Schema:
    """Return the columns that answers fill."""
    entity = pa.struct(
        [
            ("label", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("text", pa.string()),
            ("confidence", pa.float64()),
        ]
    )
    return pa.schema(
        [
            ("status", pa.string()),
            ("prediction", pa.list_(pa.string()) if many else pa.string()),
            ("confidence", pa.float64()),
            ("scores", pa.map_(pa.string(), pa.float64())),
            ("entities", pa.list_(entity)),
            ("operator", pa.string()),
            ("rule", pa.string()),
            ("value", pa.float64()),
            ("threshold", pa.float64()),
            ("reason", pa.string()),
        ]
    )
