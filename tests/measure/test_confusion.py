from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from tilth.core.errors import DataError
from tilth.measure.classification import label_counts
from tilth.measure.confusion import confusion, confusion_of
from tilth.measure.multilabel import multilabel_counts
from tilth.measure.tagging import entity_counts

LABELS = st.sampled_from("abc")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30))
def test_the_matrix_equals_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, told = zip(*pairs, strict=True)
    found = confusion(truth, told)
    assert found.labels == tuple(sorted({*truth, *told}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a single label
        theirs = metrics.confusion_matrix(truth, told, labels=found.labels)
    np.testing.assert_array_equal(found.rows, theirs)


def test_counts_give_the_same_matrix_and_sets_of_labels_none() -> None:
    truth, told = list("abcabcc"), list("abbaccc")
    assert confusion_of(label_counts(range(7), truth, told)) == confusion(truth, told)
    with pytest.raises(DataError, match="several labels"):
        confusion_of(multilabel_counts([1], [[1, 0]], [[1, 0]], ["a", "b"]))
    with pytest.raises(DataError, match="several labels"):
        confusion_of(entity_counts([1], [["B-PER", "B-LOC"]], [["O", "O"]]))


def test_rows_of_other_labels_are_left_out() -> None:
    assert confusion(["a", "b", "z"], ["a", "z", "b"], ["a", "b"]).rows == ((1, 0), (0, 0))


def test_the_most_confused_pairs_come_first() -> None:
    found = confusion(["a", "a", "b", "c"], ["b", "b", "c", "c"])
    assert found.most_confused() == (("a", "b", 2), ("b", "c", 1))
    assert found.most_confused(1) == (("a", "b", 2),)
