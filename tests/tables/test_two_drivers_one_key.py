"""Two drivers that commit under one key make one version with one copy of the rows.

What deltalake 1.6.6 does when two handles are opened at version N and both commit N + 1 (the first half of this file
holds it to that, so that an upgrade which changes it shows up here):

    first      second      keys       retries on (its default)                    `max_commit_retries=0`
    append     append      the same   second fails: "Concurrent transaction"      second fails
    overwrite  overwrite   the same   second fails: "deleted data … read"         second fails
    append     append      different  both commit: 2 versions, rows of both       second fails
    overwrite  overwrite   different  second fails: "deleted data … read"         second fails
    append     overwrite   different  both commit, and the OVERWRITE LEAVES       second fails
                                      THE APPENDED ROWS in the table
    create     create      any        second fails: "table already exists"        second fails

So delta-rs does detect the same application id (`Transaction(app_id, …)`), by itself: it looks at the id alone, not at
the version in the transaction, and only where the other commit is newer than the handle; a handle opened later commits
the same id again without a word. And it retries a commit on a version that it was not planned on, which is wrong for
an overwrite. Therefore `Table.commit` (a) asks `transaction_version(key)` of the version that it builds on, and (b)
commits with no retries, so that the log's create-only put of N + 1 is a compare-and-swap on that version. The loser
reads again and finds its key (done) or another's (`CommitConflict`). The transaction's version is the number of the
table's version, so that a key leads to its version without a search.

Two more findings that the commit works around, held here too: an append does not add columns, and an overwrite that
brings the first timestamp without a zone makes a table that no reader opens.
"""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.transaction import AddAction, create_table_with_add_actions

from tilth.core.errors import CommitConflict
from tilth.core.shard import RunKey, Shard, Version
from tilth.tables.table import Table

COLUMNS = pa.schema([("_id", pa.string())])


def rows(*ids):
    return [pa.RecordBatch.from_pydict({"_id": list(ids)}, schema=COLUMNS)]


def ids(table: Table, version: Version | None = None) -> list[str]:
    return [row for batch in table.scan(version, ["_id"]).batches() for row in batch.column("_id").to_pylist()]


# What deltalake does by itself.


def part(folder: Path, name: str, *ids: str) -> AddAction:
    pq.write_table(pa.table({"_id": list(ids)}, schema=COLUMNS), folder / name)
    stats = json.dumps({"numRecords": len(ids)})
    return AddAction(name, (folder / name).stat().st_size, {}, 0, True, stats)


def properties(key: str, retries: int | None) -> CommitProperties:
    return CommitProperties(app_transactions=[Transaction(key, 1)], max_commit_retries=retries)


def create(folder: Path) -> None:
    create_table_with_add_actions(str(folder), Schema.from_arrow(COLUMNS), [part(folder, "p0", "old")])


@pytest.mark.parametrize(
    ("first", "second", "keys", "retries", "left"),
    [
        ("append", "append", "kk", None, ["a", "old"]),
        ("overwrite", "overwrite", "kk", None, ["a"]),
        ("append", "append", "kj", None, ["a", "b", "old"]),
        ("overwrite", "overwrite", "kj", None, ["a"]),
        ("append", "overwrite", "kj", None, ["a", "b"]),
        ("append", "append", "kk", 0, ["a", "old"]),
        ("overwrite", "overwrite", "kk", 0, ["a"]),
        ("append", "append", "kj", 0, ["a", "old"]),
        ("append", "overwrite", "kj", 0, ["a", "old"]),
        ("overwrite", "append", "kj", 0, ["a"]),
    ],
)
def test_deltalake_on_two_handles_at_one_version(tmp_path, first, second, keys, retries, left):
    create(tmp_path)
    one, other = DeltaTable(str(tmp_path)), DeltaTable(str(tmp_path))
    one.create_write_transaction(
        [part(tmp_path, "p1", "a")], first, COLUMNS, commit_properties=properties(keys[0], retries)
    )
    late = part(tmp_path, "p2", "b")
    if "b" in left:
        other.create_write_transaction([late], second, COLUMNS, commit_properties=properties(keys[1], retries))
    else:
        with pytest.raises(CommitFailedError):
            other.create_write_transaction([late], second, COLUMNS, commit_properties=properties(keys[1], retries))
    found = DeltaTable(str(tmp_path)).to_pyarrow_table()["_id"].to_pylist()
    assert sorted(found) == left


def test_deltalake_commits_a_key_again_from_a_newer_handle(tmp_path):
    create(tmp_path)
    for name in ("p1", "p2"):
        DeltaTable(str(tmp_path)).create_write_transaction(
            [part(tmp_path, name, "a")], "append", COLUMNS, commit_properties=properties("k", 0)
        )
    assert DeltaTable(str(tmp_path)).version() == 2


def test_deltalake_appends_without_adding_columns(tmp_path):
    create(tmp_path)
    wide = pa.schema([*COLUMNS, pa.field("text", pa.string())])
    DeltaTable(str(tmp_path)).create_write_transaction([], "append", wide)
    assert [field.name for field in DeltaTable(str(tmp_path)).schema().fields] == ["_id"]


def test_deltalake_breaks_a_table_that_gets_its_first_naive_timestamp(tmp_path):
    create(tmp_path)
    naive = pa.schema([("at", pa.timestamp("us"))])
    with pytest.raises(DeltaError, match="timestampNtz"):
        DeltaTable(str(tmp_path)).create_write_transaction([], "overwrite", naive)
    with pytest.raises(DeltaError, match="timestampNtz"):
        DeltaTable(str(tmp_path))


# What Tilth makes of it.


def race(*drivers) -> list[object]:
    """Run the drivers at the same moment; return what each returned or raised."""
    barrier = threading.Barrier(len(drivers))
    results: list[object] = [None] * len(drivers)

    def go(at: int) -> None:
        barrier.wait()
        try:
            results[at] = drivers[at]()
        except CommitConflict as error:
            results[at] = error

    threads = [threading.Thread(target=go, args=(at,)) for at in range(len(drivers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize("round_", range(5))
def test_four_drivers_of_one_key_make_one_version(tmp_path, mode, round_):
    table = Table(str(tmp_path))
    base = table.commit([table.write(Shard(id="0"), rows("a"))], RunKey("base"), None, None)
    # Each driver wrote its own parts: the work was not deterministic, as with a model behind a network.
    receipts = [table.write(Shard(id="1"), rows("b", str(driver))) for driver in range(4)]
    results = race(*(lambda r=receipt: table.commit([r], RunKey("k"), None, base, mode=mode) for receipt in receipts))
    assert {result.number for result in results} == {1}
    assert len(table.versions()) == 2
    assert len(ids(table)) == {"append": 3, "overwrite": 2}[mode]
    assert ids(table).count("b") == 1


@pytest.mark.parametrize("round_", range(5))
def test_four_drivers_of_one_key_make_one_table(tmp_path, round_):
    table = Table(str(tmp_path))
    receipt = table.write(Shard(id="0"), rows("a"))
    results = race(*[lambda: table.commit([receipt], RunKey("k"), None, None)] * 4)
    assert {result.number for result in results} == {0}
    assert ids(table) == ["a"]


@pytest.mark.parametrize("modes", [("append", "overwrite"), ("append", "append"), ("overwrite", "overwrite")])
@pytest.mark.parametrize("round_", range(5))
def test_of_two_keys_that_expect_one_version_one_is_refused(tmp_path, modes, round_):
    table = Table(str(tmp_path))
    base = table.commit([table.write(Shard(id="0"), rows("a"))], RunKey("base"), None, None)
    receipts = [table.write(Shard(id=key), rows(key)) for key in "bc"]
    results = race(
        *(
            lambda key=key, r=receipt, mode=mode: table.commit([r], RunKey(key), None, base, mode=mode)
            for key, receipt, mode in zip("bc", receipts, modes, strict=True)
        )
    )
    refused = [result for result in results if isinstance(result, CommitConflict)]
    assert len(refused) == 1
    assert "another writer committed version 1" in str(refused[0])
    assert table.newest().number == 1


def test_four_drivers_of_one_key_that_bring_a_column_make_one_version(tmp_path):
    table = Table(str(tmp_path))
    base = table.commit([table.write(Shard(id="0"), rows("a"))], RunKey("base"), None, None)
    wide = [pa.RecordBatch.from_pydict({"_id": ["b"], "text": ["hello"]})]
    receipt = table.write(Shard(id="1"), wide)
    results = race(*[lambda: table.commit([receipt], RunKey("k"), None, base)] * 4)
    assert len({result.number for result in results}) == 1
    assert [committed.version.key for committed in table.versions()] == ["k", "base"]
    assert ids(table) == ["a", "b"]


DRIVER = """
import sys
import pyarrow as pa
from tilth.core.errors import CommitConflict
from tilth.core.shard import RunKey, Shard
from tilth.tables.table import Table

table, key, commits = Table(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for turn in range(commits):
    rows = [pa.RecordBatch.from_pydict({"_id": [f"{turn}"]})]
    receipt = table.write(Shard(id=f"{turn}"), rows)
    while True:
        try:
            table.commit([receipt], RunKey(f"{key}-{turn}"), None, table.newest())
            break
        except CommitConflict:
            continue
"""


def test_processes_that_do_the_same_work_at_once_do_it_once(tmp_path):
    commits = 12
    drivers = [
        subprocess.Popen(
            [sys.executable, "-c", DRIVER, str(tmp_path), "run", str(commits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for driver in drivers:
        assert driver.stdout.readline() == "ready\n"
    for driver in drivers:
        driver.stdin.write("go\n")
        driver.stdin.flush()
    for driver in drivers:
        driver.communicate(timeout=60)
        assert driver.returncode == 0
    table = Table(str(tmp_path))
    assert [committed.version.key for committed in reversed(table.versions())] == [f"run-{n}" for n in range(commits)]
    assert sorted(map(int, ids(table))) == list(range(commits))
