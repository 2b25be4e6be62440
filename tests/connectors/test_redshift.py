"""Read Redshift (PostgreSQL behind a shim): through a cursor and through S3, what is new, what is gone."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest
from tests.servers import redshift as servers
from tests.servers import s3

from tilth.connectors._redshift.columns import batch_of, schema_of
from tilth.connectors._redshift.session import Field, connected, literal
from tilth.connectors.redshift import Redshift
from tilth.core.errors import DataError, RecipeError, Terminal, Transient
from tilth.testing import check_source
from tilth.testing.sources import check_reading

pytestmark = pytest.mark.slow
DAY = datetime(2024, 1, 1, tzinfo=UTC)
TABLE = """CREATE TABLE tickets (id BIGINT, text VARCHAR(200), n DOUBLE PRECISION, updated TIMESTAMP, day DATE,
    raw VARBYTE(100), price DECIMAL(10,2), ok BOOLEAN, small SMALLINT, at TIME, gone BOOLEAN)"""


class Tickets:
    """A table of a test's own."""

    def __init__(self, monkeypatch) -> None:
        self.server = servers.start()
        self.url = servers.database(self.server)
        monkeypatch.setenv("REDSHIFT_TEST_URL", self.url)
        monkeypatch.setenv("REDSHIFT_TEST_ROLE", servers.ROLE)
        self.run(TABLE)

    def run(self, *statements: str) -> None:
        with connected(self.url, where="test") as session:
            for statement in statements:
                session.execute(statement)
            session.commit()

    def add(self, *numbers: int, updated: datetime | None = None) -> None:
        rows = []
        for number in numbers:
            when = (updated or DAY + timedelta(seconds=number)).isoformat(sep=" ")[:19]
            rows.append(
                f"({number}, 'é {number}', {number / 2}, '{when}', '2024-02-29', '\\x00ff', 1.5, TRUE, 7, '01:02:03')"
            )
        self.run(f"INSERT INTO tickets VALUES {', '.join(rows)}")

    def source(self, **options) -> Redshift:
        return Redshift(**{"url": "env:REDSHIFT_TEST_URL", "table": "tickets", "key": "id", **options})

    def staged(self, **options) -> Redshift:
        return self.source(staging=self.staging, iam_role="env:REDSHIFT_TEST_ROLE", **options)


@pytest.fixture
def tickets(monkeypatch) -> Tickets:
    made = Tickets(monkeypatch)
    server = s3.start()
    for name, value in s3.environment(server).items():
        monkeypatch.setenv(name, value)
    made.staging = f"s3://{s3.make_bucket(server, f'tilth-{uuid.uuid4().hex[:12]}')}/pre"
    made.add(*range(60))
    return made


def objects(staging: str) -> list[str]:
    bucket = staging.removeprefix("s3://").partition("/")[0]
    found = s3.client(s3.start()).list_objects_v2(Bucket=bucket)
    return [each["Key"] for each in found.get("Contents", [])]


def read(source: Redshift, since=None):
    shards, cursor = source.plan(since)
    records = [record for shard in shards for record in source.read(shard)]
    return [row for record in records for row in record.batch.to_pylist()], records, cursor


ROW = {
    "id": 3,
    "text": "é 3",
    "n": 1.5,
    "updated": datetime(2024, 1, 1, 0, 0, 3, tzinfo=UTC),
    "day": date(2024, 2, 29),
    "raw": b"\x00\xff",
    "price": Decimal("1.50"),
    "ok": True,
    "small": 7,
    "at": "01:02:03.000000",
    "gone": None,
}


@pytest.mark.parametrize("how", ["source", "staged"])
def test_the_contract_holds(tickets, how):
    source = getattr(tickets, how)(incremental="updated", shard_rows=20)
    moved = getattr(tickets, how)(incremental="updated", shard_rows=20)
    secret = tickets.url.partition("@")[0].rpartition(":")[2]
    # The process that another worker would be may have been forked before these variables were set.
    check_source(source, moved=moved, grow=lambda: tickets.add(*range(60, 80)), unsaid=[secret], processes=False)


def test_another_process_reads_the_same(tickets):
    source = tickets.source(url=tickets.url, shard_rows=25)
    check_reading(source, source.plan()[0])


@pytest.mark.parametrize("how", ["source", "staged"])
def test_rows_come_with_their_types_in_ranges_of_the_key(tickets, how):
    source = getattr(tickets, how)(shard_rows=25)
    shards, _ = source.plan()
    assert [sum(record.batch.num_rows for record in source.read(shard)) for shard in shards] == [25, 25, 10]
    rows, records, _ = read(source)
    assert rows[3] == ROW
    assert [name for record in records for name in record.names] == [f'"{number}"' for number in range(60)]
    assert objects(tickets.staging) == []


@pytest.mark.parametrize("how", ["source", "staged"])
def test_conditions_with_odd_signs_mean_what_they_say(tickets, how):
    tickets.run("INSERT INTO tickets (id, text) VALUES (100, 'it''s 100%? yes')")
    source = getattr(tickets, how)(columns=("text",), where="text LIKE 'it''s 100\\%?%'")
    assert read(source)[0] == [{"text": "it's 100%? yes"}]


def test_a_query_and_a_key_of_texts_can_be_read(tickets):
    source = tickets.source(table=None, query="SELECT text AS t, id * 2 AS twice FROM tickets", key="t", name="twice")
    rows, _, _ = read(source)
    assert len(rows) == 60 and {"t": "é 5", "twice": 10} in rows


def test_rows_without_a_key_are_told_of(tickets):
    tickets.run("INSERT INTO tickets (id, text) VALUES (NULL, 'lost')")
    rows, records, _ = read(tickets.source())
    rejects = [reject for record in records for reject in record.rejects]
    assert len(rows) == 60 and [reject.reason for reject in rejects] == ['the key "id" is empty']


@pytest.mark.parametrize("how", ["source", "staged"])
def test_later_runs_read_what_is_new_changed_or_gone(tickets, how):
    source = getattr(tickets, how)(incremental="updated", deleted="gone")
    _, _, cursor = read(source)
    later = "2024-01-02 00:00:00"
    tickets.run(f"UPDATE tickets SET text = 'changed', updated = '{later}' WHERE id = 3")
    tickets.run(f"UPDATE tickets SET gone = TRUE, updated = '{later}' WHERE id = 4")
    tickets.run("ALTER TABLE tickets ADD COLUMN fresh VARCHAR(10)", "ALTER TABLE tickets DROP COLUMN small")
    tickets.run(f"INSERT INTO tickets (id, text, updated, fresh) VALUES (100, 'new', '{later}.5', 'f')")
    rows, records, cursor = read(source, cursor)
    assert [(row["id"], row["text"], row["fresh"], row["small"]) for row in rows] == [
        (3, "changed", None, None),
        (100, "new", "f", None),
    ]
    assert [name for record in records for name in record.gone] == ['"4"']
    assert [note for record in records for note in record.notes] == [
        'tickets: new column "fresh"',
        'tickets: column "small" is gone: it is empty from now on',
    ]
    assert read(source, cursor)[0] == []
    assert len(read(source)[0]) == 60


def test_what_was_written_late_comes_with_an_overlap(tickets):
    source = tickets.source(incremental="updated", overlap=3)
    _, _, cursor = read(source)
    tickets.add(100, updated=DAY + timedelta(seconds=57))
    assert sorted(row["id"] for row in read(source, cursor)[0]) == [57, 58, 59, 100]


def test_a_source_that_cannot_tell_changes_is_read_again_each_run(tickets):
    source, growing = tickets.source(), tickets.source(incremental="id")
    _, cursor = source.plan()
    assert source.fingerprint(cursor) != source.fingerprint(cursor)
    assert growing.fingerprint(cursor) == growing.fingerprint(cursor)


def test_values_that_no_type_holds_make_their_row_a_reject():
    schema = schema_of([Field("id", 20, -1), Field("price", 1700, ((5 << 16) | 2) + 4), Field("x", 4000, -1)])
    assert schema.types == [pa.int64(), pa.decimal128(5, 2), pa.string()]
    batch, wrong = batch_of([(1, Decimal("1.5"), "{}"), (2, Decimal("NaN"), None)], schema)
    assert wrong == {1: '"price" holds what decimal128(5, 2) cannot'}
    assert batch.to_pylist()[0] == {"id": 1, "price": Decimal("1.50"), "x": "{}"}
    with pytest.raises(DataError, match='called "id"'):
        schema_of([Field("id", 20, -1), Field("id", 20, -1)])


@pytest.mark.parametrize("text", ["it's", "a\\b", "\\'; DROP TABLE x; --", "", "%s ? :a $1"])
def test_a_literal_is_read_as_it_was_written(tickets, text):
    with connected(tickets.url, where="test") as session:
        assert session.rows(f"SELECT {literal(text)}") == [(text,)]


def test_probe_says_what_is_well_and_what_is_not(tickets, monkeypatch):
    assert [each.ok for each in tickets.staged().probe()] == [True, True, True]
    monkeypatch.setenv("REDSHIFT_TEST_ROLE", servers.REFUSED_ROLE)
    told = list(tickets.staged().probe())
    assert [each.ok for each in told] == [True, True, False] and "AccessDenied" in told[-1].what
    (ok, bad) = tickets.source(table="nothing").probe()
    assert ok.ok and not bad.ok and "nothing" in bad.what
    monkeypatch.setenv("REDSHIFT_TEST_URL", tickets.url.replace(":postgres-test-pw@", ":wrong-pw-123@"))
    (bad,) = tickets.source().probe()
    assert not bad.ok and "wrong-pw-123" not in bad.what


def test_errors_say_whether_to_try_again_and_hold_no_secret(tickets, monkeypatch):
    with pytest.raises(Terminal, match="nothing"):
        tickets.source(table="nothing").plan()
    with pytest.raises(DataError, match='no column "nope"'):
        tickets.source(subject="nope").plan()
    monkeypatch.setenv("REDSHIFT_TEST_URL", tickets.url.replace(":postgres-test-pw@", ":wrong-pw-123@"))
    with pytest.raises(Terminal, match="password") as told:
        tickets.source().plan()
    assert "wrong-pw-123" not in str(told.value)
    monkeypatch.setenv("REDSHIFT_TEST_URL", "redshift://ann:hunter2-secret@127.0.0.1:1/db")
    with pytest.raises(Transient) as lost:
        tickets.source().plan()
    assert "hunter2" not in str(lost.value)


@pytest.mark.parametrize(
    "options",
    [
        {"url": ""},
        {"query": "SELECT 1"},
        {"key": ()},
        {"overlap": 1},
        {"shard_rows": 0},
        {"staging": "gs://b"},
        {"staging": "s3://b/p"},
        {"split": "dev"},
    ],
)
def test_options_that_cannot_be_meant_are_refused(options):
    with pytest.raises(RecipeError):
        Redshift(**{"url": "env:X", "table": "t", "key": "id", **options})
