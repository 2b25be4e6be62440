from __future__ import annotations

import itertools
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.core.fold import STATE_LIMIT, Fold
from tilth.measure.bootstrap import paired_difference
from tilth.measure.classification import report
from tilth.measure.evaluation import STATE, Evaluation
from tilth.measure.multilabel import multilabel_report
from tilth.measure.report import ClassificationReport
from tilth.measure.slices import slices
from tilth.measure.tagging import TaggingReport, tagging_report

RNG = np.random.default_rng(0)
LABELS = ["a", "b", "c"]
TAGS = ["O", "B-PER", "I-PER", "B-LOC"]


def rows(kind: str, count: int = 60) -> pa.RecordBatch:
    def one() -> list:
        if kind == "label":
            return RNG.choice(LABELS, count).tolist()
        if kind == "labels":
            return [[label for label in LABELS if RNG.random() < 0.4] for _ in range(count)]
        return [RNG.choice(TAGS, 1 + at % 7).tolist() for at in range(count)]

    wide = pa.string() if kind == "label" else pa.list_(pa.string())
    return pa.RecordBatch.from_arrays(
        [pa.array([f"id{at:03}" for at in range(count)]), pa.array(one(), wide), pa.array(one(), wide)],
        names=["_id", "label", "predicted"],
    )


BATCHES = {kind: rows(kind) for kind in ("label", "labels", "tags")}


def evaluation(kind: str) -> Evaluation:
    return Evaluation(kind=kind, replicates=50)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", BATCHES)
@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(0, 60), max_size=6), order=st.randoms(use_true_random=False))
def test_shards_in_any_order_merge_to_the_same_state(kind: str, cuts: list[int], order) -> None:  # type: ignore[no-untyped-def]
    fold, batch = evaluation(kind), BATCHES[kind]
    whole = fold.observe(batch)
    edges = [0, *sorted(cuts), 60]
    parts = [fold.observe(batch.slice(low, high - low)) for low, high in itertools.pairwise(edges)]
    order.shuffle(parts)
    merged = parts[0]
    for part in parts[1:]:
        merged = fold.merge(merged, part)
    assert merged.equals(whole)
    assert fold.finish(merged) == fold.finish(whole)


def test_the_report_equals_the_one_made_at_once() -> None:
    found = {kind: evaluation(kind).finish(evaluation(kind).observe(batch)) for kind, batch in BATCHES.items()}
    sides = {kind: (batch["label"].to_pylist(), batch["predicted"].to_pylist()) for kind, batch in BATCHES.items()}
    assert found["label"].report == report(*sides["label"])
    truth, told = ([[label in row for label in LABELS] for row in side] for side in sides["labels"])
    assert found["labels"].report == multilabel_report(truth, told, LABELS)
    assert found["tags"].report == tagging_report(*sides["tags"])
    for one in found.values():
        assert one.rows == 60
        json.dumps(one.to_json(), allow_nan=False)


def test_headline_figures_and_every_class_have_an_interval() -> None:
    found = evaluation("label").finish(evaluation("label").observe(BATCHES["label"]))
    assert isinstance(found.report, ClassificationReport)
    assert set(found.intervals) == {"accuracy", "macro_f1", "weighted_f1", "f1:a", "f1:b", "f1:c"}
    assert found.intervals["accuracy"].value == found.report.accuracy
    tags = evaluation("tags").finish(evaluation("tags").observe(BATCHES["tags"]))
    assert isinstance(tags.report, TaggingReport)
    assert tags.intervals["micro_f1"].value == pytest.approx(tags.report.entities.micro.f1)
    assert tags.intervals["accuracy"].value == tags.report.tokens.accuracy


def test_a_shard_that_ran_twice_counts_once_and_a_changed_answer_is_refused() -> None:
    fold, batch = evaluation("label"), BATCHES["label"]
    state = fold.observe(batch)
    assert fold.merge(state, fold.observe(batch.slice(10, 20))).equals(state)
    other = pa.RecordBatch.from_pydict({"_id": ["id000"], "label": ["a"], "predicted": ["zzz"]})
    with pytest.raises(DataError, match="row id000 was measured twice, with different answers"):
        fold.merge(state, fold.observe(other))


def test_an_answer_not_given_counts_as_wrong_and_is_reported() -> None:
    batch = pa.RecordBatch.from_pydict({"_id": ["r1", "r2"], "label": ["a", "b"], "predicted": ["a", None]})
    found = evaluation("label").finish(evaluation("label").observe(batch))
    assert isinstance(found.report, ClassificationReport)
    assert (found.unanswered, found.report.accuracy) == (1, 0.5)
    silent = batch.set_column(2, "predicted", pa.nulls(2))
    assert evaluation("label").finish(evaluation("label").observe(silent)).unanswered == 2


def test_an_empty_shard_is_fine_and_no_row_at_all_is_an_error() -> None:
    fold = evaluation("tags")
    empty = fold.observe(BATCHES["tags"].slice(0, 0))
    assert empty.schema == STATE
    assert fold.merge(empty, fold.observe(BATCHES["tags"])).equals(fold.observe(BATCHES["tags"]))
    with pytest.raises(DataError, match="no rows to measure"):
        fold.finish(empty)


def test_rows_without_tokens_or_labels_are_rows() -> None:
    schema = pa.schema([("_id", pa.string()), ("label", pa.list_(pa.string())), ("predicted", pa.list_(pa.string()))])
    batch = pa.RecordBatch.from_pydict({"_id": ["r1"], "label": [[]], "predicted": [[]]}, schema=schema)
    assert evaluation("tags").observe(batch).num_rows == 1
    assert evaluation("labels").observe(batch)["right"].to_pylist() == [1]


def test_whole_numbers_can_be_labels() -> None:
    batch = pa.RecordBatch.from_pydict({"_id": ["r1", "r2"], "label": [0, 1], "predicted": [0, 0]})
    found = evaluation("label").finish(evaluation("label").observe(batch))
    assert isinstance(found.report, ClassificationReport)
    assert [score.name for score in found.report.classes] == ["0", "1"]


def test_a_missing_column_names_the_likely_typo() -> None:
    with pytest.raises(DataError, match=r'no column "labl".*Did you mean "label"'):
        Evaluation(truth="labl").observe(BATCHES["label"])
    with pytest.raises(DataError, match="truth holds 1 nulls"):
        Evaluation().observe(pa.RecordBatch.from_pydict({"_id": ["r"], "label": [None], "predicted": ["a"]}))


def test_the_state_is_small_and_the_fold_is_one() -> None:
    fold: Fold = Evaluation()
    assert isinstance(fold, Fold)
    count = 50_000
    batch = pa.RecordBatch.from_pydict(
        {
            "_id": [f"{at:032x}" for at in range(count)],
            "label": RNG.choice(["card_payment_not_recognised", "b"], count),
            "predicted": RNG.choice(["card_payment_not_recognised", "b"], count),
        }
    )
    assert fold.observe(batch).nbytes < STATE_LIMIT


def test_counts_of_a_state_serve_slices_and_comparisons() -> None:
    fold, batch = evaluation("label"), BATCHES["label"]
    counts = fold.counts(fold.observe(batch))
    perfect = fold.counts(fold.observe(batch.set_column(2, "predicted", batch["label"])))
    assert paired_difference(perfect, counts, "accuracy").difference.low > 0
    assert slices(counts, {"half": ["x"] * 30 + ["y"] * 30}).overall.value == counts.value("accuracy")
