"""A small real classifier: the logit of a label is the summed weight of its keywords in the text."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.learner import Signature


@dataclass(frozen=True, kw_only=True)
class KeywordCount:
    """Weigh keywords."""

    labels: tuple[str, ...]
    words: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    """One row a word, one column a label."""
    seconds: float = 0.0
    """How long one batch takes, to test the waiting line."""

    @property
    def signature(self) -> Signature:
        return Signature(inputs={"text": "string"}, outputs={"logits": "list<double>"})

    def map(self, batch: Batch) -> Batch:
        if self.seconds:
            time.sleep(self.seconds)
        texts = batch.column("text").to_pylist()
        if "divide by zero" in texts:
            raise ZeroDivisionError("a message that quotes the row: divide by zero")
        counted = [Counter(text.lower().split()) for text in texts]
        counts = np.array([[count[word] for word in self.words] for count in counted], dtype=np.float64)
        logits = counts.reshape(len(texts), len(self.words)) @ np.array(self.weights)
        return with_column(batch, "logits", logits.tolist(), pa.list_(pa.float64()))

    def save(self, folder: Path) -> None:
        (folder / "weights.json").write_text(json.dumps(self.__dict__), encoding="utf-8")
        (folder / "tokenizer").mkdir()
        (folder / "tokenizer" / "words.txt").write_text("\n".join(self.words), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, device: str = "auto") -> KeywordCount:
        held = json.loads((folder / "weights.json").read_text(encoding="utf-8"))
        return cls(
            labels=tuple(held["labels"]),
            words=tuple(held["words"]),
            weights=tuple(map(tuple, held["weights"])),
            seconds=held["seconds"],
        )
