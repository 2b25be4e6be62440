"""Teach a backbone the characters that its vocabulary lacks and the train rows hold.

An English WordPiece vocabulary knows a few hundred Chinese characters: without this, most of a Chinese text is one
unknown token after another. A new character starts near the middle of the known embeddings and learns in the fit.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tilth.train.tokenizer import Tokenizer

if TYPE_CHECKING:
    from torch import nn

MOST = 8000
"""Characters added at most; the most frequent first."""


def missing(texts: Iterable[str], tokenizer: Tokenizer, *, least: int) -> list[str]:
    """List the characters of at least `least` texts that the tokenizer does not know, in code point order."""
    if tokenizer.unknown is None or json.loads(tokenizer.text)["model"].get("type", "WordPiece") != "WordPiece":
        # A tokenizer that spells bytes knows every character; others keep their vocabulary.
        return []
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(text))
    often = sorted((character for character, count in counts.items() if count >= least), key=lambda c: (-counts[c], c))
    ids = tokenizer.texts(often)
    found = [character for character, given in zip(often, ids, strict=True) if tokenizer.unknown in given]
    return sorted(found[:MOST])


def extended(tokenizer: Tokenizer, characters: Sequence[str]) -> Tokenizer:
    """Return a tokenizer that also knows these characters, alone and inside words; known ids stay as they are."""
    whole = json.loads(tokenizer.text)
    number = tokenizer.size
    for character in characters:
        for form in (character, f"##{character}"):
            if form not in whole["model"]["vocab"]:
                whole["model"]["vocab"][form] = number
                number += 1
    return dataclasses.replace(tokenizer, text=json.dumps(whole, ensure_ascii=False))


def grown(model: nn.Module, size: int) -> nn.Module:
    """Return the model with embeddings for `size` tokens; new ones are drawn around the mean of the known."""
    import torch

    old = model.get_input_embeddings().weight.detach().clone()  # type: ignore[operator]  # a transformers model
    if size <= len(old):
        return model
    model.resize_token_embeddings(size, mean_resizing=False)  # type: ignore[operator]  # a transformers model
    with torch.no_grad():
        weight = model.get_input_embeddings().weight  # type: ignore[operator]  # a transformers model
        weight[: len(old)] = old
        weight[len(old) :] = old.mean(0) + old.std(0) * torch.randn(size - len(old), old.shape[1])
    return model
