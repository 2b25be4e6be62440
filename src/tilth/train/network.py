"""Join a backbone and a head into one network, and hand it padded arrays as tensors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from tilth.core import registry
from tilth.train.encoded import Padded
from tilth.train.words import SHAPE_CODES

STEADY = 4
"""A product of a multiple of so many rows has the same rows, whatever their number and the number of threads."""


class Tensors(NamedTuple):
    """Padded items on the device."""

    ids: Tensor
    mask: Tensor
    kinds: Tensor | None
    words: Tensor | None
    shapes: Tensor | None
    targets: Tensor | None

    @classmethod
    def of(cls, padded: Padded, device: torch.device) -> Tensors:
        """Move arrays to the device."""
        return cls(*(None if part is None else torch.from_numpy(part).to(device) for part in padded))  # type: ignore[arg-type]  # ids and mask are never None


class Network(nn.Module):
    """A backbone from `transformers` and a head.

    The option `case` adds an embedding of each word's spelling to the word embeddings, at first zero: a backbone whose
    tokenizer lower-cases then sees capitals in all its layers, and begins as it was pretrained.
    """

    def __init__(self, backbone: Any, head: str, labels: int, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone: Any = backbone
        width = int(backbone.config.hidden_size)
        self.head: Any = registry.find("tilth.train.heads", head)(width, labels, options)
        self.takes_kinds = "token_type_ids" in inspect.signature(backbone.forward).parameters
        self.shapes: nn.Embedding | None = None
        if options.get("case"):
            self.shapes = nn.Embedding(SHAPE_CODES, width)
            nn.init.zeros_(self.shapes.weight)

    @property
    def embedding(self) -> nn.Embedding | None:
        """Return the backbone's table of word vectors, where it has a plain one."""
        table = self.backbone.get_input_embeddings()
        return table if isinstance(table, nn.Embedding) else None

    def forward(self, batch: Tensors) -> Tensor:
        """Return logits in float32, one line an answer."""
        inputs: dict[str, Tensor | None] = {"attention_mask": batch.mask.long()}
        if batch.kinds is not None and self.takes_kinds:
            inputs["token_type_ids"] = batch.kinds
        if self.shapes is None:
            inputs["input_ids"] = batch.ids
        else:
            assert batch.shapes is not None
            inputs["inputs_embeds"] = self.backbone.get_input_embeddings()(batch.ids) + self.shapes(batch.shapes)
        hidden = self.backbone(**inputs).last_hidden_state
        logits: Tensor = self.head(hidden, batch)
        return logits.float()

    def loss(self, batch: Tensors) -> tuple[Tensor, int]:
        """Return the summed loss and how many answers it sums."""
        assert batch.targets is not None
        targets = self.head.answers(batch.targets)
        return self.head.loss(self(batch), targets), len(targets)


def steady(layer: nn.Linear, vectors: Tensor) -> Tensor:
    """Apply a layer to vectors so that how many there are changes no bit of the result.

    A CPU multiplies fours of rows; one, two or three left over go through another kernel, which rounds otherwise.
    """
    found: Tensor = layer(pad(vectors, (0, 0, 0, -len(vectors) % STEADY)))
    return found[: len(vectors)]
