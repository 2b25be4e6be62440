"""Labels with too few train rows leave or merge; test rows do not count."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.refine import rare_labels
from tilth.refine.rare_labels import RareLabels, RareLabelsDropped, RareLabelsMerged
from tilth.testing import batch

TRAIN = batch(label=["a"] * 5 + ["b"] * 4 + [None])


def test_a_label_below_the_least_leaves_with_its_count() -> None:
    operator = RareLabels(min=5).finish(RareLabels(min=5).observe(TRAIN))
    assert isinstance(operator, RareLabelsDropped)
    verdicts = operator.judge(batch(label=["a", "b", "unseen", None])).to_pylist()
    assert [verdict and (verdict["value"], verdict["threshold"]) for verdict in verdicts] == [
        None,
        (4, 5),
        (0, 5),
        None,
    ]


def test_rare_and_unseen_labels_merge() -> None:
    fold = RareLabels(min=5, action="other", other="rest")
    operator = fold.finish(fold.observe(TRAIN))
    assert isinstance(operator, RareLabelsMerged)
    assert operator.map(batch(label=["a", "b", "unseen", None])).column("label").to_pylist() == [
        "a",
        "rest",
        "rest",
        None,
    ]


def test_counts_add_over_shards() -> None:
    fold = RareLabels(min=5)
    state = fold.merge(fold.observe(TRAIN.slice(0, 3)), fold.observe(TRAIN.slice(3)))
    assert state.to_pydict() == {"label": ["a", "b"], "rows": [5, 4]}


def test_a_column_that_is_no_label_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rare_labels, "_MOST", 10)
    with pytest.raises(DataError, match='rare_labels: column "label" has more than 10 distinct values'):
        RareLabels().observe(batch(label=pa.array(range(11))))
