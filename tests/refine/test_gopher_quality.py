"""Gopher's quality rules, on datatrove's own cases and on texts in other scripts."""

from __future__ import annotations

import pytest

from tilth.refine.gopher_quality import GopherQuality
from tilth.testing import batch

SAYING = (
    "I wish it need not have happened in my time,' said Frodo. 'So do I,' said Gandalf, 'and so do all who live to see "
    "such times. But that is not for them to decide. All we have to decide is what to do with the time that is given "
    "us.'"
)

# huggingface/datatrove a649de79, tests/pipeline/filters/test_filters.py, test_gopher_quality
PEER_CASES = [
    ("I am too small...", "too_few_words"),
    ("I am " * 20, "short_words"),
    ("interconnection " * 20, "long_words"),
    ("# comment " * 20, "too_many_hashes"),
    ("... comment " * 20, "too_many_ellipses"),
    (SAYING, None),
]


def judged(*texts: str | None, **options: object) -> list[str | None]:
    found = GopherQuality(**options).judge(batch(text=list(texts))).to_pylist()  # type: ignore[arg-type]
    return [verdict and verdict["rule"].removeprefix("gopher_quality.") for verdict in found]


@pytest.mark.parametrize(("text", "rule"), PEER_CASES)
def test_datatroves_cases_are_decided_alike(text: str, rule: str | None) -> None:
    assert judged(text, min_words=10, max_words=1000) == [rule]


def test_marks_are_no_words_here() -> None:
    # The same file has "the ./!*?<><> apple <?////> ..." * 20 fail for words without a letter: NLTK makes words of the
    # marks. Ours have none, so numbers take their place.
    text = "the 12345 apple 67890 orange 1357 interconnection 2468 have " * 20
    assert judged(text, min_words=10, max_words=1000) == ["too_few_alpha_words"]


def test_bullets_and_ellipses_at_the_ends_of_lines() -> None:
    line = "the quick brown fox and the lazy dog have a rest"
    assert judged("\n".join([f"- {line}"] * 10), "\n".join([f"{line}…"] * 4 + [line] * 6)) == [
        "too_many_bullet_lines",
        "too_many_ellipsis_lines",
    ]


def test_stop_words_count_by_kind() -> None:
    assert judged("the red fox saw the green tree " * 10, "the red fox and the green tree " * 10) == [
        "too_few_stop_words",
        None,
    ]


def test_rules_for_english_leave_other_scripts_alone() -> None:
    chinese = "我上周订的两本书还没有送到，请帮我查一下现在到了哪里。" * 3
    russian = "Мы получили ваш заказ и скоро отправим его по указанному адресу. " * 6
    assert judged(chinese, russian) == [None, None]
    assert judged(chinese, russian, english_rules="all") == ["short_words", "too_few_stop_words"]


def test_null_turns_rules_off() -> None:
    off = {
        "min_words": None,
        "min_mean_word": None,
        "max_mean_word": None,
        "max_hashes": None,
        "max_ellipses": None,
        "min_alpha_words": None,
        "min_stop_words": None,
        "max_bullet_lines": None,
        "max_ellipsis_lines": None,
        "max_words": None,
    }
    assert judged("# # # ...", "- a", "", None, **off) == [None] * 4


def test_an_empty_text_has_too_few_words() -> None:
    assert judged("", None, "?!") == ["too_few_words"] * 3


def test_the_verdict_tells_value_and_threshold() -> None:
    verdict = GopherQuality(min_words=3).judge(batch(text=["two words"]))[0].as_py()
    assert (verdict["value"], verdict["threshold"]) == (2.0, 3.0)


def test_a_text_without_words_has_no_mean_word_and_no_stop_words() -> None:
    assert judged("", "?!", min_words=None) == ["too_few_stop_words"] * 2
    assert judged("", "?!", min_words=None, min_stop_words=None) == [None, None]
