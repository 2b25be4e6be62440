"""Numbers, times and strangers' text, as a person reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tilth.report import words


@given(st.text(alphabet=st.characters(codec=None)))
def test_clean_text_can_be_written_and_moves_no_cursor(text: str) -> None:
    cleaned = words.clean(text)
    cleaned.encode("utf-8")
    assert not set(cleaned) & {chr(code) for code in range(0x20) if code not in (9, 10)}
    assert not set(cleaned) & set("\x7f\x9b\u202e\u2066\ufeff")
    assert words.clean(cleaned) == cleaned


def test_clean_leaves_people_and_their_scripts_alone() -> None:
    for text in ("naïve café", "天气很好", "مرحبا", "👩‍👩‍👧", "tab\tand\nline"):
        assert words.clean(text) == text


@given(st.text(max_size=100), st.text(max_size=100))
def test_the_pieces_of_a_change_give_back_both_texts(before: str, after: str) -> None:
    parts = words.changes(before, after)
    assert "".join(part.text for part in parts if part.kind != "new") == before
    assert "".join(part.text for part in parts if part.kind != "gone") == after


def test_a_change_far_into_a_long_text_is_shown() -> None:
    parts = words.changes("a" * 5_000 + " colour " + "b" * 5_000, "a" * 5_000 + " color " + "b" * 5_000)
    assert [part.text for part in parts if part.kind == "gone"] == ["u"]
    assert sum(len(part.text) for part in parts) < 300


def test_a_total_rewrite_of_a_long_text_is_cut() -> None:
    assert sum(len(part.text) for part in words.changes("a" * 9_000, "b" * 9_000)) <= 800


def test_a_share_never_reads_none_or_all_by_rounding() -> None:
    assert words.share(1, 1_000_000) == "<0.1%"
    assert words.share(999_999, 1_000_000) == ">99.9%"
    assert words.share(0, 10) == "0%" and words.share(10, 10) == "100%"


def test_an_infinite_or_missing_figure_is_a_dash() -> None:
    assert words.figure(float("inf")) == words.figure(None) == words.between(None, 1.0) == words.count(None) == "–"
