"""A model learned from good and bad rows scores all rows; rows without a label teach nothing."""

from __future__ import annotations

import pytest

from tilth.core.batch import Batch
from tilth.core.errors import DataError, RecipeError
from tilth.refine.quality_model import QualityModel, QualityScored
from tilth.testing import batch, check_fold

GOOD = (
    "The heron waits in shallow water for fish.",
    "Bread rises when yeast makes gas.",
    "河里的水很清，鱼在石头间游。",
)
BAD = ("CLICK here to win FREE prizes now!!!", "cheap pills, click now, free offer", "点击领取免费大奖，加微信！")


def examples() -> Batch:
    return batch(text=[*GOOD, *BAD] * 4, quality=(["good"] * 3 + ["bad"] * 3) * 4)


def fitted(rows: Batch, **options: object) -> QualityScored:
    fold = QualityModel(min_examples=3, bits=12, **options)  # type: ignore[arg-type]
    return fold.finish(fold.observe(rows))


def test_new_texts_are_scored_by_what_they_share_with_the_examples() -> None:
    rows = batch(
        text=["The fish waits in the water.", "click now for a free prize", "免费大奖，点击", "鱼在水里", None]
    )
    model = fitted(examples())
    scored = model.map(rows)
    scores = scored.column("score").to_pylist()
    assert scores[0] > 0.5 > scores[1] and scores[3] > 0.5 > scores[2] and scores[4] is None
    assert [verdict and verdict["rule"] for verdict in model.judge(scored).to_pylist()] == [
        None,
        "quality_model.low_score",
        "quality_model.low_score",
        None,
        None,
    ]


def test_the_threshold_does_not_change_the_scores() -> None:
    rows = examples()
    models = [fitted(rows, threshold=threshold) for threshold in (None, 0.0, 0.5, 0.999)]
    assert len({model.weights for model in models}) == 1
    assert [model.judge(model.map(rows)).null_count for model in models] == [24, 24, 12, 0]


def test_rows_without_a_known_label_teach_nothing() -> None:
    more = batch(text=["cheap fish", "free water", None], quality=["unsure", None, "good"])
    fold = QualityModel(min_examples=3, bits=12)
    assert fold.observe(more).num_rows == 0


def test_labels_may_be_numbers() -> None:
    rows = batch(text=[*GOOD, *BAD], stars=[5, 4, 5, 1, 2, 1])
    fold = QualityModel(label="stars", good=("4", "5"), bad=("1", "2"), min_examples=3, bits=12)
    assert fold.observe(rows)["good"].to_pylist().count(True) == 3


@pytest.mark.slow
def test_the_order_and_cut_of_rows_do_not_matter() -> None:
    check_fold(QualityModel(min_examples=1, bits=12), examples())


def test_a_score_does_not_depend_on_the_other_rows() -> None:
    model = fitted(examples())
    rows = batch(text=[*GOOD, *BAD])
    alone = [model.map(rows.slice(at, 1)).column("score")[0].as_py() for at in range(6)]
    assert model.map(rows).column("score").to_pylist() == alone


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(DataError, match='quality_model: column "quality" calls 0 train rows bad'):
        fitted(batch(text=[*GOOD], quality=["good"] * 3))


def test_a_label_on_both_sides_is_refused() -> None:
    with pytest.raises(RecipeError, match='label "ok" is both good and bad'):
        QualityModel(good=("ok",), bad=("ok", "no"))
    with pytest.raises(RecipeError, match="bits 10 to 20"):
        QualityModel(bits=30)
