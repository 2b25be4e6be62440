"""Classify words by their first sub-word, and by how they are spelt where the tokenizer loses letter case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tilth.train.encoded import IGNORE
from tilth.train.network import Tensors
from tilth.train.words import SHAPE_CODES


class TokenClassification(nn.Module):
    """Drop, and a linear layer on each word's first sub-word.

    Options: `dropout`, `label_smoothing`, `shapes` (width of the spelling's embedding beside the vector, or 0).
    """

    def __init__(self, width: int, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.smoothing = float(options.get("label_smoothing", 0.0))
        self.dropout = nn.Dropout(float(options.get("dropout", 0.1)))
        beside = int(options.get("shapes", 0))
        self.shapes = nn.Embedding(SHAPE_CODES, beside) if beside else None
        self.out = nn.Linear(width + beside, labels)

    def forward(self, hidden: Tensor, batch: Tensors) -> Tensor:
        """Return logits, words x labels: the words of all items in order."""
        assert batch.words is not None
        at = batch.words >= 0
        vectors = self.dropout(hidden[at])
        if self.shapes is not None:
            assert batch.shapes is not None
            vectors = torch.cat([vectors, self.shapes(batch.shapes[at]).to(vectors.dtype)], dim=-1)
        logits: Tensor = self.out(vectors)
        return logits

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the summed loss over words."""
        return cross_entropy(logits, targets, label_smoothing=self.smoothing, reduction="sum")

    @staticmethod
    def answers(targets: Tensor) -> Tensor:
        """Return the targets that count, one a line of logits."""
        return targets[targets != IGNORE]
