"""Classify words by their first sub-word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tilth.train.encoded import IGNORE
from tilth.train.network import Tensors, steady


class TokenClassification(nn.Module):
    """Drop, and a linear layer on each word's first sub-word.

    Options: `dropout`, `label_smoothing`.
    """

    def __init__(self, width: int, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.smoothing = float(options.get("label_smoothing", 0.0))
        self.dropout = nn.Dropout(float(options.get("dropout", 0.1)))
        self.out = nn.Linear(width, labels)

    def forward(self, hidden: Tensor, batch: Tensors) -> Tensor:
        """Return logits, words x labels: the words of all items in order."""
        assert batch.words is not None
        return steady(self.out, self.dropout(hidden[batch.words >= 0]))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the summed loss over words."""
        return cross_entropy(logits, targets, label_smoothing=self.smoothing, reduction="sum")

    @staticmethod
    def answers(targets: Tensor) -> Tensor:
        """Return the targets that count, one a line of logits."""
        return targets[targets != IGNORE]
