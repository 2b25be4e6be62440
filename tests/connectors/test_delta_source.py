"""A version of a Delta table is read as a source; rows that Tilth stored keep the names they had."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tilth.connectors.delta_source import DeltaSource
from tilth.core.connector import Record
from tilth.core.errors import DataError, RecipeError
from tilth.core.shard import RunKey, Shard
from tilth.tables.table import Table
from tilth.testing import check_source


def table(folder: Path, *versions: dict[str, list[object]]) -> str:
    held = Table(str(folder / "t"))
    for number, columns in enumerate(versions):
        receipt = held.write(Shard(id=f"s{number}"), [pa.RecordBatch.from_pydict(columns)])
        held.commit([receipt], RunKey(f"k{number}"), None, held.newest(), mode="overwrite")
    return str(folder / "t")


def records(source: DeltaSource) -> list[Record]:
    shards, _ = source.plan(None)
    return [record for shard in shards for record in source.read(shard)]


def test_the_newest_version_or_a_given_one(tmp_path: Path) -> None:
    path = table(tmp_path, {"n": [1, 2]}, {"n": [3]})
    assert [one.batch.to_pydict() for one in records(DeltaSource(path=path))] == [{"n": [3]}]
    assert [one.batch.to_pydict() for one in records(DeltaSource(path=path, version=0))] == [{"n": [1, 2]}]


def test_rows_of_tilths_own_keep_their_names_and_not_its_columns(tmp_path: Path) -> None:
    path = table(tmp_path, {"_id": ["a", "b"], "_split": ["train", "test"], "text": ["x", "y"]})
    (record,) = records(DeltaSource(path=path))
    assert record.batch.to_pydict() == {"text": ["x", "y"]}
    assert record.names == ('"a"', '"b"')


def test_keys_columns_and_new_names(tmp_path: Path) -> None:
    path = table(tmp_path, {"ticket": [7, 8], "who": ["ann", "bob"], "text": ["x", "y"]})
    source = DeltaSource(path=path, key="ticket", subject="who", columns=("words",), rename={"text": "words"})
    (record,) = records(source)
    assert record.batch.to_pydict() == {"words": ["x", "y"]}
    assert record.subjects == ("ann", "bob")
    assert len(set(record.names)) == 2


@pytest.mark.slow
def test_it_keeps_the_contract_of_sources(tmp_path: Path) -> None:
    columns: dict[str, list[object]] = {"id": list(range(100)), "text": [f"text {n}" for n in range(100)]}
    path = table(tmp_path / "one", columns)
    moved = table(tmp_path / "two", columns)
    check_source(DeltaSource(path=path, key="id", name="d"), moved=DeltaSource(path=moved, key="id", name="d"))


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    path = table(tmp_path, {"n": [1]})
    with pytest.raises(DataError):
        DeltaSource(path=str(tmp_path / "none")).plan(None)
    with pytest.raises(DataError):
        DeltaSource(path=path, version=7).plan(None)
    with pytest.raises(DataError, match="no column"):
        DeltaSource(path=path, key="nn").plan(None)
    with pytest.raises(RecipeError):
        DeltaSource(path="ftp://host/x")
    assert [finding.ok for finding in DeltaSource(path=path).probe()] == [True, True]
    assert [finding.ok for finding in DeltaSource(path=str(tmp_path / "none")).probe()] == [False]
