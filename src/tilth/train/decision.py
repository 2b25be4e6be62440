"""Turn logits into probabilities and probabilities into an answer, or into none where the model is not sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tilth.core.errors import ModelError, did_you_mean
from tilth.train.encoded import Array


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A calibrator and a rule, fitted on validation rows.

    One label: the answer is the label with the largest probability / threshold (two labels with thresholds t and 1 - t:
    the first wins from t on). Several labels: each label whose probability reaches its threshold.
    """

    temperature: float = 1.0
    """Logits are divided by it (Guo et al. 2017, temperature scaling): above 1 the model claims less."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Label to threshold in (0, 1); 0.5 for a label that is not named."""
    abstain_below: float | None = None
    """No answer (null) where the confidence is lower."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ModelError(f"temperature {self.temperature} is not above 0")
        for label, threshold in self.thresholds.items():
            if not 0 < threshold < 1:
                raise ModelError(f'threshold {threshold} of "{label}" is not between 0 and 1')

    def check(self, labels: Sequence[str]) -> None:
        """Raise `ModelError` when a threshold names no label."""
        for label in self.thresholds:
            if label not in labels:
                raise ModelError(f'no label "{label}"', where="thresholds", do=did_you_mean(label, labels))

    def levels(self, labels: Sequence[str]) -> Array:
        """Return the thresholds in label order."""
        return np.array([self.thresholds.get(label, 0.5) for label in labels])

    def one_of(self, logits: Array) -> Array:
        """Return probabilities that sum to 1 along the last axis (float64)."""
        scaled = logits.astype(np.float64) / self.temperature
        powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    def each(self, logits: Array) -> Array:
        """Return a probability for each label by itself (float64)."""
        scaled = logits.astype(np.float64) / self.temperature
        return np.asarray(1 / (1 + np.exp(-np.clip(scaled, -60, 60))))

    def silent(self, confidence: Array) -> Array:
        """Return where to give no answer."""
        if self.abstain_below is None:
            return np.zeros(confidence.shape, bool)
        return np.asarray(confidence < self.abstain_below)
