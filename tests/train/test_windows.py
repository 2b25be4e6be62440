import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.train.scratch import learn_tokenizer
from tilth.train.task import Spelling
from tilth.train.windows import cuts, encode, places


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(["a bb ccc " * 5, "hello there"], vocabulary=60, lowercase=True)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=80), st.integers(16, 40))
def test_every_word_is_answered_for_once_and_no_window_is_too_long(lengths, room):
    found = cuts(lengths, room)
    answered = [word for _, _, start, end in found for word in range(start, end)]
    assert answered == list(range(len(lengths)))
    for start, end, core_start, core_end in found:
        assert start <= core_start < core_end <= end
        assert sum(lengths[start:end]) <= room


def test_a_word_at_a_cut_is_answered_for_where_it_has_context():
    left, right = cuts([1] * 30, 20)
    assert left[3] < left[1] and right[2] > right[0]


def test_a_row_that_fits_is_one_window(tokenizer):
    encoded = encode([["hello", "a"], None, []], Spelling(tokenizer=tokenizer, max_length=32))
    assert encoded.rows.tolist() == [0]
    assert encoded.answers.tolist() == [0, 2, 2, 2]
    assert places(encoded).tolist() == [0, 1]


def test_a_long_row_loses_no_word(tokenizer):
    encoded = encode([["a"], ["a", "bb"] * 40], Spelling(tokenizer=tokenizer, max_length=16, shapes=True))
    assert sorted(places(encoded).tolist()) == list(range(81))
    assert encoded.lengths.max() <= 16
    assert not encoded.truncated.any()
    assert encoded.shapes is not None and len(encoded.shapes) == encoded.tokens


def test_one_endless_word_is_cut_short_and_counted(tokenizer):
    encoded = encode([["c" * 80, "a"]], Spelling(tokenizer=tokenizer, max_length=16))
    assert encoded.truncated.tolist() == [True]
    assert places(encoded).tolist() == [0, 1]


def test_words_of_nothing_and_unknown_words_still_answer(tokenizer):
    encoded = encode([["", "\u200b", "中", "a"]], Spelling(tokenizer=tokenizer, max_length=16))
    assert places(encoded).tolist() == [0, 1, 2, 3]
    assert encoded.unknown[0] == np.float32(0.75)
