import torch

from tilth.train.heads.text_classification import TextClassification
from tilth.train.network import Tensors

MASK = torch.tensor([[True, True, False], [True, True, True]])
BATCH = Tensors(torch.zeros(2, 3).long(), MASK, None, None, None, None)
HIDDEN = torch.tensor([[[1.0, 0.0], [3.0, 2.0], [9.0, 9.0]], [[0.0, 0.0], [3.0, 3.0], [0.0, 3.0]]])


def head(**options: object) -> TextClassification:
    made = TextClassification(2, 2, {"dropout": 0.0, **options})
    with torch.no_grad():
        made.out.weight.copy_(torch.eye(2))
        made.out.bias.zero_()
    return made


def test_the_mean_leaves_padding_out():
    assert head(pooling="mean")(HIDDEN, BATCH).tolist() == [[2.0, 1.0], [1.0, 2.0]]


def test_the_first_token_alone():
    assert head(pooling="first")(HIDDEN, BATCH).tolist() == [[1.0, 0.0], [0.0, 0.0]]


def test_the_loss_is_summed_so_that_batches_add_up():
    logits, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    made = head()
    apart = made.loss(logits[:1], targets[:1]) + made.loss(logits[1:], targets[1:])
    assert torch.isclose(made.loss(logits, targets), apart)


def test_several_labels_have_a_loss_each():
    made = head(multi_label=True)
    right, wrong = torch.tensor([[True, True]]), torch.tensor([[False, True]])
    assert made.loss(torch.tensor([[4.0, 4.0]]), right) < made.loss(torch.tensor([[4.0, 4.0]]), wrong)
