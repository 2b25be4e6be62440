"""A full disk ends in one clear error, and the table stays readable; with space again, the same work goes on."""

import os
import random
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.core.errors import Terminal
from tilth.core.shard import RunKey, Shard
from tilth.tables.table import Table

NOISE = random.Random(0)


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)], capture_output=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def rows(name: str, size: int):
    return [pa.RecordBatch.from_pydict({"_id": [name], "text": [NOISE.randbytes(size // 2).hex()]})]


def ids(table: Table):
    return [row for batch in table.scan(columns=["_id"]).batches() for row in batch.column("_id").to_pylist()]


def fill(folder: Path) -> Path:
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_write_that_fills_the_disk_leaves_nothing(small_disk):
    table = Table(str(small_disk / "t"))
    first = table.commit([table.write(Shard(id="a"), rows("a", 1000))], RunKey("1"), None, None)
    with pytest.raises(Terminal, match=r't: no space left while writing shard "b"\. Free some space and run again'):
        table.write(Shard(id="b"), rows("b", 8 << 20))
    assert [path.name for path in table.folder.iterdir() if path.is_file()] == list(table.parts())
    assert ids(table) == ["a"]
    table.commit([table.write(Shard(id="b"), rows("b", 1000))], RunKey("2"), None, first)
    assert ids(table) == ["a", "b"]


def test_a_commit_on_a_full_disk_can_be_made_again(small_disk):
    table = Table(str(small_disk / "t"))
    first = table.commit([table.write(Shard(id="a"), rows("a", 1000))], RunKey("1"), None, None)
    receipt = table.write(Shard(id="b"), rows("b", 1000))
    filler = fill(small_disk)
    with pytest.raises(Terminal, match=r"t: no space left while committing\. Free some space and run again"):
        table.commit([receipt], RunKey("2"), None, first)
    assert ids(table) == ["a"]
    assert table.newest() == first
    filler.unlink()
    second = table.commit([receipt], RunKey("2"), None, first)
    assert second.number == 1
    assert ids(table) == ["a", "b"]


def test_a_table_that_cannot_begin_on_a_full_disk_begins_later(small_disk):
    table = Table(str(small_disk / "t"))
    receipt = table.write(Shard(id="a"), rows("a", 1000))
    filler = fill(small_disk)
    with pytest.raises(Terminal, match="no space left while committing"):
        table.commit([receipt], RunKey("1"), None, None)
    assert not table.exists()
    filler.unlink()
    assert table.commit([receipt], RunKey("1"), None, None).number == 0
    assert ids(table) == ["a"]
