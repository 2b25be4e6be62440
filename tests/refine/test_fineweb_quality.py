"""FineWeb's rules, on datatrove's own cases."""

from __future__ import annotations

import pytest

from tilth.refine.fineweb_quality import FinewebQuality
from tilth.testing import batch

PROSE = (
    "This is a well-written paragraph that ends with proper punctuation.\n"
    "The content here is substantial and has meaningful information.\n"
    "Quality filtering ensures that only the best documents pass through.\n"
    "Each line here is long enough and ends with a terminal punctuation mark.\n"
    "This document should pass all the quality checks applied by the filter."
)

# huggingface/datatrove a649de79, tests/pipeline/filters/test_filters.py, TestFineWebQualityFilter
PEER_CASES = [
    ("", {}, "empty"),
    (
        "No punctuation here\nAnother line without any\nStill nothing",
        {"min_finished_lines": 0.5},
        "too_few_finished_lines",
    ),
    ("hi.\nbye.\nok.\nno.\nyes.", {"max_short_lines": 0.5, "min_finished_lines": 0.0}, "too_many_short_lines"),
    (PROSE, {}, None),
    ("\n".join(["a"] * 50), {"max_newlines": 0.1}, "too_few_finished_lines"),
]


def judged(*texts: str | None, **options: object) -> list[str | None]:
    found = FinewebQuality(**options).judge(batch(text=list(texts))).to_pylist()  # type: ignore[arg-type]
    return [verdict and verdict["rule"].removeprefix("fineweb_quality.") for verdict in found]


@pytest.mark.parametrize(("text", "options", "rule"), PEER_CASES)
def test_datatroves_cases_are_decided_alike(text: str, options: dict[str, float], rule: str | None) -> None:
    assert judged(text, **options) == [rule]


def test_a_line_that_stood_before_counts_with_its_characters() -> None:
    assert judged(f"{PROSE}\n{PROSE}") == ["dup_line_chars"]


def test_blank_lines_are_no_duplicates() -> None:
    assert judged(PROSE.replace("\n", "\n   \n")) == [None]


def test_many_breaks_for_few_words() -> None:
    line = "interconnectedness-interconnectedness."
    assert judged("\n\n".join(f"{line}{place}." for place in range(9)), max_newlines=0.3) == ["too_many_newlines"]


def test_chinese_marks_finish_lines() -> None:
    assert judged("今天天气很好，我们决定一起去公园里走一走，看看刚刚开放的荷花和湖里的小鱼。") == [None]


def test_lines_without_a_word_are_judged_all_the_same() -> None:
    assert judged("!!!\n???", None, max_short_lines=None) == ["too_many_newlines", "empty"]
