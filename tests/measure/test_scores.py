from __future__ import annotations

import numpy as np

from tilth.measure.scores import Scores, macro, micro, scores, weighted

HITS, TOLD, TRUE = np.array([2, 0, 0]), np.array([4, 1, 0]), np.array([2, 3, 0])


def test_scores_by_hand_with_nan_where_nothing_is_divided() -> None:
    found = scores(HITS, TOLD, TRUE)
    np.testing.assert_array_equal(found.precision, [0.5, 0.0, np.nan])
    np.testing.assert_array_equal(found.recall, [1.0, 0.0, np.nan])
    np.testing.assert_allclose(found.f1, [2 / 3, 0.0, np.nan])


def test_averages_by_hand() -> None:
    each = scores(HITS, TOLD, TRUE)
    assert [round(float(value), 4) for value in micro(HITS, TOLD, TRUE)] == [0.4, 0.4, 0.4]
    assert round(float(macro(each, np.array([True, True, True])).precision), 4) == round(0.5 / 3, 4)
    assert float(macro(each, np.array([True, True, False])).precision) == 0.25
    assert float(weighted(each, TRUE).recall) == 2 / 5


def test_a_thousand_replicates_are_one_call() -> None:
    many = [np.broadcast_to(side, (1000, 3)) for side in (HITS, TOLD, TRUE)]
    each = scores(*many)
    assert isinstance(each, Scores)
    assert each.f1.shape == (1000, 3)
    assert weighted(each, many[2]).f1.shape == (1000,)
