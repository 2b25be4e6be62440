from __future__ import annotations

import json
import re
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from tilth.core.errors import DataError
from tilth.measure.classification import label_counts, report
from tilth.measure.report import ClassificationReport

LABELS = st.sampled_from(["a", "b", "c", "d"])
PAIRS = st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40)


def theirs(truth: object, told: object, **options: object) -> str:
    """Return scikit-learn's text; with two classes of few rows it writes a support of 3 as 3.0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a single label
        text = metrics.classification_report(truth, told, zero_division=0, **options)
    return re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)


def numbers(truth: object, told: object, **options: object) -> dict:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return metrics.classification_report(truth, told, zero_division=0, output_dict=True, **options)


def same(found: ClassificationReport, expected: dict) -> None:
    ours = {score.name: score for score in found.classes}
    ours |= {score.name: score for score in (found.micro, found.macro, found.weighted, found.samples) if score}
    for name, line in expected.items():
        if name == "accuracy":
            assert found.accuracy == pytest.approx(line, abs=1e-12)
            continue
        score = ours[name]
        ours_line = [score.precision, score.recall, score.f1, score.support]
        assert ours_line == pytest.approx([line["precision"], line["recall"], line["f1-score"], line["support"]], 1e-12)


def test_scores_by_hand_with_a_class_never_predicted() -> None:
    found = report(["cat", "cat", "dog", "bird"], ["cat", "dog", "dog", "dog"])
    bird, cat, dog = found.classes
    assert (bird.precision, bird.recall, bird.f1, bird.support) == (0.0, 0.0, 0.0, 1)
    assert (cat.precision, cat.recall, round(cat.f1, 4)) == (1.0, 0.5, 0.6667)
    assert (round(dog.precision, 4), dog.recall, dog.f1) == (0.3333, 1.0, 0.5)
    assert found.accuracy == found.micro.f1 == 0.5
    assert round(found.macro.f1, 4) == round((0 + 2 / 3 + 1 / 2) / 3, 4)
    assert round(found.weighted.f1, 4) == round((2 * 2 / 3 + 1 / 2) / 4, 4)


def test_one_class_only_is_perfect() -> None:
    found = report(["a", "a"], ["a", "a"])
    assert found.accuracy == found.macro.f1 == found.weighted.precision == 1.0


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_numbers_and_text_equal_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    truth, told = zip(*pairs, strict=True)
    found = report(truth, told)
    same(found, numbers(truth, told))
    assert found.as_text(6) == theirs(truth, told, digits=6)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.lists(LABELS, min_size=1, max_size=4, unique=True))
def test_a_choice_of_labels_equals_scikit_learn(pairs: list[tuple[str, str]], labels: list[str]) -> None:
    truth, told = zip(*pairs, strict=True)
    if not set(labels) & set(truth):
        return  # scikit-learn refuses labels that the truth does not hold
    found = report(truth, told, labels)
    same(found, numbers(truth, told, labels=labels))
    assert found.as_text(6) == theirs(truth, told, labels=labels, digits=6)


def test_numbers_as_labels_equal_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth, told = rng.integers(0, 12, 300), rng.integers(0, 12, 300)
    assert report(truth, told).as_text() == theirs(truth, told)


def test_the_report_is_json() -> None:
    made = json.loads(json.dumps(report(["a", "b"], ["a", "a"]).to_json(), allow_nan=False))
    assert made["classes"][1] == {"name": "b", "precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert made["accuracy"] == 0.5


def test_no_rows_is_an_error_that_says_so() -> None:
    with pytest.raises(DataError, match="no rows to measure"):
        report([], [])


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_row_counts_give_the_same_averages_as_the_report(pairs: list[tuple[str, str]]) -> None:
    truth, told = zip(*pairs, strict=True)
    found, counts = report(truth, told), label_counts(range(len(truth)), truth, told)
    assert counts.value("accuracy") == pytest.approx(found.accuracy, abs=1e-12)
    for average in (found.micro, found.macro, found.weighted):
        for part in ("precision", "recall", "f1"):
            assert counts.value(f"{average.name.split()[0]}_{part}") == pytest.approx(getattr(average, part), abs=1e-12)


def test_an_answer_not_given_is_wrong_and_for_no_class() -> None:
    counts = label_counts(["r1", "r2"], ["a", "a"], ["a", None])
    assert counts.value("accuracy") == 0.5
    assert counts.value("f1:a") == pytest.approx(2 / 3)
    assert counts.value("micro_precision") == 1.0


def test_thousands_of_rows_and_hundreds_of_classes_take_no_time() -> None:
    rng = np.random.default_rng(0)
    truth, told = (rng.integers(0, 500, 200_000).astype(str) for _ in range(2))
    start = time.process_time()
    assert len(report(truth, told).classes) == 500
    assert time.process_time() - start < 0.5
