"""Fine-tune the plain way, as most tutorials do: every row padded to 128 tokens, float32, AutoModelForX, AdamW."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, AutoTokenizer

from tilth.train.optimiser import schedule

LENGTH = 128
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")


class Padded:
    """A model, its data loader and optimiser; `steps()` trains and yields the real tokens of each step.

    `trim` cuts each batch to its longest row before the model sees it. Padding is masked, so it adds exact zeros: the
    weights after each step are the same up to rounding (`bench/train.py` measures how much), at a fifth of the time.
    """

    def __init__(
        self,
        folder: Path,
        rows: pa.RecordBatch,
        labels: tuple[str, ...],
        options: dict[str, Any],
        *,
        trim: bool = False,
    ) -> None:
        self.labels, self.options, self.trim = labels, options, trim
        self.losses: list[float] = []
        torch.manual_seed(options["seed"])
        self.by_word = "tokens" in rows.schema.names
        kind = AutoModelForTokenClassification if self.by_word else AutoModelForSequenceClassification
        self.tokenizer = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        dropout = {} if "dropout" not in options else dict.fromkeys(_DROPOUTS, options["dropout"])
        self.model = kind.from_pretrained(str(folder), num_labels=len(labels), local_files_only=True, **dropout)
        decays = [weight for weight in self.model.parameters() if weight.ndim >= 2]
        others = [weight for weight in self.model.parameters() if weight.ndim < 2]
        decay = options["weight_decay"]
        self.adam = torch.optim.AdamW(
            [{"params": decays, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}],
            lr=options["lr"],
            fused=True,
        )
        data = TensorDataset(*self.encode(rows))
        shuffle = torch.Generator().manual_seed(options["seed"])
        self.loader = DataLoader(data, batch_size=options["batch"], shuffle=True, generator=shuffle)
        total = len(self.loader) * options["epochs"]
        warm = round(total * options["warmup"])
        self.rate = torch.optim.lr_scheduler.LambdaLR(
            self.adam, lambda step: schedule("linear", min(step, total - 1), warm, total)
        )

    def encode(self, rows: pa.RecordBatch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Tokenise with padding="max_length"; a word's tag sits on its first sub-word."""
        index = {label: at for at, label in enumerate(self.labels)}
        padding: dict[str, Any] = {"padding": "max_length", "truncation": True, "max_length": LENGTH}
        if not self.by_word:
            found = self.tokenizer(rows.column("text").to_pylist(), return_tensors="pt", **padding)
            targets = torch.tensor([index.get(label, -100) for label in rows.column("label").to_pylist()])
            return found["input_ids"], found["attention_mask"], targets
        words = rows.column("tokens").to_pylist()
        found = self.tokenizer(words, is_split_into_words=True, return_tensors="pt", **padding)
        tags = np.full(found["input_ids"].shape, -100)
        for row, names in enumerate(rows.column("tags").to_pylist()):
            before = None
            for at, word in enumerate(found.word_ids(row)):
                if word is not None and word != before:
                    tags[row, at] = index[names[word]]
                before = word
        return found["input_ids"], found["attention_mask"], torch.from_numpy(tags)

    def steps(self) -> Iterator[int]:
        """Train for the epochs asked for; yields the tokens of each step that are no padding."""
        for _ in range(self.options["epochs"]):
            for ids, mask, targets in self.loader:
                if self.trim:
                    ids, mask, targets = _trimmed(ids, mask, targets)
                self.model.train()
                loss = self.model(input_ids=ids, attention_mask=mask, labels=targets).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.adam.step()
                self.rate.step()
                self.adam.zero_grad()
                self.losses.append(loss.item())
                yield int(mask.sum())

    def answers(self, rows: pa.RecordBatch) -> list[Any]:
        """Return a label a row, or a list of tags a row (words beyond 128 tokens are O)."""
        ids, mask, targets = self.encode(rows)
        self.model.eval()
        found = []
        with torch.inference_mode():
            for start in range(0, len(ids), 64):
                part_ids, part_mask, _ = _trimmed(*(each[start : start + 64] for each in (ids, mask, targets)))
                best = self.model(input_ids=part_ids, attention_mask=part_mask).logits.argmax(-1)
                found.append(best if not self.by_word else torch.nn.functional.pad(best, (0, LENGTH - best.shape[1])))
        best = torch.cat(found)
        if not self.by_word:
            return [self.labels[at] for at in best.tolist()]
        told = []
        for row, words in enumerate(rows.column("tokens").to_pylist()):
            tags = [self.labels[at] for at in best[row][targets[row] != -100].tolist()]
            told.append(tags + ["O"] * (len(words) - len(tags)))
        return told


def _trimmed(ids: torch.Tensor, mask: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Cut off the columns that are padding in every row."""
    longest = int(mask.sum(1).max())
    return ids[:, :longest], mask[:, :longest], targets[:, :longest].contiguous() if targets.ndim == 2 else targets
