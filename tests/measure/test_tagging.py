from __future__ import annotations

import json
import re
import time
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from seqeval import metrics as seqeval
from sklearn import metrics as sklearn

from tilth.core.errors import DataError
from tilth.measure.bootstrap import intervals
from tilth.measure.tagging import entity_counts, tagging_report, token_counts
from tilth.measure.tags import to_bio

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
PAIRED = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=10), min_size=1, max_size=6
)


def sides(rows: list[list[tuple[str, str]]]) -> tuple[list[list[str]], list[list[str]]]:
    return [[true for true, _ in row] for row in rows], [[told for _, told in row] for row in rows]


def seqeval_report(truth: list[list[str]], told: list[list[str]]) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return seqeval.classification_report(truth, told, output_dict=True, zero_division=0)


def test_scores_by_hand() -> None:
    truth = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    told = [["B-PER", "O", "O", "B-LOC"], ["B-ORG", "B-ORG"]]
    found = tagging_report(truth, told)
    assert found.rows == 2
    assert found.tokens.accuracy == 4 / 6
    # Of 4 predicted entities (PER cut short, LOC, two ORG) and 3 true ones, LOC and one ORG are right.
    assert (found.entities.micro.precision, found.entities.micro.recall) == (0.5, 2 / 3)
    assert found.entities.accuracy is None
    assert found.tokens_without_o is not None
    assert (found.tokens_without_o.micro.precision, found.tokens_without_o.micro.recall) == (3 / 4, 3 / 4)
    assert found.tokens_without_o.accuracy is None


@settings(max_examples=50, deadline=None)
@given(PAIRED)
def test_entity_scores_equal_seqeval_on_any_tags(rows: list[list[tuple[str, str]]]) -> None:
    truth, told = sides(rows)
    assume(any(tag != "O" for row in truth + told for tag in row))  # seqeval fails without an entity
    found, theirs = tagging_report(truth, told).entities, seqeval_report(truth, told)
    ours = {score.name: score for score in (*found.classes, found.micro, found.macro, found.weighted)}
    assert set(ours) == set(theirs)
    for name, line in theirs.items():
        numbers = [ours[name].precision, ours[name].recall, ours[name].f1, ours[name].support]
        assert numbers == pytest.approx(
            [line["precision"], line["recall"], line["f1-score"], line["support"]], abs=1e-12
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = seqeval.classification_report(truth, told, digits=6, zero_division=0)
    # The same words and numbers; a figure that lies between two of six digits may be rounded either way.
    ours_said, theirs_said = found.as_text(6).split(), said.split()
    assert len(ours_said) == len(theirs_said)
    for mine, theirs_word in zip(ours_said, theirs_said, strict=True):
        assert mine == theirs_word or float(mine) == pytest.approx(float(theirs_word), abs=1.1e-6)


@settings(max_examples=50, deadline=None)
@given(PAIRED)
def test_token_scores_equal_scikit_learn_with_and_without_o(rows: list[list[tuple[str, str]]]) -> None:
    truth, told = sides(rows)
    found = tagging_report(truth, told)
    flat = [tag for row in truth for tag in row], [tag for row in told for tag in row]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a single label
        text = sklearn.classification_report(*flat, zero_division=0, digits=6)
    assert found.tokens.as_text(6) == re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)  # a support of 3.0
    assert found.tokens.micro.f1 == found.tokens.accuracy == pytest.approx(seqeval.accuracy_score(truth, told))
    inside = sorted({*flat[0], *flat[1]} - {"O"})
    if found.tokens_without_o is None:
        assert inside == []
    elif set(inside) & set(flat[0]):
        assert found.tokens_without_o.macro.f1 == pytest.approx(
            sklearn.f1_score(*flat, labels=inside, average="macro", zero_division=0)
        )
        assert found.tokens_without_o.micro.f1 == pytest.approx(
            sklearn.f1_score(*flat, labels=inside, average="micro", zero_division=0)
        )


def test_no_entity_anywhere_scores_zero_and_does_not_fail() -> None:
    found = tagging_report([["O", "O"]], [["O", "O"]])
    assert found.tokens.accuracy == 1.0
    assert found.tokens_without_o is None
    assert found.entities.classes == ()
    assert found.entities.micro.f1 == found.entities.macro.f1 == 0.0
    json.dumps(found.to_json(), allow_nan=False)


def test_rows_of_unlike_lengths_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="row 1 has 2 true tags and 1 predicted"):
        tagging_report([["O"], ["O", "O"]], [["O"], ["O"]])
    with pytest.raises(DataError, match="truth has 1 rows, predicted has 2"):
        tagging_report([["O"]], [["O"], ["O"]])
    with pytest.raises(DataError, match="no tokens to measure"):
        tagging_report([[]], [[]])
    with pytest.raises(DataError, match="no tokens to measure"):
        tagging_report([], [])


@settings(max_examples=50, deadline=None)
@given(PAIRED)
def test_counts_by_row_give_the_scores_of_the_report(rows: list[list[tuple[str, str]]]) -> None:
    truth, told = sides(rows)
    found, ids = tagging_report(truth, told), range(len(truth))
    assert entity_counts(ids, truth, told).value("micro_f1") == pytest.approx(found.entities.micro.f1)
    assert entity_counts(ids, truth, told).value("accuracy") == found.tokens.accuracy
    assert token_counts(ids, truth, told).value("macro_f1") == pytest.approx(found.tokens.macro.f1)
    assert token_counts(ids, truth, told).value("accuracy") == found.tokens.accuracy


@pytest.mark.shared
def test_conll_with_noise_equals_seqeval_and_is_quick(conll_test: tuple) -> None:
    truth = to_bio(conll_test.tags)
    rng = np.random.default_rng(0)
    told = [[tag if rng.random() > 0.05 else TAGS[rng.integers(7)] for tag in row] for row in truth]
    start = time.process_time()
    found = tagging_report(truth, told)
    intervals(entity_counts(range(len(truth)), truth, told), ["micro_f1", "macro_f1"])
    assert time.process_time() - start < 1.0
    assert found.entities.as_text(4) == seqeval.classification_report(truth, told, digits=4, zero_division=0)
    assert found.entities.micro.support == 5_648
    assert found.tokens.micro.support == 46_435
