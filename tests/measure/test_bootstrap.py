from __future__ import annotations

import json
import time

import numpy as np
import pytest
from scipy import stats

from tilth.core.errors import DataError
from tilth.measure.bootstrap import Bootstrap, interval, intervals, over_seeds, paired_difference
from tilth.measure.classification import label_counts
from tilth.measure.counts import Counts
from tilth.measure.interval import wilson
from tilth.measure.multilabel import multilabel_counts


def coin(rows: int, share: float, seed: int = 0) -> Counts:
    right = np.random.default_rng(seed).random(rows) < share
    return label_counts([f"{seed}-{at}" for at in range(rows)], [1] * rows, right.astype(int))


def test_the_interval_of_an_accuracy_is_near_the_binomial_one() -> None:
    found = interval(coin(2000, 0.8), "accuracy", Bootstrap(replicates=4000))
    error = np.sqrt(found.value * (1 - found.value) / 2000)
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.0015)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.0015)
    assert (found.level, found.method, found.rows) == (0.95, "percentile", 2000)


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_intervals_hold_the_true_figure_as_often_as_they_say(method: str) -> None:
    how = Bootstrap(replicates=300, level=0.9, method=method)  # type: ignore[arg-type]
    held = 0
    for seed in range(200):
        found = interval(coin(150, 0.7, seed), "accuracy", how)
        held += found.low <= 0.7 <= found.high
    assert 0.84 <= held / 200 <= 0.96  # 0.9, give or take three standard errors


def test_bca_equals_scipy_on_a_skewed_share() -> None:
    """Two bootstraps, Poisson and multinomial, agree on the corrected ends to the noise of their replicates."""
    right = np.r_[np.ones(190), np.zeros(10)]
    counts = label_counts(range(200), [1] * 200, right.astype(int))
    ours = interval(counts, "accuracy", Bootstrap(replicates=10_000, method="bca"))
    theirs = stats.bootstrap(
        (right,), np.mean, n_resamples=10_000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.006)
    assert interval(counts, "accuracy", Bootstrap(replicates=10_000)).low > ours.low


def test_order_and_sharding_of_rows_change_nothing() -> None:
    rng = np.random.default_rng(0)
    truth, told = rng.integers(0, 4, 300).astype(str), rng.integers(0, 4, 300).astype(str)
    counts = label_counts(np.arange(300), truth, told)
    shuffled = counts.take(rng.permutation(300))
    assert intervals(counts, counts.metric_names()) == intervals(shuffled, counts.metric_names())


def test_all_rows_right_still_leave_doubt() -> None:
    found = interval(label_counts(range(20), ["a"] * 20, ["a"] * 20), "accuracy")
    assert (found.value, found.high, found.method) == (1.0, 1.0, "wilson")
    assert found.low == pytest.approx(0.839, abs=0.001)


def test_replicates_without_a_rare_class_do_not_count_it_as_zero() -> None:
    counts = label_counts(range(101), ["a"] * 100 + ["b"], ["a"] * 100 + ["b"])
    found = intervals(counts, ["f1:b", "macro_f1"], Bootstrap(replicates=500))
    assert found["f1:b"].value == 1.0
    assert found["macro_f1"].low is not None
    assert found["macro_f1"].low > 0.9


def test_a_metric_that_is_undefined_has_no_interval() -> None:
    counts = label_counts(range(10), ["a"] * 10, ["b"] * 10)
    found = interval(counts, "recall:b")
    assert (found.value, found.low, found.high) == (0.0, None, None)
    json.dumps(found.to_json(), allow_nan=False)


def test_a_metric_of_ones_own_is_a_function_of_sums() -> None:
    counts = coin(100, 0.6)
    wrong = intervals(counts, {"errors in a hundred": lambda sums: 100 * (1 - counts.metric("accuracy")(sums))})
    assert wrong["errors in a hundred"].value == pytest.approx(100 * (1 - counts.value("accuracy")))


def test_ids_that_occur_twice_are_drawn_together() -> None:
    """Ten copies of each row hold no more news than one: the interval must not shrink."""
    right = (np.random.default_rng(0).random(100) < 0.7).astype(int)
    once = interval(label_counts(range(100), [1] * 100, right), "accuracy")
    tenfold = interval(label_counts(np.repeat(range(100), 10), [1] * 1000, np.repeat(right, 10)), "accuracy")
    assert (tenfold.value, tenfold.low, tenfold.high) == pytest.approx((once.value, once.low, once.high))
    assert tenfold.rows == 100


def test_one_row_is_measured_and_no_row_refused() -> None:
    assert interval(label_counts([1], ["a"], ["b"]), "accuracy").value == 0.0
    with pytest.raises(DataError, match="no rows"):
        interval(coin(5, 0.5).take(np.zeros(0, dtype=np.int64)), "accuracy")


def test_the_same_model_twice_does_not_differ() -> None:
    counts = coin(200, 0.7)
    found = paired_difference(counts, counts.take(np.arange(200)[::-1]), "accuracy")
    assert (found.difference.value, found.difference.low, found.difference.high) == (0.0, 0.0, 0.0)
    assert (found.p_value, found.better) == (1.0, 0.0)


def test_pairing_sees_a_difference_that_single_intervals_hide() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(1000) < 0.3
    theirs = np.where(hard, 0, 1)
    ours = theirs.copy()
    ours[np.flatnonzero(hard)[:25]] = 1  # the same answers, but for 25 rows put right
    one, two = (label_counts(range(1000), [1] * 1000, told) for told in (ours, theirs))
    alone = [interval(counts, "accuracy") for counts in (one, two)]
    assert alone[0].low < alone[1].high
    found = paired_difference(one, two, "accuracy")
    assert found.difference.value == pytest.approx(0.025)
    assert 0.014 < found.difference.low < found.difference.high < 0.037
    assert found.p_value == pytest.approx(2 / 1001)
    assert found.better == 1.0


def test_equal_models_are_called_different_as_rarely_as_they_should() -> None:
    low = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        one, two = (label_counts(range(120), [1] * 120, (rng.random(120) < 0.7).astype(int)) for _ in range(2))
        low += paired_difference(one, two, "accuracy", Bootstrap(replicates=200, seed=seed)).p_value < 0.1
    assert 0.04 <= low / 200 <= 0.17


def test_models_with_other_classes_compare_and_other_rows_do_not() -> None:
    one = label_counts(range(4), ["a", "b", "a", "b"], ["a", "b", "a", "c"])
    two = label_counts(range(4), ["a", "b", "a", "b"], ["a", "a", "a", "a"])
    assert paired_difference(one, two, "macro_f1").ours == one.value("macro_f1")
    with pytest.raises(DataError, match=r"different rows \(4 and 3, 3 of them shared"):
        paired_difference(one, two.take(np.arange(3)), "accuracy")


def test_over_seeds_gives_mean_deviation_and_t_interval() -> None:
    values = [0.81, 0.84, 0.79, 0.83, 0.80]
    found = over_seeds(values)
    theirs = stats.t.interval(0.95, 4, loc=np.mean(values), scale=stats.sem(values))
    assert (found.mean.low, found.mean.high) == pytest.approx(theirs)
    assert found.sd == pytest.approx(np.std(values, ddof=1))
    assert over_seeds([0.5]).mean.low is over_seeds([0.5]).sd is None
    with pytest.raises(DataError, match="no values"):
        over_seeds([])
    with pytest.raises(DataError, match="not a finite number"):
        over_seeds([0.5, float("nan")])


def test_a_thousand_replicates_of_three_thousand_rows_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    truth, told = (rng.integers(0, 77, 3000).astype(str) for _ in range(2))
    sets = rng.random((2, 3000, 50)) < 0.1
    start = time.process_time()
    counts = label_counts(range(3000), truth, told)
    intervals(counts, [*counts.metric_names(), *(f"f1:{name}" for name in counts.classes)])
    several = multilabel_counts(range(3000), sets[0], sets[1], [str(at) for at in range(50)])
    intervals(several, several.metric_names())
    assert time.process_time() - start < 2.0  # of CPU, for both tasks together


def test_a_class_that_is_always_wrong_has_an_interval_as_wide_as_its_own_cases() -> None:
    truth = ["a"] * 500 + ["b"] * 10
    found = intervals(label_counts(range(510), truth, ["a"] * 510), ["f1:b"])["f1:b"]
    assert found.value == 0.0
    assert found.method == "wilson"
    assert found.high == pytest.approx(wilson(0, 10)[1])
