"""Every passage of so many words that several documents hold is found, and nothing shorter is cut."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.engine import Exchange
from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine import _repeats_passages as passages
from tilth.refine._repeats_words import placed, runs
from tilth.refine._rows import union
from tilth.refine.repeated_text import RepeatedText
from tilth.testing import InlineEngine, MemoryRows, batch, cut
from tilth.testing.editors import edited, edits

STEPS: tuple[tuple[Any, dict[str, int]], ...] = ((passages.Prints, {"documents": 2}), (passages.Windows, {}))
WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def article(seed: int, words: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def left(*texts: str | None, **options: Any) -> list[str | None]:
    return edited(RepeatedText(**options), batch(text=pa.array(texts, pa.string())))


def by_hand(documents: list[list[str]], words: int) -> list[list[str]]:
    """Cut every run of `words` words that a document before holds."""
    seen: dict[tuple[str, ...], int] = {}
    wanted = []
    for at, document in enumerate(documents):
        windows = [tuple(document[start : start + words]) for start in range(len(document) - words + 1)]
        for window in windows:
            seen.setdefault(window, at)
        goes = {
            place for start, window in enumerate(windows) if seen[window] < at for place in range(start, start + words)
        }
        wanted.append([word for place, word in enumerate(document) if place not in goes])
    return wanted


@pytest.mark.slow
@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "c"]), max_size=25), min_size=2, max_size=6),
    st.integers(min_value=2, max_value=9),
)
def test_it_cuts_exactly_what_comparing_all_windows_cuts(documents: list[list[str]], words: int) -> None:
    found = left(*(" ".join(words) for words in documents), min_words=words)
    assert [(text or "").split() for text in found] == by_hand(documents, words)


@pytest.mark.slow
def test_every_planted_passage_is_found_whatever_stands_around_it() -> None:
    chance = random.Random(5)
    documents = [article(seed, chance.randrange(80, 200)) for seed in range(150)]
    for at in range(0, 150, 3):
        size = chance.randrange(50, 70)
        passage = article(1000 + at, size)
        for holder in (at, at + 1):
            place = chance.randrange(len(documents[holder]))
            documents[holder][place:place] = passage
    found = left(*(" ".join(words) for words in documents))
    assert [(text or "").split() for text in found] == by_hand(documents, 50)
    assert sum(len(words) for words in documents) - sum(len((text or "").split()) for text in found) >= 50 * 50


def test_fifty_words_go_and_forty_nine_stay() -> None:
    passage = article(1, 50)
    texts = [" ".join([*article(2), *passage, *article(3)]), " ".join([*article(4), *passage, *article(5)])]
    assert left(*texts) == [texts[0], " ".join([*article(4), *article(5)])]
    shorter = [" ".join([*article(2), *passage[:49], *article(3)]), " ".join([*article(4), *passage[:49], *article(5)])]
    assert left(*shorter) == shorter


def test_case_width_and_marks_do_not_count_and_the_rest_stays_as_written() -> None:
    passage = " ".join(article(1, 60))
    written = "¡" + passage.replace(" ", ", ").upper().replace("B", "Ｂ") + "! "
    found = left(passage, f"Before “it”\n{written}\tAfter, soft\u00adly.")
    assert found[1] == "Before “it”\n¡After, soft\u00adly."


def test_a_chinese_passage_is_found_by_its_characters() -> None:
    passage = "我上个月在你们的网站上买了一张新的信用卡但是到今天为止我还没有收到请帮我查一下"
    assert left(f"甲：{passage}。完", f"乙说，{passage}！再见", min_words=30) == [f"甲：{passage}。完", "乙说，再见"]


def test_a_copy_of_a_whole_text_has_nothing_left() -> None:
    text = "“" + " ".join(article(1)) + ".”"
    assert left(text, text, text) == [text, "", ""]


def test_a_chain_of_overlaps_loses_no_word() -> None:
    words = article(1, 120)
    texts = [" ".join(words[:70]), " ".join(words[20:100]), " ".join(words[40:])]
    found = left(*texts)
    assert [(text or "").split() for text in found] == [words[:70], words[70:100], words[100:]]


def test_repeats_within_one_document_are_its_own() -> None:
    song = " ".join(article(1) * 5)
    assert left(song, "another") == [song, "another"]
    assert left(song, " ".join(article(1))) == [song, ""]


def test_one_word_ten_thousand_times_is_one_key() -> None:
    rows = batch(text=["long " * 10_000, "long " * 9_000])
    step = passages.Prints(column="text", words=50, documents=2)
    assert step.emit(rows).num_rows == 2
    assert left(*rows.column("text").to_pylist()) == ["long " * 10_000, ""]


def test_min_documents_and_keep_say_which_copies_go() -> None:
    passage = " ".join(article(1))
    texts = [f"{name} {passage}" for name in ("ann", "bob", "cat")]
    assert left(*texts[:2], min_documents=3) == texts[:2]
    assert left(*texts, min_documents=3) == [texts[0], "bob ", "cat "]
    assert left(*texts, keep="none") == ["ann ", "bob ", "cat "]


def test_cuts_name_the_first_row_that_holds_the_passage() -> None:
    passage = " ".join(article(1))
    rows = batch(ids=["c", "a", "b"], text=[passage, f"x {passage}", passage + " y"])
    found = edits(RepeatedText(), rows)
    assert {row: [one["other_id"] for one in cuts] for row, cuts in found.items()} == {"b": ["a"], "c": ["a"]}


def test_the_preferred_row_keeps_the_passage() -> None:
    passage = " ".join(article(1))
    rows = batch(ids=["a", "b", "c"], text=[passage] * 3, at=[1, 3, 2])
    found = edits(RepeatedText(prefer="at"), rows)
    assert {row: [one["other_id"] for one in cuts] for row, cuts in found.items()} == {"a": ["b"], "c": ["b"]}


def test_a_boilerplate_in_every_document_costs_linear_work() -> None:
    footer = " ".join(article(0, 60))
    rows = batch(text=[f"{' '.join(article(seed, 20))} {footer}" for seed in range(1, 80)])
    engine, held = InlineEngine(), MemoryRows(rows)
    prints, windows = (step(column="text", words=50, **more) for step, more in STEPS)
    shared = engine.exchange(Exchange(name="prints", emit=prints.emit, gather=prints.gather), held)
    found = engine.exchange(Exchange(name="windows", emit=windows.emit, gather=windows.gather), union(held, shared))
    # Eleven windows lie in the footer, and as many again reach into the text around a fingerprint's run.
    assert 11 * 79 <= sum(part.num_rows for part in found.batches()) <= 36 * 79
    assert len(edits(RepeatedText(), rows)) == 78


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=60), st.integers(min_value=2, max_value=20))
def test_any_run_of_words_holds_a_fingerprint(letters: list[str], words: int) -> None:
    """The guarantee of winnowing (Schleimer, Wilkerson, Aiken 2003): one in every window, decided by it alone."""
    found = placed([" ".join(letters)])
    prints = passages.winnow(found, words)
    size = passages.run_length(words)
    for start in range(len(letters) - words + 1):
        inside = [int(at) for at in prints.words if start <= at <= start + words - size]
        assert inside
        alone = passages.winnow(placed([" ".join(letters[start : start + words])]), words)
        assert set(alone.hashes.tolist()) <= set(prints.hashes.tolist())


def test_a_hash_tells_runs_apart_by_length_and_order() -> None:
    one, two = placed(["a b c a b c"]), placed(["c b a"])
    assert len(np.unique(np.concatenate([runs(one, 3)[0], runs(two, 3)[0], runs(one, 2)[0]]))) == 3 + 1 + 3


def test_a_column_that_is_not_text_is_named() -> None:
    with pytest.raises(DataError, match='repeated_text: column "text" holds int64'):
        edits(RepeatedText(), batch(text=[1, 2]))


@pytest.mark.parametrize("options", [{"min_words": 1}, {"min_documents": 1}, {"partitions": 0}])
def test_options_that_cut_what_is_not_repeated_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(RecipeError, match="or more"):
        RepeatedText(**options)


@pytest.mark.slow
def test_the_local_engine_gives_the_same(tmp_path: Any) -> None:
    rows = batch(text=[" ".join(article(seed % 40, 60) + article(seed, 30)) for seed in range(200)])
    wanted = edits(RepeatedText(min_words=20), rows)
    with Local(workers=2, spill=tmp_path) as engine:
        found = RepeatedText(min_words=20).edits(MemoryRows(*cut(rows, 5)), engine)
        assert {edit["_id"]: edit["cuts"] for part in found.batches() for edit in part.to_pylist()} == wanted
    assert wanted
