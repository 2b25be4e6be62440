"""Words are hashed as folded, and placed as written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.refine._repeats_words import keys, placed, runs
from tilth.text import words

ODD = "abXYZ  .,é\u0301ßﬁ①ﷺ中文\u00ad\u200b\u0000👍🏽\ufe0f\t\n٣ไท"
TEXTS = st.lists(st.none() | st.text(st.sampled_from(ODD), max_size=20), min_size=1, max_size=4)


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_a_texts_words_do_not_depend_on_its_neighbours(texts: list[str | None]) -> None:
    whole = placed(texts)
    for at, text in enumerate(texts):
        alone, mine = placed([text]), whole.text == at
        assert whole.hashes[mine].tolist() == alone.hashes.tolist()
        assert whole.start[mine].tolist() == alone.start.tolist()
        assert whole.end[mine].tolist() == alone.end.tolist()


@settings(deadline=None, max_examples=40)
@given(TEXTS)
def test_places_lie_within_the_text_and_ascend(texts: list[str | None]) -> None:
    found = placed(texts)
    for text, start, end in zip(found.text, found.start, found.end, strict=True):
        assert 0 <= start < end <= len(texts[text] or "")
    for at in range(len(texts)):
        starts = found.start[found.text == at]
        assert (np.diff(starts) >= 0).all()


@pytest.mark.parametrize("text", ["Don't pay ¥1,200 (see №7)!", "我要取消order 3 👍", "ﬁne Straße Ａ１ soft\u00adly"])
def test_the_words_are_those_that_the_folded_text_has(text: str) -> None:
    assert len(placed([text]).hashes) == len(words.words(words.fold(text)))
    assert placed([text]).hashes.tolist() == placed([words.fold(text)]).hashes.tolist()


def test_a_run_is_hashed_by_its_words_alone() -> None:
    found = placed(["one two three four", "two three"])
    for second in (False, True):
        hashes, at = runs(found, 2, second=second)
        assert at.tolist() == [0, 1, 2, 4]
        assert hashes[1] == hashes[3]
        assert len(set(hashes.tolist())) == 3
    assert runs(found, 2)[0][0] != runs(found, 2, second=True)[0][0]
    assert len(runs(found, 5)[0]) == 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.integers(min_value=1, max_value=5))
def test_runs_are_equal_where_their_words_are(letters: list[str], size: int) -> None:
    hashes, at = runs(placed([" ".join(letters)]), size)
    said = [tuple(letters[start : start + size]) for start in at.tolist()]
    assert len(set(said)) == len(set(hashes.tolist())) == len(set(zip(said, hashes.tolist(), strict=True)))


def test_keys_are_hex_of_any_number_of_hashes() -> None:
    assert keys(np.array([1, 2**64 - 1], np.uint64)).to_pylist() == ["0" * 15 + "1", "f" * 16]
    assert keys(np.zeros(0, np.uint64), np.zeros(0, np.uint64)).to_pylist() == []


def test_no_words_are_no_words() -> None:
    assert [len(part) for part in placed([None, "", "?!"])] == [0, 0, 0, 0]
