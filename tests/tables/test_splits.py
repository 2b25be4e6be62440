"""The split table: later runs add to it, and it holds nothing but splits."""

import pyarrow as pa
import pytest

from tilth.core.errors import DataError
from tilth.core.shard import RunKey, Shard
from tilth.tables.splits import SPLIT_ROW, SplitTable
from tilth.tables.table import Table


def line(row: str, split: str, why: str = "hash"):
    return {"_id": row, "group": f"g-{row}", "split": split, "why": why}


def batch(*lines):
    return pa.RecordBatch.from_pylist(list(lines), schema=SPLIT_ROW)


@pytest.fixture
def splits(tmp_path):
    return SplitTable(Table(str(tmp_path / "splits"), name="splits/tickets"))


def read(splits: SplitTable):
    return [line for found in splits.current().batches() for line in found.to_pylist()]


def test_lines_are_added_to(splits):
    assert read(splits) == []
    first = splits.commit([splits.write(Shard(id="0"), [batch(line("a", "train"))])], RunKey("1"), None)
    splits.commit([splits.write(Shard(id="1"), [batch(line("b", "test", "old"))])], RunKey("2"), first)
    assert read(splits) == [line("a", "train"), line("b", "test", "old")]


def test_another_split_is_refused(splits):
    with pytest.raises(DataError, match=r'splits/tickets: no split "dev"\. Wanted: one of train, valid, test'):
        splits.write(Shard(id="0"), [batch(line("a", "train"), line("b", "dev"))])
    with pytest.raises(DataError, match="these rows assign no split"):
        splits.write(Shard(id="0"), [pa.RecordBatch.from_pydict({"_id": ["a"]})])
