"""Errors say what, where, wanted and do, travel between processes whole, and guess typos."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import re

import pytest

from tilth.core import errors
from tilth.core.errors import RecipeError, TilthError, TooManyBadRows, closest, did_you_mean


def every_kind(kind: type[TilthError] = TilthError) -> list[type[TilthError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in every_kind(child))]


OURS = [kind for kind in every_kind() if kind.__module__ == errors.__name__]


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "no such thing"),
        ({"where": "a.yaml:3"}, "a.yaml:3: no such thing"),
        ({"wanted": "one of a, b"}, "no such thing. Wanted: one of a, b"),
        ({"do": "Look again."}, "no such thing. Look again."),
        ({"wanted": "a number", "do": "Look again."}, "no such thing. Wanted: a number. Look again."),
        ({"where": "w", "wanted": "is it?", "do": "Yes"}, "w: no such thing. Wanted: is it? Yes"),
    ],
)
def test_the_message_joins_the_parts_there_are(parts: dict[str, str], said: str) -> None:
    assert str(TilthError("no such thing", **parts)) == said


def test_a_sentence_that_has_its_stop_gets_no_second() -> None:
    assert str(TilthError("what now?", do="Nothing.")) == "what now? Nothing."


def fail(kind: type[TilthError]) -> None:
    raise kind("what", where="where", wanted="wanted", do="do")


def test_every_error_comes_back_whole_from_a_worker_process() -> None:
    context = multiprocessing.get_context("forkserver")
    with concurrent.futures.ProcessPoolExecutor(max_workers=1, mp_context=context) as pool:
        for kind in OURS:
            with pytest.raises(kind) as caught:
                pool.submit(fail, kind).result()
            error = caught.value
            assert type(error) is kind
            assert (error.what, error.where, error.wanted, error.do) == ("what", "where", "wanted", "do")
            assert str(error) == "where: what. Wanted: wanted. do"


def test_the_drawing_at_the_head_of_the_file_is_the_tree() -> None:
    drawn = re.findall(r"^[│├└─ ]*(\w+)(?: +exit (\d))? ", errors.__doc__ or "", re.M)[1:]
    assert [name for name, _ in drawn] == [kind.__name__ for kind in OURS]
    assert {name: int(code) for name, code in drawn if code} == {
        kind.__name__: kind.exit_code for kind in OURS if "exit_code" in vars(kind)
    }


def test_too_many_bad_rows_is_a_data_error_that_ends_with_1() -> None:
    assert issubclass(TooManyBadRows, errors.DataError)
    assert (TooManyBadRows.exit_code, RecipeError.exit_code, errors.CheckFailed.exit_code) == (1, 2, 3)


@pytest.mark.parametrize(
    ("word", "guess"),
    [("TEXT", "text"), ("txet", "text"), ("lable", "label"), ("kwargs", None), ("", None), ("text", "text")],
)
def test_typos_are_guessed_and_strangers_are_not(word: str, guess: str | None) -> None:
    assert closest(word, ["id", "text", "label"]) == guess
    assert did_you_mean(word, ["id", "text", "label"]) == (f'Did you mean "{guess}"?' if guess else None)


def test_the_guess_keeps_the_case_of_the_known_word() -> None:
    assert closest("ticket id", ["Ticket_ID", "Name"]) == "Ticket_ID"


def test_nothing_is_guessed_among_nothing() -> None:
    assert did_you_mean("text", []) is None
