"""A small real classifier: the logit of a label is the summed weight of its keywords in the text."""

from __future__ import annotations

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.learner import Signature


@dataclass(frozen=True, kw_only=True)
class _Decision:
    temperature: float = 1.0
    abstain_below: float | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class KeywordCount:
    """Weigh keywords."""

    labels: tuple[str, ...]
    words: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    """One row a word, one column a label."""
    decision: _Decision = field(default_factory=_Decision)
    seconds: float = 0.0
    """How long one batch takes, to test the waiting line."""

    @property
    def signature(self) -> Signature:
        return Signature(
            inputs={"text": "string"},
            outputs={"prediction": "string", "confidence": "float", "scores": "list<item: float>"},
        )

    def decided(self, **changed: float | None) -> KeywordCount:
        return dataclasses.replace(self, decision=dataclasses.replace(self.decision, **changed))

    def map(self, batch: Batch) -> Batch:
        if self.seconds:
            time.sleep(self.seconds)
        texts = batch.column("text").to_pylist()
        if "divide by zero" in texts:
            raise ZeroDivisionError("a message that quotes the row: divide by zero")
        counted = [Counter(text.lower().split()) for text in texts]
        counts = np.array([[count[word] for word in self.words] for count in counted], dtype=np.float64)
        logits = counts.reshape(len(texts), len(self.words)) @ np.array(self.weights) / self.decision.temperature
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = powers / powers.sum(axis=1, keepdims=True)
        sure = scores.max(axis=1)
        mute = np.zeros(len(texts), bool) if self.decision.abstain_below is None else sure < self.decision.abstain_below
        named = np.array(self.labels, object)[scores.argmax(axis=1)]
        batch = with_column(batch, "prediction", pa.array(named, pa.string(), mask=mute))
        batch = with_column(batch, "confidence", pa.array(sure.astype(np.float32)))
        return with_column(batch, "scores", scores.astype(np.float32).tolist(), pa.list_(pa.float32()))

    def save(self, folder: Path) -> None:
        (folder / "weights.json").write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")
        (folder / "tokenizer").mkdir()
        (folder / "tokenizer" / "words.txt").write_text("\n".join(self.words), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> KeywordCount:
        held = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
        return cls(
            labels=tuple(held["labels"]),
            words=tuple(held["words"]),
            weights=tuple(map(tuple, held["weights"])),
            decision=_Decision(**held["decision"]),
            seconds=held["seconds"],
        )
