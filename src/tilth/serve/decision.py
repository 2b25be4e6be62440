"""Decide: from a model's raw scores to the label that is given, or to none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tilth.core.errors import ModelError

DIGITS = 6
"""To how many decimals scores are rounded before anything is decided on them: what is shown is what decided."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How scores become an answer: temperature scaling (Guo et al. 2017), then a threshold a label.

    One label of several: the most probable one is given when it reaches its threshold, else the answer is "abstained".
    Any number of labels: each that reaches its threshold is given. Entities: each that reaches its type's threshold.

    >>> Decision(temperature=2.0).one([[2.0, 0.0]]).round(2).tolist()
    [[0.73, 0.27]]
    """

    temperature: float = 1.0
    """What logits are divided by; above 1 makes a model less sure of itself."""
    threshold: float | None = None
    """What a score must reach, for labels without a threshold of their own. None: 0 for one label, 0.5 for many."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """What the score of each label must reach."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise ModelError(f"temperature {self.temperature}", where="decision", wanted="a finite number above 0")
        for name, value in {"threshold": self.threshold, **self.thresholds}.items():
            if value is not None and not 0 <= value <= 1:
                raise ModelError(f"threshold {value} for {name}", where="decision", wanted="a number from 0 to 1")

    def one(self, logits: Any) -> NDArray[np.float64]:
        """Return the probabilities of labels of which one is right: softmax(logits / temperature), row by row."""
        scaled = np.asarray(logits, dtype=np.float64) / self.temperature
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return np.asarray((powers / powers.sum(axis=-1, keepdims=True)).round(DIGITS))

    def many(self, logits: Any) -> NDArray[np.float64]:
        """Return the probability of each label by itself: sigmoid(logits / temperature)."""
        scaled = np.asarray(logits, dtype=np.float64) / self.temperature
        small = np.exp(-np.abs(scaled))
        return np.asarray((np.where(scaled >= 0, 1.0, small) / (1.0 + small)).round(DIGITS))

    def reached(self, label: str, score: float, default: float) -> bool:
        """Tell whether a label's score reaches its threshold."""
        return score >= self.of(label, default)

    def of(self, label: str, default: float) -> float:
        """Return a label's threshold."""
        return self.thresholds.get(label, default if self.threshold is None else self.threshold)

    def to_json(self) -> dict[str, Any]:
        """Return the decision as JSON values."""
        return {"temperature": self.temperature, "threshold": self.threshold, "thresholds": dict(self.thresholds)}

    @classmethod
    def from_json(cls, said: Mapping[str, Any], where: str) -> Decision:
        """Read a decision; raise `ModelError` where it is none."""
        try:
            return cls(
                temperature=float(said.get("temperature", 1.0)),
                threshold=None if said.get("threshold") is None else float(said["threshold"]),
                thresholds={str(label): float(value) for label, value in dict(said.get("thresholds") or {}).items()},
            )
        except (TypeError, ValueError) as error:
            raise ModelError(f"the decision is not numbers: {error}", where=where) from error
