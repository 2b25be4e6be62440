"""Training rows that hold test items leave and name them; clean rows, test rows and look-alikes stay."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import Batch
from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine._contamination_sieve import Sieve, sieve
from tilth.refine.decontaminate import Decontaminate
from tilth.testing import InlineEngine, MemoryRows, batch, check_decider, cut, decide

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def passage(seed: int, count: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=count))


def rows(*, train: list[str | None], test: list[str | None], **columns: Any) -> Batch:
    texts = pa.array([*train, *test], pa.string())
    ids = [*(f"train{at:04}" for at in range(len(train))), *(f"test{at:04}" for at in range(len(test)))]
    return batch(ids=ids, _split=["train"] * len(train) + ["test"] * len(test), text=texts, **columns)


def gone(some: Batch, **options: Any) -> dict[int, str]:
    """Return the places of the train rows that leave, and the item each names."""
    found = decide(Decontaminate(**options), some)
    assert all(one["keep"] for row, one in found.items() if row.startswith("test"))
    return {int(row[5:]): one["other_id"] for row, one in found.items() if not one["keep"]}


# What it promises.


def test_every_planted_item_is_found_and_no_clean_row_is_flagged() -> None:
    chance = random.Random(7)
    test = [passage(at, chance.randrange(13, 60)) for at in range(100)]
    train = [passage(1000 + at, chance.randrange(5, 200)) for at in range(400)]
    planted = {}
    for item in range(100):
        held = test[item].split()
        start = chance.randrange(len(held) - 12)
        said = held[start : start + chance.randrange(13, 61)]
        around = train[item * 4].split()
        place = chance.randrange(len(around) + 1)
        train[item * 4] = " ".join([*around[:place], *said, *around[place:]])
        planted[item * 4] = f"test{item:04}"
    assert gone(rows(train=train, test=test)) == planted


def test_thirteen_words_are_a_hit_and_twelve_are_not() -> None:
    item = passage(1, 30)
    shared = item.split()[5:18]
    train = [f"{passage(2, 9)} {' '.join(shared)} {passage(3, 9)}", f"{passage(2, 9)} {' '.join(shared[:12])} x"]
    assert gone(rows(train=train, test=[item])) == {0: "test0000"}
    assert gone(rows(train=train, test=[item]), ngram=12) == {0: "test0000", 1: "test0000"}


def test_case_width_and_marks_do_not_hide_an_item() -> None:
    item = passage(1, 14)
    assert gone(rows(train=[item.upper().replace(" ", " — "), "Ｘ"], test=[item])) == {0: "test0000"}


def test_a_chinese_item_is_found_by_its_characters() -> None:
    item = "四川大学的校训是什么以及它是哪一年成立的"
    assert gone(rows(train=[f"问：{item}？答：一八九六年。", "四川大学在成都"], test=[item])) == {0: "test0000"}


def test_the_value_is_the_share_of_the_rows_runs() -> None:
    item = passage(1, 40)
    half = " ".join([*item.split()[:25], *passage(2, 25).split()])
    found = decide(Decontaminate(threshold=0.5), rows(train=[item, half], test=[item]))
    assert found["train0000"]["value"] == 1.0 and not found["train0000"]["keep"]
    assert found["train0001"]["value"] == pytest.approx(13 / 38) and found["train0001"]["keep"]
    assert found["train0001"]["other_id"] == "test0000"
    assert not decide(Decontaminate(threshold=0.3), rows(train=[item, half], test=[item]))["train0001"]["keep"]


def test_a_row_names_the_item_that_it_shares_most_with() -> None:
    one, other = passage(1, 20), passage(2, 40)
    assert gone(rows(train=[f"{one} and {other}"], test=[one, other])) == {0: "test0001"}


def test_valid_rows_leave_too_and_test_rows_never() -> None:
    item = passage(1, 20)
    some = batch(ids=list("abcde"), _split=["train", "valid", "test", "test", "train"], text=[item] * 4 + ["clean"])
    assert {row: one["keep"] for row, one in decide(Decontaminate(), some).items()} == {
        "a": False,
        "b": False,
        "c": True,
    }
    against_valid = decide(Decontaminate(against="valid"), some)
    assert {row: one["keep"] for row, one in against_valid.items()} == {"a": False, "b": True}


# Short items.


def test_a_short_item_is_compared_whole() -> None:
    train = ["Where is my card?", "where is my card", "Where is my card? It is late.", "ok", "?!", None, ""]
    assert gone(rows(train=train, test=["Where is my card?", "?!", None, ""])) == {0: "test0000", 1: "test0000"}


def test_with_an_answer_a_short_item_needs_it_too() -> None:
    question = "who painted the night watch in amsterdam"
    train = [
        f"Quiz. {question}? It was Rembrandt van Rijn.",
        f"Quiz. {question}? Send us a card.",
        question,
        question,
        "Rembrandt van Rijn painted many things.",
    ]
    some = rows(
        train=train, test=[question], answer=["x", "x", "rembrandt VAN rijn", "Vermeer", None, "Rembrandt van Rijn"]
    )
    assert gone(some, answer="answer") == {0: "test0000", 2: "test0000"}
    assert gone(some) == {2: "test0000", 3: "test0000"}


def test_a_question_with_two_answers_is_met_by_either() -> None:
    question = "name one of the two kings"
    train = [f"{question} please: Olaf", f"{question} please: Knut", f"{question} please: Sven"]
    some = rows(train=train, test=[question, question], answer=["", "", "", "Knut", "Olaf"])
    assert gone(some, answer="answer") == {0: "test0001", 1: "test0000"}


def test_a_very_short_question_counts_only_alone() -> None:
    some = rows(train=["is it on or off today", "is it"], test=["is it"], answer=["", "on", "on"])
    assert gone(some, answer="answer", least=5) == {1: "test0000"}
    assert gone(some, answer="answer", least=2) == {0: "test0000", 1: "test0000"}


def test_a_short_item_without_an_answer_is_compared_whole() -> None:
    some = rows(
        train=["one two three four five", "one two three four five six"],
        test=["One two three four five"],
        answer=["a", "b", None],
    )
    assert gone(some, answer="answer") == {0: "test0000"}


def test_a_long_item_needs_no_answer() -> None:
    item = passage(1, 20)
    assert gone(rows(train=[item], test=[item], answer=[1, 2]), answer="answer") == {0: "test0000"}


def test_a_run_that_many_rows_share_is_no_sign() -> None:
    licence = passage(1, 30)
    train = [f"{passage(at + 10, 20)} {licence}" for at in range(12)] + [passage(5, 20)]
    some = rows(train=train, test=[licence, passage(5, 20)])
    assert set(gone(some)) == set(range(13))
    assert set(gone(some, common=12)) == set(range(13))
    assert gone(some, common=11) == {12: "test0001"}


# Items of a file.


def write(folder: Path, kind: str, items: list[dict[str, Any]]) -> Path:
    path = folder / f"quiz.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(items), path)
    elif kind == "csv":
        csv.write_csv(pa.Table.from_pylist(items), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    else:
        path.write_text("".join(f"{item['text']}\n" for item in items), encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", ["txt", "jsonl", "csv", "parquet"])
def test_a_file_of_items_keeps_train_and_valid_clean(tmp_path: Path, kind: str) -> None:
    items = [{"text": passage(at, 20), "answer": f"a{at}"} for at in range(3)]
    path = write(tmp_path, kind, items)
    texts = [items[1]["text"], items[2]["text"], items[0]["text"], "clean"]
    some = batch(ids=list("abcd"), _split=["train", "valid", "test", "train"], text=texts)
    found = decide(Decontaminate(against=str(path)), some)
    assert {row: (one["keep"], one["other_id"]) for row, one in found.items()} == {
        "a": (False, f"quiz.{kind}:2"),
        "b": (False, f"quiz.{kind}:3"),
    }
    assert set(decide(Decontaminate(against=str(path)), some.drop_columns(["_split"]))) == {"a", "b", "c"}


def test_a_changed_file_is_another_resource(tmp_path: Path) -> None:
    path = write(tmp_path, "txt", [{"text": "one"}])
    before = Decontaminate(against=str(path)).resources
    path.write_text("two", encoding="utf-8")
    assert Decontaminate(against=str(path)).resources != before
    assert Decontaminate().resources == {}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("quiz.jsonl", '{"question": "one"}\n', 'quiz.jsonl has no column "text"'),
        ("quiz.jsonl", '{"text": "one"}\n{"text": \n', "quiz.jsonl:2: not JSON"),
        ("quiz.jsonl", "[1]\n", "quiz.jsonl:1: not an object"),
        ("quiz.pdf", "x", "no file of items"),
        ("quiz.txt", None, "no file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        decide(Decontaminate(against=str(path)), batch(text=["a"]))


# However it is run.


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=6),
    st.lists(st.lists(st.sampled_from("abc"), max_size=8), max_size=3),
    st.integers(min_value=1, max_value=5),
)
def test_it_finds_what_comparing_by_hand_finds(train: list[list[str]], test: list[list[str]], ngram: int) -> None:
    def runs(text: list[str]) -> set[tuple[str, ...]]:
        whole = {tuple(text)} if 0 < len(text) < ngram else set()
        return whole | {tuple(text[at : at + ngram]) for at in range(len(text) - ngram + 1)}

    items = set().union(*(runs(text) for text in test)) if test else set()
    some = rows(train=[" ".join(text) for text in train], test=[" ".join(text) for text in test])
    assert set(gone(some, ngram=ngram)) == {at for at, text in enumerate(train) if runs(text) & items}


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"ngram": 4, "answer": "label", "least": 2}, {"ngram": 3, "threshold": 0.4}])
def test_the_contract_holds_with_splits(options: dict[str, Any]) -> None:
    texts = [passage(at % 9, 20) + (f" {passage(at, 5)}" if at % 2 else "") for at in range(30)]
    some = batch(text=texts, label=["x", "y", "z"] * 10, _split=(["train"] * 3 + ["valid", "test"]) * 6)
    assert any(not one["keep"] for one in decide(Decontaminate(**options), some).values())
    check_decider(Decontaminate(**options), some)


@pytest.mark.slow
def test_the_local_engine_gives_the_same(tmp_path: Path) -> None:
    some = rows(train=[passage(at % 80, 30) for at in range(300)], test=[passage(at, 30) for at in range(20)])
    wanted = decide(Decontaminate(), some)
    with Local(workers=2, spill=tmp_path) as engine:
        found = Decontaminate().decide(MemoryRows(*cut(some, 5)), engine)
        assert {one["_id"]: one for part in found.batches() for one in part.to_pylist()} == wanted
    assert len(wanted) == 100


def test_the_sieve_lets_every_item_through_and_little_else() -> None:
    some = rows(train=[], test=[passage(at, 200) for at in range(100)])
    look = Decontaminate()._look()
    found = sieve(MemoryRows(*cut(some, 3)), InlineEngine(), look)
    one, other, _ = look(some)
    assert found.passes(one, other).all()
    strange, too, _ = look(rows(train=[], test=[passage(1000 + at, 200) for at in range(100)]))
    assert found.passes(strange, too).mean() < 0.001
    assert isinstance(found, Sieve) and len(found.bits) == 4 << 20


@pytest.mark.parametrize(
    "options", [{"ngram": 0}, {"least": 0}, {"common": -1}, {"threshold": 1.1}, {"against": "train"}]
)
def test_options_that_find_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        Decontaminate(**options)
