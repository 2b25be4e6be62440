"""Kill -9 at any moment, run again: the same rows, once, and a table that was readable all the while."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.bytes.lease import lease
from tilth.core.fate import FATE
from tilth.core.shard import RunKey, Shard
from tilth.tables.gc import sweep
from tilth.tables.project import Project
from tilth.testing import storm

ROUNDS = storm(3, 40)
TURNS = ("append", "append", "overwrite", "append")
SHARDS = 3
ROWS = 300


def expected_ids(turn: int) -> list[str]:
    """List the rows of the table after a turn, sorted."""
    begins = max(at for at in range(turn + 1) if TURNS[at] == "overwrite" or at == 0)
    return sorted(
        _id(at, shard, row) for at in range(begins, turn + 1) for shard in range(SHARDS) for row in range(ROWS)
    )


def _id(turn: int, shard: int, row: int) -> str:
    return f"{turn}-{shard}-{row:04d}"


def work(root: str) -> None:
    """Run all turns; each is committed under its own key, so what is done already stays as it is."""
    project = Project(root)
    table, fates = project.table("t"), project.fates("t")
    for turn, mode in enumerate(TURNS):
        key = RunKey(f"turn-{turn}")
        base, told = table.newest(), fates.table.newest()
        receipts = []
        for shard in range(SHARDS):
            # From the second turn on there is one more column: the first append brings it.
            columns = {"_id": [_id(turn, shard, row) for row in range(ROWS)]} | ({"text": ["x"] * ROWS} if turn else {})
            fate = [{"_id": id_, "fate": "changed", "operator": "refine[0] fix_text"} for id_ in columns["_id"]]
            unit = Shard(id=f"{turn}-{shard}")
            with table.writer(unit) as rows, fates.writer(unit) as happened:
                rows.add(pa.RecordBatch.from_pydict(columns))
                happened.add(pa.RecordBatch.from_pylist(fate, schema=FATE))
                receipts.append((rows.finish(), happened.finish()))
        table.commit([rows for rows, _ in receipts], key, None, base, mode=mode)
        fates.commit([happened for _, happened in receipts], key, told, mode=mode)


def found_ids(project: Project) -> list[str]:
    batches = project.table("t").scan(columns=["_id"]).batches()
    return sorted(row for batch in batches for row in batch.column("_id").to_pylist())


class Child:
    """A process that works; it waits for a word so that its start does not count."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stdout.readline() == b"ready\n"

    def go(self) -> None:
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def kill_after(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))
        self.process.kill()

    def wait(self) -> bytes:
        return self.process.communicate(timeout=120)[1]


@pytest.fixture(scope="module")
def seconds(tmp_path_factory) -> float:
    """How long the work takes when nobody kills it."""
    child = Child(tmp_path_factory.mktemp("whole"))
    begin = time.monotonic()
    child.go()
    assert child.wait() == b""
    return time.monotonic() - begin


def check_whole(project: Project) -> None:
    """Whatever was killed when: the newest version is one that some turn made, whole."""
    newest = project.table("t").newest()
    if newest is not None:
        assert found_ids(project) == expected_ids(int(newest.key.removeprefix("turn-")))


def check_done(project: Project) -> None:
    """All turns are there, once each; nothing else is left after a sweep."""
    keys = [f"turn-{turn}" for turn in range(len(TURNS))]
    for table in (project.table("t"), project.fates("t").table):
        assert [committed.version.key for committed in reversed(table.versions())] == keys
    assert found_ids(project) == expected_ids(len(TURNS) - 1)
    assert [count.rows for count in project.fates("t").counts()] == [len(expected_ids(len(TURNS) - 1))]
    with lease(project.root, owner="gc") as held:
        sweep(project, held, grace=-60)
    assert found_ids(project) == expected_ids(len(TURNS) - 1)
    left = [path.name for path in project.folder.rglob("*") if path.is_file() and "tmp" in path.name]
    assert left == []
    parts = {part for version in project.table("t").versions() for part in project.table("t").parts(version.version)}
    assert {path.name for path in project.table("t").folder.glob("*.parquet")} == parts


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_a_run_that_is_killed_and_run_again_does_its_work_once(tmp_path, seconds, seed):
    rng = random.Random(seed)
    project = Project(str(tmp_path))
    for _ in range(rng.randint(1, 2)):
        child = Child(tmp_path)
        child.go()
        child.kill_after(rng.uniform(0, seconds))
        assert child.wait() == b""
        check_whole(project)
    work(str(tmp_path))
    check_done(project)


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("seed", range((ROUNDS + 1) // 2))
def test_two_runs_that_nothing_keeps_apart_do_their_work_once_though_one_is_killed(tmp_path, seconds, seed):
    rng = random.Random(1000 + seed)
    children = [Child(tmp_path), Child(tmp_path)]
    for child in children:
        child.go()
        time.sleep(rng.uniform(0, 0.02))
    children[0].kill_after(rng.uniform(0, 1.5 * seconds))
    children[0].wait()
    # The one that lives may have lost a turn to the other, and says so; it leaves a whole table either way.
    last_words = children[1].wait()
    assert last_words == b"" or b"CommitConflict" in last_words
    check_whole(Project(str(tmp_path)))
    work(str(tmp_path))
    check_done(Project(str(tmp_path)))


if __name__ == "__main__":
    import deltalake  # noqa: F401  # loaded before the word, so that kills fall into the work
    import pyarrow.parquet

    print("ready", flush=True)
    sys.stdin.readline()
    work(sys.argv[1])
