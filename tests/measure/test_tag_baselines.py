from __future__ import annotations

import time

import pytest

from tilth.core.errors import DataError
from tilth.measure.tag_baselines import AlwaysO, frequent_tag, linear_tagger
from tilth.measure.tagging import tagging_report
from tilth.measure.tags import to_bio, violations

ROWS = [
    ["Anna", "Berg", "lives", "in", "Rome"],
    ["Rome", "is", "old"],
    ["Carl", "Berg", "left", "Paris"],
    ["Anna", "saw", "Paris"],
]
TAGS = [
    ["B-PER", "I-PER", "O", "O", "B-LOC"],
    ["B-LOC", "O", "O"],
    ["B-PER", "I-PER", "O", "B-LOC"],
    ["B-PER", "O", "B-LOC"],
]


def test_always_o_answers_o() -> None:
    assert AlwaysO().predict([["a", "b"], []]) == [["O", "O"], []]


def test_the_dictionary_answers_each_words_most_frequent_tag_as_valid_bio() -> None:
    model = frequent_tag(ROWS, TAGS)
    assert model.predict([["Carl", "Berg", "saw", "Oslo"], ["Berg"]]) == [["B-PER", "I-PER", "O", "O"], ["B-PER"]]


def test_the_linear_tagger_learns_its_rows_and_only_writes_valid_bio() -> None:
    model = linear_tagger(ROWS * 3, TAGS * 3)
    assert model.predict(ROWS) == TAGS
    told = model.predict([["Berg", "Berg"], [], ["Dora", "lives", "in", "Oslo"], ["Anna"] * 5])
    assert [len(row) for row in told] == [2, 0, 4, 5]
    assert violations(told) == []
    assert model.predict([[]]) == [[]]
    assert linear_tagger(ROWS * 3, TAGS * 3).predict([["Dora", "Berg"]]) == model.predict([["Dora", "Berg"]])


def test_two_tags_are_enough_and_one_is_always_o() -> None:
    assert linear_tagger([["Rome", "is"]] * 4, [["B-LOC", "O"]] * 4).predict([["Rome", "is"]]) == [["B-LOC", "O"]]
    assert linear_tagger([["is", "old"]], [["O", "O"]]).predict([["a"]]) == [["O"]]


def test_tokens_and_tags_must_fit_together() -> None:
    for train in (frequent_tag, linear_tagger):
        with pytest.raises(DataError, match="one tag a token"):
            train([["a", "b"]], [["O"]])
        with pytest.raises(DataError, match="at least one train row"):
            train([], [])


@pytest.mark.shared
def test_conll_with_the_dictionary(conll_train: tuple, conll_test: tuple) -> None:
    truth = to_bio(conll_test.tags)
    model = frequent_tag(conll_train.tokens, to_bio(conll_train.tags))
    found = tagging_report(truth, model.predict(conll_test.tokens))
    assert found.entities.micro.f1 == pytest.approx(0.5437, abs=1e-3)
    nothing = tagging_report(truth, AlwaysO().predict(conll_test.tokens))
    assert (nothing.tokens.accuracy, nothing.entities.micro.f1) == (pytest.approx(0.8253, abs=1e-4), 0.0)


@pytest.mark.slow
@pytest.mark.shared
def test_conll_with_the_linear_tagger_within_a_minute(conll_train: tuple, conll_test: tuple) -> None:
    start = time.process_time()
    model = linear_tagger(conll_train.tokens, to_bio(conll_train.tags))
    told = model.predict(conll_test.tokens)
    assert time.process_time() - start < 60  # of CPU; about 13 where nothing else runs
    found = tagging_report(to_bio(conll_test.tags), told)
    assert found.entities.micro.f1 == pytest.approx(0.826, abs=0.01)
    assert violations(told) == []
