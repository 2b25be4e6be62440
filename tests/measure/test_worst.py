from __future__ import annotations

import json

import numpy as np
import pytest

from tilth.core.errors import DataError
from tilth.measure.worst import worst, worst_multilabel, worst_tagging

SHARES = [[0.9, 0.05, 0.05], [0.5, 0.4, 0.1], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1]]
LABELS = ["ham", "spam", "offer"]


def test_the_surest_errors_come_first_and_right_rows_never() -> None:
    found = worst(["r1", "r2", "r3", "r4"], [1, 1, 1, 2], SHARES, LABELS)
    assert [one.id for one in found] == ["r1", "r4", "r2"]
    assert (found[0].truth, found[0].predicted, found[0].confidence) == ("spam", "ham", 0.9)
    assert found[0].loss == pytest.approx(-np.log(0.05))
    assert json.loads(json.dumps(found[1].to_json()))["truth"] == "offer"


def test_by_loss_the_least_probable_truth_comes_first() -> None:
    shares = [[0.5, 0.5 - 1e-9, 1e-9], [0.9, 0.1, 0.0]]
    assert [one.id for one in worst(["a", "b"], [2, 1], shares, LABELS)] == ["b", "a"]
    assert [one.id for one in worst(["a", "b"], [2, 1], shares, LABELS, by="loss")] == ["a", "b"]


def test_ties_go_by_id_whatever_the_order_of_rows() -> None:
    shares = [[0.9, 0.1, 0.0]] * 3
    assert [one.id for one in worst(["c", "a", "b"], [1, 1, 1], shares, LABELS)] == ["a", "b", "c"]
    assert [one.id for one in worst(["c", "a", "b"], [1, 1, 1], shares, LABELS, most=1)] == ["a"]


def test_no_errors_give_an_empty_list() -> None:
    assert worst(["r1"], [0], [[0.9, 0.1, 0.0]], LABELS) == ()


def test_what_is_not_a_probability_or_an_id_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        worst(["r1"], [0], [[float("nan"), 0.5, 0.5]], LABELS)
    with pytest.raises(DataError, match="2 ids"):
        worst(["r1", "r2"], [0], [[0.9, 0.1, 0.0]], LABELS)
    with pytest.raises(DataError, match="2 labels for 3 columns"):
        worst(["r1"], [0], [[0.9, 0.1, 0.0]], LABELS[:2])


def test_a_multilabel_error_names_the_label_most_surely_wrong() -> None:
    found = worst_multilabel(
        ["r1", "r2", "r3"],
        [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
        [[0.9, 0.6, 0.1], [0.9, 0.05, 0.2], [0.1, 0.1, 0.9]],
        [[1, 1, 0], [1, 0, 0], [0, 0, 1]],
        LABELS,
    )
    assert [(one.id, one.label, round(one.confidence, 2)) for one in found] == [
        ("r2", "spam", 0.95),
        ("r1", "spam", 0.6),
    ]
    assert (found[0].truth, found[0].predicted) == (("ham", "spam"), ("ham",))
    assert found[0].loss == pytest.approx(-np.log(0.9) - np.log(0.05) - np.log(0.8))


def test_a_tagging_error_lists_missed_and_invented_entities() -> None:
    found = worst_tagging(
        ["r1", "r2", "r3"],
        [["B-PER", "I-PER"], ["O", "B-LOC"], ["O", "I-LOC"]],
        [["B-PER", "O"], ["O", "O"], ["O", "B-LOC"]],
    )
    assert [one.id for one in found] == ["r1", "r2"]  # r3 holds the same entity in another scheme
    assert found[0].missed == (("PER", 0, 2),)
    assert found[0].invented == (("PER", 0, 1),)
    assert found[1].to_json() == {"id": "r2", "missed": [["LOC", 1, 2]], "invented": []}
    with pytest.raises(DataError, match="truth has 1 rows, predicted has 2"):
        worst_tagging(["r1"], [["O"]], [["O"], ["O"]])
