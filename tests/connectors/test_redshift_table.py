"""Write to Redshift (PostgreSQL behind a shim): the contract of sinks, kill -9 at any moment, odd values."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.servers import redshift as servers
from tests.servers import s3

from tilth.connectors._redshift.columns import SHOWN_NUL, Losses, ready
from tilth.connectors._redshift.session import connected
from tilth.connectors.redshift_table import RedshiftTable
from tilth.core.errors import DataError, RecipeError, Terminal
from tilth.core.shard import RunKey, Shard
from tilth.testing import batch, check_sink, storm

KILLS = storm(1, 30)


@pytest.fixture
def made(monkeypatch):
    """A maker of sinks that hold nothing."""
    server, bucket = servers.start(), s3.start()
    for name, value in s3.environment(bucket).items():
        monkeypatch.setenv(name, value)

    def make(**options) -> RedshiftTable:
        place = s3.make_bucket(bucket, f"tilth-{uuid.uuid4().hex[:12]}")
        plain = {"url": servers.database(server), "table": "clean", "staging": f"s3://{place}/pre"}
        return RedshiftTable(
            **{"mode": "append", **plain, "iam_role": servers.ROLE, "text_bytes": 1_000_000, **options}
        )

    return make


def rows_of(sink: RedshiftTable) -> list[dict]:
    with connected(sink.url, where="test") as session:
        there = "SELECT 1 FROM information_schema.tables WHERE table_name = 'clean'"
        if not session.rows(there):
            return []
        names = [field.name for field in session.described("SELECT * FROM clean")]
        found = session.rows("SELECT * FROM clean ORDER BY _id")
    return [
        {
            name: value.replace(SHOWN_NUL, "\0") if isinstance(value, str) else value
            for name, value in zip(names, row, strict=True)
        }
        for row in found
    ]


def rows(*ids: str, text: str = "a") -> pa.RecordBatch:
    return batch(ids=list(ids), text=[f"{text} {each}" for each in ids])


def commit(sink: RedshiftTable, key: str, *batches: pa.RecordBatch):
    return sink.commit([sink.write(Shard(id=key), batches)], RunKey(key), None, sink.newest())


def staged(sink: RedshiftTable) -> list[str]:
    bucket = sink.staging.removeprefix("s3://").partition("/")[0]
    found = s3.client(s3.start()).list_objects_v2(Bucket=bucket)
    return [each["Key"] for each in found.get("Contents", [])]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_contract_holds(made, mode):
    # Killed writers are the storm's: a process forked before S3's variables were set would not find it.
    check_sink(lambda: made(mode=mode), rows_of, RedshiftTable.newest, then=mode, processes=False)


@pytest.mark.slow
def test_upsert_puts_rows_in_place_of_those_with_their_key(made):
    sink = made(mode="upsert")
    commit(sink, "a", rows("1", "2"))
    commit(sink, "b", rows("2", "3", text="b"))
    assert [(row["_id"], row["text"]) for row in rows_of(sink)] == [("1", "a 1"), ("2", "b 2"), ("3", "b 3")]
    assert staged(sink) == []


@pytest.mark.slow
def test_every_type_arrives_and_new_columns_are_added(made):
    sink = made()
    commit(sink, "a", rows("1"))
    more = {
        "when": pa.array([datetime(2024, 1, 1, 2, 0, 0, 1, tzinfo=UTC)], pa.timestamp("us", "+02:00")),
        "day": [date(2024, 2, 29)],
        "raw": [b"\x00\xff"],
        "price": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
        "ok": [True],
        "n": [2**63 - 1],
        "x": [5e-324],
        "list": pa.array([["a", None]]),
        "small": pa.array([7], pa.int8()),
    }
    commit(sink, "b", batch(ids=["2"], text=["b"], **more), batch(ids=["3"], other=["alone"]))
    first, second, third = rows_of(sink)
    assert first["when"] is None and first["n"] is None and third["other"] == "alone"
    assert second == {
        "_id": "2",
        "text": "b",
        "when": datetime(2024, 1, 1, 2, 0, 0, 1),
        "day": date(2024, 2, 29),
        "raw": "\\x00ff",
        "price": Decimal("1.50"),
        "ok": True,
        "n": 2**63 - 1,
        "x": 5e-324,
        "list": '["a",null]',
        "small": 7,
        "other": None,
    }


@pytest.mark.slow
def test_nobody_sees_half_a_commit_and_a_failure_undoes_it_whole(made, monkeypatch):
    sink = made(mode="replace")
    first = commit(sink, "a", rows("1"))
    receipt = sink.write(Shard(id="b"), [rows("2")])
    seen = []

    def note(self, session, *rest):
        seen.append([row["_id"] for row in rows_of(sink)])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RedshiftTable, "_note", note)
        with pytest.raises(KeyboardInterrupt):
            sink.commit([receipt], RunKey("b"), None, first)
    assert seen == [["1"]] and [row["_id"] for row in rows_of(sink)] == ["1"] and sink.newest() == first
    assert sink.commit([receipt], RunKey("b"), None, first).number == 1
    assert [row["_id"] for row in rows_of(sink)] == ["2"]


@pytest.mark.slow
def test_a_part_that_is_gone_is_an_error(made):
    sink = made()
    receipt = sink.write(Shard(id="0"), [rows("1")])
    bucket, _, prefix = sink.staging.removeprefix("s3://").partition("/")
    s3.client(s3.start()).delete_object(Bucket=bucket, Key=f"{prefix}/{receipt.parts[0].path}")
    with pytest.raises(DataError, match="gone or cut short"):
        sink.commit([receipt], RunKey("a"), None, None)


@pytest.mark.slow
def test_a_role_that_may_not_read_is_an_error_that_says_so(made):
    sink = made(iam_role=servers.REFUSED_ROLE)
    receipt = sink.write(Shard(id="0"), [rows("1")])
    with pytest.raises((Terminal, DataError), match="AccessDenied"):
        sink.commit([receipt], RunKey("a"), None, None)
    assert rows_of(sink) == [] and sink.newest() is None


@pytest.mark.slow
def test_probe_leaves_nothing_and_says_what_is_not_well(made):
    sink = made()
    assert [each.ok for each in sink.probe()] == [True, True, True]
    assert staged(sink) == [] and rows_of(sink) == [] and sink.newest() is None
    told = list(made(iam_role=servers.REFUSED_ROLE).probe())
    assert [each.ok for each in told] == [True, True, False] and "AccessDenied" in told[-1].what


def test_a_text_that_is_too_long_is_an_error_that_names_its_row():
    with pytest.raises(DataError, match='"text" of row 2 has 6 bytes'):
        ready(batch(ids=["1", "2"], text=["a", "ééé"]), 5, Losses(), "t")


def test_a_nul_is_replaced_and_counted():
    losses = Losses()
    made = ready(batch(ids=["1", "2"], text=["a\0b", "c"]), 100, losses, "t")
    assert made.column("text").to_pylist() == [f"a{SHOWN_NUL}b", "c"] and losses.nul == 1


@pytest.mark.slow
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1, max_size=20),
    st.floats(allow_nan=False),
)
def test_any_text_and_number_survives(made, texts, number):
    sink = made()
    ids = [f"{at:03d}" for at in range(len(texts))]
    commit(sink, "a", batch(ids=ids, text=pa.array(texts, pa.string()), n=[number] * len(ids)))
    found = rows_of(sink)
    assert [row.get("text") for row in found] == [text and text.replace(SHOWN_NUL, "\0") for text in texts]
    assert {row["n"] for row in found} == {number}


def test_options_that_cannot_be_meant_are_refused():
    plain = {"url": "env:X", "table": "t", "staging": "s3://b/p", "iam_role": "r"}
    for options, match in (({"mode": "upset"}, "upsert"), ({"staging": "/tmp/x"}, "not in S3"), ({"url": ""}, "url")):
        with pytest.raises(RecipeError, match=match):
            RedshiftTable(**{**plain, **options})


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


def work(url: str, staging: str) -> None:
    for turn, mode in enumerate(TURNS):
        sink = RedshiftTable(url=url, table="clean", staging=staging, iam_role=servers.ROLE, mode=mode)
        start = (turn - (mode == "upsert")) * ROWS
        ids = [f"{start + row:05d}" for row in range(ROWS)]
        base = sink.newest()
        receipt = sink.write(Shard(id=f"t{turn}"), [batch(ids=ids, text=[f"turn {turn}"] * ROWS)])
        sink.commit([receipt], RunKey(f"turn-{turn}"), None, base)


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_run_again_the_rows_are_exactly_right(made, seed):
    rng = random.Random(seed)
    whole = made()
    begin = time.monotonic()
    work(whole.url, whole.staging)
    seconds = time.monotonic() - begin
    sink = made()
    for _ in range(rng.randint(1, 2)):
        argv = [sys.executable, __file__, json.dumps([sink.url, sink.staging])]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        process = subprocess.Popen(argv, **pipes, env=environment)
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"go\n")
        process.stdin.flush()
        time.sleep(rng.uniform(0, seconds))
        process.kill()
        process.communicate(timeout=60)
    work(sink.url, sink.staging)
    assert [(row["_id"], row["text"]) for row in rows_of(sink)] == sorted(expected(len(TURNS) - 1).items())
    newest = sink.newest()
    assert newest is not None and newest.key == "turn-3" and newest.number == 3


if __name__ == "__main__":
    import obstore  # noqa: F401  # loaded before the word, so that kills fall into the work
    import redshift_connector  # noqa: F401

    print("ready", flush=True)
    sys.stdin.readline()
    work(*json.loads(sys.argv[1]))
