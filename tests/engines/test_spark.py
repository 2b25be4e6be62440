"""Spark keeps the contract of every engine, on this machine and on a real cluster, and says in a line why it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests import servers
from tests.servers import hdfs, s3, spark

from tilth.bytes.opening import open_store
from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Rows, Step
from tilth.core.errors import Terminal
from tilth.core.shard import Shard
from tilth.engines import _session
from tilth.engines.spark import Spark
from tilth.testing import check_engine, storm
from tilth.testing.engines import check_exchange

pytestmark = pytest.mark.slow
SETTINGS = {
    "spark.executor.memory": "512m",
    # The work of these tests is in the tests.
    "spark.executorEnv.PYTHONPATH": str(Path(__file__).parents[2]),
}


@pytest.fixture(scope="module", params=["cluster", "local[2]"][: storm(1, 2)])
def session(request: pytest.FixtureRequest) -> Iterator[str]:
    """A session that is there, as in a notebook; its master."""
    spark.java()
    master = spark.start().facts["url"] if request.param == "cluster" else request.param
    with Spark(master=master, settings=SETTINGS) as engine:
        engine.begin()
        yield request.param


def test_it_keeps_the_contract(session: str, tmp_path: Path) -> None:
    def make(stop: Callable[[], bool]) -> Spark:
        return Spark(scratch=str(tmp_path), stop=stop)

    check_engine(make, processes=True)
    assert not list(tmp_path.rglob("*.arrow")), "what exchanges gave is removed"


def _slowly(shard: Shard, *, folder: str) -> str:
    Path(folder, f"{shard.id}-{os.getpid()}").touch()
    time.sleep(0.5)
    return shard.id


def test_a_killed_executor_loses_nothing(session: str, tmp_path: Path) -> None:
    if session != "cluster":
        pytest.skip("the driver is the only executor there")
    shards = [Shard(id=f"s{at:02}") for at in range(16)]
    killed: list[int] = []

    def kill() -> None:
        end = time.monotonic() + 60
        while len(list(tmp_path.iterdir())) < 3 and time.monotonic() < end:
            time.sleep(0.05)
        for process in psutil.process_iter(["cmdline"]):
            if "CoarseGrainedExecutorBackend" in " ".join(process.info["cmdline"] or ()) and not killed:
                killed.append(process.pid)
                os.kill(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    with Spark(scratch=str(tmp_path / "scratch")) as engine:
        found = sorted(
            shard.id for shard, _ in engine.run(Step(name="slow", work=partial(_slowly, folder=str(tmp_path))), shards)
        )
    thread.join()
    assert killed and found == [shard.id for shard in shards]


def test_an_application_that_is_there_goes_on(session: str, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    there = SparkSession.getActiveSession()
    assert there is not None
    with Spark(scratch=str(tmp_path)) as engine:
        assert [result for _, result in engine.run(Step(name="id", work=_id), [Shard(id="a")])] == ["a"]
    assert there.range(3).count() == 3, "a session that Tilth did not begin is not ended"
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(_session.running()))
    thread.start()
    thread.join()
    assert found[0] is not None, "another thread finds the application, too"


@pytest.mark.parametrize("kind", ["hdfs", "s3"][: storm(1, 2)])
def test_rows_in_between_lie_in_a_store(session: str, kind: str) -> None:
    if kind == "hdfs":
        server = hdfs.start()
        environment, scratch = hdfs.environment(server), f"{server.facts['url']}/scratch-{uuid.uuid4().hex[:8]}"
    else:
        server = s3.start()
        environment, scratch = (
            s3.environment(server),
            f"s3://{s3.make_bucket(server, f'scratch-{uuid.uuid4().hex[:8]}')}/scratch",
        )
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        store = open_store(scratch)
        store.put("mine.txt", b"mine")
        check_exchange(lambda stop: Spark(scratch=scratch, stop=stop, environment=environment))
        assert [entry.path for entry in store.list()] == ["mine.txt"], "what exchanges gave is removed, and only that"


def test_what_a_killed_run_left_goes_after_a_week(session: str, tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    for name in ("tilth-scratch/old/p.arrow", "tilth-scratch/new/p.arrow", "other/old.arrow"):
        store.put(name, b"rows")
        if "old" in name:
            os.utime(tmp_path / name, (time.time() - 8 * 86_400,) * 2)
    with Spark(scratch=str(tmp_path)) as engine:
        rows = Rows(shards=(Shard(id="a"),), read=_nothing)
        engine.exchange(Exchange(name="none", emit=iter, gather=iter, partitions=1), rows)  # type: ignore[arg-type]
    assert [entry.path for entry in store.list()] == ["other/old.arrow", "tilth-scratch/new/p.arrow"]


def _nothing(shard: Shard) -> Iterator[Batch]:
    return iter(())


def _id(shard: Shard) -> str:
    return shard.id


@pytest.mark.parametrize(
    ("home", "version", "said"),
    [
        ("/nowhere", None, "there is no Java. Wanted: Java 17 or newer"),
        (None, '1.8.0_392"', "this is Java 8. Wanted: Java 17 or newer"),
        (None, '11.0.2"', "this is Java 11. Wanted: Java 17 or newer"),
    ],
)
def test_java_that_is_missing_or_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None, version: str | None, said: str
) -> None:
    pytest.importorskip("pyspark")
    if version is not None:
        java = tmp_path / "bin" / "java"
        java.parent.mkdir()
        java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}' >&2\n")
        java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", home or str(tmp_path))
    with pytest.raises(Terminal) as caught:
        _session.check_java()
    assert said in str(caught.value)


def test_a_master_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    spark.java()
    monkeypatch.setattr(_session, "running", lambda: None)
    with pytest.raises(Terminal, match=r"spark://127.0.0.1:9: no master answers there \(Connection refused\)"):
        Spark(master="spark://127.0.0.1:9").begin()


@pytest.mark.slow
def test_an_executor_without_tilth() -> None:
    spark.java()
    bare = servers.environment("bare", ["setuptools"])
    asked = [sys.executable, "-c", ALONE, str(bare)]
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=120)
    assert "acquire: executors lack the package tilth. Install Tilth" in done.stdout, done.stderr[-2000:]


ALONE = """
import operator, sys
from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Rows, Step
from tilth.core.shard import Shard
from tilth.engines.spark import Spark
with Spark(master="local[1]", settings={"spark.pyspark.python": sys.argv[1]}) as engine:
    try:
        list(engine.run(Step(name="acquire", work=operator.attrgetter("id")), [Shard(id="a")]))
    except Exception as error:
        print(error)
"""


def test_no_session_and_no_master(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyspark")
    monkeypatch.setattr(_session, "running", lambda: None)
    with pytest.raises(Terminal, match="there is no Spark session"):
        Spark().begin()
