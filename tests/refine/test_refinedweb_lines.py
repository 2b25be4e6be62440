"""RefinedWeb's line rules, on DCLM's own cases; what was removed is counted in words."""

from __future__ import annotations

import pytest

from tilth.refine.gopher_repetition import GopherRepetition
from tilth.refine.refinedweb_lines import RefinedwebLines
from tilth.run.ledger import Ledger
from tilth.run.pipe import Link, flow
from tilth.testing import batch

STAYS = "The lake was calm and the boats lay still."

GOES = [
    "THIS IS A LINE IN CAPITALS",
    "ÜBER ALLE MAßEN GROß",
    "123456789",
    "3 likes",
    "1,024 Shares!",
    "1.2k views",
    "Home",
    "Items in cart",
    "Read more...",
    "   ",
]


def mapped(text: str | None, **options: object) -> tuple[str | None, float]:
    rows = RefinedwebLines(**options).map(batch(text=[text]))  # type: ignore[arg-type]
    return rows.column("text")[0].as_py(), rows.column("removed")[0].as_py()


@pytest.mark.parametrize("line", GOES)
def test_lines_that_go(line: str) -> None:
    assert mapped(f"{STAYS}\n{line}\n{STAYS}")[0] == f"{STAYS}\n{STAYS}"


@pytest.mark.parametrize("line", ["", "5 likes to him", "A USA map", "in 2024 alone", "公园", "โลก", "2 4 6 8"])
def test_lines_that_stay(line: str) -> None:
    text = f"{STAYS}\n{line}\n{STAYS}"
    assert mapped(text) == (text, 0.0)


def test_calls_to_click_are_cut_out_of_short_lines_only() -> None:
    assert mapped("Sign-in to your account")[0] == "to your account"
    assert mapped("The boats lay still. Read more…")[0] == "The boats lay still."
    assert mapped("You have 3 items in cart now")[0] == "You have 3 now"
    long = "All of the boats in the harbour lay still that day, read more..."
    assert mapped(long) == (long, 0.0)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("ALL IN CAPITALS", {"max_capitals": None}),
        ("12", {"digits": False, "min_words": None}),
        ("3 likes", {"counters": False}),
        ("Home", {"min_words": 1}),
        ("Sign-in to your account", {"furniture": False}),
    ],
)
def test_each_rule_can_be_turned_off(line: str, options: dict[str, object]) -> None:
    assert mapped(f"{STAYS}\n{line}")[0] != f"{STAYS}\n{line}"
    assert mapped(f"{STAYS}\n{line}", **options)[0] == f"{STAYS}\n{line}"


def test_a_text_that_loses_many_words_goes() -> None:
    operator = RefinedwebLines()
    rows = operator.map(batch(text=[f"{STAYS}\nHome", "\n".join([STAYS] * 3) + "\nHome", None, ""]))
    assert rows.column("removed").to_pylist() == [0.1, 1 / 28, 0.0, 0.0]
    assert operator.judge(rows).to_pylist() == [
        {"rule": "refinedweb_lines.too_much_removed", "value": 0.1, "threshold": 0.05, "other_id": None},
        None,
        None,
        None,
    ]


def test_it_needs_other_statistics_than_the_operator_before_it() -> None:
    rows, ledger = batch(text=[" ".join(f"word{number}" for number in range(99)) + "\nHome"]), Ledger()
    links = [Link(place="0", operator=GopherRepetition()), Link(place="1", operator=RefinedwebLines(max_removed=0.2))]
    assert flow(rows, links, ledger).column("removed").to_pylist() == [0.01]
    assert [fate["fate"] for part in ledger.batches() for fate in part.to_pylist()] == ["changed"]
