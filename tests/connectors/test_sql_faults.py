"""What networks do to connections with PostgreSQL and MariaDB: a right answer or a clear error, then a right one."""

import random
from functools import partial
from urllib.parse import urlsplit

import pytest
from tests.servers import databases
from tests.servers.databases import run
from tests.servers.proxy import HALF, PASS, REFUSE, Proxy, cut, hang, late

from tilth.connectors._sql import mysql
from tilth.connectors.sql import Sql
from tilth.connectors.sql_table import SqlTable
from tilth.core.errors import TilthError, Transient
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.testing import batch, storm

SEEDS = range(storm(4, 150))
ROWS = 2_000


@pytest.fixture(scope="module", params=databases.SERVED)
def filled(request, tmp_path_factory):
    """A database with a table of about 200 KB; returns the system and the URL."""
    url = databases.fresh(request.param, tmp_path_factory.mktemp("db"))
    rows = ", ".join(f"({n}, '{n:05}{'é' * 45}')" for n in range(ROWS))
    run(url, "CREATE TABLE t (id bigint PRIMARY KEY, text varchar(100))", f"INSERT INTO t VALUES {rows}")
    return request.param, url


def through(proxy, url):
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


def faults(seed, system, reach):
    """Draw what befalls each connection."""

    def plan(number):
        draw = random.Random(f"{seed}/{number}")
        if draw.random() < 0.4:
            return PASS
        after = int(reach ** draw.random())
        acts = [cut(question=after), cut(answer=after), cut(answer=after), HALF, REFUSE, late(draw.random() * 0.1)]
        # libpq waits for as long as a connection stands; PyMySQL has a limit.
        return draw.choice([*acts, hang(after)] if system == "mysql" else acts)

    return plan


def insistent(call):
    """Call until it returns, as the runner does, without its waits; every error must be one of ours."""
    for _ in range(60):
        try:
            return call()
        except TilthError as error:
            assert "test-pw" not in str(error) and len(str(error)) < 1000
    raise AssertionError("sixty errors in a row")


def rows_of(source, shard):
    return [row for record in source.read(shard) for row in record.batch.to_pylist()]


@pytest.mark.parametrize("after", [1_000, 60_000, 120_000])
def test_a_connection_that_is_cut_in_mid_read_is_worth_another_try(filled, monkeypatch, after):
    _, url = filled
    act = [PASS]
    with Proxy(urlsplit(url).port, lambda number: act[0]) as proxy:
        monkeypatch.setenv("SQL_TEST_URL", through(proxy, url))
        source = Sql(url="env:SQL_TEST_URL", table="t")
        (shard,), _ = source.plan()
        seen = []
        act[0] = cut(answer=after)
        with pytest.raises(Transient):
            for record in source.read(shard):
                seen += record.batch.to_pylist()
        assert len(seen) < ROWS
        act[0] = PASS
        found = rows_of(source, shard)
        assert [row["id"] for row in found] == list(range(ROWS)) and found[: len(seen)] == seen


def test_a_server_that_says_nothing_is_given_up(filled, monkeypatch):
    system, url = filled
    if system != "mysql":
        pytest.skip("libpq waits for as long as the connection stands")
    monkeypatch.setattr(mysql, "SILENT_SECONDS", 0.5)
    with Proxy(urlsplit(url).port, [PASS, hang(50_000)]) as proxy:
        monkeypatch.setenv("SQL_TEST_URL", through(proxy, url))
        source = Sql(url="env:SQL_TEST_URL", table="t")
        with pytest.raises(Transient):
            rows_of(source, source.plan()[0][0])


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_read_right_whatever_the_network_does(filled, monkeypatch, seed):
    system, url = filled
    monkeypatch.setattr(mysql, "SILENT_SECONDS", 0.5)
    with Proxy(urlsplit(url).port, faults(seed, system, 300_000)) as proxy:
        monkeypatch.setenv("SQL_TEST_URL", through(proxy, url))
        source = Sql(url="env:SQL_TEST_URL", table="t", shard_rows=700)
        shards, _ = insistent(source.plan)
        found = [row for shard in shards for row in insistent(lambda shard=shard: rows_of(source, shard))]
    assert [(row["id"], row["text"]) for row in found] == [(n, f"{n:05}{'é' * 45}") for n in range(ROWS)]


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_written_once_whatever_the_network_does(filled, monkeypatch, seed):
    system, url = filled
    monkeypatch.setattr(mysql, "SILENT_SECONDS", 0.5)
    name = f"w{seed}"
    with Proxy(urlsplit(url).port, faults(1000 + seed, system, 60_000)) as proxy:
        monkeypatch.setenv("SQL_TEST_URL", through(proxy, url))
        for turn, mode in enumerate(("append", "upsert")):
            sink = SqlTable(url="env:SQL_TEST_URL", table=name, mode=mode)
            if turn:
                run(url, f"ALTER TABLE {name} ADD PRIMARY KEY (_id)" if system == "postgresql" else
                    f"ALTER TABLE {name} MODIFY _id varchar(100) COLLATE utf8mb4_bin PRIMARY KEY")  # fmt: skip
            before = insistent(sink.newest)
            receipts = []
            for number in range(3):
                ids = [f"{number}-{row}" for row in range(50)]
                rows = batch(ids=ids, text=[f"{turn}" + "ü" * 50] * 50)
                receipts.append(insistent(partial(sink.write, Shard(id=f"s{number}"), [rows])))
            key, cursor = RunKey(f"turn-{turn}"), Cursor(position={"turn": turn})
            version = insistent(partial(sink.commit, receipts, key, cursor, before))
            assert (version.number, version.cursor) == (turn + 1, cursor)
            found = run(url, f"SELECT _id, text FROM {name}")
            wanted = [(f"{n}-{row}", f"{turn}" + "ü" * 50) for n in range(3) for row in range(50)]
            assert sorted(map(tuple, found)) == sorted(wanted)
