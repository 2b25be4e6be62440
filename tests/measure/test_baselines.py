from __future__ import annotations

import sys

import numpy as np
import pytest

from tilth.core.errors import DataError, MissingExtra
from tilth.measure.baselines import Majority, linear_text, linear_text_set, majority, majority_set
from tilth.measure.bootstrap import interval
from tilth.measure.classification import label_counts, report

TEXTS = ["refund my order", "where is my parcel", "refund please", "parcel is late", "late parcel", "a refund now"]
TRUTH = ["money", "post", "money", "post", "post", "money"]


def test_the_majority_answers_the_most_frequent_label_and_breaks_ties_by_order() -> None:
    assert majority(["b", "a", "b"]).predict(["x", "y"]) == ["b", "b"]
    assert majority(["b", "a"]).label == "a"
    assert majority_set([[0, 1], [0, 1], [1, 1]]).predict(["x"]).tolist() == [[False, True]]
    with pytest.raises(DataError, match="no train rows"):
        majority([])


def test_linear_text_learns_words_and_answers_the_same_again() -> None:
    model = linear_text(TEXTS, TRUTH)
    asked = ["please refund", "the parcel", "unheard of", ""]
    assert model.predict(asked)[:2] == ["money", "post"]
    assert linear_text(TEXTS, TRUTH).predict(asked) == model.predict(asked)


def test_script_without_spaces_is_read_by_character() -> None:
    texts = ["房间很干净", "服务很差", "干净又舒服", "服务太差了", "房间干净", "态度很差"]
    model = linear_text(texts, [1, 0, 1, 0, 1, 0])
    assert model.predict(["非常干净", "差"]) == [1, 0]


def test_text_without_letters_can_be_learned() -> None:
    assert linear_text(["!!! ???", ":-) :-)"], ["angry", "happy"]).predict([":-)"]) == ["happy"]


def test_train_rows_of_one_label_make_a_majority() -> None:
    assert linear_text(["a text", "another"], ["x", "x"]) == Majority("x")


def test_empty_texts_and_unlike_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="every train text is empty"):
        linear_text(["", " "], ["a", "b"])
    with pytest.raises(DataError, match="1 texts for 2 rows"):
        linear_text(["a"], ["a", "b"])
    with pytest.raises(DataError, match="0 texts for 0 rows"):
        linear_text([], [])


def test_a_missing_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtra, match=r'pip install "tilth\[train\]"'):
        linear_text(TEXTS, TRUTH)


def test_long_train_sets_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tilth.measure.baselines.MOST_ROWS", 4)
    model = linear_text(TEXTS * 20, TRUTH * 20)
    assert set(model.predict(TEXTS)) <= {"money", "post"}


def test_several_labels_are_learned_one_by_one() -> None:
    truth = np.array([[one == "money", "refund" not in text, True] for text, one in zip(TEXTS, TRUTH, strict=True)])
    model = linear_text_set(TEXTS, truth)
    assert model.predict(["refund it", "late parcel"]).tolist() == [[True, False, True], [False, True, True]]
    assert model.predict(TEXTS).dtype == np.bool_


@pytest.mark.slow
@pytest.mark.shared
def test_banking77_reaches_nine_in_ten(banking_train: tuple, banking_test: tuple) -> None:
    model = linear_text(banking_train.text, banking_train.label)
    told = model.predict(banking_test.text)
    assert report(banking_test.label, told).accuracy == pytest.approx(0.9127, abs=0.005)
    found = interval(label_counts(range(len(told)), banking_test.label, told), "accuracy")
    assert 0.89 < found.low < found.high < 0.93
    plain = majority(banking_train.label).predict(banking_test.text)
    assert report(banking_test.label, plain).accuracy == pytest.approx(1 / 77)
