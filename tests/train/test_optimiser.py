import pytest
import torch
from torch import nn

from tilth.train.optimiser import Optimiser, schedule


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.ModuleDict({"table": nn.Embedding(40, 4), "norm": nn.LayerNorm(4)})
        self.head = nn.Linear(4, 2)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.head(self.backbone["norm"](self.backbone["table"](ids))).square().mean()
        return out


def optimised(network: Small, table: nn.Embedding | None, steps: int = 6) -> list[torch.Tensor]:
    optimiser = Optimiser(network, table, lr=0.01, new_lr=0.1, weight_decay=0.1, clip=0.05)
    random = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for _ in range(2):  # two batches a step: gradients add up
            network(torch.randint(0, 40, (8,), generator=random)).backward()
        optimiser.step(0.5)
    return [weight.detach().clone() for weight in network.parameters()]


def test_the_sparse_gradient_of_the_word_vectors_gives_the_same_weights():
    dense, sparse = Small(), Small()
    plain = optimised(dense, None)
    quick = optimised(sparse, sparse.backbone["table"])
    for left, right in zip(plain, quick, strict=True):
        assert torch.allclose(left, right, rtol=1e-6, atol=1e-7)


def test_biases_and_norms_do_not_decay_and_new_weights_have_their_rate():
    optimiser = Optimiser(Small(), None, lr=0.01, new_lr=0.1, weight_decay=0.1, clip=1)
    said = {
        name: (group["weight_decay"], rate)
        for group, rate in zip(optimiser.adam.param_groups, optimiser.rates, strict=True)
        for name, weight in optimiser.named.items()
        if any(weight is one for one in group["params"])
    }
    assert said == {
        "backbone.table.weight": (0.1, 0.01),
        "backbone.norm.weight": (0.0, 0.01),
        "backbone.norm.bias": (0.0, 0.01),
        "head.weight": (0.1, 0.1),
        "head.bias": (0.0, 0.1),
    }


def test_a_restored_optimiser_goes_on_bit_for_bit():
    whole = Small()
    wanted = optimised(whole, whole.backbone["table"], 4)
    cut = Small()
    first = Optimiser(cut, cut.backbone["table"], lr=0.01, new_lr=0.1, weight_decay=0.1, clip=0.05)
    random = torch.Generator().manual_seed(1)
    batches = [torch.randint(0, 40, (8,), generator=random) for _ in range(8)]
    for at in range(2):
        for ids in batches[2 * at : 2 * at + 2]:
            cut(ids).backward()
        first.step(0.5)
    again = Small()
    again.load_state_dict(cut.state_dict())
    second = Optimiser(again, again.backbone["table"], lr=0.01, new_lr=0.1, weight_decay=0.1, clip=0.05)
    second.restore({name: tensor.clone() for name, tensor in first.tensors().items()})
    for at in range(2, 4):
        for ids in batches[2 * at : 2 * at + 2]:
            again(ids).backward()
        second.step(0.5)
    assert all(torch.equal(left, right) for left, right in zip(wanted, again.parameters(), strict=True))


def test_schedules_rise_and_fall():
    assert schedule("linear", 0, 4, 20) == 0.25
    assert schedule("linear", 19, 4, 20) == pytest.approx(1 / 16)
    assert schedule("cosine", 12, 4, 20) == pytest.approx(0.5)
    assert schedule("constant", 19, 0, 20) == 1
    assert schedule("linear", 0, 0, 1) == 1
