"""Answer rows with a fine-tuned encoder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tilth.core.batch import Batch, with_column
from tilth.core.errors import ModelError
from tilth.core.learner import Model, Signature
from tilth.core.spec import from_spec, spec_of
from tilth.train import folder
from tilth.train.decision import Decision
from tilth.train.device import choose_device, choose_precision, load_torch
from tilth.train.task import Spelling, Task
from tilth.train.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tilth.train.network import Network

DIGITS = 5
"""Logits are rounded to so many decimal places, so that small differences between machines seldom show."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Encoder:
    """A task, a tokenizer, a network and a decision rule.

    `map` adds `prediction`, `confidence`, `logits`, for classes `scores`, for tags `entities`, and for each row
    `truncated` and `unknown`, the share of its tokens that the vocabulary does not know.
    """

    task: Task
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    network: Network
    options: Mapping[str, Any]
    """The head's options, and whether words carry their spelling (`case`)."""
    max_length: int
    decision: Decision = field(default_factory=Decision)
    precision: str = "fp32"
    known: dict[str, tuple[list[int], bool]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.decision.check(self.labels)

    @property
    def signature(self) -> Signature:
        """Return the columns it reads and the columns it adds."""
        outputs = {**self.task.answers, "truncated": pa.bool_(), "unknown": pa.float32()}
        return Signature(inputs=dict(self.task.inputs), outputs={name: str(kind) for name, kind in outputs.items()})

    def map(self, batch: Batch) -> Batch:
        """Add the answers to each row. A row's answer does not depend on the rows beside it."""
        from tilth.train.predict import predict

        encoded = self.task.encode(batch, self.spelling)
        logits = predict(
            self.network,
            encoded,
            len(self.labels),
            pad_id=self.tokenizer.pad,
            precision=self.precision,
        )
        columns = self.task.decode(np.round(logits, DIGITS), batch, encoded, self.labels, self.decision)
        columns |= {"truncated": pa.array(encoded.truncated), "unknown": pa.array(encoded.unknown, pa.float32())}
        for name, values in columns.items():
            batch = with_column(batch, name, values)
        return batch

    def decided(
        self,
        *,
        temperature: float | None = None,
        thresholds: Mapping[str, float] | None = None,
        abstain_below: float | None = None,
    ) -> Encoder:
        """Return a copy that calibrates and decides so; what is not given stays as it is."""
        given = {"temperature": temperature, "thresholds": thresholds, "abstain_below": abstain_below}
        changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return dataclasses.replace(self, decision=dataclasses.replace(self.decision, **changed))

    @property
    def spelling(self) -> Spelling:
        """Return how rows become token ids."""
        return Spelling(
            tokenizer=self.tokenizer,
            max_length=self.max_length,
            shapes=bool(self.options.get("case")),
            known=self.known,
        )

    def save(self, folder_: Path) -> None:
        """Write `model.safetensors`, `config.json`, `tokenizer.json`, and `model.json`, which seals the others."""
        from safetensors.torch import save_file

        folder_.mkdir(parents=True, exist_ok=True)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.network.state_dict().items()}
        save_file(weights, folder_ / "model.safetensors")
        config = {**self.network.backbone.config.to_dict(), "_name_or_path": ""}
        (folder_ / "config.json").write_text(json.dumps(config, indent=1, sort_keys=True), encoding="utf-8")
        (folder_ / "tokenizer.json").write_text(self.tokenizer.text, encoding="utf-8")
        folder.seal(
            folder_,
            {
                "kind": "encoder",
                "task": spec_of(self.task),
                "labels": list(self.labels),
                "head": dict(self.options),
                "max_length": self.max_length,
                "decision": dataclasses.asdict(self.decision),
            },
        )

    @classmethod
    def load(cls, folder_: Path, device: str = "auto", precision: str = "fp32") -> Encoder:
        """Read a saved model after checking every file; raises `ModelError` naming the file that is wrong."""
        said = folder.unseal(folder_, kind="encoder")
        load_torch()
        import torch
        from safetensors.torch import load_file

        from tilth.train.backbone import from_config
        from tilth.train.network import Network

        where = choose_device(device)
        config = json.loads((folder_ / "config.json").read_text(encoding="utf-8"))
        try:
            task: Task = from_spec("tilth.train.tasks", said["task"])
            labels = tuple(map(str, said["labels"]))
            # A new network draws weights, which the saved ones replace: the process's own draws must not change.
            with torch.random.fork_rng(devices=[]):
                network = Network(from_config(config), str(said["task"]["part"]), len(labels), said["head"])
            network.load_state_dict(load_file(folder_ / "model.safetensors"))
            decision = Decision(**said["decision"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelError(f"model.json does not fit the weights: {error}", where=folder_.name) from error
        return cls(
            task=task,
            labels=labels,
            tokenizer=Tokenizer.load(folder_),
            network=network.to(where).eval(),
            options=said["head"],
            max_length=int(said["max_length"]),
            decision=decision,
            precision=choose_precision(precision, where),
        )


_: type[Model] = Encoder
