"""Kill -9 at any moment of writing, committing, compacting and sweeping, in every store, then go on: all rows, once."""

import functools
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from tests.tables.places import ids, place, rows

from tilth.core.retry import persistent
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.tables.gc import collect
from tilth.tables.holds import Holding, expired_before
from tilth.tables.table import Table
from tilth.testing import storm

SHARDS = 2
MOMENTS = ("write", "written", "commit", "compact", "sweep")
KILLS = {"local": storm(3, 100), "s3": storm(2, 70), "hdfs": storm(0, 30)}
"""HDFS, where all takes long, is left to `make test-all`."""
CHILD = """
import sys
from tests.tables.test_store_kills import child
child(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
"""
SECONDS = 3.0
"""A dead writer's hold lives so long here."""


def turns(root):
    """HDFS takes half a second for each object."""
    return 2 if root.startswith("hdfs:") else 4


def expected(turn):
    return [f"{at}-{shard}-{row}" for at in range(turn + 1) for shard in range(SHARDS) for row in range(20)]


def work(root, at=lambda moment: None):
    """Do all turns, each under its own key: what is done already stays as it is."""
    table = Table(root)
    for turn in range(turns(root)):
        with Holding(table.home, "t", writes=True, beat=0.5, lives=SECONDS):
            at("write")
            receipts = []
            for shard in range(SHARDS):
                names = [f"{turn}-{shard}-{row}" for row in range(20)]
                more = {"text": ["x"] * 20} if turn else {}
                receipts.append(table.write(Shard(id=f"{turn}-{shard}"), rows(*names, **more)))
            at("written")
            key = RunKey(f"turn-{turn}")
            at("commit")
            if turn % 2:
                commit = functools.partial(table.append, receipts, key, Cursor(position={"turn": turn}))
                # What a sweep doomed that was killed then is free again after half a minute, and says so.
                persistent(commit)
            elif table.version_of(key) is None:
                base, cursor = table.newest(), Cursor(position={"turn": turn})
                persistent(functools.partial(table.commit, receipts, key, cursor, base))
        at("compact")
        persistent(table.compact)
        at("sweep")
        collect(table, grace=0, versions=4 if turn else None)


def check(root):
    """Every version that was not given up is one that some turn made, whole."""
    table = Table(root)
    told = table.versions()
    for line in told:
        turn = int(line.version.key.removeprefix("turn-"))
        if line.version.number < expired_before(table.home):
            continue
        found = ids(table, line.version)
        assert Counter(found) == Counter(expected(turn)), line
        assert line.version.cursor == Cursor(position={"turn": turn})
    made = [line.version.key for line in reversed(told) if line.mode != "compact"]
    assert made == [f"turn-{turn}" for turn in range(len(made))]
    return len(made)


def strike(root, seed, seconds):
    """Work in a child that is killed: at a call of the store, right before or after it, or by the clock.

    Returns the moment that it was at, None where it was done before.
    """
    child = subprocess.run(
        [sys.executable, "-c", CHILD, root, str(seed), str(seconds)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=Path(__file__).resolve().parents[2],
    )
    assert child.stderr == "" or child.returncode == -signal.SIGKILL, child.stderr
    said = child.stdout.split()
    assert said[:1] == ["ready"], child.stderr
    assert child.returncode in (0, -signal.SIGKILL)
    return None if child.returncode == 0 else (said[-1] if len(said) > 1 else "write")


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", [kind for kind, kills in KILLS.items() if kills])
def test_killed_work_goes_on_and_is_done_once(kind, tmp_path):
    kills = KILLS[kind]
    struck = Counter()
    chance = random.Random(f"kills/{kind}")
    for number in range(20 * kills):
        with place(kind, tmp_path) as root:
            # Until it is through, so that kills strike work at every stage, and work that goes on after kills.
            for _ in range(4):
                if struck.total() == kills:
                    break
                moment = strike(root, chance.randrange(1 << 30), {"local": 1.0, "s3": 4.0, "hdfs": 10.0}[kind])
                check(root)
                if moment is None:
                    break
                struck[moment] += 1
            if struck.total() == kills or number % 3 == 0:
                work(root)
                assert check(root) == turns(root), f"after {struck}"
        if struck.total() == kills:
            break
    assert struck.total() == kills, struck
    if kills >= 30:
        assert set(struck) == set(MOMENTS), struck


def counted(kind, last, kill):
    """Let the store's `last`-th call be the last one, killed before or after it."""
    calls = iter(range(1, 1 << 30))
    for name in ("list", "stat", "read", "put", "create", "write", "copy", "delete"):
        real = getattr(kind, name)

        @functools.wraps(real)
        def call(store, *args, real=real, **options):
            number = next(calls)
            if number == last and kill == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            found = real(store, *args, **options)
            if number == last and kill == "after":
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        setattr(kind, name, call)


def child(root, seed, seconds):
    import deltalake  # noqa: F401  # loaded first, so that kills fall into the work
    import pyarrow.parquet  # noqa: F401

    store = type(Table(root).home.store)
    chance = random.Random(seed)
    how = chance.choice(["call", "clock", "moment"])
    left = chance.randrange(len(MOMENTS) * turns(root))
    print("ready", flush=True)
    if how == "call":
        counted(store, chance.randint(1, 60 if "://" in root else 40), chance.choice(["before", "after"]))
    elif how == "clock":
        kill_after(chance.uniform(0, seconds))

    def at(moment):
        nonlocal left
        print(moment, flush=True)
        if how == "moment" and left == 0:
            if moment == "written":
                # Before the commit has begun.
                os.kill(os.getpid(), signal.SIGKILL)
            kill_after(chance.uniform(0, seconds / 10))
        left -= 1

    work(root, at)


def kill_after(seconds):
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL))
    timer.daemon = True
    timer.start()
