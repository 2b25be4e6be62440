from __future__ import annotations

import numpy as np
import pytest

from tilth.core.errors import DataError
from tilth.measure.classification import label_counts, report

TRUTH = ["a", "a", "b", "b", "c"]
TOLD = ["a", "b", "b", "b", "a"]


def test_a_part_of_the_rows_measures_as_that_part_alone() -> None:
    counts = label_counts(list("vwxyz"), TRUTH, TOLD)
    part = counts.take(np.array([0, 2, 4]))
    alone = report([TRUTH[at] for at in (0, 2, 4)], [TOLD[at] for at in (0, 2, 4)])
    assert part.ids.to_pylist() == ["v", "x", "z"]
    assert part.value("accuracy") == alone.accuracy
    assert part.value("macro_f1") == pytest.approx(alone.macro.f1)
    assert counts.take(np.array([True, False, True, False, True])).value("macro_f1") == part.value("macro_f1")


def test_sums_of_rows_add_up() -> None:
    counts = label_counts(range(5), TRUTH, TOLD)
    halves = [counts.take(np.arange(2)), counts.take(np.arange(2, 5))]
    together = halves[0].statistics().sum(axis=0) + halves[1].statistics().sum(axis=0)
    np.testing.assert_array_equal(together, counts.statistics().sum(axis=0))


def test_a_class_that_the_sum_does_not_hold_is_undefined_and_leaves_the_macro_average() -> None:
    counts = label_counts(range(5), TRUTH, TOLD)
    only_b = counts.statistics()[2:4].sum(axis=0)
    assert np.isnan(counts.metric("f1:a")(only_b))
    assert counts.metric("macro_f1")(only_b) == 1.0


def test_a_metric_that_is_not_known_names_the_likely_typo() -> None:
    counts = label_counts(range(5), TRUTH, TOLD)
    with pytest.raises(DataError, match=r'no metric "macrof1".*Did you mean "macro_f1"'):
        counts.metric("macrof1")
    with pytest.raises(DataError, match="no metric"):
        counts.metric("f1:z")
    with pytest.raises(DataError, match="no metric"):
        counts.metric("samples_f1")
