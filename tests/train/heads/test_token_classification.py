import torch

from tilth.train.encoded import IGNORE
from tilth.train.heads.token_classification import TokenClassification
from tilth.train.network import Tensors


def test_each_word_is_read_at_its_first_sub_word():
    words = torch.tensor([[IGNORE, 0, IGNORE, 1], [IGNORE, 0, IGNORE, IGNORE]])
    batch = Tensors(torch.zeros(2, 4).long(), torch.ones(2, 4).bool(), None, words, None, None)
    made = TokenClassification(1, 3, {"dropout": 0.0})
    hidden = torch.arange(8.0).reshape(2, 4, 1)
    logits = made(hidden, batch)
    assert torch.equal(logits, made.out(torch.tensor([[1.0], [3.0], [5.0]])))
    assert made.answers(torch.tensor([[IGNORE, 2, IGNORE, 0], [IGNORE, 1, IGNORE, IGNORE]])).tolist() == [2, 0, 1]
