"""The plain definition of each statistic, on small texts one can count by hand."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text import words
from tilth.text.reference import DEFINITIONS, NAMES, measure_one

PIECES = (
    "the ",
    "be",
    "a",
    "中文",
    "。",
    "…",
    "...",
    "\n",
    "\n\n",
    "  ",
    "\r\n",
    "- ",
    "•",
    "#",
    "x1",
    "!",
    '"',
    "\u2028",
    "１",
)


def measure(text: str, *names: str) -> tuple[int, ...]:
    found = measure_one(text)
    return tuple(found[name] for name in names)


def test_every_statistic_is_defined_and_in_order() -> None:
    assert tuple(measure_one("a")) == NAMES == tuple(DEFINITIONS)


def test_an_empty_text_has_one_empty_piece_and_paragraph_and_nothing_else() -> None:
    assert {name: count for name, count in measure_one("").items() if count} == {"line_pieces": 1, "paragraphs": 1}


def test_characters_and_bytes() -> None:
    assert measure("héllo 中文\u200b", "chars", "bytes", "letters", "space_chars") == (9, 16, 7, 1)
    assert measure("A1٣Ⅳ!，\x07", "digits_chars", "upper_chars", "punct_chars", "control_chars") == (2, 2, 2, 1)


def test_words_of_marks_alone_are_told_apart() -> None:
    assert measure("１ １１ 2 a", "words", "symbol_words", "symbol_word_chars", "words_alpha") == (4, 2, 3, 1)


def test_scripts() -> None:
    assert measure("汉字かな한글abc", "han_chars", "kana_chars", "hangul_chars", "cjk_chars") == (2, 2, 2, 6)
    assert measure("这張个個人", "simplified_chars", "traditional_chars") == (2, 2)
    assert measure("你好，world!", "cn_punct_chars", "ascii_punct_chars") == (1, 1)


def test_the_longest_run_leaves_white_space_aside() -> None:
    assert measure("ab      haaaa", "longest_run") == (4,)
    assert measure("   \n\n", "longest_run") == (0,)


def test_stop_words_count_by_kind_and_by_case() -> None:
    assert measure("The the the of OF", "stop_words", "stop_words_total") == (2, 3)


def test_three_ways_to_cut_lines() -> None:
    text = "\na\r\n\n \nb\u2028c\n"
    assert measure(text, "text_lines", "lines", "line_pieces", "newlines") == (6, 2, 5, 5)


def test_lines_that_begin_and_end() -> None:
    text = "  - item...\n• dot…  \nplain."
    assert measure(text, "bullet_lines", "ellipsis_lines", "terminal_lines") == (2, 2, 2)


def test_a_line_that_ends_in_a_blank_is_not_finished() -> None:
    assert measure("Done.\nDone. \nDone.\r\n好。", "lines", "terminal_lines") == (4, 2)


def test_phrases_are_found_whatever_the_case() -> None:
    text = "Enable JavaScript\nWe USE COOKIES here\nLorem Ipsum"
    assert measure(text, "javascript_lines", "policy_lines", "lorem_ipsum") == (1, 1, 1)
    assert measure("版权所有 2020\n正文\n上一篇：无", "boilerplate_lines", "lines") == (2, 3)


def test_addresses() -> None:
    assert measure("see https://www.a.org, http://b.org and WWW.c.org", "urls") == (3,)


def test_repeated_lines_count_after_the_first() -> None:
    assert measure("ab\nab\n\nab\nc", "line_pieces", "dup_lines", "dup_line_chars") == (4, 2, 4)
    assert measure("a\n \n \nb", "dup_lines", "dup_line_chars", "dup_blank_line_chars") == (1, 1, 1)


def test_paragraphs_are_cut_at_blank_lines_of_the_trimmed_text() -> None:
    assert measure("\n\nab\n\nab\n\n\nc\nd\n\n", "paragraphs", "dup_paragraphs", "dup_paragraph_chars") == (3, 1, 2)


def test_the_most_frequent_run_of_words_is_measured_with_its_blanks() -> None:
    assert measure("a b, a b c d", "top_2gram_chars", "top_3gram_chars", "top_4gram_chars") == (6, 5, 7)


def test_among_equals_the_first_run_is_measured() -> None:
    assert measure("long words x y", "top_2gram_chars") == (len("long words"),)


def test_repeated_runs_are_stepped_over() -> None:
    assert measure("a b c d e " * 3, "dup_5gram_chars", "dup_10gram_chars") == (10, 10)
    assert measure("a " * 12, "dup_5gram_chars") == (10,)


def test_the_seams_between_words_do_not_tell_repeated_runs_apart() -> None:
    assert measure("1 12 c d e, 11 2 c d e", "dup_5gram_chars") == (6,)


def test_sentences_end_at_marks_and_at_the_ends_of_lines() -> None:
    assert measure("One. Two! Is 3.14 three?", "sentences") == (3,)
    assert measure("今天很好。明天呢？不知道……", "sentences") == (3,)
    assert measure('A headline\nHe said "no"\n***', "sentences") == (2,)
    assert measure("Wait... (Really?) Yes", "sentences") == (3,)


@pytest.mark.slow
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_what_must_hold_of_any_text(text: str) -> None:
    found = measure_one(text)
    assert found["words"] == len(words.words(text))
    assert found["cjk_chars"] <= found["letters"] <= found["chars"] <= found["bytes"]
    assert found["terminal_lines"] <= found["lines"] and found["brief_lines"] <= found["short_lines"] <= found["lines"]
    assert found["dup_lines"] == found["line_pieces"] - len(set(re.split(r"\n+", text)))
    repeated = [found[f"dup_{size}gram_chars"] for size in range(5, 11)]
    assert max(repeated) <= found["word_chars"] <= found["chars"]
    pairs = Counter(zip(words.words(text), words.words(text)[1:], strict=False))
    assert found["top_2gram_chars"] <= max(pairs.values(), default=0) * (2 * found["max_word_chars"] + 1)
