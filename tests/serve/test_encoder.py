"""The trained encoder, served: the answers of the run, the embedded predictor and HTTP are the same bytes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest

from tilth.core.engine import Rows
from tilth.core.errors import ModelError
from tilth.core.learner import Context, Model, Views
from tilth.core.shard import Shard
from tilth.serve import bundle
from tilth.serve.http import serve
from tilth.serve.predictor import Predictor

pytestmark = pytest.mark.slow
Make = Callable[..., Any]
SMALL = {"layers": 1, "hidden": 32, "heads": 2, "vocabulary": 200}
CITIES = ["Rome", "Paris", "Oslo", "Lima", "Cairo", "Quito"]


def fitted(rows: dict[str, list[Any]], **options: Any) -> Any:
    pytest.importorskip("torch")
    from tilth.train.learners.full import Full

    batch = pa.RecordBatch.from_pydict({"_id": [f"{n:032x}" for n in range(len(next(iter(rows.values()))))], **rows})
    train = Rows(shards=(Shard(id="0"),), read=lambda shard: iter([batch]))
    learner = Full(scratch=SMALL, epochs=8, batch=8, lr=5e-3, precision="fp32", threads=1, **options)
    return learner.fit(Views(train=train), Context(seed=1, device="cpu")).model


@pytest.fixture(scope="module")
def classifier() -> Any:
    words = {"billing": ["refund", "invoice", "charge"], "delivery": ["parcel", "courier", "late"]}
    texts = [(f"my {word} number {n}", label) for label, own in words.items() for word in own for n in range(8)]
    return fitted({"text": [text for text, _ in texts], "label": [label for _, label in texts]})


@pytest.fixture(scope="module")
def tagger() -> Any:
    rows = [["I", "live", "in", city, "."] for city in CITIES * 4] + [["no", "city", "here", "."]] * 8
    tags = [["B-LOC" if word in CITIES else "O" for word in row] for row in rows]
    return fitted({"tokens": rows, "tags": tags}, task="token_classification")


def written(folder: Path, model: Any, task: str, refine: tuple[Any, ...] = ()) -> Path:
    facts = bundle.Facts(created="2024-05-01T12:00:00Z", labels=model.labels)
    return bundle.write(folder / "1", name="m", version="1", task=task, refine=refine, model=model, facts=facts)


def asked_over_http(folder: Path, rows: list[Any]) -> bytes:
    ready, stop, urls = threading.Event(), threading.Event(), list[str]()
    options: dict[str, Any] = {"on_ready": lambda url: (urls.append(url), ready.set()), "stop": stop.is_set}
    thread = threading.Thread(target=serve, args=(folder, "127.0.0.1", 0), kwargs={"device": "cpu", **options})
    thread.start()
    try:
        assert ready.wait(60)
        with httpx.Client(base_url=urls[0], timeout=30, trust_env=False) as client, ThreadPoolExecutor(4) as pool:
            bodies = list(pool.map(lambda _: client.post("/predict", json={"rows": rows}).content, range(6)))
        assert len(set(bodies)) == 1
        return bodies[0]
    finally:
        stop.set()
        thread.join(30)


def test_a_classifier_answers_alike_in_the_run_embedded_and_over_http(
    classifier: Any, tmp_path: Path, own: Make
) -> None:
    model = classifier.decided(temperature=1.5, abstain_below=0.75)
    folder = written(tmp_path, model, "text_classification", (own("own_spaces"), own("own_short")))
    predictor = Predictor(bundle.read(folder, device="cpu"))
    texts = [f"my {word} number {n}" for n in range(20) for word in ("refund", "late", "courier")] + ["entirely else"]
    answers = predictor.predict([*texts, "x", {"text": None}])
    assert json.dumps(answers, ensure_ascii=False, separators=(",", ":")).encode() in asked_over_http(
        folder, [*texts, "x", {"text": None}]
    )
    # The run maps all rows in one batch, with the model that was never written.
    told = model.map(pa.RecordBatch.from_pydict({"text": texts}))
    assert [answer["prediction"] for answer in answers[: len(texts)]] == told.column("prediction").to_pylist()
    assert [answer["confidence"] for answer in answers[: len(texts)]] == [
        round(sure, 6) for sure in told.column("confidence").to_pylist()
    ]
    assert answers == [predictor.predict([row])[0] for row in [*texts, "x", {"text": None}]]
    assert answers[0]["prediction"] == "billing"
    assert answers[1]["prediction"] == "delivery"
    assert [answer["status"] for answer in answers[-2:]] == ["dropped", "dropped"]
    statuses = {answer["status"] for answer in answers[: len(texts)]}
    assert statuses <= {"ok", "abstained"}
    assert bundle.read(folder, device="cpu").card["decision"]["abstain_below"] == 0.75


def test_an_encoder_that_is_not_sure_abstains(classifier: Any, tmp_path: Path) -> None:
    folder = written(tmp_path, classifier.decided(abstain_below=1.0, temperature=50.0), "text_classification")
    (answer,) = Predictor(bundle.read(folder, device="cpu")).predict(["my refund"])
    assert (answer["status"], answer["prediction"]) == ("abstained", None)
    assert set(answer["scores"]) == {"billing", "delivery"}


def test_a_text_longer_than_the_model_reads_says_so(classifier: Any, tmp_path: Path) -> None:
    predictor = Predictor(bundle.read(written(tmp_path, classifier, "text_classification"), device="cpu"))
    short, long = predictor.predict(["my refund", "my refund " * 400])
    assert "truncated" not in short
    assert long["truncated"] is True


def test_a_tagger_takes_tokens_or_text_row_by_row(tagger: Any, tmp_path: Path) -> None:
    folder = written(tmp_path, tagger, "token_classification")
    predictor = Predictor(bundle.read(folder, device="cpu"))
    rows: list[Any] = [
        {"tokens": ["I", "live", "in", "Oslo", "."]},
        {"text": "I live in Oslo."},
        "no city here.",
        {"tokens": []},
        {"text": None},
    ]
    tokens, text, none, empty, null = answers = predictor.predict(rows)
    assert tokens["entities"] == [{"type": "LOC", "start": 3, "end": 4, "text": "Oslo"}]
    assert text["entities"] == [{"type": "LOC", "start": 10, "end": 14, "text": "Oslo"}]
    assert tokens["prediction"] == text["prediction"] == ["O", "O", "O", "B-LOC", "O"]
    assert text["tokens"] == ["I", "live", "in", "Oslo", "."]
    assert "tokens" not in tokens
    assert len(text["confidence"]) == 5
    assert (none["status"], none["entities"]) == ("ok", [])
    assert empty["prediction"] == []
    assert null == {"status": "failed", "operator": "model", "reason": "text is null"}
    assert json.dumps(answers, ensure_ascii=False, separators=(",", ":")).encode() in asked_over_http(folder, rows)
    told = predictor.predict_batch(pa.RecordBatch.from_pydict({"text": ["I live in Oslo."]}))
    assert told.column("entities").to_pylist() == [text["entities"]]
    assert predictor.unknown([{"text": "a", "tokens": ["a"], "more": 1}]) == ["more"]


def test_a_null_in_a_list_of_words_is_refused(tagger: Any, tmp_path: Path) -> None:
    predictor = Predictor(bundle.read(written(tmp_path, tagger, "token_classification"), device="cpu"))
    from tilth.core.errors import DataError

    with pytest.raises(DataError, match=r"rows\[0\]\.tokens: the list holds a null. Wanted: a list of strings"):
        predictor.predict([{"tokens": ["a", None]}])
    with pytest.raises(DataError, match=r'rows\[1\]: no field "tokens"'):
        predictor.predict(["a", {"txt": "b"}])


def test_a_row_may_have_several_labels(tmp_path: Path) -> None:
    texts = [f"{'red ' * (n % 2)}{'big ' * (n // 2 % 2)}thing {n % 7}" for n in range(64)]
    labels = [[name for name in ("red", "big") if name in text] for text in texts]
    model = fitted({"text": texts, "label": labels}, multi_label=True)
    predictor = Predictor(bundle.read(written(tmp_path, model, "text_classification"), device="cpu"))
    answers = predictor.predict(["red big thing 3", "thing 3"])
    assert sorted(answers[0]["prediction"]) == ["big", "red"]
    assert answers[1] == {**answers[1], "status": "ok", "prediction": []}
    assert predictor.predict_batch(pa.RecordBatch.from_pydict({"text": ["red thing 3"]})).column("prediction").type == (
        pa.list_(pa.string())
    )


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json", "model.json"])
def test_an_encoder_cut_short_is_refused_before_it_is_opened(classifier: Any, tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, classifier, "text_classification")
    whole = (folder / "model" / name).stat().st_size
    os.truncate(folder / "model" / name, whole // 2)
    with pytest.raises(ModelError, match=rf"model/{name} is cut short: {whole // 2} bytes found") as caught:
        bundle.read(folder)
    assert caught.value.wanted == f"{whole} bytes"


def test_an_encoder_is_a_model(classifier: Any) -> None:
    assert isinstance(classifier, Model)
