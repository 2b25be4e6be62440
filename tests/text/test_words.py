"""Words are runs of letters and digits, single characters of scripts without spaces, and pictographs."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text import words

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't panic, snake_case!", ["Don", "t", "panic", "snake", "case"]),
        ("我要取消订单2041号", ["我", "要", "取", "消", "订", "单", "2041", "号"]),
        ("カード を なくした", ["カ", "ー", "ド", "を", "な", "く", "し", "た"]),
        ("한국어 띄어쓰기", ["한국어", "띄어쓰기"]),
        ("हिन्दी में लिखा", ["हिन्दी", "में", "लिखा"]),
        ("שלום עולם", ["שלום", "עולם"]),
        ("สวัสดี", ["ส", "วั", "ส", "ดี"]),
        ("e\u0301te\u0301 naïve", ["e\u0301te\u0301", "naïve"]),
        ("in\u00advoice zero\u200bwidth", ["invoice", "zerowidth"]),
        ("great 👍🏽👍", ["great", "👍🏽", "👍"]),
        ("𠮷野家 𝔘𝔫𝔦", ["𠮷", "野", "家", "𝔘𝔫𝔦"]),
        ("٣٤ Ⅷ ½", ["٣٤", "Ⅷ", "½"]),
        (" \t\n…—!?", []),
        ("", []),
    ],
)
def test_splits_as_a_reader_would(text: str, expected: list[str]) -> None:
    assert words.words(text) == expected


@given(TEXTS)
def test_every_letter_and_digit_is_in_exactly_one_word(text: str) -> None:
    def kept(some: str) -> list[str]:
        return [mark for mark in some if unicodedata.category(mark)[0] in "LN"]

    assert kept("".join(words.words(text))) == kept(text)


@given(st.lists(TEXTS, max_size=6))
def test_neighbours_in_a_batch_do_not_show(texts: list[str]) -> None:
    found = words.split(texts)
    alone = [words.split([text]) for text in texts]
    assert found.text.tolist() == [at for at, one in enumerate(alone) for _ in one.text]
    assert (found.ends - found.starts).tolist() == [int(size) for one in alone for size in one.ends - one.starts]
    assert found.numeric.tolist() == [bool(flag) for one in alone for flag in one.numeric]
    assert words.count(texts).tolist() == [len(one.text) for one in alone]


def test_a_nul_does_not_read_as_the_seam_between_texts() -> None:
    assert words.count(["a\0b", "c"]).tolist() == [2, 1]


def test_numbers_read_alike_when_asked() -> None:
    found = words.split(["12 a", "a12b 7", "a3b 12345"], one_number=True)
    said = ["".join(map(chr, found.points[start:end])) for start, end in zip(found.starts, found.ends, strict=True)]
    assert said == ["0", "a", "a0b", "0", "a0b", "0"]
    assert found.numeric.tolist() == [True, False, *[True] * 4]


@given(TEXTS)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert words.fold(words.fold(text)) == words.fold(text)


def test_folding_joins_case_width_and_compatibility_forms() -> None:
    assert words.fold("ＩＮＶＯＩＣＥ №１ Straße") == words.fold("invoice no1 STRASSE")


def test_chunks_hold_all_texts_in_order_and_little_each() -> None:
    texts = ["a" * 10] * 7 + [None]
    chunks = list(words.chunked(texts, characters=25))
    assert [text for chunk in chunks for text in chunk] == ["a" * 10] * 7 + [""]
    assert max(len(chunk) for chunk in chunks) == 3
