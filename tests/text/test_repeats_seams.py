"""Runs of words that stood before, their letters cut into words otherwise."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest

from tilth.text import statistics
from tilth.text.reference import measure_one
from tilth.text.statistics import NAMES

REPEATS = [name for name in NAMES if name.startswith("dup_") and "gram" in name]


def repeats(text: str) -> dict[str, int]:
    return statistics.measure(pa.array([text]), select=frozenset(REPEATS)).to_pylist()[0]


def test_a_run_that_was_cut_into_short_words_before_is_found():
    text = "elsewhere a b c d e fghijklmnopq meanwhile abcdefghijkl m n o p q afterwards and altogether"
    assert measure_one(text)["dup_6gram_chars"] == len("abcdefghijklmnopq")
    assert repeats(text) == {name: measure_one(text)[name] for name in REPEATS}


@pytest.mark.parametrize("seed", range(60))
def test_runs_are_those_of_the_reference_wherever_words_are_cut(seed: int):
    generator = random.Random(seed)
    letters = "".join(generator.choice("ab中") for _ in range(generator.randrange(20, 60)))

    def cut() -> str:
        words, at = [], 0
        while at < len(letters):
            size = generator.choice([1, 1, 2, 3, 8, 12])
            words.append(letters[at : at + size])
            at += size
        return " ".join(words)

    text = " elsewhere ".join(cut() for _ in range(3))
    assert repeats(text) == {name: measure_one(text)[name] for name in REPEATS}
