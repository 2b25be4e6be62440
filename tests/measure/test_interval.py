from __future__ import annotations

import pytest
from scipy import stats

from tilth.measure.interval import student_quantile, wilson


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 5, 9, 10, 29, 30, 101, 500])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.999])
def test_student_quantiles_equal_scipy(freedom: int, level: float) -> None:
    assert student_quantile(level, freedom) == pytest.approx(stats.t.ppf(0.5 + level / 2, freedom), rel=1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (0, 20), (7, 10), (20, 20), (500, 1000)])
def test_wilson_equals_scipy(successes: int, trials: int) -> None:
    theirs = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
