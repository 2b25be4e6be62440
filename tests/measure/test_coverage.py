from __future__ import annotations

import json

import numpy as np
import pytest

from tilth.core.errors import DataError
from tilth.measure.coverage import coverage


def test_shares_by_hand() -> None:
    found = coverage(tokens=[10, 30, 60], seen=[10, 20, 20], unknown=[0, 5, 0])
    assert (found.truncated_rows, found.truncated_share) == (2, pytest.approx(2 / 3))
    assert found.lost_share == 0.5
    assert (found.unknown_tokens, found.unknown_share) == (5, 0.1)
    assert [warning.name for warning in found.warnings] == ["truncated", "unknown"]
    assert "2 of 3 rows (66.7%) are longer: 50.0% of all tokens are cut off" in found.warnings[0].message
    assert "5 of 50 tokens (10.0%) are not in the model's vocabulary" in found.warnings[1].message
    json.dumps(found.to_json(), allow_nan=False)


def test_five_in_a_hundred_is_not_yet_a_warning() -> None:
    seen = np.full(100, 10)
    tokens = seen + (np.arange(100) < 5)
    assert coverage(tokens, seen, seen * 0).warnings == ()
    assert coverage(tokens + (np.arange(100) == 50), seen, seen * 0).warnings[0].share == 0.06


def test_rows_without_tokens_are_rows() -> None:
    found = coverage([0, 0], [0, 0], [0, 0])
    assert (found.rows, found.lost_share, found.unknown_share) == (2, 0.0, 0.0)


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        (([], [], []), "one count for each of at least one row"),
        (([1, 2], [1], [0, 0]), "three counts for each row"),
        (([1], [2], [0]), "unknown <= seen <= tokens"),
        (([2], [1], [2]), "unknown <= seen <= tokens"),
        (([-1], [-1], [-1]), "whole numbers"),
        (([1.5], [1.0], [0.0]), "whole numbers"),
    ],
)
def test_counts_that_cannot_be_are_refused(counts: tuple, says: str) -> None:
    with pytest.raises(DataError, match=says):
        coverage(*counts)
