"""Write to MongoDB: the contract of sinks, kill -9 at any moment, what documents can hold."""

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
import pymongo
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers import mongodb as servers

from tilth.connectors._mongodb.documents import STAMP, Losses, documents
from tilth.connectors.mongodb_collection import MongodbCollection
from tilth.core.errors import CommitConflict, DataError, RecipeError
from tilth.core.shard import RunKey, Shard
from tilth.testing import batch, check_sink, storm

KILLS = storm(2, 40)


def made(server, **options) -> MongodbCollection:
    return MongodbCollection(
        **{"url": servers.url(server), "database": servers.new_database(), "collection": "clean", **options}
    )


@contextlib.contextmanager
def opened(sink: MongodbCollection):
    with pymongo.MongoClient(sink.url, serverMonitoringMode="poll") as client:
        yield client[sink.database]


def rows_of(sink: MongodbCollection) -> list[dict]:
    with opened(sink) as database:
        return list(database[sink.collection].find().sort("_id", 1))


def rows(*ids: str, text: str = "a") -> pa.RecordBatch:
    return batch(ids=list(ids), text=[f"{text} {each}" for each in ids])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_contract_holds_on_a_lone_server(mode):
    server = servers.start()
    check_sink(lambda: made(server, mode=mode), rows_of, MongodbCollection.newest, then=mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["append", "replace"])
def test_the_contract_holds_in_transactions(mode):
    server = servers.start_typed()
    check_sink(
        lambda: made(server, mode=mode, transactions=True),
        rows_of,
        MongodbCollection.newest,
        then=mode,
        processes=mode == "append",
    )


def test_a_row_that_comes_again_takes_its_own_place():
    sink = made(servers.start(), mode="upsert")
    first = sink.commit([sink.write(Shard(id="0"), [rows("1", "2")])], RunKey("a"), None, None)
    sink.commit([sink.write(Shard(id="0"), [rows("2", "3", text="b")])], RunKey("b"), None, first)
    assert [(row["_id"], row["text"], row[STAMP]) for row in rows_of(sink)] == [
        ("1", "a 1", 0),
        ("2", "b 2", 1),
        ("3", "b 3", 1),
    ]


def test_replace_takes_out_what_others_wrote_too():
    sink = made(servers.start_typed(), mode="replace")
    with opened(sink) as database:
        database[sink.collection].insert_one({"_id": "foreign"})
    sink.commit([sink.write(Shard(id="0"), [rows("1")])], RunKey("a"), None, None)
    assert [row["_id"] for row in rows_of(sink)] == ["1"]


def test_in_a_transaction_nobody_sees_half_a_commit(monkeypatch):
    from tilth.connectors._mongodb import commits

    sink = made(servers.start_typed(), mode="replace", transactions=True)
    first = sink.commit([sink.write(Shard(id="0"), [rows("1", "2")])], RunKey("a"), None, None)
    receipt = sink.write(Shard(id="0"), [rows("3", "4")])
    seen = []

    def finish(log, entry, session=None):
        seen.append([row["_id"] for row in rows_of(sink)])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(commits.Log, "finish", finish)
        with pytest.raises(KeyboardInterrupt):
            sink.commit([receipt], RunKey("b"), None, first)
    assert seen == [["1", "2"]]
    assert [row["_id"] for row in rows_of(sink)] == ["1", "2"] and sink.newest() == first
    assert sink.commit([receipt], RunKey("b"), None, first).number == 1
    assert [row["_id"] for row in rows_of(sink)] == ["3", "4"]


def test_a_run_under_another_key_ends_what_was_begun_first(monkeypatch):
    from tilth.connectors._mongodb import commits

    sink = made(servers.start())
    receipt = sink.write(Shard(id="0"), [rows("1", "2")])
    with monkeypatch.context() as patch:
        patch.setattr(commits.Log, "finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sink.commit([receipt], RunKey("a"), None, None)
    assert sink.newest() is None
    other = sink.write(Shard(id="0"), [rows("3")])
    with pytest.raises(CommitConflict):
        sink.commit([other], RunKey("b"), None, None)
    newest = sink.newest()
    assert newest is not None and newest.key == "a" and [row["_id"] for row in rows_of(sink)] == ["1", "2"]
    sink.commit([other], RunKey("b"), None, newest)
    assert [row["_id"] for row in rows_of(sink)] == ["1", "2", "3"]


def test_who_comes_late_does_not_replace_what_is_newer():
    from tilth.connectors._mongodb.commits import apply, stage

    sink = made(servers.start())
    with opened(sink) as database:
        target, staging = database[sink.collection], database["staging"]
        target.insert_one({"_id": "1", "text": "newer", STAMP: 5})
        stage(staging, "p", list(documents(rows("1", "2"), Losses(), "")), datetime.now(UTC))
        apply(target, staging, {"number": 4, "mode": "append", "parts": [["p", 2]]}, where="")
    assert [(row["_id"], row[STAMP]) for row in rows_of(sink)] == [("1", 5), ("2", 4)]


def test_a_commit_leaves_nothing_staged():
    sink = made(servers.start())
    sink.commit([sink.write(Shard(id="0"), [rows("1", "2")])], RunKey("a"), None, None)
    with opened(sink) as database:
        assert list(database[sink._staging].find()) == []


def test_a_part_that_is_gone_is_an_error():
    sink = made(servers.start())
    receipt = sink.write(Shard(id="0"), [rows("1")])
    with opened(sink) as database:
        database[sink._staging].delete_many({})
    with pytest.raises(DataError, match="gone or cut short"):
        sink.commit([receipt], RunKey("a"), None, None)


def test_documents_hold_every_type_of_arrow():
    import bson

    deep = pa.list_(pa.struct([("at", pa.timestamp("ms")), ("n", pa.int64())]))
    one = pa.RecordBatch.from_pydict(
        {
            "_id": ["1"],
            "when": pa.array([1_500_001], pa.timestamp("us", "UTC")),
            "far": pa.array([10**15], pa.timestamp("s")),
            "day": pa.array([date(2024, 2, 29)]),
            "price": pa.array([Decimal("1.50")], pa.decimal128(10, 2)),
            "wide": pa.array([Decimal("1" * 38)], pa.decimal128(38, 0)),
            "raw": pa.array([b"\x00"]),
            "deep": pa.array([[{"at": 1000, "n": None}]], deep),
        }
    )
    losses = Losses()
    (raw,) = documents(one, losses, "t")
    assert losses.truncated == 1
    found = bson.decode(raw, bson.CodecOptions(datetime_conversion=bson.codec_options.DatetimeConversion.DATETIME_MS))
    assert int(found["when"]) == 1500 and int(found["far"]) == 10**18
    assert int(found["day"]) == int(datetime(2024, 2, 29, tzinfo=UTC).timestamp() * 1000)
    assert found["price"] == bson.Decimal128("1.50") and found["wide"] == "1" * 38
    assert found["raw"] == b"\x00" and int(found["deep"][0]["at"]) == 1000 and found["deep"][0]["n"] is None


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1), st.floats())
def test_any_text_and_number_survives(texts, number):
    import bson

    made = pa.RecordBatch.from_pydict({"_id": [str(at) for at in range(len(texts))], "t": pa.array(texts, pa.string())})
    made = made.append_column("n", pa.array([number] * len(texts), pa.float64()))
    found = [bson.decode(raw) for raw in documents(made, Losses(), "t")]
    assert [each["t"] for each in found] == texts
    assert all(repr(each["n"]) == repr(number) for each in found)


@pytest.mark.parametrize("name", ["$set", "a\0b", STAMP])
def test_names_that_no_field_can_have_are_refused(name):
    with pytest.raises(DataError, match="cannot name a field"):
        list(documents(pa.RecordBatch.from_pydict({"_id": ["1"], name: [1]}), Losses(), "t"))


def test_probe_says_how_commits_are_made():
    sink = made(servers.start())
    told = [(each.ok, each.what) for each in sink.probe()]
    assert told[0] == (True, "mongodb_collection: the server answers")
    assert told[1][0] and "the server has no transactions" in told[1][1]
    with opened(sink) as database:
        assert list(database[sink._staging].find()) == []


def test_options_that_cannot_be_meant_are_refused():
    with pytest.raises(RecipeError, match="upsert"):
        MongodbCollection(url="env:X", database="a", collection="b", mode="upset")


# kill -9 at any moment: turns of append, upsert and replace, each under its own key.

TURNS = ("append", "upsert", "replace", "append")
SHARDS, ROWS = 2, 120


def expected(turn: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for at in range(turn + 1):
        found = {} if TURNS[at] == "replace" else found
        # A third of the rows come again in the next turn.
        found |= {f"{row + at * ROWS * 2 // 3:05d}": f"turn {at}" for row in range(SHARDS * ROWS)}
    return found


def work(url: str, database: str) -> None:
    for turn, mode in enumerate(TURNS):
        sink = MongodbCollection(url=url, database=database, collection="clean", mode=mode)
        base, receipts = sink.newest(), []
        for shard in range(SHARDS):
            ids = [f"{shard * ROWS + row + turn * ROWS * 2 // 3:05d}" for row in range(ROWS)]
            receipts.append(sink.write(Shard(id=f"{turn}-{shard}"), [batch(ids=ids, text=[f"turn {turn}"] * ROWS)]))
        sink.commit(receipts, RunKey(f"turn-{turn}"), None, base)


def child(sink: MongodbCollection) -> subprocess.Popen:
    argv = [sys.executable, __file__, json.dumps([sink.url, sink.database])]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(argv, **pipes, env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])})


@pytest.fixture(scope="module")
def seconds() -> float:
    """How long the work takes when nobody kills it."""
    begin = time.monotonic()
    sink = made(servers.start())
    work(sink.url, sink.database)
    return time.monotonic() - begin


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(KILLS))
def test_killed_and_run_again_the_documents_are_exactly_right(seed, seconds):
    rng, sink = random.Random(seed), made(servers.start())
    for _ in range(rng.randint(1, 3)):
        process = child(sink)
        assert process.stdout.readline() == b"ready\n"
        process.stdin.write(b"go\n")
        process.stdin.flush()
        time.sleep(rng.uniform(0, seconds))
        process.kill()
        _, said = process.communicate(timeout=60)
        assert said == b""
    work(sink.url, sink.database)
    assert {row["_id"]: row["text"] for row in rows_of(sink)} == expected(len(TURNS) - 1)
    newest = sink.newest()
    assert newest is not None and newest.key == "turn-3" and newest.number == 3


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    work(*json.loads(sys.argv[1]))
