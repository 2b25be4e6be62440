"""Hold four runs as `run/` sums them up: three topics, 77 intents, entity tags, and data without a model."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from typing import Any

import pytest

from tilth.report.page import render
from tilth.report.summary import (
    CaughtLine,
    Evaluation,
    ExampleLine,
    SourceLine,
    SplitLine,
    StageLine,
    StepLine,
    Summary,
    Training,
)

ROW, OTHER = "9f2c41d07be35a8866f01c2d3e4b5a69", "07be35a8866f01c2d3e4b5a699f2c41d"


@pytest.fixture(scope="session")
def data_run() -> Summary:
    """Return a run without training."""
    return Summary(
        run="20260314-101502-7be3",
        name="support-tickets",
        recipe_path="recipe.yaml",
        started="2026-03-14T10:15:02+01:00",
        seconds=74.2,
        stages=(
            StageLine(name="acquire", seconds=11.8),
            StageLine(name="cluster", seconds=19.1),
            StageLine(name="split", seconds=0.4),
            StageLine(name="refine", seconds=38.6),
            StageLine(name="store", seconds=0.0, status="skipped", why="nothing changed"),
        ),
        sources=(
            SourceLine(
                name="tickets",
                kind="files",
                licence="own",
                rows=9_480,
                rejected=12,
                notes=("tickets_2.csv: read as gb18030", "tickets_3.csv: 12 lines with 7 fields, 6 wanted"),
            ),
            SourceLine(name="crm", kind="sql", licence="own", rows=2_500),
            SourceLine(name="forum", kind="files", licence="CC-BY-4.0", rows=500, rejected=5),
        ),
        steps=(
            StepLine(
                place="acquire",
                operator="near_duplicates",
                options="threshold=0.8, column=text",
                rows_in=12_480,
                kept=11_460,
                dropped=1_020,
                by_rule={"same_minhash": 810, "same_text": 210},
                examples=(
                    ExampleLine(
                        id=ROW,
                        before="My card has not arrived yet, it's been two weeks",
                        rule="same_minhash",
                        value=0.93,
                        threshold=0.8,
                        other_id=OTHER,
                    ),
                ),
            ),
            StepLine(
                place="refine[0]",
                operator="fix_text",
                options="form=NFC",
                rows_in=11_460,
                kept=11_460,
                changed=1_204,
                examples=(
                    ExampleLine(
                        id=OTHER,
                        fate="changed",
                        before="I canâ€™t log in to my account since the update â€“ please help",
                        after="I can’t log in to my account since the update – please help",
                        column="text",
                    ),
                    ExampleLine(
                        id=ROW,
                        fate="changed",
                        before="ＣＡＲＤ 还没有收到\u200b",
                        after="CARD 还没有收到",
                        column="text",
                    ),
                ),
            ),
            StepLine(
                place="refine[1]",
                operator="language",
                options="keep=[en, zh]",
                rows_in=11_460,
                kept=11_331,
                dropped=129,
                by_rule={"language": 129},
                examples=(
                    ExampleLine(
                        id=ROW, before="Où est ma carte bancaire ?", rule="language is fr", value=0.98, threshold=0.5
                    ),
                ),
            ),
            StepLine(
                place="refine[2]",
                operator="too_short",
                options="min_words=3",
                rows_in=11_331,
                kept=10_925,
                dropped=402,
                failed=4,
                by_rule={"too_short": 402},
                examples=(ExampleLine(id=OTHER, before="help!!", rule="too_short", value=1, threshold=3),),
            ),
            StepLine(
                place="augment[0]",
                operator="synonyms",
                options="copies=2, only rare labels",
                rows_in=10_925,
                kept=12_405,
                grown=1_480,
                examples=(
                    ExampleLine(id=ROW, fate="grown", before="Where is my refund?", after="Where is my reimbursement?"),
                ),
            ),
        ),
        split=SplitLine(
            counts={"train": 9_127, "valid": 1_093, "test": 2_185},
            labels={
                "billing": {"train": 4_100, "valid": 480, "test": 955},
                "delivery": {"train": 3_300, "valid": 404, "test": 810},
                "投诉 complaint": {"train": 1_727, "valid": 209, "test": 420},
            },
            clusters=9_344,
            straddling=17,
            how="Seeded hash of customer_id",
        ),
        warnings=("tickets_2.csv: encoding guessed as gb18030 from 4 kB.",),
        versions={"data": "support-tickets@3"},
        facts={
            "seed": 13,
            "fingerprints": {"recipe": "b4c1f09a22d7", "refine": "77aa01be93f2"},
            "packages": {"tilth": "0.1.0", "pyarrow": "25.0.0"},
        },
        accounts={"rows_in": 12_497, "expanded": 0, "grown": 1_480, "kept": 12_405, "dropped": 1_551, "failed": 21},
        again="tilth run recipe.yaml --seed 13",
        report=".tilth/runs/20260314-101502-7be3/report.html",
    )


@pytest.fixture(scope="session")
def topics_run(data_run: Summary) -> Summary:
    """Return a run that trains a model of three labels and beats its baselines."""
    labels = ["billing", "delivery", "投诉 complaint"]
    rows = [[884, 48, 23], [39, 741, 30], [31, 44, 345]]
    return dataclasses.replace(
        data_run,
        name="support-topics",
        task="text_classification",
        seconds=912.0,
        stages=(*data_run.stages, StageLine(name="train", seconds=801.5), StageLine(name="evaluate", seconds=21.9)),
        training=_training(),
        evaluation=Evaluation(
            rows=2_185,
            headline=(
                {"name": "macro_f1", "value": 0.8906, "low": 0.8758, "high": 0.9044, "level": 0.95},
                {"name": "accuracy", "value": 0.9016, "low": 0.889, "high": 0.914, "level": 0.95},
            ),
            baselines=(
                {"name": "most common label", "metrics": {"macro_f1": 0.2027, "accuracy": 0.437}},
                {
                    "name": "TF-IDF and logistic regression",
                    "metrics": {"macro_f1": {"value": 0.8121, "low": 0.794, "high": 0.83}, "accuracy": 0.838},
                },
                {"name": "zero-shot", "metrics": {"macro_f1": {"value": 0.551, "low": 0.53, "high": 0.574}}},
            ),
            report=_report(labels, rows),
            intervals={f"f1:{name}": {"value": 0.8, "low": 0.79, "high": 0.92} for name in labels[:2]},
            confusion={"labels": labels, "rows": rows},
            calibration=_calibration(),
            risk_coverage=_risk_coverage(),
            abstention={"threshold": 0.46, "coverage": 0.9, "accuracy": 0.951, "cost": 0.31, "cost_always": 0.4},
            slices=(
                _slice("language", "en", 1_602, 0.899, 0.883, 0.914),
                _slice("language", "zh", 583, 0.851, 0.822, 0.878, worse=True),
                _slice("channel", "mail", 1_210, 0.893, 0.873, 0.911),
                _slice("channel", "chat", 957, 0.881, 0.859, 0.903),
                {**_slice("channel", "(missing)", 18, 0.722, 0.5, 0.9), "judged": False},
            ),
            errors=(
                _mistake("I was charged twice for the parcel that never came", "delivery", "billing", 0.991),
                _mistake("快递员态度恶劣,我要投诉并且退款", "投诉 complaint", "delivery", 0.984),
                _mistake("<script>alert('row')</script> where is my order", "delivery", "billing", 0.97),
            ),
            seeds={"macro_f1": _seeds()},
            truncated=0.031,
            unknown=0.0004,
        ),
        versions={"data": "support-tickets@3", "model": "support-tickets/2"},
        model=".tilth/models/support-tickets/2",
        serve="tilth serve support-tickets",
        caught=(
            CaughtLine(kind="near duplicates", planted=400, caught=391, missed=9, false_alarms=3),
            CaughtLine(kind="wrong encoding", planted=120, caught=120, missed=0),
            CaughtLine(kind="flipped labels", planted=150, caught=97, missed=53, false_alarms=41),
        ),
    )


@pytest.fixture(scope="session")
def intents_run(topics_run: Summary) -> Summary:
    """Return a run with 77 labels whose model is no better than its baseline, after three looks at the test rows."""
    labels = [f"{verb}_{noun}" for verb in _VERBS for noun in _NOUNS][:77]
    rows = _confusion(len(labels))
    found = topics_run.evaluation
    assert found is not None and topics_run.split is not None
    return dataclasses.replace(
        topics_run,
        name="banking-intents",
        sample=500,
        split=dataclasses.replace(
            topics_run.split,
            labels={name: {"train": 90 + at, "valid": 10, "test": 40} for at, name in enumerate(labels)},
        ),
        caught=(),
        evaluation=dataclasses.replace(
            found,
            test_looks=3,
            headline=({"name": "macro_f1", "value": 0.871, "low": 0.858, "high": 0.883, "level": 0.95},),
            baselines=(
                {
                    "name": "TF-IDF and logistic regression",
                    "metrics": {"macro_f1": {"value": 0.866, "low": 0.853, "high": 0.879}},
                    "difference": {"ours": 0.871, "difference": {"value": 0.005, "low": -0.004, "high": 0.014}},
                },
            ),
            report=_report(labels, rows),
            intervals=None,
            confusion={"labels": labels, "rows": rows},
        ),
    )


@pytest.fixture(scope="session")
def tags_run(data_run: Summary) -> Summary:
    """Return a run that tags entities."""
    entities = _report(["LOC", "ORG", "PER"], [[510, 41, 12], [38, 402, 19], [9, 14, 611]])
    tags = ["B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"]
    return dataclasses.replace(
        data_run,
        name="entities",
        task="token_classification",
        split=SplitLine(counts={"train": 9_127, "valid": 1_093, "test": 2_185}),
        training=Training(learner="fine_tune", backbone="minilm-l6"),
        evaluation=Evaluation(
            rows=2_185,
            headline=({"name": "micro_f1", "value": 0.92, "low": 0.905, "high": 0.934, "level": 0.95},),
            tagging={
                "entities": {**entities, "accuracy": None},
                "tokens": _report(tags, _confusion(len(tags))),
                "tokens_without_o": {**_report(tags[:6], _confusion(6)), "accuracy": None},
            },
            errors=(
                {
                    "id": ROW,
                    "text": "Deutsche Bank opens in Paris",
                    "missed": [["ORG", 0, 2]],
                    "invented": [["LOC", 0, 1], ["PER", 4, 5]],
                },
            ),
        ),
    )


@pytest.fixture(scope="session")
def page_of() -> Callable[[Summary], str]:
    """Return a way to render a summary that draws each one once."""
    drawn: dict[str, str] = {}

    def page(summary: Summary) -> str:
        if summary.name not in drawn:
            drawn[summary.name] = render(summary)
        return drawn[summary.name]

    return page


_VERBS = ("activate", "block", "change", "find", "lost", "pay", "refund", "report", "top_up", "verify", "why")
_NOUNS = ("card", "pin", "cash_withdrawal", "direct_debit", "exchange_rate", "transfer", "virtual_card")


def _training() -> Training:
    history: list[dict[str, Any]] = []
    for step in range(20, 1_001, 20):
        loss = 0.18 + 0.92 * math.exp(-step / 190) + 0.02 * math.sin(step)
        rate = 5e-5 * min(step / 100, (1_000 - step) / 900)
        line: dict[str, Any] = {"step": step, "epoch": round(step / 250, 2), "loss": loss, "lr": round(rate, 9)}
        if step % 100 == 0:
            value = round(0.89 - 0.35 * math.exp(-step / 160) - max(step - 700, 0) / 20_000, 4)
            line |= {"metric": "macro_f1", "value": value, "valid_loss": 1.08 - value}
        history.append(line)
    return Training(
        learner="fine_tune",
        backbone="minilm-l6",
        history=tuple(history),
        facts={
            "device": "cpu",
            "parameters": 22_713_216,
            "tokens per second": 5_120,
            "stopped": "3 looks without gain",
        },
    )


def _confusion(size: int) -> list[list[int]]:
    chance = random.Random(7)
    rows = [[0] * size for _ in range(size)]
    for truth in range(size):
        for _ in range(40):
            near = (truth + chance.choice((1, 1, 7, 13))) % size
            rows[truth][truth if chance.random() < 0.87 else near] += 1
    return rows


def _report(labels: list[str], rows: list[list[int]]) -> dict[str, Any]:
    classes = []
    for at, name in enumerate(labels):
        hits, support, told = rows[at][at], sum(rows[at]), sum(line[at] for line in rows)
        precision, recall = hits / max(told, 1), hits / max(support, 1)
        f1 = 2 * hits / max(told + support, 1)
        classes.append({"name": name, "precision": precision, "recall": recall, "f1": f1, "support": support})
    whole = sum(map(sum, rows))
    right = sum(line[at] for at, line in enumerate(rows)) / whole

    def mean(key: str, weighted: bool) -> float:
        weights = [float(one["support"]) if weighted else 1.0 for one in classes]
        return sum(weight * one[key] for weight, one in zip(weights, classes, strict=True)) / sum(weights)

    def average(name: str, weighted: bool) -> dict[str, Any]:
        return {"name": name, "support": whole} | {key: mean(key, weighted) for key in ("precision", "recall", "f1")}

    return {
        "classes": classes,
        "micro": {"name": "micro avg", "precision": right, "recall": right, "f1": right, "support": whole},
        "macro": average("macro avg", False),
        "weighted": average("weighted avg", True),
        "samples": None,
        "accuracy": right,
    }


def _calibration() -> dict[str, Any]:
    def side(ece: float, brier: float, bend: float) -> dict[str, Any]:
        bins = []
        for at in range(5, 15):
            sure = (at + 0.5) / 15
            right = max(0.0, sure - bend * (1 - sure) * 2)
            ends = {"low": at / 15, "high": (at + 1) / 15, "rows": 12 * (at - 4) ** 2}
            bins.append({**ends, "confidence": sure, "accuracy": right})
        return {"rows": 4_620, "ece": ece, "brier": brier, "nll": brier * 2.1, "reliability": bins}

    return {"temperature": 1.62, "before": side(0.081, 0.171, 0.24), "after": side(0.017, 0.148, 0.03)}


def _risk_coverage() -> dict[str, Any]:
    points = [
        {"threshold": 1 - at / 40 * 0.6, "coverage": at / 40, "accuracy": 1 - 0.098 * (at / 40) ** 2.2}
        for at in range(1, 41)
    ]
    return {"rows": 2_185, "points": points, "area": 0.031}


def _seeds() -> dict[str, Any]:
    mean = {"value": 0.8874, "low": 0.8802, "high": 0.8946}
    return {"mean": mean, "sd": 0.0028, "values": [0.8906, 0.8855, 0.8861]}


def _slice(
    column: str, value: str, rows: int, figure: float, low: float, high: float, *, worse: bool = False
) -> dict[str, Any]:
    metric = {"value": figure, "low": low, "high": high, "level": 0.95}
    return {"column": column, "value": value, "support": rows, "metric": metric, "judged": True, "worse": worse}


def _mistake(text: str, truth: str, predicted: str, confidence: float) -> dict[str, Any]:
    return {"id": ROW, "text": text, "truth": truth, "predicted": predicted, "confidence": confidence, "loss": 4.0}
