"""Writing SQL databases: the same promises on PostgreSQL, MySQL/MariaDB, SQLite and DuckDB."""

import itertools
import multiprocessing.forkserver

import pyarrow as pa
import pytest
from tests.servers import databases
from tests.servers.databases import run

from tilth.connectors._sql.address import connect, dialect_of
from tilth.connectors.sql_table import SqlTable
from tilth.core.errors import DataError, RecipeError, Terminal
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.testing import batch, check_sink

_numbers = itertools.count()


@pytest.fixture(params=databases.SYSTEMS)
def url(request, tmp_path, monkeypatch):
    found = databases.fresh(request.param, tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", found)
    # Other processes are forked from one that keeps the environment of its start: end it.
    multiprocessing.forkserver._forkserver._stop()
    yield found
    multiprocessing.forkserver._forkserver._stop()


def sink(**options):
    return SqlTable(**{"mode": "replace", "url": "env:SQL_TEST_URL", "table": f"t{next(_numbers)}", **options})


def seen(of):
    """Return the rows as a reader sees them: none where there is no table."""
    with connect(of.url, "test") as session:
        dialect = dialect_of(of.url, "test")
        if of.table not in dialect.tables(session, "", of.table):
            return []
        columns = dialect.columns(session, dialect.table(of.table))
        names = ", ".join(column.read for column in columns)
        found = session.stream(f"SELECT {names} FROM {dialect.table(of.table)}", columns, 1000)
        return [row for piece in found for row in piece.batch.to_pylist()]


def tables(url):
    with connect("env:SQL_TEST_URL", "test") as session:
        return dialect_of("env:SQL_TEST_URL", "test").tables(session, "", "_tilth_")


def seen_with_nul(of):
    """PostgreSQL holds no NUL: what stands for it is read as what it was."""
    if dialect_of(of.url, "test").name != "postgresql":
        return seen(of)
    return [{name: cell.replace("␀", "\0") if isinstance(cell, str) else cell for name, cell in row.items()}
            for row in seen(of)]  # fmt: skip


def committed(to, rows, key="run-1", expected=None, cursor=None):
    receipts = [to.write(Shard(id=f"s{number}"), iter([each])) for number, each in enumerate(rows)]
    return to.commit(receipts, RunKey(key), cursor, expected)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["replace", "append", "upsert"])
def test_the_contract_holds(url, mode):
    then = "replace" if mode == "replace" else "append"
    check_sink(lambda: sink(mode=mode), seen_with_nul, SqlTable.newest, then=then, processes=mode == "replace")


def test_replace_leaves_the_rows_of_the_version_and_no_others(url):
    to = sink()
    first = committed(to, [batch(ids=["a", "b", "c"], n=[1, 2, 3])])
    second = committed(to, [batch(ids=["b", "d"], n=[20, 4])], "run-2", first, Cursor(position={"at": 2}))
    assert sorted((row["_id"], row["n"]) for row in seen(to)) == [("b", 20), ("d", 4)]
    assert to.newest() == second and second.number == 2


def test_upsert_updates_and_adds(url):
    to = sink(mode="upsert", key=("_id", "n"))
    first = committed(to, [batch(ids=["a", "a"], n=[1, 2], text=["x", "y"])])
    committed(to, [batch(ids=["a", "b"], n=[2, 1], text=["Y", "z"])], "run-2", first)
    assert sorted((row["_id"], row["n"], row["text"]) for row in seen(to)) == [
        ("a", 1, "x"), ("a", 2, "Y"), ("b", 1, "z"),
    ]  # fmt: skip


def test_a_key_that_stands_twice_stops_the_commit(url):
    to = sink(mode="upsert")
    first = committed(to, [batch(ids=["a"], n=[1])])
    with pytest.raises(DataError, match="stands twice"):
        committed(to, [batch(ids=["b"], n=[1]), batch(ids=["b"], n=[2])], "run-2", first)
    assert [row["_id"] for row in seen(to)] == ["a"] and to.newest() == first


def test_an_empty_key_stops_the_writer(url):
    with pytest.raises(DataError, match='the key "_id" is empty'):
        sink().write(Shard(id="s"), iter([batch(ids=["a", None], n=[1, 2])]))


def test_a_new_column_is_added_and_empty_in_old_rows(url):
    to = sink(mode="upsert")
    first = committed(to, [batch(ids=["a"], n=[1])])
    committed(to, [batch(ids=["b"], n=[2], more=["m"]), batch(ids=["c"], n=[3])], "run-2", first)
    assert sorted((row["_id"], row["more"]) for row in seen(to)) == [("a", None), ("b", "m"), ("c", None)]


def test_a_type_that_does_not_fit_stops_the_writer(url):
    to = sink()
    committed(to, [batch(ids=["a"], n=[1])])
    with pytest.raises(DataError, match='column "n" is .*, which cannot hold string'):
        to.write(Shard(id="s"), iter([batch(ids=["a"], n=["many"])]))
    assert [row["n"] for row in seen(to)] == [1]


def test_shards_of_different_types_are_refused(url):
    with pytest.raises(DataError, match='column "n" is int64 in one shard and text in another'):
        committed(sink(), [batch(ids=["a"], n=[1]), batch(ids=["b"], n=["x"])])


def test_without_create_nothing_is_made(url):
    with pytest.raises(DataError, match="no table"):
        committed(sink(create=False), [batch(ids=["a"], n=[1])])
    to = sink(create=False, columns=("n",))
    run(url, f"CREATE TABLE {to.table} (_id varchar(40) PRIMARY KEY, n bigint)")
    committed(to, [batch(ids=["a"], n=[1], text=["not asked for"])])
    assert seen(to) == [{"_id": "a", "n": 1}]
    with pytest.raises(DataError, match='no column "text"'):
        SqlTable(url=to.url, table=to.table, create=False).write(Shard(id="s"), [batch(ids=["a"], n=[1], text=["x"])])


def test_a_table_that_does_not_keep_the_key_unique_is_refused(url):
    to = sink()
    run(url, f"CREATE TABLE {to.table} (_id varchar(40), n bigint)")
    with pytest.raises(DataError, match="does not keep its key _id unique"):
        committed(to, [batch(ids=["a"], n=[1])])
    assert committed(sink(table=to.table, mode="append"), [batch(ids=["a"], n=[1])]).number == 1


def test_nothing_staged_is_left_after_a_commit(url, tmp_path):
    to = sink()
    to.write(Shard(id="left"), iter([batch(ids=["x"], n=[9])]))
    if dialect_of("env:SQL_TEST_URL", "test").stages == "tables":
        run(url, f"CREATE TABLE {to._target.prefix}w_dead (n int)")
    committed(to, [batch(ids=["a"], n=[1])])
    assert tables(url) == ["_tilth_commits"]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_what_was_staged_and_is_gone_is_said(url):
    to, other = sink(mode="append"), None
    receipt = to.write(Shard(id="s"), iter([batch(ids=["a"], n=[1])]))
    other = committed(to, [batch(ids=["b"], n=[1])])
    with pytest.raises(Terminal, match="gone"):
        to.commit([receipt], RunKey("run-2"), None, other)
    assert to.newest() == other


def test_lists_and_structs_are_written_as_json(url):
    to = sink()
    rows = batch(ids=["a", "b"], tags=pa.array([["x", "é"], None]), at=pa.array([{"n": 1}, None]))
    committed(to, [rows])
    found = sorted(seen(to), key=lambda row: row["_id"])
    assert [found[0]["tags"].replace(" ", ""), found[0]["at"].replace(" ", "")] == ['["x","é"]', '{"n":1}']
    assert (found[1]["tags"], found[1]["at"]) == (None, None)


def test_two_tables_of_a_database_have_versions_of_their_own(url):
    one, two = sink(), sink()
    first = committed(one, [batch(ids=["a"], n=[1])])
    assert two.newest() is None
    committed(two, [batch(ids=["b"], n=[1])])
    assert one.newest() == first


def test_a_probe_says_what_works_and_leaves_nothing(url):
    found = list(sink().probe())
    assert [finding.ok for finding in found] == [True] * 6
    assert tables(url) == []


@pytest.mark.parametrize("system", ["postgresql"])
def test_a_probe_says_what_is_not_allowed(system, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "SQL_TEST_URL", databases.fresh(system, tmp_path) + "?options=-c%20default_transaction_read_only=on"
    )
    found = list(sink().probe())
    assert not found[-1].ok and "read-only" in found[-1].what


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"url": "postgresql://ann:secret@db/crm"}, "sql_table.url"),
        ({"table": "a.b.c"}, "sql_table.table"),
        ({"mode": "merge"}, "sql_table.mode"),
        ({"key": ()}, "sql_table.key"),
        ({"columns": ("a", "a")}, "sql_table.columns"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, where):
    with pytest.raises(RecipeError) as caught:
        sink(**options)
    assert caught.value.where == where
