"""Train a network: one loop, whose parts run in a stated order, that can stop anywhere and go on bitwise.

Each step: the next batch (`views`), its tensors (`on_batch`), the head's loss (`loss`), the backward pass
(`around_backward`), clipping and AdamW (`after_step`); at the end the best weights come back (`on_end`). These are the
places where a strategy (replay, adversarial noise, averaging) will hook in; none exists yet, so neither does a seam.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tilth.core.errors import Stopped, TilthError
from tilth.core.events import Evaluated, Trained
from tilth.core.learner import Context
from tilth.train.batches import Batches
from tilth.train.checkpoint import Checkpoints, Saved
from tilth.train.device import autocast
from tilth.train.encoded import Array, Encoded, pad
from tilth.train.network import Network, Tensors
from tilth.train.optimiser import Optimiser, schedule


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A fit's options, resolved to counts."""

    batch: int
    accumulate: int
    epochs: int
    lr: float
    new_lr: float
    weight_decay: float
    warmup: float
    schedule: str
    clip: float
    patience: int
    eval_every: float
    metric: str
    seed: int
    precision: str
    pad_id: int
    checkpoint_seconds: float


@dataclass(kw_only=True)
class Progress:
    """How far the loop is: all of it JSON values, stored with each checkpoint."""

    step: int = 0
    tokens: int = 0
    loss_sum: float = 0.0
    """Since the last look at the validation rows."""
    loss_steps: int = 0
    best: float | None = None
    best_step: int | None = None
    waited: int = 0
    """Looks since the best."""
    done: bool = False
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Loop:
    """Train a network on encoded rows; `evaluate` scores it on the validation rows, where there are any."""

    def __init__(
        self,
        network: Network,
        train: Encoded,
        plan: Plan,
        *,
        context: Context,
        names: Sequence[str],
        stages: Array | None = None,
        evaluate: Callable[[], Mapping[str, float]] | None = None,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self.network, self.train, self.plan, self.context, self.names = network, train, plan, context, names
        self.evaluate, self.checkpoints = evaluate, checkpoints
        self.device = next(network.parameters()).device
        self.batches = Batches(lengths=train.lengths, rows=plan.batch, seed=plan.seed, stages=stages)
        self.per_epoch = math.ceil(self.batches.per_epoch / plan.accumulate)
        self.steps = self.per_epoch * plan.epochs
        self.warm = round(self.steps * plan.warmup)
        looks = max(1, round(plan.epochs / plan.eval_every))
        self.looks = {max(1, round(self.steps * (at + 1) / looks)) for at in range(looks)}
        self.optimiser = Optimiser(
            network,
            network.embedding,
            lr=plan.lr,
            new_lr=plan.new_lr,
            weight_decay=plan.weight_decay,
            clip=plan.clip,
        )
        self.progress = Progress()
        self.best: dict[str, Tensor] | None = None
        self._order: tuple[int, list[Array]] = (-1, [])

    def run(self) -> Progress:
        """Train to the end or until patience runs out; the network then holds the best weights."""
        self._resume()
        started = saved = time.monotonic()
        before = self.progress.seconds
        every = max(1, self.steps // 100)
        while not self.progress.done:
            began, tokens = time.monotonic(), self.progress.tokens
            loss = self.step()
            step = self.progress.step
            now = time.monotonic()
            if step % every == 0 or step == self.steps:
                self._report(loss, (self.progress.tokens - tokens) / max(now - began, 1e-9))
            new_best = self._look() if step in self.looks else False
            self.progress.done = self.progress.done or step == self.steps
            self.progress.seconds = before + time.monotonic() - started
            stop = self.context.stop() and not self.progress.done
            if new_best or stop or self.progress.done or now - saved >= self.plan.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
            if stop:
                raise Stopped(
                    f"training stopped at step {step} of {self.steps}",
                    do="Run again to go on from there."
                    if self.checkpoints
                    else "Nothing is kept: there is no project.",
                )
        if self.best is not None:
            self.network.load_state_dict(self.best)
        return self.progress

    def step(self) -> float:
        """Take one step of the optimiser; returns the mean loss of its answers."""
        self.network.train()
        parts = self._next()
        padded = [pad(self.train, items, self.plan.pad_id) for items in parts]
        # Dropout depends on seed and step alone, so a resumed run draws what an unbroken one draws.
        torch.manual_seed((self.plan.seed * 1_000_003 + self.progress.step) % 2**63)
        tensors = [Tensors.of(one, self.device) for one in padded]
        answers = sum(self.network.head.answers(one.targets).shape[0] for one in tensors)
        total = 0.0
        for one in tensors:
            with autocast(self.plan.precision, self.device):
                loss_sum, _ = self.network.loss(one)
            loss = loss_sum / max(1, answers)
            loss.backward()
            total += float(loss.detach())
        if not math.isfinite(total):
            raise self._not_finite(np.concatenate(parts))
        self.optimiser.step(schedule(self.plan.schedule, self.progress.step, self.warm, self.steps))
        self.progress.step += 1
        self.progress.tokens += int(sum(self.train.lengths[items].sum() for items in parts))
        self.progress.loss_sum += total
        self.progress.loss_steps += 1
        return total

    def _next(self) -> list[Array]:
        """Return the batches of this step: `accumulate` of them, fewer at an epoch's end."""
        epoch, at = divmod(self.progress.step, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self.batches.epoch(epoch))
        start = at * self.plan.accumulate
        return self._order[1][start : start + self.plan.accumulate]

    def _look(self) -> bool:
        """Score the validation rows; returns whether the network is the best so far."""
        progress, plan = self.progress, self.plan
        epoch = progress.step / self.per_epoch
        line: dict[str, Any] = {
            "step": progress.step,
            "epoch": round(epoch, 4),
            "loss": progress.loss_sum / max(1, progress.loss_steps),
        }
        progress.loss_sum, progress.loss_steps = 0.0, 0
        better = False
        if self.evaluate is not None:
            scores = dict(self.evaluate())
            value = scores[plan.metric]
            line |= scores
            better = progress.best is None or value > progress.best
            progress.waited = 0 if better else progress.waited + 1
            if better:
                progress.best, progress.best_step = value, progress.step
                self._keep_best()
            progress.done = progress.waited >= plan.patience
            self.context.report(
                Evaluated(step=progress.step, epoch=line["epoch"], metric=plan.metric, value=value, best=better)
            )
        progress.history.append(line)
        return better

    def _keep_best(self) -> None:
        self.best = copy.deepcopy({name: tensor.detach() for name, tensor in self.network.state_dict().items()})
        if self.checkpoints is not None:
            self.checkpoints.write("best", self.progress.step, self.best, {})

    def _save(self) -> None:
        if self.checkpoints is None:
            return
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"adam.{name}": tensor for name, tensor in self.optimiser.tensors().items()}
        self.checkpoints.write("step", self.progress.step, tensors, asdict(self.progress))

    def _resume(self) -> None:
        found = self.checkpoints.newest() if self.checkpoints is not None else None
        if found is None:
            return
        place, best = found
        self.progress = Progress(**place.state)
        self.network.load_state_dict(_part(place, "network."))
        self.optimiser.restore(_part(place, "adam."))
        self.best = None if best is None else best.tensors

    def _report(self, loss: float, tokens_per_s: float) -> None:
        step = self.progress.step
        self.context.report(
            Trained(
                step=step,
                steps=self.steps,
                epoch=round(step / self.per_epoch, 4),
                loss=loss,
                tokens_per_s=tokens_per_s,
                lr=self.plan.lr * schedule(self.plan.schedule, step - 1, self.warm, self.steps),
            )
        )

    def _not_finite(self, items: Array) -> TilthError:
        rows = [self.names[row] for row in dict.fromkeys(self.train.rows[items].tolist())]
        more = f" and {len(rows) - 8} more" if len(rows) > 8 else ""
        return TilthError(
            f"the loss is not a number at step {self.progress.step + 1} (rows {', '.join(rows[:8])}{more})",
            where="train",
            do="Lower lr, or set precision: fp32; then look at those rows.",
        )


def _part(saved: Saved, prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in saved.tensors.items() if name.startswith(prefix)}
