"""Classify a text by one vector: the mean of its tokens, or its first token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from tilth.train.network import Tensors, steady


class TextClassification(nn.Module):
    """Pool, drop, and a linear layer.

    Options: `pooling` (mean or first), `dropout`, `multi_label`, `label_smoothing`.
    """

    def __init__(self, width: int, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.pooling = str(options.get("pooling", "mean"))
        self.multi_label = bool(options.get("multi_label", False))
        self.smoothing = float(options.get("label_smoothing", 0.0))
        self.dropout = nn.Dropout(float(options.get("dropout", 0.1)))
        self.out = nn.Linear(width, labels)

    def forward(self, hidden: Tensor, batch: Tensors) -> Tensor:
        """Return logits, items x labels."""
        if self.pooling == "first":
            pooled = hidden[:, 0]
        else:
            mask = batch.mask.unsqueeze(-1).to(hidden.dtype)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
        return steady(self.out, self.dropout(pooled))

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the summed loss over items."""
        if self.multi_label:
            wanted = targets.to(logits.dtype)
            wanted = wanted * (1 - self.smoothing) + self.smoothing / 2
            return binary_cross_entropy_with_logits(logits, wanted, reduction="none").mean(1).sum()
        return cross_entropy(logits, targets, label_smoothing=self.smoothing, reduction="sum")

    @staticmethod
    def answers(targets: Tensor) -> Tensor:
        """Return the targets that count, one a line of logits."""
        return targets if targets.dtype == torch.bool else targets.long()
