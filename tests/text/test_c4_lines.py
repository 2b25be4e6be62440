"""Compiled code keeps the lines that C4's definition keeps, byte for byte, however odd the text."""

from __future__ import annotations

import re
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine.c4 import C4
from tilth.text import _c4_lines, _c4_rules, _compile
from tilth.text._marks import BREAKS, POLICY

pytestmark = pytest.mark.skipif(not _compile.available(), reason="Numba compiles, and is not installed")

PIECES = [
    *(
        "One more line is here.",
        "two words.",
        "word",
        "it trails off...",
        "a!",
        '"',
        "é",
        "我们",
        "👍",
        "{",
        "]",
        "[",
        "...",
    ),
    *("[1]", "[12", "[]", "[edit]", "[Edit]", "[citation needed]", "[٣]", "[1３]", "[é]", "[我]", "[[2]2]"),
    *("JavaScript", "java", "LOREM ipsum", "lorem[1] ipsum", "coo\u212aie policy", "coo[1]kies", "polİcy", *POLICY),
    *("\r\n", "\n\r", "\x1f", "\t", " ", "\xa0", "\u2003", "\u3000", "\u180e", "\u200b", "\ufeff", "\x00", *BREAKS),
    *("\u2019", "\u202f", "\u205f", "\u1680", "\xc3\x85", "x" * 12, "é" * 11),
]
ODD = st.lists(st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"])), max_size=24).map("".join)
OPTIONS = st.fixed_dictionaries(
    {
        "end_marks": st.sampled_from(
            [(), (".", "?", "!", '"', "'"), ("我们", "..", "é", "."), ("", "a!"), (" a!", "]")]
        ),
        "min_words": st.sampled_from([None, -1, 0, 1, 2, 3, 10**12]),
        "max_word": st.sampled_from([None, -1, 0, 1, 11, 1000, 10**30]),
        **{name: st.booleans() for name in ("citations", "javascript", "policy", "lorem_ipsum", "curly")},
    }
)


def compiled(texts: pa.Array, operator: C4) -> pa.Array:
    """Clean all texts, whatever their script."""
    names = ("end_marks", "min_words", "max_word", "citations", "javascript", "policy", "lorem_ipsum", "curly")
    rules = _c4_rules.rules(**{name: getattr(operator, name) for name in names})
    return _c4_lines.clean(texts, np.ones(len(texts), np.bool_), rules, operator._cleaned)


def defined(texts: pa.Array, operator: C4) -> list[str | None]:
    return [None if text is None else operator._cleaned(text) for text in texts.to_pylist()]


@given(st.lists(st.one_of(st.none(), ODD), max_size=6), OPTIONS, st.sampled_from([pa.string(), pa.large_string()]))
def test_compiled_code_keeps_what_the_definition_keeps(
    texts: list[str | None], options: dict[str, object], kind: pa.DataType
) -> None:
    column, operator = pa.array(["before.", *texts], kind)[1:], C4(**options)  # type: ignore[arg-type]
    found = compiled(column, operator)
    found.validate(full=True)
    assert (found.type, found.to_pylist()) == (kind, defined(column, operator))


@pytest.mark.parametrize("options", [{}, {"end_marks": (), "min_words": None}])
def test_every_piece_between_every_other_comes_out_alike(options: dict[str, object]) -> None:
    texts = pa.array([f"A line one {one}{other} two three.\n{other}" for one in PIECES for other in PIECES])
    operator = C4(**options)  # type: ignore[arg-type]
    assert compiled(texts, operator).to_pylist() == defined(texts, operator)


def test_every_code_point_breaks_and_trims_as_in_python() -> None:
    every = [chr(point) for point in (*range(0xD800), *range(0xE000, 0x10000))]
    texts = pa.array(
        [f"one{''.join(f'{mark}b{mark}' for mark in every[at : at + 64])}c" for at in range(0, len(every), 64)]
    )
    operator = C4(end_marks=(), min_words=None, max_word=None)
    assert compiled(texts, operator).to_pylist() == defined(texts, operator)


def test_every_digit_in_brackets_is_a_citation() -> None:
    digits = re.findall(r"\d", "".join(map(chr, range(sys.maxunicode + 1))))
    texts = pa.array([f"The sky is blue[{digit}]." for digit in digits])
    assert len(digits) > 600
    assert set(compiled(texts, C4()).to_pylist()) == {"The sky is blue."}


def test_no_other_code_point_is_an_ascii_letter_in_lower_case() -> None:
    # "İ" becomes two code points, of which the second ends every phrase that is looked for.
    lowered = [chr(point) for point in range(128, 0x20000) if min(chr(point).lower()) < "\x80"]
    assert lowered == ["İ", "\N{KELVIN SIGN}"]
    assert not any(phrase.endswith("i") for phrase in (*POLICY, "lorem ipsum", "javascript"))


def test_what_nothing_changes_is_the_array_itself() -> None:
    texts = pa.array(["A line that stays.\nSo does this one.", None, "", "Kelvin's sign is \u212a here."])
    assert compiled(texts, C4()) is texts
    for other in ("A line that stays.\rSo does this one.", "A line that stays. "):
        assert compiled(pa.array([other]), C4()).to_pylist() == [C4()._cleaned(other)] != [other]


def test_texts_that_are_not_judged_stay_as_they_are() -> None:
    texts = pa.array(["no mark", "no mark", None])
    rules = _c4_rules.rules(
        end_marks=(".",),
        min_words=None,
        max_word=None,
        citations=True,
        javascript=True,
        policy=True,
        lorem_ipsum=True,
        curly=True,
    )
    judged = np.array([True, False, True])
    assert _c4_lines.clean(texts, judged, rules, C4()._cleaned).to_pylist() == ["", "no mark", None]
