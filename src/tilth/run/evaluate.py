"""Evaluate: decide on validation rows, open the test once, compare with the plain baselines, write the bundle."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.errors import DataError
from tilth.core.events import StageStarted, TestOpened
from tilth.core.shard import Shard
from tilth.core.spec import spec_of
from tilth.measure.bootstrap import over_seeds
from tilth.run.answers import Answers, collect
from tilth.run.exams._exam import Exam
from tilth.run.exams.label import Label
from tilth.run.exams.labels import Labels
from tilth.run.exams.tags import Tags
from tilth.run.fingerprint import digest
from tilth.run.learn import Learned, learn, part_of
from tilth.run.pipe import Link
from tilth.run.refine import Refined
from tilth.run.stages import Book, Work
from tilth.serve import bundle

STAGE = "evaluate"
WARN = 0.05
BASELINE_ROWS = 50_000
"""The baselines read at most this many train rows."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What the evaluation found, and the bundle that serves."""

    result: dict[str, Any]
    warnings: tuple[str, ...]
    bundle: Path
    version: str
    key: str
    skipped: bool


def evaluate(work: Work, refined: Refined, learned: Learned) -> Evaluated:
    """Measure the model and write its bundle, or find what an earlier run of the same work found."""
    options = work.recipe.evaluate
    key = digest(STAGE, learned.key, spec_of(options)["options"], work.data)
    book = Book(work.project.stages / f"{STAGE}-{key}")
    facts = book.get("_facts")
    if facts is not None and Path(facts["bundle"]).is_dir():
        return _evaluated(facts, key, skipped=True)
    work.tell(StageStarted(stage=STAGE))
    train = work.recipe.train
    assert train is not None
    truth, text = columns_of(train.part)
    model = learned.model(work.device)
    exam = _exam(work, model)
    decision, told = exam.decide(collect(model, part_of(refined, "valid"), truth=truth, text=text))
    decided = model.decided(**decision) if decision else model
    looks = _look(work, key)
    test = collect(decided, part_of(refined, "test"), truth=truth, text=text, also=options.slices)
    work.tell(TestOpened(model=key, rows=len(test)))
    if not len(test):
        raise DataError(
            "no test row has a truth", where=work.recipe.lines.get("split", "split"), do="Raise `split.test`."
        )
    result = exam.measure(test, decision)
    result |= {name: value for name, value in told.items() if name in ("abstention", "thresholds")}
    if options.baselines:
        result["baselines"] = exam.against(_train_table(refined, truth, text), test)
    result |= _shares(test)
    result["test_looks"] = looks
    if options.seeds > 1:
        result["seeds"] = _over_seeds(work, refined, exam, test, truth, text)
    warnings = _warnings(result, learned)
    folder, version = _write_bundle(work, refined, learned, decided, decision, result, key)
    facts = {"result": result, "warnings": warnings, "bundle": str(folder), "version": version}
    book.keep("_facts", facts)
    return _evaluated(facts, key, skipped=False)


def columns_of(learner: Any) -> tuple[str, str]:
    """Name the columns of truth and text that a learner reads."""
    if getattr(learner, "task", "") == "token_classification":
        return str(learner.tags), str(learner.tokens)
    return str(learner.label), str(learner.text)


def _evaluated(facts: dict[str, Any], key: str, *, skipped: bool) -> Evaluated:
    return Evaluated(
        result=facts["result"],
        warnings=tuple(facts["warnings"]),
        bundle=Path(facts["bundle"]),
        version=facts["version"],
        key=key,
        skipped=skipped,
    )


def _exam(work: Work, model: Any) -> Exam:
    train = work.recipe.train
    assert train is not None
    labels = tuple(model.labels)
    options, seed = work.recipe.evaluate, work.recipe.seed
    if getattr(train.part, "task", "") == "token_classification":
        return Tags(options=options, labels=labels, seed=seed)
    if getattr(train.part, "multi_label", False):
        return Labels(options=options, labels=labels, seed=seed)
    return Label(options=options, labels=labels, seed=seed)


def _look(work: Work, key: str) -> int:
    """Count the models that have looked at this data set's test, this one included."""
    book = Book(work.project.stages / f"looks-{work.data}")
    book.keep(key, {"model": key})
    return len(book.kept())


def _train_table(refined: Refined, truth: str, text: str) -> pa.Table:
    parts: list[pa.Table] = []
    rows = 0
    for batch in part_of(refined, "train").batches():
        batch = batch.select([text, truth])
        batch = batch.filter(pc.and_(batch.column(truth).is_valid(), batch.column(text).is_valid()))
        parts.append(pa.Table.from_batches([batch]))
        rows += batch.num_rows
        if rows >= BASELINE_ROWS:
            break
    return pa.concat_tables(parts).slice(0, BASELINE_ROWS).combine_chunks()


def _shares(test: Answers) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name in ("truncated", "unknown"):
        if name in test.table.schema.names:
            found = pc.mean(test.table.column(name).cast(pa.float64())).as_py()
            shares[name] = float(found or 0.0)
    return shares


def _over_seeds(work: Work, refined: Refined, exam: Exam, test: Answers, truth: str, text: str) -> dict[str, Any]:
    """Train with following seeds and report the spread of the one figure."""
    values = [exam.counts(test).value(exam.metric)]
    for more in range(1, work.recipe.evaluate.seeds):
        learned = learn(work, refined, seed=work.recipe.seed + more)
        model = learned.model(work.device)
        decision, _ = exam.decide(collect(model, part_of(refined, "valid"), truth=truth, text=text))
        decided = model.decided(**decision) if decision else model
        again = collect(decided, part_of(refined, "test"), truth=truth, text=text)
        work.tell(TestOpened(model=learned.key, rows=len(again)))
        values.append(exam.counts(again).value(exam.metric))
    return {exam.metric: over_seeds(values).to_json()}


def _warnings(result: dict[str, Any], learned: Learned) -> list[str]:
    warnings = []
    if result.get("truncated", 0) > WARN:
        warnings.append(
            f"{result['truncated']:.1%} of the test rows are longer than the model reads: raise `train.max_length` "
            "or split long rows."
        )
    if result.get("unknown", 0) > WARN:
        warnings.append(
            f"{result['unknown']:.1%} of the test rows' tokens are unknown to the backbone's vocabulary: "
            "for Chinese, take a backbone that knows it."
        )
    return warnings + [str(warning) for warning in learned.notes.get("warnings", ())]


def _write_bundle(
    work: Work,
    refined: Refined,
    learned: Learned,
    decided: Any,
    decision: dict[str, Any],
    result: dict[str, Any],
    key: str,
) -> tuple[Path, str]:
    artefact_of = "models/{}/{}".format
    for version in work.project.model_versions(work.data):
        written = work.project.model(work.data, version)
        if _fingerprint(written) == key:
            # A run that was killed after it wrote the bundle, and before it said so.
            _record_uses(work, refined, artefact_of(work.data, version))
            return written, str(version)
    folder = work.project.model(work.data, work.project.new_model(work.data))
    facts = bundle.Facts(
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        data={"table": work.data, "version": refined.version.number, "key": refined.key},
        recipe=key,
        labels=tuple(decided.labels),
        metrics={line["name"]: {k: line.get(k) for k in ("value", "low", "high")} for line in result["headline"]},
    )
    train = work.recipe.train
    assert train is not None
    bundle.write(
        folder,
        name=work.data,
        version=folder.name,
        task=str(getattr(train.part, "task", "")),
        refine=[link.operator for link in servable(refined.links, tuple(decided.signature.inputs))],
        model=decided,
        facts=facts,
    )
    _record_uses(work, refined, artefact_of(work.data, folder.name))
    return folder, folder.name


def _fingerprint(folder: Path) -> str | None:
    """Return the recipe's fingerprint that a bundle says it was made under."""
    card = folder / bundle.CARD
    return str(json.loads(card.read_bytes()).get("recipe")) if card.is_file() else None


def _record_uses(work: Work, refined: Refined, artefact: str) -> None:
    """Write down which rows of which version the model learned from: an erasure follows these."""
    uses = work.project.uses
    rows = part_of(refined, "train")
    receipts = [
        uses.write(Shard(id=f"{artefact.replace('/', '-')}-{shard.id}"), rows.read(shard), artefact, refined.version)
        for shard in rows.shards
    ]
    uses.commit(receipts, artefact, refined.version)


def servable(links: tuple[Link, ...], inputs: tuple[str, ...]) -> list[Link]:
    """Choose the operators that a raw row meets on its way to the model: those that read what the model reads."""
    known = set(inputs)
    found = []
    for link in links:
        reads = _reads(link.operator)
        if reads is None or set(reads) <= known:
            found.append(link)
            into = getattr(link.operator, "into", None)
            known |= {into} if isinstance(into, str) else set()
    return found


def _reads(operator: Any) -> tuple[str, ...] | None:
    """Name the columns an operator reads, or None where it does not say."""
    column = getattr(operator, "column", None)
    if isinstance(column, str):
        return (column,)
    several = getattr(operator, "columns", None)
    if isinstance(several, str):
        return (several,)
    return tuple(several) if several else None
