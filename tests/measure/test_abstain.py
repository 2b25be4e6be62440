from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.measure.abstain import ABSTAIN, chow_threshold, decide, fit_abstention, risk_coverage

ROWS = st.lists(st.tuples(st.sampled_from([0.2, 0.5, 0.8, 0.95, 1.0]), st.booleans()), min_size=1, max_size=30)


def test_equal_costs_of_errors_are_chows_rule() -> None:
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([0.5] * 4, 500)
    costs = 5.0 * (1 - np.eye(4))
    chosen = decide(shares, costs, abstain=1.0)
    sure = shares.max(axis=1) >= chow_threshold(error=5, abstain=1)
    np.testing.assert_array_equal(chosen, np.where(sure, shares.argmax(axis=1), ABSTAIN))


def test_the_dear_error_is_avoided_even_at_low_probability() -> None:
    ham_or_spam = [[0, 100], [1, 0]]  # to call ham spam costs 100
    assert decide([[0.02, 0.98], [0.005, 0.995]], ham_or_spam).tolist() == [0, 1]


def test_costs_that_make_no_sense_are_refused() -> None:
    with pytest.raises(DataError, match="cost of abstaining <= cost of an error"):
        chow_threshold(error=1, abstain=2)
    with pytest.raises(DataError, match="shape"):
        decide([[0.5, 0.5]], [[0, 1]])
    with pytest.raises(DataError, match="NaN"):
        decide([[float("nan"), 0.5]], [[0, 1], [1, 0]])


@settings(max_examples=100, deadline=None)
@given(ROWS, st.sampled_from([0.0, 0.3, 1.0, 2.0]))
def test_no_threshold_costs_less_on_the_validation_rows(rows: list[tuple[float, bool]], abstain: float) -> None:
    sure, right = np.array([one for one, _ in rows]), np.array([two for _, two in rows])
    found = fit_abstention(sure, right, error=2, abstain=abstain)

    def cost(cut: float) -> float:
        answered = sure >= cut
        return float((2 * (answered & ~right) + abstain * ~answered).mean())

    assert cost(found.threshold) == pytest.approx(found.cost)
    assert found.cost <= min(cost(cut) for cut in (0.0, 0.3, 0.6, 0.9, 0.97, 1.1)) + 1e-12
    assert found.cost_always == pytest.approx(cost(0.0))
    assert found.coverage == pytest.approx((sure >= found.threshold).mean())
    json.dumps(found.to_json(), allow_nan=False)


def test_on_calibrated_confidences_the_fit_comes_near_chows_threshold() -> None:
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 50_000)
    found = fit_abstention(sure, rng.random(50_000) < sure, error=5, abstain=1)
    assert found.threshold == pytest.approx(chow_threshold(error=5, abstain=1), abs=0.03)
    assert found.cost < found.cost_always
    assert found.accuracy is not None
    assert found.accuracy > 0.85


def test_nothing_is_answered_where_every_answer_is_wrong() -> None:
    found = fit_abstention([1.0, 0.9], [0, 0], error=2, abstain=1)
    assert (found.coverage, found.accuracy, found.cost) == (0.0, None, 1.0)
    assert found.threshold > 1.0


def test_the_curve_and_its_area_by_hand() -> None:
    found = risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1])
    assert [(point.coverage, round(point.accuracy, 3)) for point in found.points] == [
        (0.25, 1.0),
        (0.5, 0.5),
        (0.75, 0.667),
        (1.0, 0.75),
    ]
    assert found.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_equal_confidences_are_one_point_and_long_curves_are_thinned() -> None:
    assert len(risk_coverage([0.5] * 10, [1, 0] * 5).points) == 1
    rng = np.random.default_rng(0)
    found = risk_coverage(rng.random(5000), rng.random(5000) < 0.9)
    assert len(found.points) == 100
    assert found.points[-1].coverage == 1.0
    assert found.points[0].coverage == pytest.approx(0.01)


def test_a_confidence_that_is_not_one_is_refused() -> None:
    with pytest.raises(DataError, match="NaN"):
        risk_coverage([0.5, float("nan")], [1, 0])
    with pytest.raises(DataError, match="no confidences"):
        risk_coverage([], [])
    with pytest.raises(DataError, match="2 dimensions"):
        risk_coverage([[0.5]], [[1]])
