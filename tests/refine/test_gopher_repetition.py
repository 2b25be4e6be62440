"""Gopher's repetition rules, on datatrove's own cases."""

from __future__ import annotations

import pytest

from tilth.refine.gopher_repetition import GopherRepetition
from tilth.testing import batch

SAYING = (
    "I wish it need not have happened in my time,' said Frodo. 'So do I,' said Gandalf, 'and so do all who live to see "
    "such times. But that is not for them to decide. All we have to decide is what to do with the time that is given "
    "us.'"
)
THREE = ("I am groot.", "You are a wizard.", "I am your father.")

# huggingface/datatrove a649de79, tests/pipeline/filters/test_filters.py, test_gopher_repetition
PEER_CASES = [
    ("I am your father.\n" * 4, "dup_lines"),
    ("I am your father.\n\n" * 4, "dup_paragraphs"),
    ("".join(f"{line}\n\n" for line in (*THREE, *["x" * 30 + "."] * 2)), "dup_paragraph_chars"),
    ("".join(f"{line}\n" for line in (*THREE, *["x" * 40 + "."] * 2)), "dup_line_chars"),
    ("I am Frank, I am Frank, I am Frank", "top_2gram"),
    ("I am Frank, you are Jhon. I am Frank. I am Frank you are Jhon", "top_3gram"),
    ("I am a solo traveller " * 4 + SAYING, "dup_5gram"),
]


def judged(*texts: str | None, **options: object) -> list[str | None]:
    found = GopherRepetition(**options).judge(batch(text=list(texts))).to_pylist()  # type: ignore[arg-type]
    return [verdict and verdict["rule"].removeprefix("gopher_repetition.") for verdict in found]


@pytest.mark.parametrize(("text", "rule"), PEER_CASES)
def test_datatroves_cases_are_decided_alike(text: str, rule: str) -> None:
    assert judged(text) == [rule]


def test_prose_stays() -> None:
    assert judged(SAYING) == [None]


def test_each_rule_can_be_turned_off() -> None:
    assert judged("I am your father.\n" * 4, dup_lines=None) == ["dup_line_chars"]
    only_long = {f"dup_{size}gram": None for size in range(5, 10)} | {f"top_{size}gram": None for size in (2, 3, 4)}
    assert judged("a b c d e f g h i j k " * 4, **only_long) == ["dup_10gram"]


def test_an_empty_text_goes() -> None:
    assert judged("", None) == ["empty", "empty"]
