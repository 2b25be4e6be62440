"""Get a fit ready: the task and its labels, the backbone, the rows encoded once, the network, the plan."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import nn

from tilth.core import registry
from tilth.core.errors import DataError, RecipeError
from tilth.core.events import Noticed
from tilth.core.learner import Context, Views
from tilth.train import backbone, characters, lessons, scratch
from tilth.train.checkpoint import Checkpoints
from tilth.train.device import choose_device, choose_precision
from tilth.train.lessons import Lessons
from tilth.train.loop import Plan
from tilth.train.models.encoder import Encoder
from tilth.train.network import STEADY, Network
from tilth.train.predict import predict
from tilth.train.task import Spelling, Task, column
from tilth.train.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tilth.train.learners.full import Full

VERSION = 1
"""Counts up when the same options and data would train another way: older checkpoints are then not gone on from."""
MANY_UNKNOWN = 0.05


@dataclass(frozen=True, kw_only=True)
class Ready:
    """All that the loop needs."""

    model: Encoder
    train: Lessons
    valid: Lessons | None
    plan: Plan
    evaluate: Callable[[], Mapping[str, float]] | None
    checkpoints: Checkpoints | None
    notes: dict[str, Any]


class _Origin(NamedTuple):
    tokenizer: Tokenizer
    build: Callable[[], nn.Module]
    positions: int
    pooling: str
    said: dict[str, Any]


def prepare(full: Full, data: Views, context: Context) -> Ready:
    """Read the views and build the network."""
    task = task_of(full)
    metric = _metric(full, task)
    labels = task.labels(data.train.batches())
    seed = context.seed if full.seed is None else full.seed
    device = choose_device(context.device if full.device == "auto" else full.device)
    precision = choose_precision(full.precision, device)
    origin = _scratch(full, task, data) if full.scratch is not None else _pretrained(full, task, data)
    options = _head(full, task, origin)
    spelling = Spelling(
        tokenizer=origin.tokenizer,
        max_length=min(full.max_length, origin.positions) // STEADY * STEADY,
        shapes=bool(options["case"]),
    )
    train = lessons.read(data.train, task, spelling, labels, stages=full.curriculum)
    if train is None:
        raise DataError("no train row has both an input and an answer", where="train")
    valid = lessons.read(data.valid, task, spelling, labels) if data.valid is not None else None
    _notice(context, train, valid)
    torch.manual_seed(seed)
    network = Network(origin.build(), full.task, len(labels), options).to(device)
    model = Encoder(
        task=task,
        labels=labels,
        tokenizer=origin.tokenizer,
        network=network,
        options=options,
        max_length=spelling.max_length,
        known=spelling.known,
    )
    checkpoints = None
    if context.checkpoints is not None:
        keys = {field.name: getattr(full, field.name) for field in dataclasses.fields(full)}
        for free in ("threads", "checkpoint_seconds", "seed", "device", "precision", "download"):
            del keys[free]
        data_digests = [train.digest(), valid.digest() if valid is not None else ""]
        machine = [torch.__version__, precision, device.type, seed]
        said = [VERSION, keys, labels, options, origin.said, origin.tokenizer.text, machine, data_digests]
        checkpoints = Checkpoints(context.checkpoints, _hash(said))
        checkpoints.prepare()
    return Ready(
        model=model,
        train=train,
        valid=valid,
        plan=_plan(full, metric, seed, precision, origin.tokenizer.pad),
        evaluate=_scorer(model, valid, precision) if valid is not None else None,
        checkpoints=checkpoints,
        notes={
            "train": train.notes,
            "valid": valid.notes if valid is not None else None,
            "backbone": origin.said,
            "weights": sum(weight.numel() for weight in network.parameters()),
            "labels": len(labels),
            "metric": metric,
            "case": bool(options["case"]),
            "precision": precision,
            "device": str(device),
            "seed": seed,
        },
    )


def task_of(full: Full) -> Task:
    """Build the task from those of the learner's options that it knows."""
    kind = registry.find("tilth.train.tasks", full.task, where="train.task")
    task: Task = kind(**{option.name: getattr(full, option.name) for option in registry.options(kind)})
    return task


def _metric(full: Full, task: Task) -> str:
    if full.metric == "auto":
        return task.metrics[0]
    if full.metric not in task.metrics:
        raise RecipeError(
            f'no metric "{full.metric}"', where="train.metric", wanted=f"one of {', '.join(task.metrics)}"
        )
    return full.metric


def _pretrained(full: Full, task: Task, data: Views) -> _Origin:
    found = backbone.find(full.backbone, download=full.download)
    tokenizer = found.tokenizer()
    new = characters.missing(_texts(task, data), tokenizer, least=full.new_characters) if full.new_characters else []
    if new:
        tokenizer = characters.extended(tokenizer, new)
    said = {"name": found.name, "place": found.place, "digest": found.digest, "new_characters": len(new)}
    size = tokenizer.size

    def build() -> nn.Module:
        model = found.load(full.dropout)
        return characters.grown(model, size) if new else model

    return _Origin(tokenizer, build, found.positions, found.pooling, said)


def _scratch(full: Full, task: Task, data: Views) -> _Origin:
    made = scratch.Scratch.of(full.scratch or {})
    if made.tokenizer is not None:
        tokenizer = backbone.find(made.tokenizer, download=full.download).tokenizer()
    else:
        texts = _texts(task, data)
        tokenizer = scratch.learn_tokenizer(texts, vocabulary=made.vocabulary, lowercase=made.lowercase)
    config = made.config(tokenizer, full.dropout)
    said = {"name": "scratch", "place": "random weights", "config": config}
    return _Origin(tokenizer, lambda: backbone.from_config(config), made.positions, "mean", said)


def _texts(task: Task, data: Views) -> Iterator[str]:
    for batch in data.train.batches():
        for name, kind in task.inputs.items():
            for value in column(batch, name, kind).to_pylist():
                yield from (str(part or "") for part in (value if isinstance(value, list) else [value]))


def _head(full: Full, task: Task, origin: _Origin) -> dict[str, Any]:
    case = full.case == "on" or (full.case == "auto" and origin.tokenizer.lowercases)
    by_word = full.task == "token_classification"
    return {
        "dropout": 0.1 if full.dropout is None else full.dropout,
        "label_smoothing": full.label_smoothing,
        "multi_label": full.multi_label,
        "pooling": origin.pooling if full.pooling == "auto" else full.pooling,
        "case": case and by_word,
    }


def _plan(full: Full, metric: str, seed: int, precision: str, pad_id: int) -> Plan:
    return Plan(
        batch=full.batch,
        accumulate=full.accumulate,
        epochs=full.epochs,
        lr=full.lr,
        new_lr=full.lr if full.new_lr is None else full.new_lr,
        weight_decay=full.weight_decay,
        warmup=full.warmup,
        schedule=full.schedule,
        clip=full.clip,
        patience=full.patience,
        eval_every=full.eval_every,
        metric=metric,
        seed=seed,
        precision=precision,
        pad_id=pad_id,
        checkpoint_seconds=full.checkpoint_seconds,
    )


def _scorer(model: Encoder, valid: Lessons, precision: str) -> Callable[[], Mapping[str, float]]:
    def score() -> Mapping[str, float]:
        logits = predict(
            model.network,
            valid.encoded,
            len(model.labels),
            pad_id=model.tokenizer.pad,
            precision=precision,
        )
        return model.task.score(logits, valid.encoded, model.labels)

    return score


def _notice(context: Context, train: Lessons, valid: Lessons | None) -> None:
    for view, lesson in (("train", train), ("valid", valid)):
        if lesson is None:
            continue
        notes = lesson.notes
        for count, what in (
            (notes["skipped"], f"{view}: {notes['skipped']} rows have no input or no answer and are left out"),
            (
                notes["unknown_labels"],
                f"{view}: {notes['unknown_labels']} labels are unknown to train and count as wrong",
            ),
            (notes["truncated"], f"{view}: {notes['truncated']} rows are longer than the model and were cut"),
        ):
            if count:
                context.report(Noticed(stage="train", what=what))
        if notes["unknown_tokens"] > MANY_UNKNOWN:
            context.report(
                Noticed(
                    stage="train",
                    what=f"{view}: the vocabulary does not know {notes['unknown_tokens']:.0%} of the tokens. "
                    "Is this backbone for another language?",
                    warning=True,
                )
            )


def _hash(said: Any) -> str:
    return hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16).hexdigest()
