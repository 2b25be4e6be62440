from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.measure.poisson import row_keys, weights


def test_weights_do_not_depend_on_order_or_on_the_other_rows() -> None:
    ids = [f"r{at}" for at in range(200)]
    all_at_once = weights(row_keys(ids, 7), 50)
    backwards = weights(row_keys(ids[::-1], 7), 50)
    in_shards = np.hstack([weights(row_keys(ids[at : at + 30], 7), 50) for at in range(0, 200, 30)])
    np.testing.assert_array_equal(backwards[:, ::-1], all_at_once)
    np.testing.assert_array_equal(in_shards, all_at_once)
    np.testing.assert_array_equal(weights(row_keys(ids, 7), 20), all_at_once[:20])


def one_weight(row: str, replicate: int, seed: int) -> int:
    """Draw one weight the slow way, straight from the papers."""
    key = hashlib.blake2b(row.encode(), digest_size=8, key=seed.to_bytes(16, "little", signed=True)).digest()
    bits = (int.from_bytes(key, "little") + (replicate + 1) * 0x9E3779B97F4A7C15) % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    uniform = ((bits ^ bits >> 31) >> 32) / 2**32
    weight, cumulative = 0, math.exp(-1)
    while uniform >= cumulative:
        weight += 1
        cumulative += math.exp(-1) / math.factorial(weight)
    return weight


def test_weights_equal_a_slow_reading_of_the_papers() -> None:
    for seed in (0, -5):
        drawn = weights(row_keys([f"r{at}" for at in range(40)], seed), 60)
        assert drawn.tolist() == [[one_weight(f"r{at}", step, seed) for at in range(40)] for step in range(60)]


def test_weights_never_change_between_releases() -> None:
    assert weights(row_keys(["r1", "r2", "r3"], 0), 4).tolist() == [[1, 0, 2], [0, 1, 0], [1, 3, 1], [0, 0, 0]]


def test_another_seed_draws_other_weights() -> None:
    one, two = (weights(row_keys(range(500), seed), 20) for seed in (0, 1))
    assert (one != two).mean() > 0.5


def test_weights_follow_the_poisson_law() -> None:
    drawn = weights(row_keys(range(2000), 0), 500).ravel()
    share = np.bincount(drawn, minlength=8)[:8] / len(drawn)
    expected = np.array([math.exp(-1) / math.factorial(k) for k in range(8)])
    error = np.sqrt(expected * (1 - expected) / len(drawn))
    assert (np.abs(share - expected) < 4.5 * error).all()


def test_weights_of_rows_and_of_replicates_do_not_correlate() -> None:
    drawn = weights(row_keys(range(400), 3), 400).astype(float)
    for table in (drawn, drawn.T):
        correlation = np.corrcoef(table)[np.triu_indices(400, 1)]
        assert abs(correlation.mean()) < 0.002
        assert abs(correlation.std() - 1 / math.sqrt(400)) < 0.002


def test_strings_bytes_and_numbers_can_be_ids() -> None:
    assert row_keys(["a"], 0) == row_keys(pa.array(["a"], pa.large_string()), 0) == row_keys([b"a"], 0)
    assert row_keys([1, 2], 0).tolist() == row_keys(["1", "2"], 0).tolist()
    assert len(row_keys(pa.array([b"0123456789abcdef"], pa.binary(16)), 0)) == 1
    with pytest.raises(DataError, match="ids"):
        row_keys([1, "a"], 0)
