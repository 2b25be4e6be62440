"""The sink `delta` keeps rows in any store, in one act, and tries a connection for real."""

import itertools
import time
from pathlib import Path

import pytest
from tests.servers import s3
from tests.tables.places import EVERYWHERE, all_rows, ids, place, rows

from tilth.bytes.stores.local import LocalStore
from tilth.connectors.delta import Delta
from tilth.core.errors import CommitConflict, DataError, RecipeError, Transient
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.tables.table import Table
from tilth.testing import check_sink

MODES = ("replace", "append", "upsert")


def held(sink):
    return all_rows(sink.table)


def stored(sink, key, *batches, expected=None):
    receipts = [sink.write(Shard(id=f"{key}-{at}"), batch) for at, batch in enumerate(batches)]
    return sink.commit(receipts, RunKey(key), None, expected)


@pytest.mark.slow
@pytest.mark.parametrize("compact", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_it_keeps_the_sinks_contract(tmp_path, mode, compact):
    numbers = itertools.count()
    check_sink(
        lambda: Delta(path=str(tmp_path / str(next(numbers))), mode=mode, compact=compact),
        held,
        Delta.newest,
        then="replace" if mode == "replace" else "append",
    )


@pytest.mark.slow
def test_it_keeps_the_sinks_contract_in_a_bucket(tmp_path):
    numbers = itertools.count()
    with place("s3", tmp_path) as root:
        check_sink(lambda: Delta(path=f"{root}/{next(numbers)}"), held, Delta.newest, then="replace", processes=False)


def test_a_folder_is_relative_to_the_recipe_and_a_url_is_not():
    assert Delta(path="out/support").anchored(Path("/project")).path == "/project/out/support"
    assert Delta(path="out/support").anchored(Path("/project")).table.name == "out/support"
    assert Delta(path="s3://bucket/support").anchored(Path("/project")).path == "s3://bucket/support"


@pytest.mark.parametrize("path", ["ftp://host/x", "s3://user:hidden1@bucket/x", "s3://bucket/x?y=1"])
def test_a_path_that_names_no_store_is_the_recipes_fault(path):
    with pytest.raises(RecipeError, match=r"^delta\.path: ") as error:
        Delta(path=path)
    assert "hidden1" not in str(error.value)


def test_a_replacement_keeps_the_versions_before(tmp_path):
    sink = Delta(path=str(tmp_path))
    one = stored(sink, "1", rows("a", "b", n=[1, 2]))
    two = stored(sink, "2", rows("c", text=["see"]), expected=one)
    assert held(sink) == [{"_id": "c", "text": "see"}]
    assert ids(sink.table, one) == ["a", "b"]
    three = stored(sink, "3", expected=two)
    assert held(sink) == []
    assert sink.table.schema(three).names == ["_id", "text"]


def test_a_run_without_any_row_makes_a_table(tmp_path):
    sink = Delta(path=str(tmp_path))
    version = sink.commit([], RunKey("1"), Cursor(position={"at": 1}), None)
    assert held(sink) == []
    assert sink.newest() == version


def test_an_upsert_replaces_rows_of_the_same_key_and_no_others(tmp_path):
    sink = Delta(path=str(tmp_path), mode="upsert")
    one = stored(sink, "1", rows("a", "b", n=[1, 2]), rows("c", n=[3]), rows("d", n=[4]))
    before = sink.table.parts(one)
    two = stored(sink, "2", rows("b", "d", "e", n=[20, 40, 50], text=["x", "y", "z"]), expected=one)
    assert {row["_id"]: (row["n"], row["text"]) for row in held(sink)} == {
        "a": (1, None), "c": (3, None), "b": (20, "x"), "d": (40, "y"), "e": (50, "z"),
    }  # fmt: skip
    assert ids(sink.table)[:2] == ["a", "c"]
    # The part without a row of these keys was not written anew; the one that held nothing else is gone.
    assert before[1] in sink.table.parts(two)
    assert len(sink.table.parts(two)) == 3
    assert ids(sink.table, one) == ["a", "b", "c", "d"]


def test_an_upsert_may_go_by_several_columns(tmp_path):
    sink = Delta(path=str(tmp_path), mode="upsert", key=("shop", "number"))
    one = stored(sink, "1", rows("a", "b", shop=["1", "11"], number=[11, 1]))
    stored(sink, "2", rows("c", shop=["1"], number=[11]), expected=one)
    assert ids(sink.table) == ["b", "c"]


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (rows("a", "a"), "1 rows have a key that another row of the same run has"),
        (rows("a", None), "1 rows have no _id"),
    ],
)
def test_an_upsert_without_one_row_a_key_is_refused(tmp_path, work, message):
    sink = Delta(path=str(tmp_path), mode="upsert")
    one = stored(sink, "1", rows("a"))
    with pytest.raises(DataError, match=message):
        stored(sink, "2", work, expected=one)
    assert ids(sink.table) == ["a"]


def test_an_upsert_by_a_column_that_is_not_there_is_refused(tmp_path):
    sink = Delta(path=str(tmp_path), mode="upsert", key="nr")
    one = stored(sink, "1", rows("a", nr=[1]))
    with pytest.raises(DataError, match='no column "nr"'):
        stored(sink, "2", rows("a"), expected=one)


def test_an_upsert_beside_a_compaction_begins_again(tmp_path):
    sink = Delta(path=str(tmp_path), mode="upsert")
    one = stored(sink, "1", rows("a"), rows("b"), rows("c"))
    sink.table.compact()
    with pytest.raises(CommitConflict):
        stored(sink, "2", rows("c", n=[1]), expected=one)
    stored(sink, "2", rows("c", n=[1]), expected=sink.newest())
    assert [(row["_id"], row["n"]) for row in held(sink)] == [("a", None), ("b", None), ("c", 1)]


def test_small_parts_are_bundled_after_the_commit(tmp_path):
    sink = Delta(path=str(tmp_path), compact=True)
    version = stored(sink, "1", rows("a"), rows("b"), rows("c"))
    assert len(sink.table.parts()) == 1
    assert ids(sink.table) == ["a", "b", "c"]
    assert version == sink.newest()
    assert version.number == 1
    assert sink.commit([], RunKey("1"), None, None) == version


def test_a_compaction_that_fails_takes_back_nothing(tmp_path, monkeypatch):
    def fails(*_, **__):
        raise Transient("the store does not answer")

    monkeypatch.setattr(Table, "compact", fails)
    sink = Delta(path=str(tmp_path), compact=True)
    assert stored(sink, "1", rows("a"), rows("b")).number == 0
    assert ids(sink.table) == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_a_probe_tries_what_a_run_needs_and_leaves_nothing(kind, tmp_path):
    with place(kind, tmp_path) as root:
        sink = Delta(path=f"{root}/deep/table")
        found = list(sink.probe())
        assert [one.ok for one in found] == [True] * 6, found
        assert [one.what.rpartition(": ")[2] for one in found[:2]] == [
            "can be listed",
            "a second writer of one name is refused",
        ]
        assert "no table yet" in found[-1].what
        assert list(sink.table.home.store.list()) == []
        assert list(tmp_path.iterdir()) == []
        stored(sink, "1", rows("a", "b"))
        assert "version 0, 2 rows" in list(sink.probe())[-1].what


def test_a_probe_tells_of_a_store_that_lets_a_second_writer_in(tmp_path, monkeypatch):
    def careless(store, path, data):
        store.put(path, data)
        return True

    monkeypatch.setattr(LocalStore, "create", careless)
    bad = [one for one in Delta(path=str(tmp_path)).probe() if not one.ok]
    assert len(bad) == 1
    assert "is NOT refused" in bad[0].what
    assert "on condition" in bad[0].do


def test_a_probe_tells_of_a_clock_that_is_wrong(tmp_path, monkeypatch):
    real = time.time()
    monkeypatch.setattr(time, "time", lambda: real + 3600)
    bad = [one for one in Delta(path=str(tmp_path)).probe() if not one.ok]
    assert ["clock" in one.what for one in bad] == [True]
    assert "3600 s behind" in bad[0].what


@pytest.mark.slow
def test_a_probe_of_a_bucket_that_is_not_there_says_so(tmp_path):
    with place("s3", tmp_path) as root:
        found = list(Delta(path=root.replace("s3://b", "s3://nobody-has-")).probe())
        assert [one.ok for one in found] == [False]
        assert found[0].do
        assert s3.SECRET not in str(found)
