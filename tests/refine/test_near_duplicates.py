"""Texts that say nearly the same are found, verified and clustered; texts that only share a form are not."""

from __future__ import annotations

import csv
import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine import _candidates, _sets
from tilth.refine.near_duplicates import NearDuplicates
from tilth.testing import InlineEngine, MemoryRows, batch, cut, decide
from tilth.text import kernel, minhash

WORDS = [f"{a}{b}{c}" for a in "bdfgklmnprst" for b in "aeiou" for c in "lmnrst"]


def article(seed: int, words: int = 60) -> list[str]:
    return random.Random(seed).choices(WORDS, k=words)


def edited(words: list[str], *places: int) -> str:
    return " ".join("changed" if at in places else word for at, word in enumerate(words))


def gone(*texts: str | None, **options: Any) -> set[int]:
    """Return the places of the texts that leave."""
    decisions = decide(NearDuplicates(**options), batch(text=pa.array(texts, pa.string())))
    return {int(row, 16) for row, found in decisions.items() if not found["keep"]}


def exact(left: str, right: str, **options: Any) -> float:
    found = kernel.shingles(pa.array([left, right]), **options)
    return minhash.jaccard(found.of(0), found.of(1))


# What peers get wrong.


def test_fifty_invoices_are_fifty_documents() -> None:
    invoices = [
        f"Invoice {2000 + n}: {n + 3} boxes of paper at {n}.50 EUR each, due 2024-{n % 12 + 1:02}-15, thank you very."
        for n in range(50)
    ]
    assert gone(*invoices) == set()
    assert gone(*invoices, numbers="same") == set(range(1, 50))


def test_chinese_invoices_too() -> None:
    invoices = [
        f"发票号码{2000 + n}，金额{n}00元，请于十五日内付款，谢谢您的惠顾，欢迎再次光临我们的商店。" for n in range(20)
    ]
    assert gone(*invoices) == set()
    assert gone(*invoices, numbers="same") == set(range(1, 20))


def test_invoices_with_the_same_number_are_duplicates() -> None:
    one = "Invoice 2041: 12 boxes of paper, due 2024-05-31, thank you."
    assert gone(one, one.upper(), one.replace("2041", "2042")) == {1}


def test_blank_lines_are_not_duplicates() -> None:
    assert gone("", "", "  ", None, None, "\n", "\u200b", "\u200b") == set()


def test_marks_alone_are_duplicates_of_their_exact_like_only() -> None:
    assert gone("?!", "?!", "...", "!?", "👍", "👎", "👍") == {1, 6}


def test_short_texts_are_compared_by_their_words() -> None:
    assert gone("hi", "hello", "ok", "Hi!", "yes", "no", "hi hi", "dog bites man", "man bites dog") == {3}


def test_chinese_texts_are_told_apart_by_character() -> None:
    long = "我上个月在你们的网站上买了一张新的信用卡但是到今天为止我还没有收到请帮我查一下"
    assert gone(long, long + "吧", "这家酒店的位置非常好早餐也很丰富服务人员热情周到下次还会再来住的推荐给大家") == {1}


def test_texts_that_share_boilerplate_stay_apart() -> None:
    footer = " ".join(article(99, 40))
    texts = [" ".join(article(seed, 40)) + " " + footer for seed in range(60)]
    assert gone(*texts) == set()


def test_a_giant_band_costs_linear_work() -> None:
    step = _candidates.Bands(threshold=0.1)
    rows = 2000
    keyed = pa.RecordBatch.from_pydict(
        {
            "_key": pa.array([7] * rows, pa.uint64()),
            "_id": [f"{row:05}" for row in range(rows)],
            "at": pa.array(range(rows), pa.uint64()),
            "size": [10] * rows,
        }
    )
    wanted = {(0, row) for row in range(1, rows)}
    wanted |= {(row - step, row) for row in range(rows) for step in range(1, 16) if row - step > 0}
    for cuts in (1, 7, 150):
        parts = list(step.gather(iter(cut(keyed, cuts))))
        pairs = [(pair["_key"], pair["_id"]) for part in parts for pair in part.to_pylist()]
        assert len(pairs) == len(set(pairs)) <= 16 * rows
        assert set(pairs) == wanted


def test_ten_thousand_copies_cost_one_comparison_each_at_most() -> None:
    copies = [article(1)] * 10_000
    cut = minhash.plan(0.8, 128)
    sets = _sets.Sets(column="text", ngram=5, numbers="distinct", cut=cut, permutations=128, seed=1)
    rows = batch(text=[" ".join(words) for words in copies])
    found = [line for part in sets.gather(iter([sets.emit(rows)])) for line in part.to_pylist()]
    assert sum(line["shingles"] is not None for line in found) == 1
    assert {line["leader"] for line in found} == {rows.column("_id")[0].as_py()}


# What it promises.


def test_the_decision_says_why() -> None:
    words = article(1)
    texts = [edited(words), edited(words, 3), "something else entirely"]
    decisions = decide(NearDuplicates(), batch(ids=["b", "a", "c"], text=texts))
    assert decisions.keys() == {"a", "b"}
    assert decisions["a"]["keep"]
    assert decisions["b"] == {
        "_id": "b",
        "cluster": "a",
        "keep": False,
        "rule": "near_duplicates",
        "value": exact(*texts[:2]),
        "threshold": 0.8,
        "other_id": "a",
    }


def test_pairs_at_the_threshold_are_found_and_pairs_below_it_are_not() -> None:
    texts = []
    for seed in range(400):
        words = article(seed, 100)
        places = random.Random(seed).sample(range(10, 90), seed % 5 + 1)
        texts += [edited(words), edited(words, *places)]
    truth = [exact(texts[at], texts[at + 1]) for at in range(0, len(texts), 2)]
    expected = {2 * at + 1 for at, value in enumerate(truth) if value >= 0.8}
    assert 100 < len(expected) < 380
    found = gone(*texts)
    assert found <= expected
    assert len(found) >= 0.99 * len(expected)


def test_a_chain_is_one_cluster_and_each_row_goes_for_a_row_it_is_like() -> None:
    words = article(5, 100)
    # Each text is near its neighbours; the ends are far apart.
    chain = [edited(words, *range(10 * step)) for step in range(6)]
    ids = [f"{at}" for at in range(6)]
    decisions = decide(NearDuplicates(), batch(ids=ids, text=chain))
    assert {found["cluster"] for found in decisions.values()} == {"0"}
    assert exact(chain[0], chain[5]) < 0.8 <= exact(chain[0], chain[1])
    for row, found in decisions.items():
        if not found["keep"]:
            assert found["value"] == exact(chain[int(found["other_id"])], chain[int(row)]) >= 0.8
    kept = [row for row, found in decisions.items() if found["keep"]]
    assert len(kept) > 1
    assert all(exact(chain[int(a)], chain[int(b)]) < 0.8 for a, b in itertools.combinations(kept, 2))


def test_copies_of_a_row_that_goes_go_for_the_same_row() -> None:
    words = article(7)
    texts = [edited(words), edited(words, 0), edited(words, 0).upper()]
    decisions = decide(NearDuplicates(), batch(ids=["a", "b", "c"], text=texts))
    assert [decisions[row]["other_id"] for row in "abc"] == [None, "a", "a"]
    assert decisions["b"]["value"] == decisions["c"]["value"] == exact(*texts[:2])


def test_the_preferred_row_stays_then_the_smallest_id() -> None:
    words = article(9)
    texts = [edited(words), edited(words, 0), edited(words, 1), edited(words, 1).upper()]
    rows = batch(ids=["a", "b", "c", "d"], text=texts, score=[1.0, None, 3.5, 3.5])
    decisions = decide(NearDuplicates(prefer="score"), rows)
    assert {row: found["other_id"] for row, found in decisions.items()} == {"a": "c", "b": "c", "c": None, "d": "c"}
    assert {found["cluster"] for found in decisions.values()} == {"a"}
    assert decisions["b"]["value"] == exact(texts[1], texts[2])
    assert decisions["d"]["value"] == 1.0
    assert decide(NearDuplicates(prefer="score"), *cut(rows, 4)) == decisions


def test_a_preferred_copy_leads_and_its_cluster_keeps_the_smallest_id() -> None:
    rows = batch(ids=["a", "b", "c"], text=["one and the same text"] * 3, length=[5, 9, 7])
    decisions = decide(NearDuplicates(prefer="length"), rows)
    assert {row: found["other_id"] for row, found in decisions.items()} == {"a": "b", "b": None, "c": "b"}
    assert {found["cluster"] for found in decisions.values()} == {"a"}


def test_an_id_that_stands_twice_is_not_its_own_duplicate() -> None:
    words = article(3)
    for texts in ([edited(words)] * 2, [edited(words), edited(words, 2)]):
        assert all(found["keep"] for found in decide(NearDuplicates(), batch(ids=["a", "a"], text=texts)).values())


def test_the_cut_of_a_peer_can_be_asked_for() -> None:
    words = [article(seed, 100) for seed in range(300)]
    texts = [text for each in words for text in (edited(each), edited(each, *range(20, 32)))]
    expected = minhash.Bands(14, 8).recall(exact(texts[0], texts[1], ngram=5))
    assert 0.6 < expected < 0.9
    found = len(gone(*texts, threshold=0.6, bands=14, rows=8)) / 300
    assert abs(found - expected) < 0.12
    assert len(gone(*texts, threshold=0.6)) >= 297


def reference(texts: list[str], threshold: float) -> dict[str, tuple[str, str | None]]:
    """Compare all pairs; return (cluster, the row it goes for) of each text that has a like."""
    found = kernel.shingles(pa.array(texts), ngram=2)
    near = {
        (a, b)
        for a, b in itertools.combinations(range(len(texts)), 2)
        if found.numbers[a] == found.numbers[b] and minhash.jaccard(found.of(a), found.of(b)) >= threshold
    }
    root = list(range(len(texts)))
    for _ in texts:
        for a, b in near:
            root[a] = root[b] = min(root[a], root[b])
    goes: dict[int, int] = {}
    for a in range(len(texts)):
        if a not in goes:
            goes.update({b: a for b in range(a + 1, len(texts)) if (a, b) in near and b not in goes})
    alike = {at for pair in near for at in pair}
    return {f"{at:032x}": (f"{root[at]:032x}", f"{goes[at]:032x}" if at in goes else None) for at in alike}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.sampled_from("abcd1"), max_size=8).map(" ".join), max_size=14),
    st.sampled_from([0.4, 0.7, 1.0]),
)
def test_agrees_with_comparing_all_pairs(texts: list[str], threshold: float) -> None:
    # 512 permutations find these tiny sets' pairs with certainty enough for a test.
    operator = NearDuplicates(threshold=threshold, ngram=2, permutations=512, partitions=2)
    decisions = decide(operator, *cut(batch(text=pa.array(texts, pa.string())), 2))
    assert {row: (found["cluster"], found["other_id"]) for row, found in decisions.items()} == reference(
        texts, threshold
    )


def test_a_column_of_tokens_is_compared_as_text() -> None:
    tokens = [article(3), article(3), article(4), None]
    decisions = decide(NearDuplicates(column="tokens"), batch(tokens=tokens))
    assert [int(row, 16) for row, found in decisions.items() if not found["keep"]] == [1]


def test_partitions_seed_and_permutations_do_not_change_clear_answers() -> None:
    texts = [edited(article(seed % 20, 150), seed) for seed in range(40)]
    answers = [gone(*texts, **options) for options in ({}, {"partitions": 1}, {"seed": 9}, {"permutations": 256})]
    assert answers == [set(range(20, 40))] * 4


def test_sorting_on_disk_gives_the_same_answer(tmp_path: Path) -> None:
    texts = [edited(article(seed % 30, 150), seed) for seed in range(90)]
    rows = batch(text=texts)
    with Local(workers=1, spill=tmp_path) as engine:
        found = NearDuplicates().decide(MemoryRows(*cut(rows, 4)), engine)
        listed = {line["_id"]: line for part in found.batches() for line in part.to_pylist()}
    assert listed == decide(NearDuplicates(), rows)
    assert sum(not line["keep"] for line in listed.values()) == 60


@pytest.mark.slow
def test_two_worker_processes_give_the_same_answer(tmp_path: Path) -> None:
    rows = batch(text=[edited(article(seed % 10, 150), seed) for seed in range(30)])
    with Local(workers=2, spill=tmp_path) as engine:
        found = NearDuplicates(partitions=4).decide(MemoryRows(*cut(rows, 3)), engine)
        listed = {line["_id"]: line for part in found.batches() for line in part.to_pylist()}
    assert listed == decide(NearDuplicates(), rows)


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"ngram": 0},
        {"partitions": 0},
        {"permutations": 0},
        {"bands": 0, "rows": 8},
        {"bands": 14},
        {"rows": 8},
    ],
)
def test_options_that_find_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="near_duplicates: "):
        NearDuplicates(**options)


def test_a_threshold_too_low_for_the_permutations_is_refused() -> None:
    with pytest.raises(DataError, match="Give more permutations or a higher threshold"):
        NearDuplicates(threshold=0.01, permutations=16)


@pytest.mark.shared
def test_real_questions_hold_few_and_true_duplicates(shared: Path) -> None:
    with (shared / "banking77" / "test.csv").open(encoding="utf-8") as lines:
        rows = batch(text=[row["text"] for row in csv.DictReader(lines)])
    found = NearDuplicates().decide(MemoryRows(*cut(rows, 3)), InlineEngine(batch_rows=4096))
    dropped = [line for part in found.batches() for line in part.to_pylist() if not line["keep"]]
    assert 0 < len(dropped) < 0.01 * rows.num_rows
    texts = dict(zip(rows.column("_id").to_pylist(), rows.column("text").to_pylist(), strict=True))
    assert all(np.isclose(line["value"], exact(texts[line["_id"]], texts[line["other_id"]])) for line in dropped)
