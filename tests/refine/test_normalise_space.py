"""White space becomes one kind and what cannot be seen goes, but joiners that spell something stay."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.refine.normalise_space import NormaliseSpace
from tilth.testing import batch

ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
ANY = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("\u200b\u200d\u200c \n\r\u0301क👩e")))


def normalised(text: str, **options: object) -> str:
    return str(NormaliseSpace(**options).map(batch(text=[text])).column("text")[0].as_py())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("  a \t b\u00a0\u3000c ", "a b c"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("a \n \n\n\n b", "a\n\nb"),
        ("zero\u200bwidth\ufeff so\u00adft\u2060", "zerowidth soft"),
        ("nul\x00 bel\x07 c1\x9f", "nul bel c1"),
        ("\u202ereversed\u202c \u200fmark", "reversed mark"),
        ("hidden\U000e0068\U000e0069", "hidden"),
        ("e\u0301", "é"),
        ("a\u200db", "ab"),
    ],
)
def test_normalises(before: str, after: str) -> None:
    assert normalised(before) == after


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧‍👦", "👩🏽‍🚀 ok", "🏳️‍🌈", ENGLAND, "क्‍ष", "می‌خواهم", "ශ්‍රී", "中文，全角　".strip()]
)
def test_keeps_joiners_that_spell_something(text: str) -> None:
    assert normalised(text) == text


def test_compatibility_forms_fold_only_by_request() -> None:
    assert normalised("①ﬁ，") == "①ﬁ，"
    assert normalised("①ﬁ，", form="NFKC") == "1fi,"
    assert normalised("e\u0301", form="none") == "e\u0301"


def test_lines_join_by_request() -> None:
    assert normalised("a\n\nb \n c", lines="join") == "a b c"


@given(ANY, st.sampled_from(["NFC", "NFKC", "none"]), st.sampled_from(["keep", "join"]))
def test_twice_is_once(text: str, form: str, lines: str) -> None:
    once = normalised(text, form=form, lines=lines)
    assert normalised(once, form=form, lines=lines) == once


@given(ANY)
def test_no_visible_character_is_lost(text: str) -> None:
    def seen(some: str) -> list[str]:
        return [mark for mark in unicodedata.normalize("NFC", some) if unicodedata.category(mark)[0] in "LNPS"]

    hidden = "\u115f\u1160\u3164\uffa0"
    assert [mark for mark in seen(text) if mark not in hidden] == seen(normalised(text))


def test_a_long_line_takes_time_in_proportion() -> None:
    started = time.process_time()
    normalised("x" * 200_000 + "é")
    assert time.process_time() - started < 1
