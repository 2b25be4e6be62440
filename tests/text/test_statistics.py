"""The compiled statistics are those of the plain definition, for any text and any cut of the column."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError
from tilth.text import _compile, reference, statistics

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
LIKELY = st.lists(
    st.sampled_from(
        [
            *"abAB 01#.{-•…!?:'\")\r\n\t\x0b\x85\u2028\u200b我的。！１ｱéß①½",
            *("\n\n", "...", " the ", "one two three ", "a b c d e f g h i j k ", "  "),
            *("e\u0301", "👍🏽", "สวัสดี", "क्षि", "版权所有", "ICP备", "ICP"),
            *("http://", "https://www.", "www.", "lorem ipsum", "JavaScript"),
            *("uses cookies", "Use of Cookies", "privacy policy", "terms of use", "cookie policy"),
        ]
    ),
    max_size=60,
).map("".join)


def expected(text: str | None) -> dict[str, int] | None:
    return None if text is None else reference.measure_one(text)


@given(st.lists(st.one_of(st.none(), ANY, LIKELY), max_size=6))
def test_numbers_are_those_of_the_definition(texts: list[str | None]) -> None:
    assert statistics.measure(pa.array(texts, pa.string())).to_pylist() == [expected(text) for text in texts]


@given(
    st.lists(st.sampled_from(["a", "b", "ab", "ba", "1", "11", "我"]), max_size=60), st.sampled_from([" ", " , ", "\n"])
)
def test_repetition_in_few_words_is_that_of_the_definition(words: list[str], seam: str) -> None:
    text = seam.join(words)
    assert statistics.measure(pa.array([text])).to_pylist() == [expected(text)]


def test_a_long_text_with_repeats_is_measured_alike() -> None:
    sentence = "It is a truth universally acknowledged, that a single man must be in want of a wife. "
    text = (
        "\n\n".join([sentence * 3, sentence, sentence[:40], sentence * 3, "Call me Ishmael. " + sentence])
        + "我要取消订单" * 40
    )
    assert statistics.measure(pa.array([text])).to_pylist() == [expected(text)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["ab", None, "我的 card", ""], pa.large_string()),
        pa.array(["zz", "ab", None, "我的 card", ""]).slice(1),
        pa.array(["ab", None, "我的 card", "", "zz"]).slice(0, 4),
        pa.array(["ab", None, "我的 card", ""]).dictionary_encode(),
        pa.array(["ab", None, "我的 card", ""], pa.string_view()),
    ],
    ids=["large", "sliced", "cut", "dictionary", "view"],
)
def test_how_a_column_is_held_does_not_show(column: pa.Array) -> None:
    assert statistics.measure(column).to_pylist() == [expected(text) for text in ["ab", None, "我的 card", ""]]


@pytest.mark.parametrize("column", [pa.array([], pa.string()), pa.array([None, None]), pa.array([None], pa.string())])
def test_no_text_is_no_trouble(column: pa.Array) -> None:
    assert statistics.measure(column).to_pylist() == [None] * len(column)


def test_every_single_selection_gives_the_number_of_the_whole() -> None:
    column = pa.array(["To be, or not to be...\n\n- the {answer}。\n1 2 1 2 1 2", None, "我要取消订单"])
    whole = statistics.measure(column)
    for name in statistics.NAMES:
        alone = statistics.measure(column, select=frozenset({name}))
        assert alone.type == pa.struct([(name, pa.int64())])
        assert alone.field(name).to_pylist() == whole.field(name).to_pylist()
        assert alone.null_count == 1


@given(
    st.one_of(ANY, LIKELY),
    st.sampled_from(
        [
            {"words"},
            {"words", "lines", "sentences", "terminal_lines", "short_lines", "dup_line_chars", "newlines"},
            {"longest_run"},
            {"ellipses", "text_lines", "bullet_lines", "ellipsis_lines", "hashes"},
            {"javascript_lines", "policy_lines", "lorem_ipsum", "urls", "boilerplate_lines"},
            {"paragraphs", "dup_paragraphs", "dup_paragraph_chars"},
        ]
    ),
)
def test_what_is_asked_for_alone_is_that_of_the_definition(text: str, names: set[str]) -> None:
    found = statistics.measure(pa.array([text]), select=frozenset(names)).to_pylist()[0]
    assert found == {name: number for name, number in reference.measure_one(text).items() if name in names}


def test_pairs_of_parts_do_not_disturb_each_other() -> None:
    column = pa.array(["one two one two\n\none two", "é"])
    whole = statistics.measure(column)
    for pair in itertools.combinations(["letters", "lines", "words", "dup_5gram_chars", "top_2gram_chars"], 2):
        found = statistics.measure(column, select=frozenset(pair))
        assert all(found.field(name).equals(whole.field(name)) for name in pair)


def test_an_unknown_statistic_or_a_column_of_numbers_is_refused() -> None:
    with pytest.raises(DataError, match='no statistic "wrods".*Did you mean "words"'):
        statistics.measure(pa.array(["a"]), select=frozenset({"wrods"}))
    with pytest.raises(DataError, match="a column of int64"):
        statistics.measure(pa.array([1]))


def test_bytes_that_are_not_utf8_do_not_crash() -> None:
    broken = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(b"\0\0\0\0\3\0\0\0\5\0\0\0"), pa.py_buffer(b"a\xe6\x88\xffb")]
    )
    assert statistics.measure(broken, select=frozenset({"bytes"})).to_pylist() == [{"bytes": 3}, {"bytes": 2}]


def test_every_statistic_has_a_definition_and_a_type() -> None:
    assert statistics.NAMES == tuple(statistics.DEFINITIONS) == tuple(statistics.FIELDS)
    assert all(statistics.DEFINITIONS.values())


def test_without_numba_the_definition_answers_and_one_notice_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compile, "available", lambda: False)
    statistics._tell_once.cache_clear()
    column = pa.array(["To be, or not to be", None])
    with pytest.warns(RuntimeWarning, match="numba is not installed") as told:
        slow = [statistics.measure(column), statistics.measure(column)][0]
    assert len(told) == 1
    monkeypatch.undo()
    assert slow.equals(statistics.measure(column))


@pytest.mark.slow
def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    code = "import sys; from tilth.text import kernel, statistics, minhash; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.slow
@settings(max_examples=3)
@given(ANY.filter(bool))
def test_a_long_line_is_measured_alike(text: str) -> None:
    long = text * (70_000 // len(text))
    names = frozenset({"chars", "words", "lines", "longest_run", "word_chars", "letters", "sentences"})
    found = statistics.measure(pa.array([long, "a"]), select=names).to_pylist()
    assert found == [{name: expected(some)[name] for name in statistics.NAMES if name in names} for some in (long, "a")]
