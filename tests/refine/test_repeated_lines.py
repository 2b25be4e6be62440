"""Boilerplate lines leave all documents but one; blank, short and merely similar lines stay."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine.repeated_lines import RepeatedLines
from tilth.testing import MemoryRows, batch, cut
from tilth.testing.editors import edited, edits

FOOTER = "You are receiving this because you signed up"


def left(*texts: str | None, **options: Any) -> list[str | None]:
    return edited(RepeatedLines(**options), batch(text=pa.array(texts, pa.string())))


def test_an_email_footer_stays_once() -> None:
    letters = [f"Dear {name},\nyour order is on its way.\n{FOOTER}" for name in ("Ann", "Bob", "Cat")]
    assert left(*letters) == [letters[0], "Dear Bob,", "Dear Cat,"]
    assert left(*letters, keep="none") == ["Dear Ann,", "Dear Bob,", "Dear Cat,"]


def test_a_line_in_two_documents_is_not_yet_repeated() -> None:
    assert left(FOOTER, FOOTER) == [FOOTER, FOOTER]
    assert left(FOOTER, FOOTER, min_documents=2) == [FOOTER, ""]


def test_a_line_that_one_document_repeats_is_that_documents_own() -> None:
    song = "\n".join([FOOTER] * 10)
    assert left(song, "something else") == [song, "something else"]


def test_blank_lines_brackets_and_short_words_are_never_repeated() -> None:
    codes = [f"def f{at}() {{\n\n    }}\n\n-----\n\nThanks,\n\u200b\n  \n\nreturn" for at in range(20)]
    assert left(*codes) == codes
    assert left(*codes, min_words=1)[0] == codes[0]
    assert left(*codes, min_words=1)[1] == "def f1() {\n\n    }\n\n-----\n\n\u200b\n  \n"


def test_case_width_and_spaces_do_not_count() -> None:
    lines = [FOOTER, FOOTER.upper(), f"  {FOOTER}\t", "Ｙou are   receiving this because you signed up"]
    assert left(*(f"{at}\n{line}" for at, line in enumerate(lines)))[1:] == ["1", "2", "3"]


def test_numbers_make_other_lines_unless_told_otherwise() -> None:
    pages = [f"text {at}\nThis is page {at} of 12 in all" for at in range(5)]
    assert left(*pages) == pages
    assert left(*pages, numbers="same") == [pages[0], "text 1", "text 2", "text 3", "text 4"]
    dates = [f"text {at}\nPrinted on 2024-05-{at:02} at 12:{at:02} by ann" for at in range(3)]
    assert left(*dates, numbers="same") == [dates[0], "text 1", "text 2"]


def test_a_chinese_footer_is_many_words() -> None:
    footer = "本邮件由系统自动发出请勿直接回复"
    assert left(*(f"您好{at}\n{footer}" for at in range(3))) == [f"您好0\n{footer}", "您好1", "您好2"]


def test_paragraphs_are_compared_whole() -> None:
    terms = "These are the terms of use\nthat nobody ever reads to the end"
    texts = [f"{name}\n\n{terms}\n\n \nbye {name}" for name in "abc"]
    assert left(*texts, unit="paragraph") == [texts[0], "b\n\nbye b", "c\n\nbye c"]
    half = [f"{name}\n\n{terms}\nand {name}" for name in "abc"]
    assert left(*half, unit="paragraph") == half


def test_every_kind_of_line_break_ends_a_line() -> None:
    texts = [f"{at}{stop}{FOOTER}{stop}end {at}" for at, stop in enumerate(["\n", "\r\n", "\r", "\u2028", "\x85"])]
    found = left(*texts)
    assert found[1:] == [
        text.replace(FOOTER, "", 1)
        .replace("\r\n\r\n", "\r\n")
        .replace("\r\r", "\r")
        .replace("\u2028\u2028", "\u2028")
        .replace("\x85\x85", "\x85")
        for text in texts[1:]
    ]


def test_cuts_name_the_row_that_keeps_the_line() -> None:
    rows = batch(ids=["c", "a", "b"], text=[FOOTER, f"x\n{FOOTER}", FOOTER])
    found = edits(RepeatedLines(), rows)
    assert {row: cuts[0]["other_id"] for row, cuts in found.items()} == {"b": "a", "c": "a"}


def test_the_preferred_document_keeps_the_line() -> None:
    rows = batch(ids=["a", "b", "c"], text=[FOOTER, FOOTER, f"x\n{FOOTER}"], score=[0.5, None, 0.9])
    found = edits(RepeatedLines(prefer="score"), rows)
    assert {row: cuts[0]["other_id"] for row, cuts in found.items()} == {"a": "c", "b": "c"}


def test_nulls_and_empty_texts_have_no_lines() -> None:
    assert left(None, "", "\n\n\n", None) == [None, "", "\n\n\n", None]


LINES = ["one two three four", "five six seven eight", "ONE  two three four", "", "nine", "ten eleven twelve thirteen"]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.sampled_from(LINES), max_size=5), max_size=8))
def test_it_cuts_what_counting_by_hand_cuts(documents: list[list[str]]) -> None:
    def said(line: str) -> str:
        return " ".join(line.lower().split())

    holders = {
        said(line): {at for at, lines in enumerate(documents) if said(line) in map(said, lines)} for line in LINES
    }
    wanted = []
    for at, lines in enumerate(documents):
        repeated = {
            line for line, rows in holders.items() if len(line.split()) >= 4 and len(rows) >= 3 and at != min(rows)
        }
        wanted.append([line for line in lines if said(line) not in repeated])
    found = left(*("".join(f"{line}\n" for line in lines) for lines in documents))
    assert found == ["".join(f"{line}\n" for line in lines) for lines in wanted]


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match='repeated_lines: no column "txt"'):
        edits(RepeatedLines(column="txt"), batch(text=["a"]))


@pytest.mark.parametrize("options", [{"min_documents": 1}, {"min_words": 0}, {"partitions": 0}])
def test_options_that_cut_what_is_not_repeated_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(RecipeError, match="or more"):
        RepeatedLines(**options)


@pytest.mark.slow
def test_the_local_engine_gives_the_same(tmp_path: Any) -> None:
    chance = random.Random(1)
    lines = [f"line {at} of the pool of lines" for at in range(300)]
    rows = batch(text=["\n".join(chance.choices(lines, k=20)) for _ in range(300)])
    wanted = edits(RepeatedLines(), rows)
    with Local(workers=2, spill=tmp_path) as engine:
        found = RepeatedLines().edits(MemoryRows(*cut(rows, 5)), engine)
        assert {edit["_id"]: edit["cuts"] for part in found.batches() for edit in part.to_pylist()} == wanted
    assert wanted
