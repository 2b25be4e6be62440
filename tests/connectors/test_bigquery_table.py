"""Write to BigQuery: the contract of sinks, kill -9 at any moment, odd values, new columns."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.servers import bigquery as servers

from tilth.connectors._bigquery import sql
from tilth.connectors.bigquery_table import BigqueryTable
from tilth.core.errors import DataError, RecipeError
from tilth.core.shard import RunKey, Shard
from tilth.testing import batch, check_sink, storm

KILLS = storm(1, 30)


def made(dataset: str | None = None, **options) -> BigqueryTable:
    server = servers.start()
    plain = {"project": servers.PROJECT, "dataset": dataset or servers.new_dataset(server), "table": "clean"}
    return BigqueryTable(**{"mode": "append", **plain, "endpoint": server.facts["endpoint"], **options})


@contextlib.contextmanager
def asking(sink: BigqueryTable):
    from google.api_core.exceptions import NotFound

    def ask(text: str) -> list[dict]:
        try:
            return [dict(row.items()) for row in client.query(text, job_retry=None).result(timeout=60)]
        except NotFound:
            return []

    client = servers.client(servers.start())
    yield ask
    client.close()


def rows_of(sink: BigqueryTable) -> list[dict]:
    with asking(sink) as ask:
        return ask(f"SELECT * FROM `{sink.dataset}.clean` ORDER BY _id")


def rows(*ids: str, text: str = "a") -> pa.RecordBatch:
    return batch(ids=list(ids), text=[f"{text} {each}" for each in ids])


def commit(sink: BigqueryTable, key: str, *batches: pa.RecordBatch):
    return sink.commit([sink.write(Shard(id=key), batches)], RunKey(key), None, sink.newest())


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_contract_holds(mode):
    check_sink(lambda: made(mode=mode), rows_of, BigqueryTable.newest, then=mode, processes=mode == "append")


@pytest.mark.slow
def test_upsert_puts_rows_in_place_of_those_with_their_key():
    sink = made(mode="upsert")
    commit(sink, "a", rows("1", "2"))
    commit(sink, "b", rows("2", "3", text="b"))
    assert [(row["_id"], row["text"]) for row in rows_of(sink)] == [("1", "a 1"), ("2", "b 2"), ("3", "b 3")]


@pytest.mark.slow
def test_every_type_arrives_and_new_columns_are_added():
    sink = made()
    commit(sink, "a", rows("1"))
    more = {
        "when": pa.array([datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        "day": [date(2024, 2, 29)],
        "raw": [b"\x00\xff"],
        "price": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        "ok": [True],
        "n": [2**63 - 1],
        "x": [5e-324],
    }
    commit(sink, "b", batch(ids=["2"], text=["b"], **more))
    first, second = rows_of(sink)
    assert first["when"] is None and first["n"] is None
    assert second == {
        "_id": "2",
        "text": "b",
        "when": datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        "day": date(2024, 2, 29),
        "raw": b"\x00\xff",
        "price": Decimal("1.5"),
        "ok": True,
        "n": 2**63 - 1,
        "x": 5e-324,
    }


@pytest.mark.slow
def test_lists_and_structs_arrive():
    sink = made()
    deep = pa.array([{"a": 1, "b": ["x"]}], pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))]))
    commit(sink, "a", batch(ids=["1"], tags=pa.array([["a", "b"]]), deep=deep))
    (row,) = rows_of(sink)
    assert row["tags"] == ["a", "b"] and row["deep"] == {"a": 1, "b": ["x"]}
    with pytest.raises(DataError, match='"tags" holds a null'):
        sink.write(Shard(id="0"), [batch(ids=["1"], tags=pa.array([["a", None]]))])
    with pytest.raises(DataError, match="lists of lists"):
        sink.write(Shard(id="0"), [batch(ids=["1"], tags=pa.array([[["a"]]]))])


@pytest.mark.slow
def test_a_commit_leaves_no_staging_table():
    sink = made()
    commit(sink, "a", rows("1"), batch(ids=["2"], other=["x"]))
    with contextlib.closing(servers.client(servers.start())) as client:
        assert sorted(table.table_id for table in client.list_tables(sink.dataset)) == ["_tilth_commits", "clean"]


@pytest.mark.slow
def test_a_part_that_is_gone_is_an_error():
    sink = made()
    receipt = sink.write(Shard(id="0"), [rows("1")])
    with contextlib.closing(servers.client(servers.start())) as client:
        client.delete_table(f"{sink.dataset}.{receipt.parts[0].path}")
    with pytest.raises(DataError, match="is gone"):
        sink.commit([receipt], RunKey("a"), None, None)


@pytest.mark.slow
def test_probe_says_what_is_well_and_what_is_not():
    told = [(each.ok, each.what) for each in made().probe()]
    assert [ok for ok, _ in told] == [True, True]
    (bad,) = made("no_such_data_set").probe()
    assert not bad.ok and bad.do


@pytest.mark.slow
@settings(max_examples=6)
@given(
    st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1, max_size=20),
    st.floats(allow_nan=False),
)
def test_any_text_and_number_survives(texts, number):
    sink = made()
    ids = [f"{at:03d}" for at in range(len(texts))]
    commit(sink, "a", batch(ids=ids, text=pa.array(texts, pa.string()), n=[number] * len(ids)))
    found = rows_of(sink)
    assert [row["text"] for row in found] == texts and {row["n"] for row in found} == {number}


@pytest.mark.parametrize("text", ["it's", "a\\b", "line\nend", "", 'say "hi"', "\\'; DROP TABLE x; --", "é𝔘"])
@pytest.mark.slow
def test_a_literal_is_read_as_it_was_written(text):
    with asking(made("unused")) as ask:
        assert ask(f"SELECT {sql.literal(text)} AS a") == [{"a": text}]


@pytest.mark.parametrize("name", ["a`b", "a.b", "_TABLE_x", "", "a\nb"])
def test_names_that_no_column_can_have_are_refused(name):
    with pytest.raises(DataError, match="cannot name a column"):
        sql.quoted(name)


def test_options_that_cannot_be_meant_are_refused():
    with pytest.raises(RecipeError, match="upsert"):
        BigqueryTable(project="p", dataset="d", table="t", mode="upset")
    with pytest.raises(RecipeError, match="names no table"):
        BigqueryTable(project="p", dataset="d", table="t`; DROP")


# kill -9 at any moment: each turn under its own key.

TURNS = ("append", "upsert", "replace", "append")
ROWS = 30


def expected(turn: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for at in range(turn + 1):
        found = {} if TURNS[at] == "replace" else found
        start = (at - (TURNS[at] == "upsert")) * ROWS
        found |= {f"{start + row:05d}": f"turn {at}" for row in range(ROWS)}
    return found


def work(endpoint: str, dataset: str) -> None:
    for turn, mode in enumerate(TURNS):
        sink = BigqueryTable(project=servers.PROJECT, dataset=dataset, table="clean", mode=mode, endpoint=endpoint)
        start = (turn - (mode == "upsert")) * ROWS
        ids = [f"{start + row:05d}" for row in range(ROWS)]
        base = sink.newest()
        receipt = sink.write(Shard(id=f"t{turn}"), [batch(ids=ids, text=[f"turn {turn}"] * ROWS)])
        sink.commit([receipt], RunKey(f"turn-{turn}"), None, base)


@pytest.fixture(scope="module")
def seconds() -> float:
    """How long the work takes when nobody kills it."""
    sink = made()
    begin = time.monotonic()
    work(str(sink.endpoint), sink.dataset)
    return time.monotonic() - begin


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_run_again_the_rows_are_exactly_right(seed, seconds):
    rng, sink = random.Random(seed), made()
    for _ in range(rng.randint(1, 2)):
        argv = [sys.executable, __file__, json.dumps([sink.endpoint, sink.dataset])]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(argv, **pipes, env=environment)
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"go\n")
        process.stdin.flush()
        time.sleep(rng.uniform(0, seconds))
        process.kill()
        process.communicate(timeout=60)
    work(str(sink.endpoint), sink.dataset)
    found = [(row["_id"], row["text"]) for row in rows_of(sink)]
    assert found == sorted(expected(len(TURNS) - 1).items())
    newest = sink.newest()
    assert newest is not None and newest.key == "turn-3" and newest.number == 3


if __name__ == "__main__":
    import google.cloud.bigquery  # noqa: F401  # loaded before the word, so that kills fall into the work

    print("ready", flush=True)
    sys.stdin.readline()
    work(*json.loads(sys.argv[1]))
