"""Read BigQuery: types, ranges of one result, what is new, what is gone."""

from __future__ import annotations

import contextlib
import io
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.servers import bigquery as servers

from tilth.connectors._bigquery import sql
from tilth.connectors._bigquery.client import endpoint_of
from tilth.connectors._bigquery.rows import fit, known, parted
from tilth.connectors.bigquery import Bigquery
from tilth.core.errors import DataError, RecipeError, Terminal, Transient
from tilth.testing import check_source

pytestmark = pytest.mark.slow
DAY = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = pa.schema(
    [
        ("id", pa.int64()),
        ("text", pa.string()),
        ("n", pa.float64()),
        ("updated", pa.timestamp("us", "UTC")),
        ("day", pa.date32()),
        ("raw", pa.binary()),
        ("price", pa.decimal128(38, 9)),
        ("tags", pa.list_(pa.string())),
        ("who", pa.struct([("name", pa.string())])),
        ("gone", pa.bool_()),
    ]
)


def rows(*numbers: int, **given) -> pa.Table:
    made = [
        {
            "id": number,
            "text": f"é {number}",
            "n": number / 2,
            "updated": DAY + timedelta(seconds=number),
            "day": date(2024, 2, 29),
            "raw": b"\x00\xff",
            "price": Decimal("1.5"),
            "tags": ["a", "b"],
            "who": {"name": "ann"},
            "gone": None,
            **given,
        }
        for number in numbers
    ]
    return pa.Table.from_pylist(made, COLUMNS)


class Table:
    """A table of a test's own."""

    def __init__(self, server) -> None:
        self.server, self.dataset = server, servers.new_dataset(server)
        self.name = f"{self.dataset}.tickets"

    def add(self, table: pa.Table) -> None:
        from google.cloud import bigquery
        from google.cloud.bigquery.format_options import ParquetOptions

        lists = ParquetOptions()
        lists.enable_list_inference = True
        schema = [sql.field_of(field) for field in table.schema]
        config = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema, write_disposition="WRITE_APPEND")
        config.parquet_options = lists
        file = io.BytesIO()
        pq.write_table(table, file)
        file.seek(0)
        with contextlib.closing(servers.client(self.server)) as client:
            client.load_table_from_file(file, self.name, job_config=config).result(timeout=60)

    def run(self, text: str) -> None:
        with contextlib.closing(servers.client(self.server)) as client:
            client.query(text, job_retry=None).result(timeout=60)

    def source(self, **options) -> Bigquery:
        plain = {"project": servers.PROJECT, "table": self.name, "key": "id", "endpoint": self.server.facts["endpoint"]}
        return Bigquery(**{**plain, **options})


@pytest.fixture
def table() -> Table:
    made = Table(servers.start())
    made.add(rows(*range(60)))
    return made


def read(source: Bigquery, since=None):
    shards, cursor = source.plan(since)
    records = [record for shard in shards for record in source.read(shard)]
    return [row for record in records for row in record.batch.to_pylist()], records, cursor


def test_the_contract_holds(table):
    source = table.source(incremental="updated", shard_rows=20)
    check_source(
        source, moved=table.source(incremental="updated", shard_rows=20), grow=lambda: table.add(rows(*range(60, 80)))
    )


def test_rows_come_with_their_types_in_ranges_of_one_result(table):
    source = table.source(shard_rows=25)
    shards, _ = source.plan()
    assert [sum(record.batch.num_rows for record in source.read(shard)) for shard in shards] == [25, 25, 10]
    assert len({shard.where["job"] for shard in shards}) == 1
    found, records, _ = read(source)
    assert found[3] == {**rows(3).to_pylist()[0], "gone": None}
    assert [name for record in records for name in record.names][:2] == ['"0"', '"1"']


def test_a_plan_is_found_again_until_the_table_changes(table):
    source = table.source()
    first, cursor = source.plan()
    again, same = source.plan()
    assert again == first and source.fingerprint(same) == source.fingerprint(cursor)
    table.add(rows(60))
    other, moved = source.plan()
    assert other[0].where["job"] != first[0].where["job"] and source.fingerprint(moved) != source.fingerprint(cursor)


def test_columns_and_conditions_are_pushed_down(table):
    source = table.source(columns=("text",), where="id >= 58")
    assert "SELECT `text`, `id` FROM" in source._sql(None, None) and "(id >= 58)" in source._sql(None, None)
    found, records, _ = read(source)
    assert found == [{"text": "é 58"}, {"text": "é 59"}]
    assert [name for record in records for name in record.names] == ['"58"', '"59"']


def test_a_query_can_be_read(table):
    source = table.source(table=None, query=f"SELECT id, id * 2 AS twice FROM `{table.name}`", name="twice")
    assert read(source)[0][:2] == [{"id": 0, "twice": 0}, {"id": 1, "twice": 2}]


def test_later_runs_read_what_is_new_changed_or_gone(table):
    source = table.source(incremental="updated", deleted="gone")
    _, _, cursor = read(source)
    later = (DAY + timedelta(days=1)).isoformat()
    table.run(f"UPDATE `{table.name}` SET text = 'changed', updated = TIMESTAMP '{later}' WHERE id = 3")
    table.run(f"UPDATE `{table.name}` SET gone = TRUE, updated = TIMESTAMP '{later}' WHERE id = 4")
    table.add(rows(100, updated=DAY + timedelta(days=2)))
    found, records, cursor = read(source, cursor)
    assert [(row["id"], row["text"]) for row in found] == [(3, "changed"), (100, "é 100")]
    assert [name for record in records for name in record.gone] == ['"4"']
    assert read(source, cursor)[0] == []
    assert len(read(source)[0]) == 60


def test_what_was_written_late_comes_with_an_overlap(table):
    source = table.source(incremental="updated", overlap=3)
    _, _, cursor = read(source)
    table.add(rows(100, updated=DAY + timedelta(seconds=57)))
    assert sorted(row["id"] for row in read(source, cursor)[0]) == [57, 58, 59, 100]


def test_a_change_of_columns_is_said():
    before = pa.schema([("id", pa.int64()), ("old", pa.string()), ("n", pa.int64())])
    now = pa.schema([("id", pa.int64()), ("n", pa.string()), ("new", pa.string())])
    schema, notes = known(now, before)
    assert schema.names == ["id", "old", "n", "new"] and schema.field("new").type == pa.string()
    assert notes == [
        'new column "new"',
        'column "old" is gone: it is empty from now on',
        'column "n" is string now and was int64',
    ]
    batch = pa.RecordBatch.from_pydict({"id": [1, 2], "n": ["5", "x"], "new": pa.array([0, 1], pa.time64("us"))})
    chunk, _ = parted(*fit(batch, schema), None, 10)
    assert chunk.batch.to_pylist() == [{"id": 1, "old": None, "n": 5, "new": "00:00:00.000000"}]
    assert chunk.rejects == ((11, '"n" holds what int64 cannot'),)


def test_probe_says_what_is_well_and_what_is_not(table):
    told = [(each.ok, each.what) for each in table.source().probe()]
    assert told[0][0] and told[1] == (True, f"{table.name}: 60 rows")
    (bad,) = table.source(table=f"{table.dataset}.nothing").probe()
    assert not bad.ok and bad.do


def test_errors_say_whether_to_try_again(table, monkeypatch):
    from tilth.connectors._bigquery import client

    with pytest.raises(Terminal, match="nothing"):
        table.source(table=f"{table.dataset}.nothing").plan()
    with pytest.raises(DataError, match='no column "nope"'):
        table.source(subject="nope").plan()
    monkeypatch.setattr(client, "PATIENCE", 0.1)
    with pytest.raises(Transient, match="does not answer"):
        table.source(endpoint="http://127.0.0.1:1").plan()


def test_credentials_go_to_no_other_machine_in_the_clear(monkeypatch):
    with pytest.raises(RecipeError, match="not https"):
        endpoint_of("http://emulator.example:9050", "bigquery")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "localhost:9050")
    assert endpoint_of(None, "bigquery") == "http://localhost:9050"


@pytest.mark.parametrize(
    "options", [{"table": "t"}, {"query": "SELECT 1"}, {"key": ()}, {"overlap": 1}, {"shard_rows": 0}, {"split": "dev"}]
)
def test_options_that_cannot_be_meant_are_refused(options):
    option = "table" if "query" in options else next(iter(options))
    with pytest.raises(RecipeError, match=option):
        Bigquery(**{"project": "p", "table": "d.t", "key": "id", **options})
