"""Every kind of answer is decided on valid, measured on test once, compared with baselines, and served as measured."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import tilth
from tilth import api
from tilth.core import events
from tilth.tables.project import Project

TINY = "scratch: {layers: 1, hidden: 32, heads: 2, vocabulary: 300}, epochs: 12, lr: 0.003, threads: 1"
COLOURS = ["red", "green", "blue"]


def run(folder: Path, recipe: str) -> tuple[Any, list[events.Event]]:
    (folder / "recipe.yaml").write_text(recipe)
    heard: list[events.Event] = []
    # Splits follow ids, and ids the salt: a fixed one makes the figures below the same each time.
    assert Project(str(folder)).salt
    (folder / ".tilth" / "salt").write_bytes(b"s" * 32)
    return api.run(folder / "recipe.yaml", workers=1, listen=heard.append), heard


def sentences(count: int) -> list[tuple[str, str]]:
    chance = random.Random(3)
    found = []
    for number in range(count):
        colour = chance.choice(COLOURS)
        found.append((f"the {colour} {chance.choice(['house', 'boat', 'car'])} number {number}", colour))
    return found


def test_one_label_with_everything_on(tmp_path: Path) -> None:
    lines = [f"{text},{label},{'north' if n % 3 else 'south'}" for n, (text, label) in enumerate(sentences(240))]
    (tmp_path / "d.csv").write_text("text,label,side\n" + "\n".join(lines) + "\n")
    recipe = (
        "name: one\nacquire: [{files: {path: d.csv, licence: own}}]\n"
        f"train: {{task: text_classification, {TINY}}}\n"
        "evaluate: {bootstrap: 100, seeds: 2, slices: [side], thresholds: cost}\n"
    )
    ran, heard = run(tmp_path, recipe)
    found = ran.summary.evaluation
    assert found.headline[0]["name"] == "accuracy"
    assert found.headline[0]["value"] > 0.7
    assert found.headline[0]["low"] <= found.headline[0]["value"] <= found.headline[0]["high"]
    assert {line["name"] for line in found.baselines} == {"majority class", "TF-IDF + linear"}
    assert {line["value"] for line in found.slices} == {"north", "south"}
    assert found.calibration["temperature"] > 0
    assert found.abstention["threshold"] <= 1
    assert len(found.seeds["accuracy"]["values"]) == 2
    assert found.test_looks == 1
    looks = [event for event in heard if isinstance(event, events.TestOpened)]
    assert len(looks) == 2, "one look for each seed"
    rows = [
        line
        for batch in Project(str(tmp_path)).table("one").scan(where={"_split": ["test"]}).batches()
        for line in batch.to_pylist()
    ]
    model = tilth.load(ran.bundle)
    answers = model.predict([{"text": row["text"]} for row in rows])
    right = [
        answer["prediction"] == row["label"]
        for answer, row in zip(answers, rows, strict=True)
        if answer["status"] == "ok"
    ]
    answered = next(line["value"] for line in found.headline if line["name"] == "answered")
    assert len(right) / len(rows) == pytest.approx(answered), "what is served is what was measured"
    assert model.predict([{"text": rows[0]["text"]}]) == answers[:1]


def test_many_labels_with_thresholds(tmp_path: Path) -> None:
    chance = random.Random(5)
    with (tmp_path / "d.jsonl").open("w") as file:
        for number in range(240):
            labels = sorted(chance.sample(COLOURS, chance.randrange(1, 3)))
            file.write(json.dumps({"text": f"{' and '.join(labels)} in box {number}", "labels": labels}) + "\n")
    ran, _ = run(
        tmp_path,
        "name: many\nacquire: [{files: {path: d.jsonl, licence: own}}]\n"
        f"train: {{task: text_classification, label: labels, multi_label: true, {TINY}}}\n"
        "evaluate: {bootstrap: 50, thresholds: f1}\n",
    )
    found = ran.summary.evaluation
    assert found.headline[0]["name"] == "micro_f1"
    assert found.headline[0]["value"] > 0.8
    assert set(found.thresholds["labels"]) == set(COLOURS)
    (answer,) = tilth.load(ran.bundle).predict(["red and blue in box 7"])
    assert answer["prediction"]
    assert set(answer["prediction"]) <= {"blue", "red"}


def test_tags_are_measured_by_token_and_by_entity(tmp_path: Path) -> None:
    chance = random.Random(9)
    with (tmp_path / "d.conll").open("w") as file:
        for _ in range(200):
            name = chance.choice(["Anna", "Bert", "Cleo"])
            place = chance.choice(["Oslo", "Rome", "Lima"])
            file.write(f"{name} B-PER\nlives O\nin O\n{place} B-LOC\nsince O\n{chance.randrange(1900, 2020)} O\n\n")
    ran, _ = run(
        tmp_path,
        "name: tags\nacquire: [{files: {path: d.conll, licence: own}}]\nsplit: {duplicates: none}\n"
        f"train: {{task: token_classification, {TINY}}}\nevaluate: {{bootstrap: 50}}\n",
    )
    found = ran.summary.evaluation
    assert found.headline[0]["name"] == "entity F1"
    assert found.headline[0]["value"] > 0.9
    assert {"tokens", "tokens_without_o", "entities"} <= set(found.tagging)
    assert {line["name"] for line in found.baselines} == {"always O", "most frequent tag a word", "linear tagger"}
    (answer,) = tilth.load(ran.bundle).predict([{"tokens": ["Bert", "lives", "in", "Oslo", "since", "1950"]}])
    assert answer["prediction"][0] == "B-PER"
    assert answer["entities"][0]["text"] == "Bert"


def test_looking_again_with_another_recipe_is_counted(tmp_path: Path) -> None:
    lines = [f"{text},{label}" for text, label in sentences(90)]
    (tmp_path / "d.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    looks = []
    for rounds in (50, 60, 60):
        ran, _ = run(
            tmp_path,
            "name: looks\nacquire: [{files: {path: d.csv, licence: own}}]\n"
            f"train: {{task: text_classification, {TINY.replace('epochs: 12', 'epochs: 1')}}}\n"
            f"evaluate: {{bootstrap: {rounds}, baselines: false}}\n",
        )
        looks.append(ran.summary.evaluation.test_looks)
    assert looks == [1, 2, 2], "the same work again is no new look"


def test_without_bootstrap_there_are_figures_and_no_intervals(tmp_path: Path) -> None:
    lines = [f"{text},{label}" for text, label in sentences(90)]
    (tmp_path / "d.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    ran, _ = run(
        tmp_path,
        "name: none\nacquire: [{files: {path: d.csv, licence: own}}]\n"
        f"train: {{task: text_classification, {TINY.replace('epochs: 12', 'epochs: 1')}}}\n"
        "evaluate: {bootstrap: 0}\n",
    )
    assert ran.summary.evaluation.headline[0]["value"] >= 0
    assert ran.summary.evaluation.headline[0]["low"] is None
