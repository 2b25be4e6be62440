"""Changes of cells: which rows, which column, which characters; never the text, never a cell that says the same."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import ID, Batch, with_column
from tilth.core.fate import FATE
from tilth.run.ledger import Ledger, Tally
from tilth.run.pipe import Link, flow
from tilth.testing import batch


@dataclass(frozen=True, kw_only=True)
class Replaced:
    old: str
    new: str

    def map(self, batch: Batch) -> Batch:
        texts = [text and text.replace(self.old, self.new) for text in batch.column("text").to_pylist()]
        return with_column(batch, "text", texts, pa.string())


@dataclass(frozen=True, kw_only=True)
class Mapped:
    does: Callable[[Batch], Any]

    def map(self, batch: Batch) -> Any:
        return self.does(batch)


def links(*operators: Any) -> tuple[Link, ...]:
    return tuple(
        Link(place=f"refine[{n}] {type(one).__name__.lower()}", operator=one) for n, one in enumerate(operators)
    )


def through(rows: Batch, *operators: Any) -> tuple[Batch, list[dict[str, Any]], dict[str, Tally]]:
    ledger = Ledger()
    kept = flow(rows, links(*operators), ledger)
    parts = ledger.batches()
    assert all(part.schema == FATE for part in parts)
    return kept, [fate for part in parts for fate in part.to_pylist()], ledger.tallies


ODD = st.text(st.characters(codec="utf-8") | st.sampled_from("ab𝔘👩‍🚀e\u0301"), max_size=8)


@settings(max_examples=200, deadline=None)
@given(ODD, ODD)
def test_a_change_says_which_characters_changed(old: str, new: str) -> None:
    rows = batch(text=[old])
    kept, fates, _ = through(rows, Mapped(does=lambda some: with_column(some, "text", [new])))
    if old == new:
        assert fates == []
        return
    (fate,) = fates
    assert (fate["fate"], fate["column"], fate["rule"]) == ("changed", "text", "mapped")
    start, end, new_end = fate["start"], fate["end"], fate["new_end"]
    assert old[:start] + new[start:new_end] + old[end:] == new, "the span rebuilds the new text"
    assert 0 <= start <= end <= len(old)
    assert start <= new_end <= len(new)
    assert start in (end, new_end) or (old[start] != new[start] and old[end - 1] != new[new_end - 1]), "tight"
    assert kept.column("text").to_pylist() == [new]


def test_spans_count_characters_not_bytes_or_code_units() -> None:
    _, fates, _ = through(batch(text=["👍🏽𝔘 e-mail"]), Replaced(old="e-mail", new="[EMAIL]"))
    assert [(fate["start"], fate["end"], fate["new_end"]) for fate in fates] == [(4, 10, 11)]


@pytest.mark.parametrize(
    ("kind", "values", "other"),
    [
        (pa.float64(), [math.nan, 1.0, None], [math.nan, 2.0, None]),
        (pa.float16(), [math.nan, 1.0, None], [math.nan, 2.0, None]),
        (pa.list_(pa.float64()), [[math.nan], [1.0], None], [[math.nan], [2.0], None]),
        (pa.large_string(), ["a", "b", None], ["a", "c", None]),
        (pa.string_view(), ["a", "b", None], ["a", "c", None]),
        (pa.binary(), [b"a", b"b", None], [b"a", b"c", None]),
        (pa.bool_(), [True, False, None], [True, True, None]),
        (pa.decimal128(5, 2), [1, 2, None], [1, 3, None]),
        (pa.timestamp("ns"), [1, 2, None], [1, 3, None]),
        (pa.dictionary(pa.int8(), pa.string()), ["a", "b", None], ["a", "c", None]),
        (pa.struct([("a", pa.timestamp("ns"))]), [{"a": 1}, {"a": 2}, None], [{"a": 1}, {"a": 3}, None]),
        (pa.int64(), [1, None, 3], [1, 2, 3]),
        (pa.null(), [None, None, None], [None, None, None]),
    ],
    ids=str,
)
def test_only_cells_that_differ_are_changed_in_every_type(
    kind: pa.DataType, values: list[Any], other: list[Any]
) -> None:
    rows = batch(x=pa.array(values, kind))
    _, fates, tallies = through(rows, Mapped(does=lambda some: with_column(some, "x", pa.array(other, kind))))
    assert [fate[ID][-1] for fate in fates] == ([] if kind == pa.null() else ["1"])
    assert next(iter(tallies.values())).changed == len(fates)


def test_a_column_in_another_type_with_the_same_values_is_not_changed() -> None:
    rows = batch(x=[1, 2, None], y=["a", "b", None])

    def recast(some: Batch) -> Batch:
        return with_column(
            with_column(some, "x", pa.array([1.0, 2.5, None])), "y", pa.array(["a", "c", None], pa.large_string())
        )

    _, fates, tallies = through(rows, Mapped(does=recast))
    assert [(fate["column"], fate["start"]) for fate in fates] == [("x", None), ("y", 0)]
    assert tallies["refine[0] mapped"].changed == 1, "one row"


def test_columns_that_come_and_go_are_no_changes() -> None:
    rows = batch(x=[1], y=[2])
    _, fates, _ = through(rows, Mapped(does=lambda some: with_column(some.drop_columns(["x"]), "z", [3])))
    assert fates == []


def test_the_rule_of_a_change_may_be_the_operators_own() -> None:
    class Ruled(Replaced):
        rule = "shorter"

    _, fates, _ = through(batch(text=["ab"]), Ruled(old="b", new=""))
    assert fates[0]["rule"] == "shorter"
