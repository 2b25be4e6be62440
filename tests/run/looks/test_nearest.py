"""The nearest rows are the same in any order and any cut, and no more texts are read than shown."""

from __future__ import annotations

import random

import numpy as np

from tilth.report.inspection import Example
from tilth.run.looks.nearest import FEW, Nearest, shown

ROWS = [(float(number % 7), f"id{number:03d}") for number in range(60)]


def kept(parts: list[list[tuple[float, str]]]) -> list[str]:
    whole = Nearest()
    for part in parts:
        one = Nearest()
        distances = np.array([distance for distance, _ in part])
        one.add(distances, [id for _, id in part], lambda at, part=part: Example(row=part[at][1], text=""))
        whole.merge(one)
    return [example.row for example in whole.examples()]


def test_ties_go_to_the_smallest_id_whatever_the_order_and_the_cut() -> None:
    wanted = ["id000", "id007", "id014", "id021"]
    assert len(wanted) == FEW and kept([ROWS]) == wanted
    shuffled = random.Random(5).sample(ROWS, len(ROWS))
    assert kept([shuffled]) == kept([shuffled[:3], shuffled[3:31], [], shuffled[31:]]) == wanted


def test_only_what_stays_is_shown() -> None:
    asked: list[int] = []

    def show(at: int) -> Example:
        asked.append(at)
        return Example(row=str(at), text="")

    Nearest().add(np.arange(1000.0), [f"{number:04d}" for number in range(1000)], show)
    assert asked == [0, 1, 2, 3]


def test_long_texts_are_cut_and_null_is_nothing() -> None:
    assert len(shown("龙" * 500)) == 200 and shown("龙" * 500).endswith("…")
    assert shown("x" * 200) == "x" * 200 and shown(None) == ""
