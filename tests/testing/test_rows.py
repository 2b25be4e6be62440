"""Rows for tests: built by hand, odd enough, cut into parts."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tilth.testing import batch, cut, example_batch, variants

ROWS = batch(text=[f"row {number % 5}" for number in range(20)], number=[float(number) for number in range(20)])


def test_variants_are_odd_enough() -> None:
    found = variants(example_batch())
    assert found["no rows"].num_rows == 0
    assert found["nulls"].column("text").null_count == found["nulls"].num_rows
    assert "\u200b" in "".join(found["odd"].column("text").to_pylist())
    assert not pc.all(pc.is_finite(found["odd"].column("number"))).as_py()
    assert all(some.schema == example_batch().schema for some in found.values())


def test_cutting_keeps_all_rows_even_when_there_are_few() -> None:
    assert [part.num_rows for part in cut(ROWS.slice(0, 3), 7)].count(1) == 3
    assert pa.Table.from_batches(cut(ROWS, 7)).equals(pa.Table.from_batches([ROWS]))


def test_batches_built_by_hand_have_ids() -> None:
    assert batch(ids=["x"], a=[1]).to_pylist() == [{"_id": "x", "a": 1}]
    assert batch().num_rows == 0
