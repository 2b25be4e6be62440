"""Load a pretrained encoder, found by name (`tilth.bytes.backbones`), or build one with random weights."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, cast

from tilth.bytes import backbones
from tilth.bytes.backbones import quiet
from tilth.core.errors import ModelError, RecipeError
from tilth.train.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import nn


class Backbone(backbones.Found):
    """A pretrained encoder on this machine's disk, to train on."""

    def load(self, dropout: float | None = None) -> nn.Module:
        """Load the weights (safetensors only, no code from the folder)."""
        with quiet():
            from transformers import AutoConfig

            config = AutoConfig.from_pretrained(str(self.folder), local_files_only=True)
            set_dropout(config, dropout)
            kind, options = _kind(config)
            model: nn.Module = kind.from_pretrained(
                str(self.folder), config=config, use_safetensors=True, local_files_only=True, **options
            )
        return model.float()

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer."""
        return Tokenizer.load(self.folder)


def find(name: str, *, download: bool = False) -> Backbone:
    """Return the backbone of this name, or raise `ModelError` naming every place that was looked at."""
    return Backbone(**vars(backbones.find(name, where="train.backbone", download=download)))


def from_config(config: dict[str, Any]) -> nn.Module:
    """Build an encoder with random weights from a plain configuration."""
    try:
        with quiet():
            from transformers import AutoConfig

            kind, options = _kind(made := AutoConfig.for_model(**{"model_type": "bert", **config}))
            model: nn.Module = kind(made, **options)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"config.json describes no encoder: {error}") from error
    return model.float()


def _kind(config: Any) -> tuple[Any, dict[str, bool]]:
    """Return the class of a configuration's bare encoder, and how to leave its unused pooling layer out."""
    from transformers import MODEL_MAPPING

    if type(config) not in MODEL_MAPPING:
        raise ModelError(f'"{config.model_type}" is no encoder that transformers knows', where="train.backbone")
    kind = cast(type, MODEL_MAPPING[type(config)])
    pools = "add_pooling_layer" in inspect.signature(kind).parameters
    return kind, {"add_pooling_layer": False} if pools else {}


def set_dropout(config: Any, dropout: float | None) -> None:
    """Change all dropout rates of a configuration, where one is given."""
    if dropout is None:
        return
    if not 0 <= dropout < 1:
        raise RecipeError(f"dropout {dropout} is not in [0, 1)", where="train.dropout")
    for key in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if hasattr(config, key):
            setattr(config, key, dropout)
