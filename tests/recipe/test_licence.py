"""The licence gate: what a licence forbids, however it is written; what Tilth does not know, it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tilth.recipe.check import check
from tilth.recipe.licence import OPEN, RESEARCH, forbids, unknown
from tilth.recipe.source import parse


@pytest.mark.parametrize("use", ["commercial", "research", "internal"])
def test_open_licences_allow_every_use(use: Any) -> None:
    for term in OPEN:
        assert forbids(term, use) is None
        assert forbids(term.upper(), use) is None
        assert not unknown(term.upper())


@pytest.mark.parametrize(
    "term",
    [
        "CC-BY-NC-4.0",
        "CC-BY-NC-ND-3.0",
        "cc by-nc 4.0",
        "CC BY NC SA 4.0",
        "cc_by_nc",
        "PolyForm-Noncommercial-1.0.0",
        "Non-Commercial",
        "noncommercial",
        *sorted(RESEARCH),
    ],
)
def test_a_licence_against_trade_forbids_it(term: str) -> None:
    assert forbids(term, "commercial") == f'the licence "{term}" forbids commercial use'
    assert forbids(term, "research") is None
    assert not unknown(term)


@pytest.mark.parametrize("term", sorted(RESEARCH - {"non-commercial"}))
def test_a_research_licence_forbids_use_in_a_company(term: str) -> None:
    assert forbids(term, "internal") == f'the licence "{term}" forbids internal business use'


def test_a_licence_against_trade_allows_use_in_a_company() -> None:
    assert forbids("CC-BY-NC-4.0", "internal") is None


@pytest.mark.parametrize("term", ["NCSA", "X11-ncurses-like", "Tncs-1.0", "LicenseRef-7"])
def test_letters_inside_other_words_mean_nothing(term: str) -> None:
    assert forbids(term, "commercial") is None
    assert unknown(term)


def test_without_a_licence_or_a_use_nothing_is_forbidden() -> None:
    assert forbids(None, "commercial") is None
    assert forbids("CC-BY-NC-4.0", None) is None
    assert unknown(None)
    assert unknown("")


def test_a_term_may_be_written_with_spaces_and_capitals() -> None:
    assert not unknown(" CC BY 4.0 ")
    assert not unknown("Apache 2.0")
    assert not unknown("Public Domain")


def errors(text: str, *overrides: str) -> list[str]:
    return [str(error) for error in check(parse(text, overrides=overrides), folder=Path())[1]]


@pytest.mark.parametrize("term", ["CC-BY-NC-4.0", "cc-by-nc-sa-3.0", "research-only", "non-commercial"])
def test_a_licence_that_forbids_the_use_stops_the_plan(term: str) -> None:
    text = f"use: commercial\nacquire:\n- files: {{path: a.csv, licence: {term}}}\n- files: {{path: b, licence: own}}\n"
    assert errors(text) == [
        f'recipe.yaml:3  acquire[0] files: the licence "{term}" forbids commercial use. '
        "Leave the source out, or change `use:` if that is true."
    ]
    assert errors(text, "use=research") == []


def test_licences_are_judged_beside_other_errors() -> None:
    text = "use: commercial\nacquire: [{files: {path: a, licence: CC-BY-NC-4.0}}]\nseed: x"
    assert len(errors(text)) == 2
