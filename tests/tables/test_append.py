"""Writers that know nothing of one another append to one table: no row is lost, none doubled, whichever store it is."""

import subprocess
import sys
from collections import Counter

import pytest
from tests.tables.places import EVERYWHERE, ids, place, rows

from tilth.core.shard import Cursor, RunKey, Shard
from tilth.tables.table import Table
from tilth.testing import storm

WRITERS, TURNS = 8, storm(2, 6)

WRITER = """
import sys
from tests.tables.places import rows
from tilth.core.shard import RunKey, Shard
from tilth.tables.table import Table

table, writer, turns = Table(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(turns):
    # Every second writer brings a column of its own: its first append must change the table's columns.
    more = {f"c{writer}": [1, 2]} if int(writer) % 2 else {}
    receipt = table.write(Shard(id=f"{writer}-{turn}"), rows(f"{writer}-{turn}-a", f"{writer}-{turn}-b", **more))
    for again in range(1 + turn % 2):
        table.append([receipt], RunKey(f"{writer}/{turn}"))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERYWHERE)
def test_eight_writers_lose_nothing_and_double_nothing(kind, tmp_path):
    with place(kind, tmp_path) as root:
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, root, str(writer), str(TURNS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for writer in range(WRITERS)
        ]
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            said = writer.communicate(timeout=240)[1]
            assert writer.returncode == 0, said
        table = Table(root)
        wanted = [f"{writer}-{turn}-{row}" for writer in range(WRITERS) for turn in range(TURNS) for row in "ab"]
        assert Counter(ids(table)) == Counter(wanted)
        keys = [line.version.key for line in table.versions()]
        assert sorted(keys) == sorted(f"{writer}/{turn}" for writer in range(WRITERS) for turn in range(TURNS))
        assert [line.rows for line in table.versions()] == list(range(len(wanted), 0, -2))
        assert set(table.schema().names) == {"_id", "c1", "c3", "c5", "c7"}


def test_an_append_comes_on_top_of_what_came_between(tmp_path):
    table = Table(str(tmp_path))
    assert table.append([table.write(Shard(id="a"), rows("a"))], RunKey("1")).number == 0
    base = table.newest()
    table.commit([table.write(Shard(id="b"), rows("b"))], RunKey("2"), None, base, mode="overwrite")
    late = table.append([table.write(Shard(id="c"), rows("c"))], RunKey("3"), Cursor(position={"at": 3}))
    assert (late.number, late.cursor) == (2, Cursor(position={"at": 3}))
    assert ids(table) == ["b", "c"]
    assert table.append([], RunKey("3")) == late
