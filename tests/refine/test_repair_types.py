"""Columns of texts become the numbers, dates and yes-or-no that they mean; codes and words stay texts."""

from __future__ import annotations

import datetime
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.errors import RecipeError
from tilth.core.operator import Outcome
from tilth.refine.repair_types import RepairTypes
from tilth.testing import batch, check_operator


def repaired(texts: list[str | None], **options: Any) -> Outcome:
    rows = batch(cell=pa.array(texts, pa.string()))
    fold = RepairTypes(**options)
    return fold.finish(fold.observe(rows)).map(rows)


@pytest.mark.parametrize(
    ("texts", "kind", "first"),
    [
        (["1", "2", "3", "-4", "1,200"], pa.int64(), 1),
        (["1.5", "2", "3", "4", "5"], pa.float64(), 1.5),
        (["1,5", "2,25", "1.234,5", "4", "1.200"], pa.float64(), 1.5),
        (["€5", "6 €", "7", "8", "9"], pa.int64(), 5),
        (["yes", "No", "Y", "n", "YES"], pa.bool_(), True),
        (["是", "否", "是", "是", "否"], pa.bool_(), True),
        (["0", "1", "1", "0", "1"], pa.int64(), 0),
        (["2024-05-01", "2024年5月2日", "3 May 2024", "20240504", "2024/5/5"], pa.date32(), datetime.date(2024, 5, 1)),
        (["01/02/2024", "25/02/2024", "03/02/2024", "04/02/2024", "5/2/2024"], pa.date32(), datetime.date(2024, 2, 1)),
        (["2024-05-01 10:00"] * 5, pa.timestamp("us"), datetime.datetime(2024, 5, 1, 10)),
        (["01234", "00501", "10001", "20002", "30003"], pa.string(), "01234"),
        (["12345678901234567", "1", "2", "3", "4"], pa.string(), "12345678901234567"),
        (["01/02/2024", "03/04/2024", "05/06/2024", "07/08/2024", "09/10/2024"], pa.string(), "01/02/2024"),
        (["red", "blue", "3", "4", "five"], pa.string(), "red"),
        (["1", "2", "3", "4", None], pa.string(), "1"),
    ],
)
def test_a_column_is_what_its_cells_can_be_read_as(texts: list[str | None], kind: pa.DataType, first: Any) -> None:
    found = repaired(texts).batch.column("cell")
    assert (found.type, found[0].as_py()) == (kind, first)


def test_the_decimal_comma_is_decided_by_the_column() -> None:
    assert repaired(["1,5", "2,25", "1.200", "4", "5"]).batch.column("cell").to_pylist()[2] == 1200.0


def test_junk_is_blanked_and_recorded_or_its_row_set_aside() -> None:
    texts: list[str | None] = [*map(str, range(18)), "?", "n/a"]
    found = repaired(texts)
    assert found.batch.column("cell").to_pylist()[17:] == [17, None, None]
    assert found.batch.column("unread").to_pylist()[17:] == [[], ["cell"], []]
    assert "unread" not in repaired(texts, into=None).batch.schema.names
    aside = repaired(texts, unread="fail")
    assert [failure.reason for failure in aside.failures] == ["cell: cannot be read as whole"]
    assert aside.batch.num_rows == 19


def test_a_test_row_does_not_change_what_train_rows_said() -> None:
    fold = RepairTypes()
    typed = fold.finish(fold.observe(batch(cell=["1", "2", "3", "4", "5"])))
    found = typed.map(batch(cell=["2.5", "x", "7"]))
    assert found.batch.column("cell").to_pylist() == [None, None, 7]
    assert found.batch.column("unread").to_pylist() == [["cell"], ["cell"], []]


def test_a_request_may_lack_columns() -> None:
    fold = RepairTypes()
    typed = fold.finish(fold.observe(batch(a=["1"] * 5, label=["yes"] * 4 + ["no"])))
    assert typed.map(batch(a=["7"])).batch.to_pydict()["a"] == [7]


def test_only_texts_are_looked_at() -> None:
    rows = batch(number=[1.5] * 5, text=["1"] * 5)
    fold = RepairTypes()
    found = fold.finish(fold.observe(rows)).map(rows).batch
    assert [found.schema.field(name).type for name in ("number", "text")] == [pa.float64(), pa.int64()]


def test_a_share_that_two_types_could_reach_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"repair_types: share 0.5"):
        RepairTypes(share=0.5)


@pytest.mark.slow
def test_it_keeps_the_contract_for_every_type() -> None:
    rows = batch(
        whole=["1", "2", "x", None] * 3, yes=["yes", "no", "x", "no"] * 3, day=["2024-05-01", "1 May 2024", "?", ""] * 3
    )
    check_operator(RepairTypes(share=0.6, least=1), rows)
    check_operator(RepairTypes(share=0.6, least=1, unread="fail"), rows)
