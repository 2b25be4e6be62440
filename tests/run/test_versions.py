"""Versions of a data set: each is listed, and two differ in exactly the rows and columns that were changed."""

from __future__ import annotations

import random
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.servers import s3

from tilth import api
from tilth.bytes.lease import lease
from tilth.core.batch import ID
from tilth.core.errors import DataError, LeaseHeld
from tilth.core.shard import RunKey, Shard
from tilth.run.stages import Book, receipt_json
from tilth.tables.project import Project
from tilth.tables.table import Table


def commit(root: Path, rows: list[dict[str, Any]], key: str, shards: int = 2) -> None:
    table = Project(str(root)).table("tickets")
    receipts = [
        table.write(Shard(id=str(shard)), [pa.RecordBatch.from_pylist(part)] if (part := rows[shard::shards]) else [])
        for shard in range(shards)
    ]
    table.commit(receipts, RunKey(key), None, table.newest(), mode="overwrite")


def differences(root: Path, *versions: int) -> dict[str, tuple[str, list[str] | None]]:
    with api.diff("tickets", *versions, root=root) as found:
        lines = [line for batch in found.rows.batches() for line in batch.to_pylist()]
    assert len({line[ID] for line in lines}) == len(lines)
    return {line[ID]: (line["what"], line["columns"]) for line in lines}


def test_rows_that_came_went_and_changed_are_named_with_their_columns(tmp_path: Path):
    chance = random.Random(5)
    before = [{ID: f"{n:032x}", "text": f"text {n}", "n": n, "tags": [str(n)], "_split": "train"} for n in range(400)]
    after, expected = [], {}
    for row in before:
        row = dict(row)
        match chance.randrange(6):
            case 0:
                expected[row[ID]] = ("removed", None)
                continue
            case 1:
                row["text"] += "!"
                expected[row[ID]] = ("changed", ["text"])
            case 2:
                row["n"], row["tags"] = None, [*row["tags"], "new"]
                expected[row[ID]] = ("changed", ["n", "tags"])
            case 3:
                row["_split"] = "test"
                expected[row[ID]] = ("changed", ["_split"])
        after.append(row)
    after += [{ID: f"{n:032x}", "text": "new", "n": n, "tags": [], "_split": "train"} for n in range(900, 930)]
    expected |= {f"{n:032x}": ("added", None) for n in range(900, 930)}
    commit(tmp_path, before, "one")
    # Other shards and another order change no row.
    chance.shuffle(after)
    commit(tmp_path, after, "two", shards=5)
    assert differences(tmp_path) == differences(tmp_path, 0, 1) == expected
    assert differences(tmp_path, 1, 1) == {}
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert {row: turned[what] for row, (what, _) in differences(tmp_path, 1, 0).items()} == {
        row: what for row, (what, _) in expected.items()
    }


def test_a_new_column_changes_the_rows_that_say_something_in_it(tmp_path: Path):
    commit(tmp_path, [{ID: "a", "text": "1"}, {ID: "b", "text": "2"}], "one")
    commit(tmp_path, [{ID: "a", "text": "1", "n": 7}, {ID: "b", "text": "2", "n": None}], "two")
    assert differences(tmp_path) == {"a": ("changed", ["n"])}
    commit(tmp_path, [{ID: "a", "text": 1}, {ID: "b", "text": 2}], "three")
    newest, *_, first = (one.version.number for one in api.versions("tickets", root=tmp_path))
    assert differences(tmp_path, first, newest) == {"a": ("changed", ["text"]), "b": ("changed", ["text"])}


def test_versions_are_listed_and_wrong_names_and_numbers_say_what_there_is(tmp_path: Path):
    commit(tmp_path, [{ID: "a", "text": "1"}], "one")
    assert [(one.version.number, one.rows) for one in api.versions("tickets", root=tmp_path)] == [(0, 1)]
    assert api.data_sets(tmp_path) == ["tickets"]
    with pytest.raises(DataError, match='no data set "tikets".*one of tickets'):
        api.versions("tikets", root=tmp_path)
    with pytest.raises(DataError, match="no data set.*tilth run"):
        api.versions("tickets", root=tmp_path / "elsewhere")
    with pytest.raises(DataError, match="there is no version before it"):
        differences(tmp_path)
    commit(tmp_path, [{ID: "b", "text": "1"}], "two")
    with pytest.raises(DataError, match=r"no version 7.*one of 0, 1"):
        differences(tmp_path, 0, 7)


def rows_of(root: Path) -> list[dict[str, Any]]:
    return [line for batch in Project(str(root)).table("tickets").scan().batches() for line in batch.to_pylist()]


def test_an_earlier_version_comes_back_and_the_others_stay(tmp_path: Path):
    first = [{ID: "a", "text": "1"}, {ID: "b", "text": "2"}]
    commit(tmp_path, first, "one")
    # Another column, another type, fewer rows: all of it turns back.
    commit(tmp_path, [{ID: "a", "text": 7, "n": 1.5}], "two")
    numbers = [one.version.number for one in api.versions("tickets", root=tmp_path)]
    back = api.checkout("tickets", numbers[-1], root=tmp_path)
    assert sorted(rows_of(tmp_path), key=lambda row: row[ID]) == first
    assert differences(tmp_path, numbers[-1], back) == {}
    assert differences(tmp_path, back, numbers[0]) == {"a": ("changed", ["n", "text"]), "b": ("removed", None)}
    # What is the newest needs no commit.
    assert api.checkout("tickets", back, root=tmp_path) == back
    forth = api.checkout("tickets", numbers[0], root=tmp_path)
    assert rows_of(tmp_path) == [{ID: "a", "text": 7, "n": 1.5}]
    assert forth > back
    with pytest.raises(DataError, match="no version 99"):
        api.checkout("tickets", 99, root=tmp_path)


def test_leftovers_go_and_what_a_stopped_run_goes_on_from_stays(tmp_path: Path):
    commit(tmp_path, [{ID: "a", "text": "1"}], "one")
    project = Project(str(tmp_path))
    table = project.table("tickets")
    lost, promised = (
        table.write(Shard(id=name), [pa.RecordBatch.from_pylist([{ID: name, "text": name}])]) for name in ("x", "y")
    )
    Book(project.stages / "refine-1").keep("00001", {"rows": receipt_json(promised)})
    assert api.gc(root=tmp_path) == (0, 0)
    assert api.gc(root=tmp_path, days=0) == (1, lost.parts[0].bytes)
    assert not (table.folder / lost.parts[0].path).exists()
    assert (table.folder / promised.parts[0].path).is_file()
    assert rows_of(tmp_path) == [{ID: "a", "text": "1"}]
    with lease(project.root, owner="run"), pytest.raises(LeaseHeld):
        api.gc(root=tmp_path, days=0)
    with pytest.raises(DataError, match="no project"):
        api.gc(root=tmp_path / "elsewhere")


@pytest.mark.slow
def test_a_table_elsewhere_has_versions_and_can_be_cleared_and_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = s3.start()
    for name, value in s3.environment(server).items():
        monkeypatch.setenv(name, value)
    url = f"s3://{s3.make_bucket(server, f'versions-{uuid.uuid4().hex[:12]}')}/tickets"
    table = Table(url)
    for number in range(3):
        rows = [pa.RecordBatch.from_pydict({"_id": [f"r{number}", f"s{number}"], "text": ["a", "b"]})]
        receipt = table.write(Shard(id=f"s{number}"), rows)
        table.commit([receipt], RunKey(f"k{number}"), None, table.newest())
    assert [one.version.number for one in api.versions(url)] == [2, 1, 0]
    with api.diff(url, 0, 2) as found:
        assert sum(batch.num_rows for batch in found.rows.batches()) == 4
    done = api.compact(url)
    assert (done.before, done.after) == (3, 1)
    assert table.count() == 6
    assert api.checkout(url, 0) > 2
    assert table.count() == 2
    assert api.gc(url, days=0.01).files == 0
    with pytest.raises(DataError, match="no table is there"):
        api.versions(f"{url}-none")
