"""Reading SQL databases: the same promises on PostgreSQL, MySQL/MariaDB, SQLite and DuckDB."""

import json
import multiprocessing.forkserver
import threading

import pytest
from tests.servers import databases
from tests.servers.databases import run

from tilth.connectors._sql import ranges, window
from tilth.connectors.sql import Sql
from tilth.core.errors import DataError, RecipeError, Terminal, TilthError, Transient
from tilth.core.shard import Cursor
from tilth.testing import check_source
from tilth.testing.sources import check_plan, check_reading

TICKETS = "CREATE TABLE tickets (id {int} PRIMARY KEY, title {text}, updated_at {time}, age {int}, gone {bool})"
WORDS = {
    "postgresql": {"int": "bigint", "text": "text", "time": "timestamptz", "bool": "boolean"},
    "mysql": {"int": "bigint", "text": "varchar(100)", "time": "timestamp(6)", "bool": "tinyint(1)"},
    "sqlite": {"int": "integer", "text": "text", "time": "timestamp", "bool": "boolean"},
    "duckdb": {"int": "bigint", "text": "varchar", "time": "timestamptz", "bool": "boolean"},
}


class Place:
    """A database of one system, behind an environment variable."""

    def __init__(self, system, url):
        self.system, self.url, self.words = system, url, WORDS[system]

    def run(self, *statements):
        return run(self.url, *(statement.format(**self.words) for statement in statements))

    def tickets(self, *rows):
        """Make the table, with rows `(id, title, minute)`."""
        self.run(TICKETS)
        self.add(*rows)

    def add(self, *rows, age="NULL"):
        for start in range(0, len(rows), 500):
            values = ", ".join(
                f"({id}, '{title}', '2024-01-01 {minute // 60:02}:{minute % 60:02}:00{self.zone}', {age}, {self.false})"
                for id, title, minute in rows[start : start + 500]
            )
            self.run(f"INSERT INTO tickets VALUES {values}")

    @property
    def false(self):
        return "false" if self.system in ("postgresql", "duckdb") else "0"

    @property
    def zone(self):
        return "" if self.system == "mysql" else "+00:00"

    def source(self, **options):
        if "query" not in options:
            options.setdefault("table", "tickets")
        return Sql(url="env:SQL_TEST_URL", **options)


@pytest.fixture(params=databases.SYSTEMS)
def place(request, tmp_path, monkeypatch):
    url = databases.fresh(request.param, tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", url)
    return Place(request.param, url)


@pytest.fixture
def processes_see_the_environment():
    """Other processes are forked from one that keeps the environment of its start: end it."""
    multiprocessing.forkserver._forkserver._stop()
    yield
    multiprocessing.forkserver._forkserver._stop()


def records(source, since=None):
    shards, cursor = source.plan(since)
    return [record for shard in shards for record in source.read(shard)], Cursor(
        position=json.loads(json.dumps(dict(cursor.position)))
    )


def rows(source, since=None):
    return [row for record in records(source, since)[0] for row in record.batch.to_pylist()]


def titles(found):
    return [row["title"] for record in found for row in record.batch.to_pylist()]


def notes(found):
    return [note for record in found for note in record.notes]


@pytest.mark.slow
@pytest.mark.usefixtures("processes_see_the_environment")
def test_the_contract_holds(place):
    place.tickets(*((n, f"t{n}", n) for n in range(1, 21)))
    source = place.source(incremental="updated_at", shard_rows=10)
    check_source(
        source,
        grow=lambda: place.add(*((n, f"t{n}", n) for n in range(21, 31))),
        unsaid=("mariadb-test-pw", "postgres-test-pw"),
    )


@pytest.mark.slow
@pytest.mark.usefixtures("processes_see_the_environment")
def test_a_source_that_reads_all_keeps_the_contract_of_plans_and_readings(place):
    place.tickets(*((n * 7, f"t{n}", n) for n in range(1, 41)))
    source = place.source(shard_rows=9, key=("title", "id"), subject="title")
    shards, _ = check_plan(source)
    assert len(shards) == 5
    check_reading(source, shards)


def test_rows_come_in_the_order_of_the_key_with_its_values_as_names(place):
    place.tickets((10, "b", 1), (9, "a", 2))
    found, _ = records(place.source())
    assert titles(found) == ["a", "b"]
    assert [name for record in found for name in record.names] == ['"9"', '"10"']


def test_only_the_columns_and_rows_asked_for_leave_the_database(place):
    place.tickets(*((n, f"t{n}", n) for n in range(6)))
    found = rows(place.source(columns=("title", "nr"), rename={"id": "nr"}, where="id > 3"))
    assert found == [{"title": "t4", "nr": 4}, {"title": "t5", "nr": 5}]


def test_a_query_is_read_like_a_table(place):
    place.tickets((1, "a", 1), (2, "a", 2), (3, "b", 3))
    query = "SELECT title, count(*) AS n FROM tickets GROUP BY title;"
    assert rows(place.source(query=query, name="counts", key="title")) == [
        {"title": "a", "n": 2},
        {"title": "b", "n": 1},
    ]


def test_every_row_is_in_one_shard(place):
    place.run(TICKETS)
    source = place.source(shard_rows=3)
    there = 0
    for count in (0, 1, 3, 4, 11):
        place.add(*((n * n, f"t{n}", n) for n in range(there, count)))
        there = count
        assert len(source.plan()[0]) == -(-count // 3)
        assert [row["id"] for row in rows(source)] == [n * n for n in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("uneven", [False, True])
def test_a_large_table_with_numbers_for_keys_is_cut_evenly(place, uneven):
    place.tickets(*((n * 5 if n < 6000 or not uneven else n * 300, "x", 1) for n in range(12_000)))
    source = place.source(columns=("id",), shard_rows=1_000)
    counts = [sum(len(record.names) for record in source.read(shard)) for shard in source.plan()[0]]
    assert sum(counts) == 12_000 and len(counts) == 12 and max(counts) <= 1_001


@pytest.mark.slow
@pytest.mark.parametrize(("uneven", "shards", "asked"), [(False, 12, 60), (True, 36, 48)])
def test_shards_of_a_large_table_are_larger_unless_a_number_is_asked_for(place, monkeypatch, uneven, shards, asked):
    for name, count in (("SHARD_ROWS", 250), ("MANY_ROWS", 1_000), ("MANY", 8_000)):
        monkeypatch.setattr(ranges, name, count)
    place.tickets(*((n * 5 if n < 6000 or not uneven else n * 300, "x", 1) for n in range(12_000)))
    found = place.source(columns=("id",))
    counts = [sum(len(record.names) for record in found.read(shard)) for shard in found.plan()[0]]
    assert (sum(counts), len(counts)) == (12_000, shards)
    assert len(place.source(columns=("id",), shard_rows=250).plan()[0]) == asked


def test_a_reader_that_stops_early_leaves_the_database_alone(place):
    place.tickets(*((n, f"t{n}", 1) for n in range(2_000)))
    source = place.source(batch_rows=10)
    (shard,), _ = source.plan()
    reader = source.read(shard)
    assert next(record for record in reader if record.names).names[0] == '"0"'
    reader.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "tilth-sql-ahead"]
    assert len(rows(source)) == 2_000


def test_text_keys_are_cut_in_the_order_of_the_database(place):
    keys = ["b", "a", "É", "Z", "zz", "10", "9", "o''clock", "ß", "𠮷"]
    place.run("CREATE TABLE tickets (id {text} NOT NULL PRIMARY KEY, title {text})")
    listed = ", ".join(f"('{key}', 'x')" for key in keys)
    place.run(f"INSERT INTO tickets VALUES {listed}")
    found = rows(place.source(shard_rows=2))
    assert sorted(row["id"] for row in found) == sorted(key.replace("''", "'") for key in keys)


def test_rows_without_a_key_become_rejects(place):
    place.run("CREATE TABLE tickets (a {int}, b {text})", "INSERT INTO tickets VALUES (1, 'x'), (NULL, 'y'), (2, 'z')")
    found, _ = records(place.source(key="a", shard_rows=1))
    assert [row["b"] for record in found for row in record.batch.to_pylist()] == ["x", "z"]
    assert [reject.reason for record in found for reject in record.rejects] == ['the key "a" is empty']


def test_a_table_without_a_primary_key_needs_a_key(place):
    place.run("CREATE TABLE tickets (a {int})")
    with pytest.raises(DataError, match="no primary key.*key: …"):
        place.source().plan()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"table": "nowhere"}, "nowhere"),
        ({"columns": ("titel",)}, 'columns: no column "titel".*Did you mean "title"'),
        ({"key": "idd"}, 'key: no column "idd"'),
        ({"incremental": "updated"}, 'incremental: no column "updated"'),
        ({"where": "no such thing"}, "."),
    ],
)
def test_what_is_not_there_is_said(place, options, said):
    place.tickets((1, "a", 1))
    with pytest.raises(DataError, match=said):
        records(place.source(**options))


def test_a_run_reads_what_changed_since_the_last_one(place):
    place.tickets((1, "a", 1), (2, "b", 2))
    source = place.source(incremental="updated_at")
    found, cursor = records(source)
    assert titles(found) == ["a", "b"]
    assert records(source, cursor) == ([], cursor)
    place.add((3, "c", 5))
    place.run(f"UPDATE tickets SET title = 'B', updated_at = '2024-01-01 00:06:00{place.zone}' WHERE id = 2")
    found, later = records(source, cursor)
    assert titles(found) == ["B", "c"]
    assert records(source, later) == ([], later)


def test_rows_that_come_late_or_share_the_last_value_are_read(place):
    place.tickets((1, "a", 10), (2, "b", 20))
    source = place.source(incremental="updated_at", overlap="5m")
    _, cursor = records(source)
    place.add((3, "same", 20), (4, "late", 16), (5, "too late", 11))
    found, later = records(source, cursor)
    assert sorted(titles(found)) == ["late", "same"]
    assert records(source, later)[0] == []


def test_late_rows_of_a_key_of_several_columns_are_read(place):
    place.tickets((1, "a", 10))
    source = place.source(incremental="updated_at", key=("id", "title"))
    _, cursor = records(source)
    place.add((2, "o''clock", 10))
    assert titles(records(source, cursor)[0]) == ["o'clock"]


def test_a_window_with_very_many_rows_is_read_again_as_a_whole(place, monkeypatch):
    monkeypatch.setattr(window, "MOST_SEEN", 5)
    place.tickets(*((n, f"t{n}", 5) for n in range(7)))
    source = place.source(incremental="updated_at", overlap=0)
    _, cursor = records(source)
    assert cursor.position["seen"] is None
    place.add((8, "late", 5))
    assert "late" in titles(records(source, cursor)[0])


def test_numbers_serve_as_cursor(place):
    place.tickets((1, "a", 1), (2000, "b", 1))
    source = place.source(incremental="id")
    _, cursor = records(source)
    assert cursor.position["last"] == "2000"
    place.add((2001, "c", 1), (1500, "late", 1), (900, "too late", 1))
    assert sorted(titles(records(source, cursor)[0])) == ["c", "late"]


def test_young_rows_wait_for_the_next_run(place):
    place.tickets((1, "old", 1))
    place.run("INSERT INTO tickets VALUES (2, 'young', '2999-01-01 00:00:00+00:00', 0, false)") if (
        place.system != "mysql"
    ) else place.run("INSERT INTO tickets VALUES (2, 'young', utc_timestamp(), 0, 0)")
    source = place.source(incremental="updated_at", lag="1h")
    found, cursor = records(source)
    assert titles(found) == ["old"]
    assert records(source, cursor) == ([], cursor)


@pytest.mark.parametrize("condition", [False, True])
def test_rows_marked_as_deleted_are_gone(place, condition):
    place.tickets((1, "a", 1), (2, "b", 2), (3, "c", 3))
    true = "true" if place.false == "false" else "1"
    source = place.source(incremental="updated_at", deleted=f"gone = {true}" if condition else "gone")
    found, cursor = records(source)
    assert titles(found) == ["a", "b", "c"]
    place.run(f"UPDATE tickets SET gone = {true}, updated_at = '2024-01-01 01:00:00{place.zone}' WHERE id = 2")
    found, _ = records(source, cursor)
    assert titles(found) == []
    assert [name for record in found for name in record.gone] == ['"2"']
    assert titles(records(source)[0]) == ["a", "c"]


def test_a_row_that_no_longer_meets_the_condition_is_gone(place):
    place.tickets((1, "a", 1), (2, "b", 2))
    source = place.source(incremental="updated_at", where="title <> 'x'")
    _, cursor = records(source)
    place.run(f"UPDATE tickets SET title = 'x', updated_at = '2024-01-01 01:00:00{place.zone}' WHERE id = 1")
    found, _ = records(source, cursor)
    assert ([name for record in found for name in record.gone], titles(found)) == (['"1"'], [])


def test_a_column_that_comes_is_read_and_said(place):
    place.tickets((1, "a", 1))
    source = place.source(incremental="updated_at")
    _, cursor = records(source)
    place.run("ALTER TABLE tickets ADD COLUMN extra {text}")
    found, later = records(source, cursor)
    assert [note for note in notes(found) if "schema" in note] == ["tickets: schema: column extra came (text)"]
    place.run(f"UPDATE tickets SET extra = 'e', updated_at = '2024-01-01 01:00:00{place.zone}'")
    found, _ = records(source, later)
    assert [row["extra"] for record in found for row in record.batch.to_pylist()] == ["e"]
    assert not [note for note in notes(found) if "schema" in note]


def test_a_column_that_goes_is_empty_and_said(place):
    place.tickets((1, "a", 1))
    source = place.source(incremental="updated_at")
    _, cursor = records(source)
    place.run("ALTER TABLE tickets DROP COLUMN age")
    place.run(f"UPDATE tickets SET updated_at = '2024-01-01 01:00:00{place.zone}'")
    found, later = records(source, cursor)
    assert "tickets: schema: column age went; it is empty from now on" in notes(found)
    assert [row["age"] for record in found for row in record.batch.to_pylist()] == [None]
    assert records(source, later)[0] == []


def _retype(place, kind):
    if place.system == "sqlite":
        place.run("ALTER TABLE tickets RENAME TO old", TICKETS.replace("age {int}", f"age {kind}"))
        place.run("INSERT INTO tickets SELECT * FROM old", "DROP TABLE old")
    elif place.system == "mysql":
        place.run(f"ALTER TABLE tickets MODIFY age {kind}")
    else:
        place.run(f"ALTER TABLE tickets ALTER COLUMN age TYPE {kind}")


def test_a_column_that_becomes_text_stops_the_run_and_says_what_to_do(place):
    place.tickets((1, "a", 1))
    source = place.source(incremental="updated_at")
    _, cursor = records(source)
    _retype(place, WORDS[place.system]["text"])
    with pytest.raises(DataError, match=r"column age became text \(was int64\).*types: \{age: int\}"):
        source.plan(cursor)


def test_a_source_that_reads_all_takes_the_new_type_and_says_so(place):
    place.tickets((1, "a", 1))
    _, cursor = records(place.source())
    _retype(place, WORDS[place.system]["text"])
    assert "tickets: schema: column age became text (was int64)" in notes(records(place.source(), cursor)[0])


def test_a_type_that_is_asked_for_is_what_rows_have(place):
    place.tickets((7, "a", 1))
    source = place.source(types={"id": "string", "age": "float", "gone": "int"}, columns=("id", "age", "gone"))
    assert rows(source) == [{"id": "7", "age": None, "gone": 0}]


def test_a_probe_says_what_works(place):
    place.tickets((1, "a", 1))
    found = list(place.source().probe())
    assert all(finding.ok for finding in found)
    assert found[0].what.startswith("connected: ")
    bad = list(place.source(table="nowhere").probe())
    assert not bad[-1].ok and "nowhere" in bad[-1].what


@pytest.mark.parametrize("system", databases.SERVED)
def test_a_wrong_password_is_said_without_it(system, tmp_path, monkeypatch):
    url = databases.fresh(system, tmp_path)
    monkeypatch.setenv("SQL_TEST_URL", url.replace("-test-pw", "-wrong-pw"))
    source = Sql(url="env:SQL_TEST_URL", table="tickets")
    with pytest.raises(Terminal) as caught:
        source.plan()
    assert "wrong-pw" not in str(caught.value)
    assert [finding.ok for finding in source.probe()] == [False]


@pytest.mark.parametrize("system", databases.SERVED)
def test_a_server_that_is_not_there_is_worth_another_try(system, monkeypatch):
    monkeypatch.setenv("SQL_TEST_URL", f"{system}://ann:secret-pw@127.0.0.1:1/crm")
    with pytest.raises(Transient) as caught:
        Sql(url="env:SQL_TEST_URL", table="tickets").plan()
    assert "secret-pw" not in str(caught.value)


@pytest.mark.parametrize("system", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_not_made(system, tmp_path):
    source = Sql(url=f"{system}:///none.db", table="tickets").anchored(tmp_path)
    with pytest.raises(DataError, match="no file none.db"):
        source.plan()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"url": "oracle://x/y"}, "sql.url"),
        ({"url": "mysql://ann:secret@db/crm"}, "sql.url"),
        ({"table": None}, "sql.table"),
        ({"query": "SELECT 1"}, "sql.table"),
        ({"table": None, "query": "SELECT 1"}, "sql.name"),
        ({"table": None, "query": "SELECT 1", "name": "q"}, "sql.key"),
        ({"key": ()}, "sql.key"),
        ({"overlap": "1m"}, "sql.overlap"),
        ({"incremental": "id", "lag": "soon"}, "sql.lag"),
        ({"incremental": "id", "deletes": "compare"}, "sql.deletes"),
        ({"shard_rows": 0}, "sql.shard_rows"),
        ({"types": {"a": "text"}}, "sql.types.a"),
        ({"split": "dev"}, "sql.split"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options, where):
    with pytest.raises(RecipeError) as caught:
        Sql(**{"url": "mysql://ann@db/crm", "table": "t", **options})
    assert caught.value.where == where
    assert "secret" not in str(caught.value)


def test_a_source_cannot_write(place):
    place.tickets((1, "a", 1))
    with pytest.raises(TilthError):
        records(place.source(query="DELETE FROM tickets RETURNING id", name="q", key="id"))
    assert place.run("SELECT count(*) FROM tickets") == [(1,)]
