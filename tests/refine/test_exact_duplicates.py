"""One of each group of equal rows stays, and always the same one."""

from __future__ import annotations

import datetime
import math

import pyarrow as pa
import pytest

from tilth.core.errors import DataError, RecipeError
from tilth.engines.local import Local
from tilth.refine.exact_duplicates import ExactDuplicates
from tilth.testing import MemoryRows, batch, decide


def staying(operator: ExactDuplicates, rows: pa.RecordBatch) -> set[str]:
    """Return the ids that are left."""
    gone = {row for row, found in decide(operator, rows).items() if not found["keep"]}
    return set(rows.column("_id").to_pylist()) - gone


def test_the_smallest_id_stays_and_the_others_name_it() -> None:
    rows = batch(ids=["c", "a", "b", "d"], text=["same", "same", "same", "other"])
    decisions = decide(ExactDuplicates(), rows)
    assert decisions.keys() == {"a", "b", "c"}
    assert decisions["a"]["keep"]
    assert decisions["b"] == {
        "_id": "b",
        "cluster": "a",
        "keep": False,
        "rule": "exact_duplicates",
        "value": 1.0,
        "threshold": 1.0,
        "other_id": "a",
    }


def test_case_width_and_spaces_fold_unless_told_otherwise() -> None:
    rows = batch(ids=["a", "b", "c"], text=["Hello  World", " hello world\n", "ｈｅｌｌｏ ｗｏｒｌｄ"])
    assert staying(ExactDuplicates(), rows) == {"a"}
    assert staying(ExactDuplicates(fold=False), rows) == {"a", "b", "c"}


def test_chinese_texts_that_differ_in_one_character_both_stay() -> None:
    assert staying(ExactDuplicates(), batch(ids=["a", "b"], text=["我要取消订单", "我要取消定单"])) == {"a", "b"}


def test_blank_rows_are_not_duplicates_of_one_another() -> None:
    rows = batch(ids=list("abcde"), text=["", "  ", None, None, "\u200b"])
    assert staying(ExactDuplicates(), rows) == set("abcde")
    assert staying(ExactDuplicates(blanks=True), rows) == {"a", "c", "e"}


def test_null_and_empty_differ_beside_a_column_that_says_something() -> None:
    rows = batch(ids=list("abc"), text=["", None, None], n=[1, 1, 1])
    assert staying(ExactDuplicates(columns=("text", "n")), rows) == {"a", "b"}


def test_cells_do_not_run_together() -> None:
    rows = batch(ids=["a", "b"], x=["ab", "a"], y=["c", "bc"])
    assert staying(ExactDuplicates(columns=("x", "y")), rows) == {"a", "b"}


def test_lists_and_structs_are_compared_by_value() -> None:
    rows = batch(ids=["a", "b", "c"], text=[[{"x": 1, "y": 2}], [{"x": 1, "y": 2}], [{"x": 1, "y": 3}]])
    assert staying(ExactDuplicates(), rows) == {"a", "c"}


DAY = datetime.date(2024, 5, 1)


@pytest.mark.parametrize(
    ("values", "best"),
    [
        (pa.array([1, 3, 2, None]), "b"),
        (pa.array([-5, -1, -3, None]), "b"),
        (pa.array([0, 2**64 - 1, 2**63, None], pa.uint64()), "b"),
        (pa.array([-0.5, 1e-300, -math.inf, math.nan]), "b"),
        (pa.array([1.5, math.inf, 1e308, None]), "b"),
        (pa.array(["a", "b", "ab", None]), "b"),
        (pa.array(["a", "ab", "", None]), "b"),
        (pa.array(["", "龙", "zz", None]), "b"),
        (pa.array([DAY, DAY.replace(year=2025), DAY.replace(year=1950), None]), "b"),
        (pa.array([False, True, False, None]), "b"),
        (pa.array([None, None, None, None], pa.int64()), "a"),
        (pa.array([None, None, None, None]), "a"),
        (pa.array([7, 7, 7, 7]), "a"),
    ],
)  # fmt: skip
def test_the_greatest_preferred_stays_then_the_smallest_id(values: pa.Array, best: str) -> None:
    rows = batch(ids=list("abcd"), text=["same"] * 4, prefer=values)
    decisions = decide(ExactDuplicates(prefer="prefer"), rows)
    assert [row for row, found in decisions.items() if found["keep"]] == [best]
    assert {found["cluster"] for found in decisions.values()} == {"a"}
    assert {found["other_id"] for found in decisions.values()} == {None, best}


def test_a_column_without_an_order_cannot_be_preferred() -> None:
    with pytest.raises(DataError, match='exact_duplicates: column "prefer" holds list'):
        decide(ExactDuplicates(prefer="prefer"), batch(text=["a"], prefer=[[1]]))


@pytest.mark.parametrize("prefer", [None, "n"])
def test_sorting_on_disk_gives_the_same_answer(prefer: str | None, tmp_path: object) -> None:
    rows = batch(text=[f"text {number % 40}" for number in range(200)], n=[number % 7 for number in range(200)])
    operator = ExactDuplicates(prefer=prefer)
    with Local(workers=1, spill=tmp_path) as engine:  # type: ignore[arg-type]
        found = operator.decide(MemoryRows(rows.slice(0, 90), rows.slice(90)), engine)
        listed = {line["_id"]: line for part in found.batches() for line in part.to_pylist()}
    assert listed == decide(operator, rows)
    assert sum(not line["keep"] for line in listed.values()) == 160


@pytest.mark.parametrize("partitions", [0, -1])
def test_no_partitions_are_refused(partitions: int) -> None:
    with pytest.raises(RecipeError, match=f"exact_duplicates: partitions {partitions}. Wanted: 1 or more"):
        ExactDuplicates(partitions=partitions)
