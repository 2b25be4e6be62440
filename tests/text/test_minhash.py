"""Signatures estimate Jaccard similarity within theory; bands find what they promise; exact similarity is exact."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.text import minhash


def pairs_of_sets(count: int, shared: int, own: int) -> tuple[minhash.Hashes, minhash.Hashes]:
    """Return sets, two a pair, with `shared` members in common and `own` more each."""
    rng = np.random.default_rng(5)
    values = rng.integers(0, 2**63, (count, shared + 2 * own)).astype(np.uint64)
    sets = [
        np.sort(part) for row in values for part in (row[: shared + own], np.delete(row, np.s_[shared : shared + own]))
    ]
    return np.concatenate(sets), np.arange(0, len(sets) * (shared + own) + 1, shared + own)


@pytest.mark.parametrize(("shared", "own"), [(80, 10), (50, 25), (20, 40), (0, 50)])
def test_the_error_of_the_estimate_is_the_binomial_one(shared: int, own: int) -> None:
    permutations, count = 128, 300
    truth = shared / (shared + 2 * own)
    signed = minhash.sign(*pairs_of_sets(count, shared, own), permutations=permutations, seed=1)
    errors = np.array([minhash.estimate(signed[at], signed[at + 1]) - truth for at in range(0, 2 * count, 2)])
    deviation = math.sqrt(truth * (1 - truth) / permutations)
    # Mean and spread of `count` binomial estimates, each within four standard errors.
    assert abs(errors.mean()) <= 4 * deviation / math.sqrt(count)
    assert math.sqrt((errors**2).mean()) <= deviation * (1 + 4 / math.sqrt(2 * count))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.8, 0.9, 1.0])
@pytest.mark.parametrize("permutations", [64, 128, 256])
def test_bands_find_99_percent_at_the_threshold_and_no_longer_bands_would(threshold: float, permutations: int) -> None:
    found = minhash.plan(threshold, permutations)
    assert found.bands * found.rows <= permutations
    assert found.recall(threshold) >= 0.99
    longer = minhash.Bands(permutations // (found.rows + 1), found.rows + 1)
    assert longer.bands == 0 or longer.recall(threshold) < 0.99


def test_a_threshold_that_no_bands_reach_is_refused() -> None:
    with pytest.raises(DataError, match="16 permutations cannot find pairs at threshold"):
        minhash.plan(0.05, 16)


def test_pairs_at_the_threshold_share_a_band_as_often_as_the_formula_says() -> None:
    count, cut = 400, minhash.plan(0.8, 128)
    hashes, offsets = pairs_of_sets(count, 80, 10)
    signed = minhash.sign(hashes, offsets, permutations=128, seed=2)
    keys = np.array(minhash.band_keys(signed, cut, np.zeros(2 * count, np.uint64)).to_pylist()).reshape(2 * count, -1)
    met = (keys[0::2] == keys[1::2]).any(axis=1).mean()
    expected = cut.recall(0.8)
    assert met >= expected - 4 * math.sqrt(expected * (1 - expected) / count)


def test_unlike_pairs_hardly_ever_share_a_band() -> None:
    cut = minhash.plan(0.8, 128)
    signed = minhash.sign(*pairs_of_sets(300, 20, 40), permutations=128, seed=2)
    keys = np.array(minhash.band_keys(signed, cut, np.zeros(600, np.uint64)).to_pylist()).reshape(600, -1)
    assert (keys[0::2] == keys[1::2]).any(axis=1).mean() < 0.02


def test_another_salt_or_band_gives_other_keys() -> None:
    signed = np.ones((2, 4), np.uint32)
    keys = minhash.band_keys(signed, minhash.Bands(4, 1), np.array([0, 9], np.uint64)).to_pylist()
    assert len(set(keys)) == 8
    assert all(len(key) == 16 for key in keys)


def test_the_seed_chooses_the_functions_and_the_batch_does_not() -> None:
    hashes, offsets = pairs_of_sets(3, 5, 5)
    whole = minhash.sign(hashes, offsets, permutations=32, seed=1)
    alone = minhash.sign(hashes[offsets[2] : offsets[3]], np.array([0, 10]), permutations=32, seed=1)
    assert whole[2].tolist() == alone[0].tolist()
    assert whole.tolist() != minhash.sign(hashes, offsets, permutations=32, seed=2).tolist()


def test_an_empty_set_between_others_changes_neither() -> None:
    hashes = np.array([3, 4, 9], np.uint64)
    signed = minhash.sign(hashes, np.array([0, 2, 2, 3]), permutations=8, seed=1)
    without = minhash.sign(hashes, np.array([0, 2, 3]), permutations=8, seed=1)
    assert signed[[0, 2]].tolist() == without.tolist()
    assert set(signed[1].tolist()) == {minhash.EMPTY}


@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)))
def test_exact_similarity_is_that_of_python_sets(left: set[int], right: set[int]) -> None:
    found = minhash.jaccard(np.array(sorted(left), np.uint64), np.array(sorted(right), np.uint64))
    assert found == (len(left & right) / len(left | right) if left | right else 0.0)
