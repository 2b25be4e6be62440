"""Eight writers, a compaction, a sweep and readers at one table: nothing is lost or doubled, no reader breaks."""

import functools
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.tables.places import ids, place, rows

from tilth.core.errors import CommitConflict, DataError
from tilth.core.retry import persistent
from tilth.core.shard import RunKey, Shard
from tilth.tables.gc import collect
from tilth.tables.holds import expired_before
from tilth.tables.table import Table
from tilth.testing import storm

WRITERS = 8
TURNS = storm(2, 12)
ROUNDS = storm(1, 4)
COMMAND = """
import sys
from tests.tables import test_store_storm
getattr(test_store_storm, sys.argv[1])(*sys.argv[2:])
"""


def write(root, writer):
    """Append some parts, each held from before it is written until it is committed."""
    table, chance = Table(root), random.Random(writer)
    for turn in range(TURNS):
        with table.writing():
            names = [f"{writer}/{turn}/{row}" for row in range(5)]
            receipt = table.write(Shard(id=f"{writer}-{turn}"), rows(*names))
            time.sleep(chance.uniform(0, 0.1))
            # A sweep may have doomed it before it looked at the hold, and says so for a moment.
            persistent(
                functools.partial(table.append, [receipt], RunKey(f"{writer}/{turn}")), tries=20, first_wait=0.05
            )


def compact(root, until):
    """Bundle all the while."""
    while not Path(until).exists():
        try:
            Table(root).compact(target_bytes=8 << 10)
        except CommitConflict:
            continue
        except DataError as error:
            assert "no version yet" in str(error), error
        time.sleep(0.05)


def sweep(root, until):
    """Remove all that nobody holds, however young, and all versions but the newest three."""
    while not Path(until).exists():
        collect(Table(root), grace=0, versions=3)


def read(root, until):
    """Read whole versions, the newest and older ones: what each writer appended is there, up to some turn, whole."""
    table, chance, times = Table(root), random.Random(root), 0
    while not Path(until).exists() or times == 0:
        newest = table.newest()
        if newest is None:
            continue
        number = max(newest.number - chance.choice([0, 0, 1, 2]), expired_before(table.home))
        try:
            version = table.version(number)
            holding = table.reading(version)
            holding.__enter__()
        except DataError as error:
            # It was given up before it was held, and says so.
            assert "was given up" in str(error), error
            continue
        try:
            scanned = table.scan(version, ["_id"], shard_bytes=2000)
            time.sleep(chance.uniform(0, 0.3))
            found = [row for batch in scanned.batches() for row in batch.column("_id").to_pylist()]
            holding.check()
        finally:
            holding.__exit__(None, None, None)
        check_prefix(found)
        times += 1
    print(times, "versions read")


def check_prefix(found):
    """Each writer's appends are there whole, once each, and none without those before it."""
    assert max(Counter(found).values(), default=1) == 1
    turns = Counter(tuple(map(int, row.split("/")[:2])) for row in found)
    assert set(turns.values()) <= {5}
    for writer in {writer for writer, _ in turns}:
        mine = sorted(turn for one, turn in turns if one == writer)
        assert mine == list(range(len(mine))), (writer, mine)


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).resolve().parents[2],
    )


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("kind", ["local", *(["s3", "gs", "hdfs"] if storm(0, 1) else [])])
def test_writers_a_compaction_a_sweep_and_readers_share_a_table(kind, round_, tmp_path):
    until = tmp_path / "done"
    with place(kind, tmp_path) as root:
        others = [start("compact", root, until), start("sweep", root, until)]
        others += [start("read", root, until) for _ in range(storm(1, 2))]
        writers = [start("write", root, writer) for writer in range(WRITERS)]
        for writer in writers:
            said = writer.communicate(timeout=600)[1]
            assert writer.returncode == 0, said
        until.touch()
        for other in others:
            said, error = other.communicate(timeout=600)
            assert other.returncode == 0, error
        table = Table(root)
        wanted = [f"{writer}/{turn}/{row}" for writer in range(WRITERS) for turn in range(TURNS) for row in range(5)]
        assert Counter(ids(table)) == Counter(wanted)
        made = [line.version.key for line in table.versions() if line.mode != "compact"]
        assert Counter(made) == Counter(f"{writer}/{turn}" for writer in range(WRITERS) for turn in range(TURNS))
        # At rest: what is left is what the newest versions name.
        table.compact()
        collect(table, grace=-60, versions=1)
        assert Counter(ids(table)) == Counter(wanted)
        assert {entry.path for entry in table.home.store.list("part-")} == set(table.parts())
        assert [entry.path for entry in table.home.store.list("_tilth/") if "/expired/" not in entry.path] == []
