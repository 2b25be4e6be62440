from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tilth.train.words import SHAPE_CODES, SHAPES, shape, shapes, split


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


def test_punctuation_is_peeled_off_one_character_a_word():
    assert words('He said: "Stop!"') == ["He", "said", ":", '"', "Stop", "!", '"']


def test_abbreviations_and_inner_marks_stay_whole():
    assert words("Mr. J. Smith, U.S. 1996-08-22 co-op.") == [
        "Mr.",
        "J.",
        "Smith",
        ",",
        "U.S.",
        "1996-08-22",
        "co-op",
        ".",
    ]


def test_english_clitics_are_words():
    assert words("Blair's team can't win") == ["Blair", "'s", "team", "ca", "n't", "win"]


def test_each_chinese_character_is_a_word():
    assert words("我在Paris。好") == ["我", "在", "Paris", "。", "好"]


@given(st.text(max_size=60))
def test_words_lie_in_order_apart_and_lose_only_white_space(text):
    cuts = split(text)
    assert all(start < end for start, end in cuts)
    assert all(left[1] <= right[0] for left, right in pairwise(cuts))
    assert "".join(words(text)) == "".join(text.split())


@given(st.lists(st.text(max_size=8), max_size=12))
def test_every_word_has_a_code(row):
    codes = shapes(row, {})
    assert len(codes) == len(row)
    assert all(0 <= code < SHAPE_CODES for code in codes)


def test_a_capital_at_the_start_of_a_sentence_is_told_from_one_inside():
    inside, start = shapes(["so", "The"], {})[1], shapes(["The", "so"], {})[0]
    assert SHAPES[inside % len(SHAPES)] == SHAPES[start % len(SHAPES)] == "title"
    assert inside != start


def test_a_quote_does_not_end_the_start_of_a_sentence_but_a_word_does():
    codes = shapes(['"', "The", "He", "said"], {})
    assert codes[1] != codes[2]


def test_a_headline_is_told_from_an_acronym():
    assert shapes(["JAPAN", "WINS"], {})[0] != shapes(["so", "JAPAN", "wins"], {})[1]


def test_spellings():
    said = {word: SHAPES[shape(word)] for word in ("", "x1", "USA", "iPhone", "X", "3.5", "中国", "...", "F16")}
    assert said == {
        "": "none",
        "x1": "lower+digits",
        "USA": "upper",
        "iPhone": "mixed",
        "X": "letter",
        "3.5": "digits",
        "中国": "other",
        "...": "marks",
        "F16": "upper+digits",
    }
