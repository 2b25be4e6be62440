import pytest
import torch
from torch import nn

from tilth.train.backbone import from_config
from tilth.train.network import Network, Tensors, steady

CONFIG = {
    "model_type": "bert",
    "vocab_size": 30,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 16,
}
IDS = torch.tensor([[1, 2, 3], [4, 5, 0]])
MASK = IDS > 0


def batch(**more: torch.Tensor) -> Tensors:
    parts: dict[str, torch.Tensor | None] = {"kinds": None, "words": None, "shapes": None, "targets": None, **more}
    return Tensors(IDS, MASK, **parts)


def test_spellings_change_nothing_until_they_are_learnt():
    backbone = from_config(CONFIG).eval()
    plain = Network(backbone, "text_classification", 2, {"dropout": 0.0}).eval()
    cased = Network(backbone, "text_classification", 2, {"dropout": 0.0, "case": True}).eval()
    cased.head.load_state_dict(plain.head.state_dict())
    shapes = torch.tensor([[0, 2, 3], [1, 1, 0]])
    assert torch.allclose(plain(batch()), cased(batch(shapes=shapes)))
    assert cased.shapes is not None
    with torch.no_grad():
        cased.shapes.weight += torch.randn_like(cased.shapes.weight)
    assert not torch.allclose(plain(batch()), cased(batch(shapes=shapes)), atol=1e-3)


def test_the_loss_is_a_sum_with_its_count():
    network = Network(from_config(CONFIG), "text_classification", 2, {"dropout": 0.0}).eval()
    both, count = network.loss(batch(targets=torch.tensor([0, 1])))
    assert count == 2
    one, _ = network.loss(Tensors(IDS[:1], MASK[:1], None, None, None, torch.tensor([0])))
    two, _ = network.loss(Tensors(IDS[1:], MASK[1:], None, None, None, torch.tensor([1])))
    assert torch.isclose(both, one + two, atol=1e-5)


@pytest.mark.parametrize("kind", ["distilbert", "roberta", "mpnet"])
def test_encoders_of_other_kinds_fit_in(kind):
    names = {"dim": 16, "n_layers": 1, "n_heads": 2, "hidden_dim": 32} if kind == "distilbert" else {}
    network = Network(from_config({**CONFIG, "model_type": kind, **names}), "text_classification", 3, {}).eval()
    assert network(batch(kinds=torch.zeros_like(IDS))).shape == (2, 3)
    assert network.embedding is not None


@pytest.mark.parametrize("outputs", [2, 9, 77])
def test_how_many_vectors_there_are_changes_no_bit(outputs):
    layer = nn.Linear(48, outputs)
    vectors = torch.randn(41, 48)
    whole = steady(layer, vectors)
    for count in range(41):
        assert torch.equal(steady(layer, vectors[:count]), whole[:count]), count
