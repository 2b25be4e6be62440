"""Shingles hash runs of words; texts that say the same have the same set, and other texts have another."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.text import _compile, _plain, kernel, minhash, words

TEXTS = st.text(st.sampled_from(list("ab1 我?é\u200b\n")), max_size=30)


def of(text: str | None, **options: object) -> list[int]:
    found = kernel.shingles(pa.array([text], pa.string()), **options)  # type: ignore[arg-type]
    return found.of(0).tolist()


def reference(text: str, ngram: int) -> int:
    """Count a text's distinct shingles, with strings."""
    said = words.words(words.fold(text))
    if not said:
        return 0 if words.blank(text) else 1
    size = ngram if len(said) >= ngram else min(2, len(said))
    return len({tuple(said[at : at + size]) for at in range(len(said) - size + 1)})


@given(TEXTS, st.integers(1, 6))
def test_there_are_as_many_hashes_as_distinct_word_runs(text: str, ngram: int) -> None:
    assert len(of(text, ngram=ngram)) == reference(text, ngram)


@given(st.lists(st.one_of(st.none(), TEXTS), max_size=8))
def test_neighbours_in_a_batch_do_not_show(texts: list[str | None]) -> None:
    found = kernel.shingles(pa.array(texts, pa.string()))
    assert [found.of(at).tolist() for at in range(len(texts))] == [of(text) for text in texts]
    assert all((np.diff(found.of(at)) > 0).all() for at in range(len(texts)))


def test_the_size_of_chunks_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pa.array(["one two three four five six", None, "我的新卡在哪里", "", "hi"] * 3)
    whole = _plain.shingles(texts)
    monkeypatch.setattr(words.chunked, "__defaults__", (4,))
    cut = _plain.shingles(texts)
    assert all((a == b).all() for a, b in zip(whole, cut, strict=True))


MARKS = "aB1０ ß…½①ﬁ™é\u0301İǅ我ｶﾞ각\u1161\u11a8ส\u200b\u00ad👍🏽\ufe0f?"
ODD = st.text(st.one_of(st.sampled_from(MARKS), st.characters(exclude_categories=["Cs"])), max_size=40)


@given(st.lists(st.one_of(st.none(), ODD), max_size=6), st.integers(1, 6), st.sampled_from(["distinct", "same"]))
def test_the_compiled_kernel_gives_the_numbers_of_the_plain_one(
    texts: list[str | None], ngram: int, numbers: kernel.Numbers
) -> None:
    column = pa.array(texts, pa.string())
    plain = _plain.shingles(column, ngram=ngram, numbers=numbers)
    fast = kernel.shingles(column, ngram=ngram, numbers=numbers)
    assert [part.tolist() for part in fast] == [part.tolist() for part in plain]
    signed = minhash.sign(plain.hashes, plain.offsets, permutations=7, seed=3)
    found = kernel.sketch(column, ngram=ngram, numbers=numbers, permutations=7, seed=3)
    assert found.signatures.tolist() == signed.tolist()
    assert kernel.signatures(column, ngram=ngram, numbers=numbers, permutations=7, seed=3).tolist() == signed.tolist()
    assert found.numbers.tolist() == plain.numbers.tolist()
    assert found.offsets.tolist() == plain.offsets.tolist()
    sets = [
        sorted(found.hashes[start:end].tolist()) for start, end in zip(found.offsets, found.offsets[1:], strict=False)
    ]
    assert sets == [plain.of(at).tolist() for at in range(len(texts))]


def test_a_slice_is_read_as_the_rows_it_shows() -> None:
    whole = pa.array(["one two three", "ẞ ﬁ", None, "four five"], pa.large_string())
    assert kernel.shingles(whole.slice(1, 2)).of(0).tolist() == kernel.shingles(whole).of(1).tolist()


def test_a_text_that_grows_when_folded_fits() -> None:
    text = "\ufdfa ™½" * 50
    assert of(text) == _plain.shingles(pa.array([text])).of(0).tolist()


def test_without_numba_the_plain_kernel_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    column = pa.array(["one two three four five six", None, "?!"])
    fast = kernel.sketch(column, permutations=8)
    monkeypatch.setattr(_compile, "available", lambda: False)
    slow = kernel.sketch(column, permutations=8)
    assert sorted(slow.hashes.tolist()) == sorted(fast.hashes.tolist())
    assert [part.tolist() for part in slow[1:]] == [part.tolist() for part in fast[1:]]
    assert kernel.signatures(column, permutations=8).tolist() == fast.signatures.tolist()
    assert kernel.shingles(column).hashes.tolist() == slow.hashes.tolist()


def test_case_width_and_punctuation_do_not_count() -> None:
    assert of("Where is MY new card?") == of("where is my new card") == of("ｗｈｅｒｅ　is - my new card!!!")


def test_word_order_counts() -> None:
    assert of("the dog bites the old man") != of("the old man bites the dog")
    assert of("dog bites man") != of("man bites dog")


def test_short_texts_do_not_collide() -> None:
    short = ["hi", "hello", "hi hi", "你好", "好你", "ok", "a b", "b a"]
    assert len({tuple(of(text)) for text in short}) == len(short)


def test_a_blank_text_has_no_shingle_and_marks_are_exact() -> None:
    assert of("") == of(" \t\u200b") == of(None) == []
    assert of("?!") == of(" ?! ") != of("!?")


def test_texts_that_differ_in_numbers_differ_in_their_number_hash_only_by_request() -> None:
    invoices = pa.array(["Invoice 2041 of May", "Invoice 2042 of May", "Invoice none of May"])
    distinct = kernel.shingles(invoices, numbers="distinct").numbers
    assert len(set(distinct.tolist())) == 3
    assert distinct[2] == 0
    same = kernel.shingles(invoices, numbers="same")
    assert same.numbers.tolist() == [0, 0, 0]
    assert same.of(0).tolist() == same.of(1).tolist() != same.of(2).tolist()


def test_numbers_in_another_order_are_other_numbers() -> None:
    found = kernel.shingles(pa.array(["from 3 to 5", "from 5 to 3", "from 35 to 0"]))
    assert len(set(found.numbers.tolist())) == 3


def test_sixty_thousand_different_words_have_different_hashes() -> None:
    many = pa.array([f"w{number}" for number in range(30_000)] + [chr(0x4E00 + n) * 2 for n in range(20_000)])
    assert len(np.unique(kernel.shingles(many).hashes)) == 50_000


def test_signatures_are_those_of_the_shingles() -> None:
    texts = pa.array(["one two three four five six seven", None])
    found = kernel.shingles(texts)
    signed = kernel.signatures(texts, permutations=16, seed=3)
    assert signed.tolist() == minhash.sign(found.hashes, found.offsets, permutations=16, seed=3).tolist()
    assert set(signed[1].tolist()) == {minhash.EMPTY}


@given(
    st.lists(
        st.sampled_from([*"abcXYZ059", "abcdefgh", "é", "Ａ", "\u200b", "\u0301", "K", "中", " ", ".", "\r"]),
        max_size=40,
    )
)
def test_words_are_hashed_alike_however_they_are_read(marks: list[str]) -> None:
    # Runs of ASCII are read eight letters at a time, unless something else hangs on them.
    text = "".join(marks)
    for numbers in ("distinct", "same"):
        found = kernel.shingles(pa.array([text]), ngram=1, numbers=numbers)
        expected = _plain.shingles(pa.array([text]), ngram=1, numbers=numbers)
        assert found.hashes.tolist() == expected.hashes.tolist()
        assert found.numbers.tolist() == expected.numbers.tolist()


def test_golden_hashes_stay_as_stored_decisions_know_them() -> None:
    found = kernel.shingles(pa.array(["The quick brown fox 7", "我的"]))
    assert [hex(value) for value in found.hashes.tolist()] == GOLDEN
    assert [hex(value) for value in found.numbers.tolist()] == GOLDEN_NUMBERS


GOLDEN = ["0xa17566ef96fcf19f", "0xaa1514980c00ca0d"]
GOLDEN_NUMBERS = ["0xc0ab847cefdc41ff", "0x0"]
