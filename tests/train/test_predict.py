from dataclasses import replace

import numpy as np
import pytest
import torch

from tilth.train.backbone import from_config
from tilth.train.encoded import Encoded, take_rows
from tilth.train.network import Network
from tilth.train.predict import predict

CONFIG = {
    "model_type": "bert",
    "vocab_size": 100,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def encoded(lengths: list[int]) -> Encoded:
    random = np.random.default_rng(0)
    texts = {}
    for at, length in enumerate(lengths):
        texts[at] = random.integers(5, 100, length).astype(np.int32)
    return Encoded(
        ids=np.concatenate(list(texts.values())),
        starts=np.concatenate(([0], np.cumsum(lengths))),
        rows=np.arange(len(lengths), dtype=np.int32),
        answers=np.arange(len(lengths) + 1),
        truncated=np.zeros(len(lengths), bool),
        unknown=np.zeros(len(lengths), np.float32),
    )


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_row_s_logits_are_bitwise_the_same_in_any_company(precision, threads, request):
    before = torch.get_num_threads()
    request.addfinalizer(lambda: torch.set_num_threads(before))
    torch.set_num_threads(threads)
    network = Network(from_config(CONFIG), "text_classification", 7, {})
    lengths = np.random.default_rng(1).integers(1, 60, 120).tolist()
    rows = encoded(lengths)

    def answer(chosen: np.ndarray) -> np.ndarray:
        return predict(network, take_rows(rows, chosen), 7, pad_id=0, precision=precision)

    together = answer(np.arange(120))
    alone = np.concatenate([answer(np.array([at])) for at in range(120)])
    order = np.random.default_rng(2).permutation(120)
    assert (together == alone).all()
    assert (together[order] == answer(order)).all()


def test_a_row_without_an_item_keeps_its_place():
    rows = encoded([3, 4])
    rows = replace(
        rows,
        rows=np.array([0, 2], np.int32),
        answers=np.arange(4),
        truncated=np.zeros(3, bool),
        unknown=np.zeros(3, np.float32),
    )
    network = Network(from_config(CONFIG), "text_classification", 3, {})
    logits = predict(network, rows, 3, pad_id=0, precision="fp32")
    assert logits.shape == (3, 3)
    assert not logits[1].any()
    assert logits[0].any() and logits[2].any()
