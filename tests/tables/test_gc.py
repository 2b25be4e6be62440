"""What crashes left goes after the grace; what a version names, or a lease guards, stays."""

import os
import time

import pyarrow as pa
import pytest

from tilth.bytes.lease import lease
from tilth.core.errors import DataError, LeaseHeld
from tilth.core.shard import RunKey, Shard
from tilth.tables.gc import GRACE, sweep
from tilth.tables.project import Project


def rows(*ids):
    return [pa.RecordBatch.from_pydict({"_id": list(ids)})]


def age(*paths):
    for path in paths:
        os.utime(path, (time.time() - GRACE - 60,) * 2)


@pytest.fixture
def project(tmp_path):
    return Project(str(tmp_path))


def test_leftovers_go_and_every_version_stays(project):
    table = project.table("t")
    receipts = [table.write(Shard(id=shard), rows(shard)) for shard in "abc"]
    first = table.commit(receipts[:1], RunKey("1"), None, None)
    second = table.commit(receipts[1:2], RunKey("2"), None, first, mode="overwrite")
    leftovers = [
        table.folder / receipts[2].parts[0].path,
        table.folder / ".tmp-1-abc",
        table.folder / "_delta_log" / "_commit_1.json.tmp",
        project.folder / ".tmp-lease-1",
    ]
    for path in leftovers[1:]:
        path.write_bytes(b"x")
    age(*(path for path in project.folder.rglob("*") if path.is_file()))
    with lease(project.root, owner="gc") as held:
        swept = sweep(project, held)
    assert swept == (4, receipts[2].parts[0].bytes + 3)
    assert not any(path.exists() for path in leftovers)
    for version, row in ((first, "a"), (second, "b")):
        assert [batch.to_pydict() for batch in table.scan(version).batches()] == [{"_id": [row]}]


def test_young_files_and_those_to_be_committed_stay(project):
    table = project.table("t")
    young, kept, old = (table.write(Shard(id=shard), rows(shard)).parts[0].path for shard in "abc")
    age(table.folder / kept, table.folder / old)
    with lease(project.root, owner="gc") as held:
        assert sweep(project, held, keep=[kept]).files == 1
    assert sorted(path.name for path in table.folder.iterdir()) == sorted([young, kept])


def test_nothing_goes_without_the_lease_of_this_project(project, tmp_path):
    part = project.table("t").write(Shard(id="a"), rows("a")).parts[0].path
    age(project.table("t").folder / part)
    with lease(project.root, owner="gc") as over:
        pass
    with pytest.raises(LeaseHeld, match="the lease is lost"):
        sweep(project, over)
    with lease(tmp_path / "elsewhere", owner="gc") as other, pytest.raises(DataError, match="lease of this project"):
        sweep(project, other)
    with lease(project.root, owner="run"), pytest.raises(LeaseHeld), lease(project.root, owner="gc") as held:
        sweep(project, held)
    assert (project.table("t").folder / part).exists()


def test_a_log_that_was_cut_keeps_all_parts(project):
    table = project.table("t")
    first = table.commit([table.write(Shard(id="a"), rows("a"))], RunKey("1"), None, None)
    table.commit([table.write(Shard(id="b"), rows("b"))], RunKey("2"), None, first)
    (table.folder / "_delta_log" / f"{0:020d}.json").unlink()
    part = table.folder / table.write(Shard(id="c"), rows("c")).parts[0].path
    age(part)
    with lease(project.root, owner="gc") as held:
        assert sweep(project, held).files == 0
    assert part.exists()
