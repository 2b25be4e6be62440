"""Statistics come with the batch or are measured; the first rule that fails gives the verdict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.batch import with_column
from tilth.core.errors import DataError
from tilth.core.operator import VERDICT
from tilth.refine._measured import Counts, first_failed, least, most, put_text, share, statistics
from tilth.refine.c4 import C4
from tilth.refine.chinese_quality import ChineseQuality
from tilth.refine.fineweb_quality import FinewebQuality
from tilth.refine.gopher_quality import GopherQuality
from tilth.refine.gopher_repetition import GopherRepetition
from tilth.refine.refinedweb_lines import RefinedwebLines
from tilth.testing import batch
from tilth.text import statistics as text_statistics

OPERATOR = GopherQuality()


def test_statistics_that_the_batch_carries_are_taken() -> None:
    carried = pa.array([{"words": 7}], pa.struct([("words", pa.int64())]))
    rows = with_column(batch(text=["two words"]), "_stats.text", carried)
    assert Counts(statistics(rows, "text", OPERATOR, frozenset({"words"})))["words"].tolist() == [7]


def test_statistics_that_the_batch_lacks_are_measured() -> None:
    carried = pa.array([{"words": 7}], pa.struct([("words", pa.int64())]))
    rows = with_column(batch(text=["two words"]), "_stats.text", carried)
    assert Counts(statistics(rows, "text", OPERATOR, frozenset({"words", "chars"})))["words"].tolist() == [2]
    assert Counts(statistics(rows, "text", OPERATOR))["words"].tolist() == [2]


def test_other_texts_have_no_old_statistics() -> None:
    rows = with_column(
        batch(text=["two words"]), "_stats.text", statistics(batch(text=["two words"]), "text", OPERATOR)
    )
    assert put_text(rows, "text", ["one"]).schema.names == ["_id", "text"]


def test_only_some_statistics_can_be_asked_for() -> None:
    found = statistics(batch(text=["two words"]), "text", OPERATOR, frozenset({"words", "chars"}))
    assert found.to_pylist() == [{"chars": 9, "words": 2}]


RULE_SETS = (GopherQuality(), GopherRepetition(), FinewebQuality(), ChineseQuality(), C4(), RefinedwebLines())


@pytest.mark.parametrize("operator", RULE_SETS, ids=lambda operator: type(operator).__name__)
def test_a_rule_set_needs_no_more_than_it_says_and_decides_alike_with_all(operator: Any) -> None:
    given = batch(text=["Home\nShop\nHome\n", "To be, or not to be.", "首页\n新闻\n" * 20, "", None])
    rows = operator.map(given) if hasattr(operator, "map") else given
    every = with_column(rows, "_stats.text", text_statistics.measure(rows.column("text")))
    some = with_column(rows, "_stats.text", text_statistics.measure(rows.column("text"), select=operator.uses))
    assert some.column("_stats.text").type.num_fields == len(operator.uses)
    assert operator.judge(rows).equals(operator.judge(some)) and operator.judge(rows).equals(operator.judge(every))


def test_a_null_counts_as_an_empty_text() -> None:
    counts = Counts(statistics(batch(text=pa.array(["a", None], pa.string())), "text", OPERATOR))
    assert (counts["words"].tolist(), counts.share("letters", "chars").tolist()) == ([1, 0], [1.0, 0.0])


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match='gopher_quality: no column "txt"'):
        statistics(batch(text=["a"]), "txt", OPERATOR)


@pytest.mark.parametrize(
    ("text", "latin"), [("Schöne Grüße", True), ("Привет", False), ("中文 and English words", True)]
)
def test_scripts_with_few_bytes_a_letter_are_latin(text: str, latin: bool) -> None:
    assert Counts(statistics(batch(text=[text]), "text", OPERATOR)).latin().tolist() == [latin]


def test_the_first_rule_that_fails_is_named_with_what_was_found() -> None:
    rules = (least("few", np.array([1, 5, 9]), 5), most("many", np.array([9, 9, 1]), 8.5))
    verdicts = first_failed("set", rules, 3)
    assert verdicts.type == VERDICT
    assert verdicts.to_pylist() == [
        {"rule": "set.few", "value": 1.0, "threshold": 5.0, "other_id": None},
        {"rule": "set.many", "value": 9.0, "threshold": 8.5, "other_id": None},
        None,
    ]


def test_a_threshold_itself_passes() -> None:
    rules = (least("few", np.array([5]), 5), most("many", np.array([5]), 5))
    assert first_failed("set", rules, 1).to_pylist() == [None]


def test_a_null_threshold_turns_a_rule_off() -> None:
    rule = least("few", np.array([0]), None)
    assert rule.off and first_failed("set", (rule,), 1).to_pylist() == [None]


def test_a_rule_may_be_for_some_rows_only() -> None:
    rule = least("few", np.array([0, 0, 0]), 1).only(np.array([True, True, False])).only(np.array([True, False, True]))
    assert (rule.fails.tolist(), rule.judged.tolist()) == ([True, False, False], [True, False, False])  # type: ignore[union-attr]


def test_nothing_of_nothing_is_nothing() -> None:
    assert share(np.array([0, 1]), np.array([0, 4])).tolist() == [0.0, 0.25]


def test_no_rows_have_no_verdicts() -> None:
    assert first_failed("set", (least("few", np.zeros(0), 1),), 0).to_pylist() == []
