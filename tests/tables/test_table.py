"""A table: what was committed reads back, once, in order, in every version."""

import datetime
import decimal
import json
import pickle
import subprocess
import sys

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Field, write_deltalake

from tilth.core.errors import CommitConflict, DataError, Terminal
from tilth.core.shard import Cursor, Receipt, RunKey, Shard, Version
from tilth.tables.table import Table


def batch(**columns):
    return pa.RecordBatch.from_pydict(columns)


def put(table: Table, key: str, *shards: tuple[str, list[pa.RecordBatch]], **options) -> Version:
    receipts = [table.write(Shard(id=shard), batches) for shard, batches in shards]
    return table.commit(receipts, RunKey(key), options.pop("cursor", None), table.newest(), **options)


def ids(table: Table, version: Version | None = None, **options) -> list[str]:
    rows = table.scan(version, ["_id"], **options)
    return [row for found in rows.batches() for row in found.column("_id").to_pylist()]


@pytest.fixture
def table(tmp_path):
    return Table(str(tmp_path / "tickets"), name="data/tickets")


def test_what_is_committed_reads_back_in_the_order_of_shards(table):
    put(table, "k", ("b", [batch(_id=["3"]), batch(_id=["4"])]), ("a", [batch(_id=["2", "1"])]))
    assert ids(table) == ["2", "1", "3", "4"]
    assert table.count() == 4


def test_nothing_shows_before_the_commit(table):
    table.write(Shard(id="a"), [batch(_id=["1"])])
    assert not table.exists()
    assert table.newest() is None
    assert table.versions() == []
    assert table.version_of(RunKey("k")) is None
    with pytest.raises(DataError, match="data/tickets: the table has no version yet"):
        table.scan()


def test_a_commit_carries_key_fingerprint_and_cursor(table):
    cursor = Cursor(position={"updated_at": "2026-01-01", "files": ["a", "b"]})
    version = put(table, "run-1", ("a", [batch(_id=["1"])]), cursor=cursor, fingerprint="f00d")
    assert version == Version(table="data/tickets", number=0, key=RunKey("run-1"), fingerprint="f00d", cursor=cursor)
    assert table.version() == table.version(0) == table.version_of(RunKey("run-1")) == version
    (committed,) = table.versions()
    assert (committed.version, committed.rows, committed.mode) == (version, 1, "append")
    assert abs((committed.at - datetime.datetime.now(datetime.UTC)).total_seconds()) < 60


def test_the_first_commit_under_a_key_is_the_only_one(table):
    first = put(table, "k", ("a", [batch(_id=["1"])]))
    put(table, "j", ("b", [batch(_id=["2"])]))
    late = table.write(Shard(id="c"), [batch(_id=["9"])])
    assert table.commit([late], RunKey("k"), None, expected=None) == first
    assert ids(table) == ["1", "2"]


def test_a_version_stays_as_it_was(table):
    first = put(table, "1", ("a", [batch(_id=["1"])]))
    second = put(table, "2", ("b", [batch(_id=["2"])]))
    third = put(table, "3", ("c", [batch(_id=["3"])]), mode="overwrite")
    assert [ids(table, version) for version in (first, second, third)] == [["1"], ["1", "2"], ["3"]]
    assert [table.count(version) for version in (first, second, third)] == [1, 2, 1]
    assert [committed.version.number for committed in table.versions()] == [2, 1, 0]
    assert [committed.rows for committed in table.versions()] == [1, 2, 1]


def test_an_expected_version_that_is_not_the_newest_is_a_conflict(table):
    first = put(table, "1", ("a", [batch(_id=["1"])]))
    put(table, "2", ("b", [batch(_id=["2"])]))
    receipt = table.write(Shard(id="c"), [batch(_id=["3"])])
    for expected in (first, None):
        with pytest.raises(CommitConflict, match="another writer committed version 1 meanwhile"):
            table.commit([receipt], RunKey("3"), None, expected)
    assert ids(table) == ["1", "2"]


def test_an_overwrite_with_the_same_part_keeps_it(table):
    same = ("a", [batch(_id=["1"])])
    put(table, "1", same, ("b", [batch(_id=["2"])]))
    before = table.parts()
    put(table, "2", same, ("b", [batch(_id=["3"])]), mode="overwrite")
    assert ids(table) == ["1", "3"]
    assert before[0] in table.parts()
    for number in (0, 1):
        lines = (table.folder / "_delta_log" / f"{number:020d}.json").read_text().splitlines()
        actions = [
            (kind, action["path"])
            for line in lines
            for kind, action in json.loads(line).items()
            if kind in ("add", "remove")
        ]
        assert len({path for _, path in actions}) == len(actions), "one path is added and removed in one commit"


def test_an_overwrite_that_changes_nothing_is_a_version_all_the_same(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    again = put(table, "2", ("a", [batch(_id=["1"])]), mode="overwrite")
    assert again.number == 1
    assert ids(table) == ["1"]


def test_an_overwrite_keeps_the_parts_it_is_told_to(table):
    first = put(table, "1", ("a", [batch(_id=["1"])]), ("b", [batch(_id=["2"])]))
    keep = table.parts(first)[1:]
    put(table, "2", ("c", [batch(_id=["3"], text=["new"])]), mode="overwrite", keep=keep)
    assert ids(table) == ["2", "3"]
    assert table.versions()[0].rows == 2
    with pytest.raises(DataError, match='no part "nowhere" to keep'):
        put(table, "3", mode="overwrite", keep=["nowhere"])


def test_an_overwrite_drops_and_retypes_columns_though_a_part_stays(table):
    same = ("a", [batch(_id=["1"])])
    put(table, "1", same, ("b", [batch(_id=["2"], n=[1], gone=["x"])]))
    put(table, "2", same, ("b", [batch(_id=["2"], n=["one"])]), mode="overwrite")
    assert table.schema() == pa.schema([("_id", pa.string()), ("n", pa.string())])
    assert [row for found in table.scan().batches() for row in found.to_pylist()] == [
        {"_id": "1", "n": None},
        {"_id": "2", "n": "one"},
    ]
    assert table.schema(table.version(0)).field("n").type == pa.int64()
    assert ids(table, table.version(0)) == ["1", "2"]
    assert DeltaTable(table.root).to_pyarrow_table().num_rows == 2


def test_an_append_brings_columns_and_old_rows_have_nulls(table):
    first = put(table, "1", ("a", [batch(_id=["1"])]))
    put(table, "2", ("b", [batch(_id=["2"], text=["hello"])]))
    assert [row for found in table.scan().batches() for row in found.to_pylist()] == [
        {"_id": "1", "text": None},
        {"_id": "2", "text": "hello"},
    ]
    assert table.schema(first).names == ["_id"]
    assert [committed.version.key for committed in table.versions()] == ["2", "1"]
    put(table, "3", ("c", [batch(_id=["3"])]))
    assert ids(table) == ["1", "2", "3"]


def test_an_append_that_died_after_its_columns_goes_on(table):
    first = put(table, "1", ("a", [batch(_id=["1"])]))
    receipt = table.write(Shard(id="b"), [batch(_id=["2"], text=["hello"])])
    # What is in the log when the process dies between the two commits of an append with a new column.
    DeltaTable(table.root).alter.add_columns(
        [Field("text", "string")],
        commit_properties=CommitProperties(custom_metadata={"tilth": {"prepares": "tilth/2"}}),
    )
    assert table.newest() == first
    second = table.commit([receipt], RunKey("2"), None, expected=first)
    assert second.number == 2
    assert ids(table) == ["1", "2"]


def test_a_column_that_changes_its_type_is_refused(table):
    put(table, "1", ("a", [batch(_id=["1"], n=[1])]))
    with pytest.raises(DataError, match='data/tickets: column "n" is string here and int64 before'):
        put(table, "2", ("b", [batch(_id=["2"], n=["x"])]))
    with pytest.raises(DataError, match='column "n"'):
        put(table, "3", ("b", [batch(_id=["2"], n=["x"])]), ("c", [batch(_id=["3"], n=[2])]), mode="overwrite")
    assert ids(table) == ["1"]


def test_types_survive(table):
    rows = pa.RecordBatch.from_pydict(
        {
            "_id": pa.array(["1", "2"]),
            "price": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(10, 2)),
            "naive": pa.array([datetime.datetime(2026, 1, 1, 12), None], pa.timestamp("us")),
            "utc": pa.array([datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.UTC), None], pa.timestamp("us", "UTC")),
            "day": pa.array([datetime.date(2026, 1, 1), None]),
            "vector": pa.array([[0.5, 1.5], None], pa.list_(pa.float32())),
            "nested": pa.array([{"a": [{"b": "x"}]}, None]),
            "raw": pa.array([b"\0\1", None]),
            "flag": pa.array([True, None]),
            "counts": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        }
    )
    put(table, "1", ("a", [rows]))
    (found,) = table.scan().batches()
    assert found.equals(rows)
    assert found.schema == table.schema()
    assert DeltaTable(table.root).to_pyarrow_table().num_rows == 2


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_a_first_timestamp_without_a_zone_leaves_the_table_readable(table, mode):
    put(table, "1", ("a", [batch(_id=["1"])]))
    at = pa.array([datetime.datetime(2026, 1, 1)], pa.timestamp("us"))
    put(table, "2", ("b", [pa.RecordBatch.from_arrays([pa.array(["2"]), at], ["_id", "at"])]), mode=mode)
    assert ids(table)[-1] == "2"
    assert [committed.version.key for committed in table.versions()] == ["2", "1"]
    assert datetime.datetime(2026, 1, 1) in DeltaTable(table.root).to_pyarrow_table()["at"].to_pylist()


def test_a_column_of_nulls_takes_the_type_that_others_know_or_is_text(table):
    nulls = pa.array([None])
    put(table, "1", ("a", [batch(_id=["1"], n=nulls, t=nulls)]), ("b", [batch(_id=["2"], n=[7], t=nulls)]))
    assert table.schema() == pa.schema([("_id", pa.string()), ("n", pa.int64()), ("t", pa.string())])
    put(table, "2", ("c", [batch(_id=["3"], n=nulls, t=["x"])]))
    rows = [row for found in table.scan().batches() for row in found.to_pylist()]
    assert [(row["n"], row["t"]) for row in rows] == [(None, None), (7, None), (None, "x")]


def test_names_with_spaces_and_of_any_language_survive(table):
    put(table, "1", ("a", [batch(**{"_id": ["1"], "Customer name": ["x"], "amount (EUR)": [1], "客户": ["y"]})]))
    assert [row for found in table.scan(columns=["客户", "Customer name"]).batches() for row in found.to_pylist()] == [
        {"客户": "y", "Customer name": "x"}
    ]


def test_a_table_without_rows_has_its_columns(table):
    empty = batch(_id=pa.array([], pa.string()), n=pa.array([], pa.int64()))
    put(table, "1", ("a", [empty]))
    assert (table.count(), table.schema().names, ids(table)) == (0, ["_id", "n"], [])
    with pytest.raises(DataError, match="no columns are known"):
        Table(table.root + "2").commit([], RunKey("1"), None, None)
    assert Table(table.root + "3").commit([], RunKey("1"), None, None, schema=empty.schema).number == 0


def test_the_schema_says_which_columns_there_are(table):
    wanted = pa.schema([("n", pa.int64()), ("_id", pa.large_string())])
    put(table, "1", ("a", [batch(_id=["1"])]), schema=wanted)
    assert table.schema() == pa.schema([("n", pa.int64()), ("_id", pa.string())])
    with pytest.raises(DataError, match='the rows have a column "x" that the schema has not'):
        put(table, "2", ("b", [batch(_id=["2"], x=[1])]), schema=wanted)


def test_a_part_that_is_gone_or_cut_short_is_not_committed(table):
    receipt = table.write(Shard(id="a"), [batch(_id=["1"])])
    path = table.folder / receipt.parts[0].path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"is gone or cut short\. Run its shard again"):
        table.commit([receipt], RunKey("1"), None, None)
    path.unlink()
    with pytest.raises(DataError, match="is gone or cut short"):
        table.commit([receipt], RunKey("1"), None, None)
    assert not table.exists()


def test_two_different_receipts_of_one_shard_are_refused(table):
    receipts = [table.write(Shard(id="a"), [batch(_id=[name])]) for name in "xy"]
    with pytest.raises(DataError, match='two receipts of shard "a" differ'):
        table.commit(receipts, RunKey("1"), None, None)
    assert table.commit([receipts[0], receipts[0]], RunKey("1"), None, None).number == 0
    assert ids(table) == ["x"]


def test_a_receipt_that_is_not_from_write_is_refused(table):
    receipt = table.write(Shard(id="a"), [batch(_id=["1"])])
    with pytest.raises(DataError, match="does not say its columns"):
        table.commit([Receipt(shard="a", parts=receipt.parts, rows=1)], RunKey("1"), None, None)


def test_a_scan_cuts_to_shards_of_row_groups_in_order(table):
    many = pa.RecordBatch.from_pydict({"_id": [f"{n:06d}" for n in range(140_000)]})
    put(table, "1", ("a", [many]), ("b", [batch(_id=["b"])]))
    whole, cut = table.scan(), table.scan(shard_bytes=60_000)
    assert [shard.rows for shard in whole.shards] == [140_001]
    assert [shard.rows for shard in cut.shards] == [65_536, 65_536, 8_928 + 1]
    assert [shard.id for shard in cut.shards] == sorted(shard.id for shard in cut.shards)
    assert table.scan(shard_bytes=60_000).shards == cut.shards
    expected = [*many.column("_id").to_pylist(), "b"]
    assert ids(table, shard_bytes=60_000) == expected
    assert ids(table) == expected


def test_a_scan_chooses_rows(table):
    put(
        table,
        "1",
        ("a", [batch(_id=["1", "2"], _split=["train", "test"])]),
        ("b", [batch(_id=["3"], _split=["train"])]),
    )
    assert ids(table, where={"_split": ["train"]}) == ["1", "3"]
    assert ids(table, where={"_split": ["train"], "_id": ["2", "3"]}) == ["3"]
    assert ids(table, where={"_id": []}) == []
    (found,) = table.scan(columns=["_split"], where={"_id": ["2"]}).batches()
    assert found.to_pydict() == {"_split": ["test"]}
    put(table, "2", ("c", [batch(_id=["4"], n=[1], late=["x"])]))
    assert ids(table, where={"late": ["x"]}) == ["4"]


def test_a_wrong_column_names_the_right_ones(table):
    put(table, "1", ("a", [batch(_id=["1"], text=["x"], n=[1])]))
    with pytest.raises(DataError, match=r'no column "txt"\. Wanted: one of _id, text, n\. Did you mean "text"'):
        table.scan(columns=["txt"])
    with pytest.raises(DataError, match=r'column "n" is int64\. Wanted: a text column'):
        table.scan(where={"n": ["1"]})
    with pytest.raises(DataError, match='no column "wher"'):
        table.scan(where={"wher": ["1"]})


def test_a_worker_reads_and_writes_without_delta(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    work = pickle.dumps((table, table.scan()))
    code = (
        "import pickle, sys; from tilth.core.shard import Shard\n"
        "table, rows = pickle.loads(sys.stdin.buffer.read())\n"
        "receipt = table.write(Shard(id='z'), rows.read(rows.shards[0]))\n"
        "assert 'deltalake' not in sys.modules; print(receipt.rows)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=work, capture_output=True, check=True)
    assert done.stdout.strip() == b"1"


def test_a_version_that_is_not_there_is_refused(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    with pytest.raises(DataError, match=r"data/tickets: the log cannot be read.*not 7"):
        table.version(7)


def test_a_part_that_someone_removed_is_named(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    (table.folder / table.parts()[0]).unlink()
    with pytest.raises(DataError, match=r'the part "part-a-.*" is gone'):
        ids(table)


@pytest.mark.parametrize("damage", [b"", b"PAR1 and nothing else", None])
def test_a_part_that_was_damaged_is_named(table, damage):
    put(table, "1", ("a", [batch(_id=[str(n) for n in range(5000)])]))
    path = table.folder / table.parts()[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + b"?" * 400 + whole[600:] if damage is None else damage)
    with pytest.raises(DataError, match=r'data/tickets: the part "part-a-.*" cannot be read \(.*Restore the file'):
        ids(table)


def test_a_checkpoint_keeps_the_history_and_the_keys(table):
    versions = [put(table, f"k{n}", (f"{n:02d}", [batch(_id=[str(n)])])) for n in range(23)]
    assert any((table.folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert [table.version_of(version.key) for version in versions] == versions
    assert [committed.version for committed in reversed(table.versions())] == versions
    assert ids(table, versions[3]) == ["0", "1", "2", "3"]


def test_what_another_tool_appends_is_read_and_counts_as_a_version(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    write_deltalake(table.root, pa.table({"_id": ["2"]}), mode="append")
    assert ids(table) == ["1", "2"]
    assert (table.newest().number, table.newest().key, table.versions()[0].rows) == (1, "", None)


def test_a_table_with_what_tilth_does_not_read_is_refused(table):
    write_deltalake(table.root, pa.table({"_id": ["2"], "day": ["mon"]}), partition_by=["day"])
    with pytest.raises(DataError, match="another tool gave the table partitions"):
        table.scan()


def test_a_log_that_cannot_be_written_is_one_clear_error(table):
    put(table, "1", ("a", [batch(_id=["1"])]))
    receipt = table.write(Shard(id="b"), [batch(_id=["2"])])
    # The next entry's name is taken by a folder: the commit fails, and no newer version explains why.
    (table.folder / "_delta_log" / f"{1:020d}.json").mkdir()
    with pytest.raises(Terminal, match="data/tickets: storage failed while committing"):
        table.commit([receipt], RunKey("2"), None, table.version(0))


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
def test_a_column_named_with_a_line_separator_reads_back(table, mark):
    name = f"a{mark}b"
    version = put(table, f"k{mark}", ("a", [batch(_id=["1"], **{name: [7]})]))
    assert table.newest() == version
    assert [row[name] for found in table.scan(version).batches() for row in found.to_pylist()] == [7]
