"""Kill -9 a run that writes into PostgreSQL or MariaDB at any moment, run it again: each row once, in whole states."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.servers import databases
from tests.servers.databases import run

from tilth.connectors._sql.address import connect, dialect_of
from tilth.connectors.sql_table import SqlTable
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.testing import batch, storm

ROUNDS = storm(2, 60)
TURNS = ("replace", "upsert", "replace", "upsert")
SHARDS, ROWS = 3, 400


def expected(turn):
    """The table's rows after a turn: {id: text}."""
    begins = max(at for at in range(turn + 1) if TURNS[at] == "replace")
    rows = {}
    for at in range(begins, turn + 1):
        rows |= {_id(at, shard, row): str(at) for shard in range(SHARDS) for row in range(ROWS)}
    return rows


def _id(turn, shard, row):
    # Every turn shares half of its rows with the one before.
    return f"{shard}-{turn * ROWS // 2 + row:06}"


def work(table):
    """Run all turns; each is committed under its own key, so what is done already stays as it is."""
    for turn, mode in enumerate(TURNS):
        sink = SqlTable(url="env:SQL_TEST_URL", table=table, mode=mode)
        newest = sink.newest()
        if newest is not None and newest.number > turn:
            continue
        receipts = []
        for shard in range(SHARDS):
            rows = batch(ids=[_id(turn, shard, row) for row in range(ROWS)], text=[str(turn)] * ROWS)
            receipts.append(sink.write(Shard(id=f"s{shard}"), iter([rows])))
        sink.commit(receipts, RunKey(f"turn-{turn}"), Cursor(position={"turn": turn}), newest)


class Child:
    """A process that works; it waits for a word so that its start does not count."""

    def __init__(self, table):
        self.process = subprocess.Popen(
            [sys.executable, __file__, table], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout.readline() == b"ready\n"

    def go(self):
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def wait(self):
        return self.process.communicate(timeout=120)[1]


@pytest.fixture(scope="module", params=databases.SERVED)
def url(request, tmp_path_factory):
    return databases.fresh(request.param, tmp_path_factory.mktemp("db"))


@pytest.fixture(scope="module")
def seconds(url):
    """How long the work takes when nobody kills it."""
    os.environ["SQL_TEST_URL"] = url
    try:
        child = Child("whole")
        begin = time.monotonic()
        child.go()
        assert child.wait() == b""
        return time.monotonic() - begin
    finally:
        del os.environ["SQL_TEST_URL"]


def look(url, table):
    """Return the newest version and the rows, as a reader sees them."""
    sink = SqlTable(url="env:SQL_TEST_URL", table=table, mode="replace")
    newest = sink.newest()
    if newest is None:
        return None, {}
    found = run(url, f"SELECT _id, text FROM {table}")
    assert len(dict(found)) == len(found), "a row stands twice"
    return newest, dict(found)


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_run_that_is_killed_and_run_again_writes_each_row_once(url, monkeypatch, seconds, seed):
    monkeypatch.setenv("SQL_TEST_URL", url)
    rng, table = random.Random(seed), f"t{seed}"
    for _ in range(rng.randint(1, 3)):
        child = Child(table)
        child.go()
        time.sleep(rng.uniform(0, seconds))
        child.process.kill()
        assert child.wait() == b""
        newest, rows = look(url, table)
        if newest is not None:
            assert rows == expected(newest.cursor.position["turn"]), "a state that no version has"
    work(table)
    newest, rows = look(url, table)
    assert newest.number == len(TURNS) and rows == expected(len(TURNS) - 1)
    # What the last commit could not remove, being killed, the next one does.
    SqlTable(url="env:SQL_TEST_URL", table=table, mode="append").commit([], RunKey("more"), None, newest)
    with connect(url, "test") as session:
        left = dialect_of(url, "test").tables(session, "", SqlTable(url="env:SQL_TEST_URL", table=table)._target.prefix)
    assert left == []


if __name__ == "__main__":
    import tilth.connectors._sql.mysql
    import tilth.connectors._sql.postgres  # noqa: F401

    print("ready", flush=True)
    sys.stdin.readline()
    work(sys.argv[1])
