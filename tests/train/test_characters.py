"""Characters that the vocabulary lacks become tokens with embeddings of their own; known ids and weights stay."""

from __future__ import annotations

import torch

from tilth.train import characters, scratch
from tilth.train.backbone import from_config

ENGLISH = ["where is my card", "my card is here", "the card is there"]
CHINESE = ["我的卡在哪里", "卡在这里", "where 卡"]


def tokenizer():
    return scratch.learn_tokenizer(ENGLISH, vocabulary=100, lowercase=True)


def test_only_characters_of_enough_rows_are_missing() -> None:
    assert characters.missing(CHINESE + ENGLISH, tokenizer(), least=2) == sorted("在卡里")
    assert characters.missing(ENGLISH, tokenizer(), least=1) == []


def test_new_characters_get_ids_behind_the_known_ones() -> None:
    old = tokenizer()
    new = characters.extended(old, ["卡", "在"])
    assert new.size == old.size + 4
    assert new.texts(ENGLISH) == old.texts(ENGLISH)
    (known,) = new.texts(["卡在"])
    assert len(known) == 2
    assert old.unknown not in known
    assert min(known) >= old.size
    assert new.texts(["里"]) == [[old.unknown]]


def test_known_embeddings_stay_and_new_ones_follow_the_seed() -> None:
    old = tokenizer()
    config = scratch.Scratch(layers=1, hidden=16, heads=2).config(old, None)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        model = from_config(config)
        before = model.get_input_embeddings().weight.detach().clone()
        grown = characters.grown(model, old.size + 4).get_input_embeddings().weight.detach()
        assert torch.equal(grown[: old.size], before)
        assert grown.shape == (old.size + 4, 16)
        found.append(grown)
    assert torch.equal(*found)
