"""All rules of an operator are tried on every row, and what they drop together is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest

from tilth.core.batch import Batch
from tilth.core.errors import OperatorError
from tilth.refine.gopher_quality import GopherQuality
from tilth.refine.length import Length
from tilth.run.looks.rules import RuleTally, Seen, Tried, tried
from tilth.testing import batch

TEXTS = ["one two three", "one two three four five six", "###", None]


def seen(rows: Batch) -> Seen:
    ids = rows.column("_id").to_pylist()
    return Seen(ids=ids, names=ids, texts=rows.column("text"), languages=np.array(["en", "en", "", ""], object))


def test_a_rule_set_gives_every_rule_that_is_on() -> None:
    found = {one.name: one for one in tried(GopherQuality(max_words=None), "gopher_quality", "here", batch(text=TEXTS))}
    assert "gopher_quality.too_many_words" not in found
    few = found["gopher_quality.too_few_words"]
    assert (few.side, few.threshold) == ("least", 50.0) and few.fails.all()
    chinese = tried(GopherQuality(), "gopher_quality", "here", batch(text=["我们在这里", "we are here"]))
    (stops,) = (one for one in chinese if one.name == "gopher_quality.too_few_stop_words")
    assert stops.judged.tolist() == [False, True]


def test_an_operator_without_rules_is_one_rule() -> None:
    (one,) = tried(Length(min=14), "length", "here", batch(text=TEXTS))
    assert one.name == "length" and one.values is None and one.fails.tolist() == [True, False, True, True]


def test_an_operator_that_raises_is_named() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Broken:
        def judge(self, batch: Batch) -> pa.StructArray:
            raise ZeroDivisionError

    with pytest.raises(OperatorError, match=r"refine\[3\] broken: it raised ZeroDivisionError"):
        tried(Broken(), "broken", "refine[3] broken", batch(text=TEXTS))


def test_counts_languages_and_examples() -> None:
    rows = batch(text=TEXTS)
    (found,) = (one for one in tried(GopherQuality(min_words=4), "g", "g", rows) if one.name == "g.too_few_words")
    tally = RuleTally(name=found.name, operator="g", side=found.side, threshold=found.threshold)
    tally.add(found, seen(rows))
    look = tally.look(alone=2)
    assert (look.judged, look.dropped, look.alone) == (4, 3, 2)
    assert [(one.name, one.rows, one.dropped) for one in look.languages] == [("en", 2, 1)]
    assert [(one.text, one.value) for one in look.kept_nearest] == [("one two three four five six", 6.0)]
    assert [one.value for one in look.dropped_nearest] == [3.0, 0.0, 0.0]
    assert look.histogram is not None and look.histogram.edges.index(4.0) > 0


def test_rows_that_an_operator_set_aside_are_neither_judged_nor_failed() -> None:
    one = Tried("r", "o", np.array([True, True]), np.array([True, False]), "most", 1.0, np.array([5.0, 1.0]))
    spread = one.spread(np.array([0, 2]), 3)
    assert spread.judged.tolist() == [True, False, True] and spread.fails.tolist() == [True, False, False]
    texts = seen(batch(text=["a", "b", "c", "d"])).rewritten(pa.array(["A", "C"]), np.array([0, 2]))
    assert texts.text(2) == "C"
