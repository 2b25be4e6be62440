"""Histograms are drawn so that each number lies where the axis says, whole numbers and long tails too."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.report.bars import HEIGHT, WIDTH, bars
from tilth.report.inspection import Histogram


def tops(path: str) -> list[tuple[float, float]]:
    """Return (left, top) of each bar."""
    return [(float(left), float(top)) for left, top in re.findall(r"M([\d.]+) [\d.]+V([\d.]+)H", path)]


def test_whole_numbers_get_a_bar_each_on_either_side() -> None:
    for closed, edges in (("left", (1.0, 2.0)), ("right", (0.0, 1.0))):
        found = Histogram(edges=edges, counts=(4, 9, 1), closed=closed, whole=True, low=0, high=2, mean=0.8)  # type: ignore[arg-type]
        drawn = bars(found)
        assert drawn is not None and drawn.places == (200.0, 400.0)
        assert [left for left, _ in tops(drawn.path)] == [0.0, 200.0, 400.0]
        assert min(tops(drawn.path), key=lambda bar: bar[1])[0] == 200.0


def test_a_long_tail_makes_the_axis_logarithmic() -> None:
    drawn = bars(Histogram(edges=(10.0, 100.0), counts=(90, 9, 1), low=1.0, high=1e6, mean=30.0))
    assert drawn is not None and drawn.log and drawn.places[0] > 60
    even = bars(Histogram(edges=(500_000.0,), counts=(9, 9), low=1.0, high=1e6, mean=5e5))
    assert even is not None and not even.log and abs(even.places[0] - 300) < 1


def test_few_rows_show_beside_many() -> None:
    drawn = bars(Histogram(edges=(1.0,), counts=(10**6, 1), whole=True, low=0, high=1, mean=0.0))
    assert drawn is not None
    assert [top for _, top in tops(drawn.path)] == [0.0, HEIGHT - 1.5]


def test_one_value_and_nothing() -> None:
    drawn = bars(Histogram(edges=(0.5,), counts=(0, 3), low=0.7, high=0.7, mean=0.7))
    assert drawn is not None and len(tops(drawn.path)) >= 1
    assert bars(Histogram(edges=(), counts=(0,))) is None


@pytest.mark.slow
@given(
    numbers=st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=30),
    edges=st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=8, unique=True),
)
def test_every_edge_lies_inside_and_in_order(numbers: list[float], edges: list[float]) -> None:
    edges = sorted(edges)
    counts = [0] * (len(edges) + 1)
    for number in numbers:
        counts[sum(number >= edge for edge in edges)] += 1
    mean = sum(numbers) / len(numbers)
    found = Histogram(edges=tuple(edges), counts=tuple(counts), low=min(numbers), high=max(numbers), mean=mean)
    drawn = bars(found)
    assert drawn is not None and list(drawn.places) == sorted(drawn.places)
    assert all(0 <= place <= WIDTH for place in drawn.places)
    assert all(0 <= top < HEIGHT for _, top in tops(drawn.path)) and drawn.path
