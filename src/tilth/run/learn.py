"""Train: fit the recipe's learner to the train rows; the validation rows choose the checkpoint."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from tilth.core import registry
from tilth.core.batch import SPLIT, Batch
from tilth.core.engine import Reader, Rows
from tilth.core.errors import DataError, Stopped, TilthError, did_you_mean
from tilth.core.events import StageStarted
from tilth.core.learner import Context, Fitted, Views
from tilth.core.shard import Shard
from tilth.core.spec import spec_of
from tilth.run.fingerprint import digest
from tilth.run.refine import Refined
from tilth.run.stages import Book, Work

STAGE = "train"
MODELS = "tilth.train.models"
PACKAGES = ("torch", "transformers", "tokenizers")


@dataclass(frozen=True, kw_only=True)
class Learned:
    """A trained model on disk, and how it was trained."""

    folder: Path
    kind: str
    history: tuple[dict[str, Any], ...]
    notes: dict[str, Any]
    key: str
    skipped: bool

    def model(self, device: str = "auto") -> Any:
        """Load the model."""
        return registry.find(MODELS, self.kind).load(self.folder, device=device)  # type: ignore[attr-defined]


def learn(work: Work, refined: Refined, *, seed: int) -> Learned:
    """Train, or find the model that the same rows and options gave. Raises what the learner raises, with its line."""
    entry = work.recipe.train
    assert entry is not None
    learner = entry.part
    if any(field.name == "seed" for field in dataclasses.fields(learner)):
        learner = dataclasses.replace(learner, seed=seed)
    _check_columns(work, refined)
    key = digest(STAGE, spec_of(learner), refined.key, seed, {name: _version(name) for name in PACKAGES})
    folder = work.project.stages / f"{STAGE}-{key}"
    book = Book(folder)
    facts = book.get("_facts")
    if facts is None:
        work.tell(StageStarted(stage=STAGE))
        views = Views(train=part_of(refined, "train"), valid=part_of(refined, "valid"))
        if not refined_count(refined, "valid"):
            views = Views(train=views.train)
        context = Context(
            seed=seed, checkpoints=folder / "checkpoints", report=work.tell, stop=work.stop, device=work.device
        )
        try:
            fitted = learner.fit(views, context)
        except TilthError as error:
            if isinstance(error, Stopped):
                raise
            place = f"{entry.where}  {error.where or STAGE}"
            raise type(error)(error.what, where=place, wanted=error.wanted, do=error.do) from error
        facts = _save(fitted, folder, book)
    return Learned(
        folder=folder / "model",
        kind=facts["kind"],
        history=tuple(facts["history"]),
        notes=facts["notes"],
        key=key,
        skipped=not facts.pop("fresh", False),
    )


def part_of(refined: Refined, split: str) -> Rows:
    """Return the rows of one split of the stored data set."""
    rows = refined.table.scan(refined.version)
    return Rows(shards=rows.shards, read=_OfSplit(rows.read, split))


def refined_count(refined: Refined, split: str) -> int:
    """Count the rows of a split."""
    return sum(batch.num_rows for batch in part_of(refined, split).batches())


def _save(fitted: Fitted, folder: Path, book: Book) -> dict[str, Any]:
    draft, final = folder / "model.part", folder / "model"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    fitted.model.save(draft)
    shutil.rmtree(final, ignore_errors=True)
    draft.rename(final)
    facts = {
        "kind": registry.name_of(type(fitted.model)),
        "history": [dict(line) for line in fitted.history],
        "notes": dict(fitted.notes),
    }
    book.keep("_facts", facts)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return {**facts, "fresh": True}


def _check_columns(work: Work, refined: Refined) -> None:
    entry = work.recipe.train
    assert entry is not None
    names = [name for name in refined.table.schema(refined.version).names if not name.startswith("_")]
    task = getattr(entry.part, "task", "text_classification")
    wanted = ("tokens", "tags") if task == "token_classification" else ("text", "label")
    for option in (*wanted, "curriculum"):
        column = getattr(entry.part, option, None)
        if isinstance(column, str) and column not in names:
            raise DataError(
                f'no column "{column}"',
                where=f"{entry.at}.{option}",
                wanted=f"one of {', '.join(names)}",
                do=did_you_mean(column, names),
            )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


@dataclass(frozen=True)
class _OfSplit:
    read: Reader
    split: str

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        for batch in self.read(shard):
            part = batch.filter(pc.fill_null(pc.equal(batch.column(SPLIT), self.split), False))
            if part.num_rows:
                yield part
