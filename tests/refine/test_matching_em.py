"""EM finds the matches without labels, listens to labels where there are some, and never rewards disagreement."""

from __future__ import annotations

import numpy as np
import pytest

from tilth.refine._matching_em import fit, sigmoid


def drawn(matches: int, others: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(0)
    yes = chance.choice(4, p=[0.05, 0.05, 0.1, 0.8], size=(matches, 4))
    no = chance.choice(4, p=[0.85, 0.1, 0.03, 0.02], size=(others, 4))
    return np.vstack([yes, no]).astype(np.int8), np.arange(matches + others) < matches


def test_matches_part_from_others_without_labels() -> None:
    levels, truth = drawn(300, 5000)
    weights = fit(levels, np.ones(len(levels), np.int64), [3] * 4, np.full(len(levels), -1, np.int8))
    said = sigmoid(weights.logits(levels)) > 0.5
    assert (said == truth).mean() > 0.995
    assert sigmoid(np.array([weights.prior]))[0] == pytest.approx(300 / 5300, rel=0.1)


def test_counts_weigh_as_rows_do() -> None:
    levels, _ = drawn(50, 500)
    patterns, counts = np.unique(levels, axis=0, return_counts=True)
    one = fit(patterns, counts, [3] * 4, np.full(len(patterns), -1, np.int8))
    other = fit(levels, np.ones(len(levels), np.int64), [3] * 4, np.full(len(levels), -1, np.int8))
    assert one.fields[0] == pytest.approx(other.fields[0])


def test_a_higher_level_is_never_worth_less_and_an_empty_cell_nothing() -> None:
    levels, _ = drawn(30, 300)
    weights = fit(levels, np.ones(len(levels), np.int64), [3] * 4, np.full(len(levels), -1, np.int8))
    assert all(list(worth) == sorted(worth) for worth in weights.fields)
    assert weights.logits(np.full((1, 4), -1, np.int8))[0] == weights.prior


def test_labels_turn_the_scale() -> None:
    levels = np.array([[3, 0], [0, 3], [0, 0]], np.int8)
    counts = np.array([200, 200, 5000])
    told = fit(levels, counts, [3, 3], np.array([1, 0, -1], np.int8))
    assert told.logits(levels[:1])[0] > 0 > told.logits(levels[1:2])[0]


def test_no_pairs_leave_beliefs() -> None:
    weights = fit(np.zeros((0, 1), np.int8), np.zeros(0, np.int64), [3], np.zeros(0, np.int8))
    assert weights.fields[0][0] < 0 < weights.fields[0][3]
