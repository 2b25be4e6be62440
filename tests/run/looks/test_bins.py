"""What lies beyond a threshold is exact, on either side, whole numbers or not, however rows were cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.run.looks.bins import Bins, Side

NUMBERS = st.one_of(
    st.lists(st.floats(0, 2, allow_nan=False), max_size=40),
    st.lists(st.floats(0, 1e9, allow_nan=False), max_size=40),
    st.lists(st.integers(0, 60).map(float), max_size=40),
    st.lists(st.integers(0, 10**7).map(float), max_size=40),
)


@pytest.mark.slow
@given(numbers=NUMBERS, side=st.sampled_from(["least", "most"]), threshold=st.sampled_from([0.0, 0.12, 1.0, 5.0, 50.0]))
def test_every_edge_says_exactly_how_many_fail_it(numbers: list[float], side: Side, threshold: float) -> None:
    bins = Bins.new(side, threshold)
    bins.add(np.array(numbers))
    found = bins.histogram(threshold=threshold)
    assert sum(found.counts) == len(numbers) and len(found.counts) == len(found.edges) + 1
    assert threshold in found.edges and list(found.edges) == sorted(set(found.edges))
    for at, edge in enumerate(found.edges):
        fails = sum(number < edge if side == "least" else number > edge for number in numbers)
        assert found.beyond(at, side) == fails


@pytest.mark.slow
@given(numbers=NUMBERS, cut=st.integers(0, 40))
def test_counts_of_shards_add(numbers: list[float], cut: int) -> None:
    whole, left, right = Bins.new(), Bins.new(), Bins.new()
    whole.add(np.array(numbers))
    left.add(np.array(numbers[:cut]))
    right.add(np.array(numbers[cut:]))
    left.merge(right)
    one, other = whole.histogram(), left.histogram()
    assert (one.edges, one.counts, one.low, one.high) == (other.edges, other.counts, other.low, other.high)
    assert one.mean == other.mean or math.isclose(one.mean or 0, other.mean or 0)


def test_whole_numbers_have_whole_edges() -> None:
    bins = Bins.new("least", 0.5)
    bins.add(np.array([0, 1, 1, 7]))
    found = bins.histogram(threshold=0.5)
    assert found.whole and found.edges == (0.0, 0.5, 2.0, 7.0, 8.0) and found.counts == (0, 1, 2, 0, 1, 0)


def test_nothing_and_what_is_no_number_is_not_counted() -> None:
    bins = Bins.new("most", 3.0)
    bins.add(np.array([np.nan, np.inf]))
    found = bins.histogram(threshold=3.0)
    assert found.edges == (3.0,) and found.counts == (0, 0) and found.mean is None
    assert Bins.new().histogram().counts == (0,)
