"""Step the weights: AdamW with warm-up and decay, one fused pass, and a cheap gradient for the word vectors."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn


def schedule(name: str, step: int, warm: int, steps: int) -> float:
    """Return the share of the learning rate at a step: up from 0 over `warm` steps, then down to 0.

    >>> [round(schedule("linear", step, 2, 10), 3) for step in (0, 1, 2, 6)]
    [0.5, 1.0, 1.0, 0.5]
    """
    if step < warm:
        return (step + 1) / warm
    if name == "constant":
        return 1.0
    gone = (step - warm) / max(1, steps - warm)
    return 1 - gone if name == "linear" else 0.5 * (1 + math.cos(math.pi * gone))


class Optimiser:
    """AdamW (Loshchilov & Hutter 2019): no decay on biases and norms; a rate of its own for what is new.

    On a CPU the backward pass of a large table of word vectors spends its time on zeros: 30,000 rows for the few
    hundred that a batch names. Its gradient is therefore taken sparse and laid into one standing dense buffer, of which
    only the rows in use are cleared. The numbers are the same.
    """

    def __init__(
        self,
        network: nn.Module,
        table: nn.Embedding | None,
        *,
        lr: float,
        new_lr: float,
        weight_decay: float,
        clip: float,
    ) -> None:
        self.named = {name: weight for name, weight in network.named_parameters() if weight.requires_grad}
        self.clip = clip
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, weight in self.named.items():
            groups.setdefault((name.startswith("backbone."), weight.ndim >= 2), []).append(weight)
        self.rates = [lr if pretrained else new_lr for pretrained, _ in groups]
        self.adam = torch.optim.AdamW(
            [{"params": part, "weight_decay": weight_decay if decays else 0.0} for (_, decays), part in groups.items()],
            lr=lr,
            fused=True,
        )
        self.table = table.weight if table is not None and table.weight.device.type == "cpu" else None
        self.buffer: Tensor | None = None
        if table is not None and self.table is not None and self.table.requires_grad:
            table.sparse = True
            self.buffer = torch.zeros_like(self.table)

    def step(self, share: float) -> float:
        """Clip the gradients, step, clear them; returns the gradients' norm before clipping."""
        used = self._lay_out()
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = rate * share
        norm = float(nn.utils.clip_grad_norm_(self.named.values(), self.clip))
        self.adam.step()
        self.adam.zero_grad(set_to_none=True)
        if used is not None and self.buffer is not None:
            self.buffer[used] = 0
        return norm

    def _lay_out(self) -> Tensor | None:
        if self.buffer is None or self.table is None or self.table.grad is None:
            return None
        gradient = self.table.grad.coalesce()
        used = gradient.indices()[0]
        self.buffer[used] = gradient.values().to(self.buffer.dtype)
        self.table.grad = self.buffer
        return used

    def tensors(self) -> dict[str, Tensor]:
        """Return the state as flat named tensors, for safetensors."""
        state = self.adam.state
        return {
            f"{kind}.{name}": state[weight][kind]
            for name, weight in self.named.items()
            if weight in state
            for kind in ("exp_avg", "exp_avg_sq", "step")
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from a stored state."""
        for name, weight in self.named.items():
            if f"step.{name}" in tensors:
                self.adam.state[weight] = {
                    kind: tensors[f"{kind}.{name}"].to(weight.device) for kind in ("exp_avg", "exp_avg_sq", "step")
                }
