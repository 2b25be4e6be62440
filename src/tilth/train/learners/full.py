"""Fine-tune all weights of an encoder."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tilth.core.errors import RecipeError
from tilth.core.learner import Context, Fitted, Learner, Views
from tilth.train.device import choose_threads, load_torch, settings


@dataclass(frozen=True, kw_only=True)
class Full:
    """Learn a task by changing every weight of a backbone.

    Train rows teach, validation rows (where there are any) choose the best checkpoint and end the fit early.
    """

    task: Literal["text_classification", "token_classification"] = "text_classification"
    """text_classification or token_classification."""
    text: str = "text"
    """The column that is read."""
    pair: str | None = None
    """A second text that is read together with the first."""
    label: str = "label"
    """The column to learn: text, whole numbers or booleans."""
    multi_label: bool = False
    """Whether a row may carry several labels (a list), or none."""
    tokens: str = "tokens"
    """token_classification: the column of words, a list a row."""
    tags: str = "tags"
    """token_classification: the column to learn, a list as long as the words."""
    backbone: str = "all-MiniLM-L6-v2"
    """A folder, or the name of an encoder: looked for in installed packages and the hub's cache."""
    download: bool = False
    """Whether the hub may be asked for the backbone."""
    new_characters: int = 2
    """Characters that the vocabulary lacks get an embedding where so many train rows hold them; 0 adds none."""
    scratch: Mapping[str, Any] | None = None
    """In place of a backbone, a small encoder from nothing: layers, hidden, heads, vocabulary …"""
    epochs: int = 5
    """How often each row is read, at most."""
    batch: int = 32
    """Rows a batch."""
    accumulate: int = 1
    """Batches a step."""
    lr: float = 3e-4
    """The highest learning rate of the backbone."""
    new_lr: float | None = None
    """The highest learning rate of the head and of other new weights; lr by default."""
    weight_decay: float = 0.01
    """AdamW's decay of matrices; biases and norms have none."""
    warmup: float = 0.06
    """The share of steps over which the learning rate rises."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the rate falls: linear, cosine or constant."""
    clip: float = 1.0
    """The largest norm of a step's gradient."""
    dropout: float | None = None
    """All dropout rates; the backbone's own by default."""
    label_smoothing: float = 0.0
    """The share of each target that is spread over all labels."""
    curriculum: str | None = None
    """A column with the stage of each row, as the operator `curriculum` adds: each epoch reads the stages in order."""
    max_length: int = 256
    """Tokens a text may have. Longer texts are cut and counted, longer rows of words are read in windows."""
    pooling: Literal["auto", "mean", "first"] = "auto"
    """text_classification: one vector by the mean of the tokens, the first token, or as the backbone does (auto)."""
    case: Literal["auto", "on", "off"] = "auto"
    """token_classification: show the network how words are spelt: on, off, or auto: where the tokenizer lower-cases."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """fp32, bf16, or auto: bf16 where the processor has it."""
    metric: str = "auto"
    """What the best checkpoint is best at: macro_f1, accuracy, entity_f1; auto takes the task's first."""
    patience: int = 3
    """Looks at the validation rows without a new best before the fit ends."""
    eval_every: float = 1.0
    """Epochs between looks."""
    seed: int | None = None
    """Of the order of rows, the new weights and dropout; the run's seed by default."""
    device: str = "auto"
    """auto, cpu or cuda."""
    threads: int | None = None
    """Processor threads; as OMP_NUM_THREADS says, else as many as there are free cores."""
    checkpoint_seconds: float = 120.0
    """Seconds between checkpoints."""

    def __post_init__(self) -> None:
        if self.schedule not in ("linear", "cosine", "constant"):
            raise _wrong("schedule", self.schedule, "linear, cosine or constant")
        if self.pooling not in ("auto", "mean", "first"):
            raise _wrong("pooling", self.pooling, "auto, mean or first")
        if self.case not in ("auto", "on", "off"):
            raise _wrong("case", self.case, "auto, on or off")
        for name in ("epochs", "batch", "accumulate", "patience"):
            if getattr(self, name) < 1:
                raise _wrong(name, getattr(self, name), "1 or more")
        for name in ("lr", "clip", "eval_every"):
            if not getattr(self, name) > 0:
                raise _wrong(name, getattr(self, name), "a number above 0")
        if self.max_length < 8:
            raise _wrong("max_length", self.max_length, "8 or more")

    def fit(self, data: Views, context: Context) -> Fitted:
        """Fit to the train rows; goes on from a checkpoint of the same options and data."""
        load_torch()
        from tilth.train.learners import _prepare
        from tilth.train.loop import Loop

        began, cpu = time.monotonic(), os.times()
        with settings(threads := choose_threads(self.threads)):
            ready = _prepare.prepare(self, data, context)
            loop = Loop(
                ready.model.network,
                ready.train.encoded,
                ready.plan,
                context=context,
                names=ready.train.names,
                stages=ready.train.stages,
                evaluate=ready.evaluate,
                checkpoints=ready.checkpoints,
            )
            progress = loop.run()
        ready.model.network.eval()
        now = os.times()
        notes = {
            **ready.notes,
            "steps": progress.step,
            "best_step": progress.best_step,
            "best": progress.best,
            "tokens": progress.tokens,
            "fit_seconds": round(progress.seconds, 2),
            "seconds": round(time.monotonic() - began, 2),
            "cpu_seconds": round(now.user + now.system - cpu.user - cpu.system, 2),
            "threads": threads,
        }
        return Fitted(model=ready.model, history=tuple(progress.history), notes=notes)


def _wrong(option: str, value: object, wanted: str) -> RecipeError:
    return RecipeError(f"{value} will not do", where=f"train.{option}", wanted=wanted)


_: type[Learner] = Full
