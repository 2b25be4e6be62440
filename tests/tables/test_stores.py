"""A table is the same wherever it lies: a folder, S3, Google Cloud Storage, HDFS."""

import itertools
import pickle
from datetime import datetime

import pyarrow as pa
import pytest
from tests.servers import s3
from tests.tables.places import EVERYWHERE, all_rows, ids, place, rows

from tilth.bytes.store import Patience
from tilth.core.errors import CommitConflict, DataError, Terminal, Transient
from tilth.core.shard import Cursor, RunKey, Shard
from tilth.tables import _home
from tilth.tables.fates import Fates
from tilth.tables.table import Table
from tilth.testing import check_sink, storm

REMOTE = EVERYWHERE[1:]


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.slow) for kind in EVERYWHERE])
def root(request, tmp_path):
    with place(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def table(root):
    return Table(f"{root}/tickets")


# A write takes HDFS half a second: what does not depend on it is left to `make test-all`.
quick = pytest.mark.parametrize(
    "root", [pytest.param(kind, marks=pytest.mark.slow) for kind in EVERYWHERE[: max(3, storm(3, 4))]], indirect=True
)


@quick
def test_a_table_keeps_the_sinks_contract(root):
    numbers = itertools.count()
    check_sink(lambda: Table(f"{root}/{next(numbers)}"), all_rows, Table.newest)


@quick
def test_its_name_is_the_last_step(root):
    assert Table(f"{root}/tickets/").name == "tickets"


@quick
def test_parts_are_the_same_everywhere(table, tmp_path):
    here = Table(str(tmp_path / "same"))
    work = rows(*map(str, range(1000)), text=["x" * at for at in range(1000)])
    assert table.write(Shard(id="s"), work) == here.write(Shard(id="s"), work)


def test_versions_stay_readable_and_come_back(table):
    one = table.commit([table.write(Shard(id="a"), rows("a"))], RunKey("1"), Cursor(position={"at": 1}), None)
    two = table.commit([table.write(Shard(id="b"), rows("b", text=["hi"]))], RunKey("2"), None, one, fingerprint="f")
    three = table.commit([table.write(Shard(id="c"), rows("c"))], RunKey("3"), None, two, mode="overwrite")
    assert [ids(table, version) for version in (one, two, three)] == [["a"], ["a", "b"], ["c"]]
    assert table.schema(one).names == ["_id"]
    assert table.schema(two).names == ["_id", "text"]
    back = table.restore(one, three)
    assert all_rows(table) == [{"_id": "a"}]
    assert back.cursor == one.cursor
    told = table.versions()
    assert [(line.version.key, line.rows, line.mode) for line in told[1:]] == [
        ("3", 1, "overwrite"),
        ("2", 2, "append"),
        ("1", 1, "append"),
    ]
    assert all(isinstance(line.at, datetime) for line in told)
    assert table.version_of(RunKey("2")) == two
    assert table.version(0) == one


def test_a_stale_writer_is_told_and_changes_nothing(table):
    one = table.commit([table.write(Shard(id="a"), rows("a"))], RunKey("1"), None, None)
    table.commit([table.write(Shard(id="b"), rows("b"))], RunKey("2"), None, one)
    with pytest.raises(CommitConflict, match="another writer committed version 1"):
        table.commit([table.write(Shard(id="c"), rows("c"))], RunKey("3"), None, one)
    assert ids(table) == ["a", "b"]


@quick
def test_workers_read_what_a_driver_planned(table):
    work = rows(*(f"{at:05d}" for at in range(5000)), text=[f"{at}" * 50 for at in range(5000)])
    receipts = [table.write(Shard(id=shard), work) for shard in "ab"]
    table.commit(receipts, RunKey("1"), None, None)
    scanned = table.scan(columns=["text", "_id"], where={"_id": ["00007", "04999"]}, shard_bytes=1000)
    assert len(scanned.shards) == 2
    read = pickle.loads(pickle.dumps(scanned.read))
    found = [row for shard in scanned.shards for batch in read(shard) for row in batch.to_pylist()]
    assert [row["_id"] for row in found] == ["00007", "04999"] * 2
    assert list(found[0]) == ["text", "_id"]


def test_a_large_part_is_sent_in_pieces(table, monkeypatch):
    monkeypatch.setattr(_home, "_IN_MEMORY", 1000)
    monkeypatch.setattr(_home, "_PIECE", 700)
    receipt = table.write(Shard(id="a"), rows(*map(str, range(3000))))
    assert receipt.parts[0].bytes > 5000
    table.commit([receipt], RunKey("1"), None, None)
    assert ids(table) == [str(at) for at in range(3000)]


@quick
def test_a_part_is_whole_or_not(table):
    part = table.write(Shard(id="a"), rows("a")).parts[0]
    assert table.holds(part.path, part.bytes)
    assert not table.holds(part.path, part.bytes + 1)
    assert not table.holds("part-a-00000-none.parquet", 7)


@quick
def test_a_commit_names_no_part_that_is_gone_or_cut_short(table):
    gone, cut = table.write(Shard(id="a"), rows("a")), table.write(Shard(id="b"), rows("b"))
    table.home.store.delete(gone.parts[0].path)
    table.home.store.put(cut.parts[0].path, b"PAR1")
    for receipt in (gone, cut):
        with pytest.raises(DataError, match="gone or cut short"):
            table.commit([receipt], RunKey("1"), None, None)
    assert not table.exists()


@quick
def test_a_part_that_vanished_is_named(table):
    receipt = table.write(Shard(id="a"), rows("a"))
    table.commit([receipt], RunKey("1"), None, None)
    table.home.store.delete(receipt.parts[0].path)
    with pytest.raises(DataError, match=receipt.parts[0].path):
        ids(table)


@quick
def test_many_parts_are_found_by_one_list(table, monkeypatch):
    monkeypatch.setattr(_home, "_FEW", 2)
    receipts = [table.write(Shard(id=shard), rows(shard)) for shard in "abcd"]
    table.commit(receipts, RunKey("1"), None, None)
    assert ids(table) == list("abcd")


def test_columns_come_and_go(table):
    one = table.commit([table.write(Shard(id="a"), rows("a", n=[1]))], RunKey("1"), None, None)
    keep = table.parts(one)
    two = table.commit(
        [table.write(Shard(id="b"), rows("b", at=pa.array([0], pa.timestamp("us"))))],
        RunKey("2"),
        None,
        one,
        mode="overwrite",
        keep=keep,
    )
    assert [row["n"] for row in all_rows(table)] == [1, None]
    same = table.write(Shard(id="a"), rows("a", n=[1]))
    table.commit([same], RunKey("3"), None, two, mode="overwrite")
    assert all_rows(table) == [{"_id": "a", "n": 1}]
    assert ids(table, two) == ["a", "b"]


@quick
def test_fates_lie_there_too(root):
    fates = Fates(Table(f"{root}/fates"))
    from tilth.core.fate import FATE

    with fates.writer(Shard(id="0")) as writer:
        told = {"_id": "a", "fate": "dropped", "operator": "refine[0] length", "rule": "length"}
        writer.add(pa.RecordBatch.from_pylist([told], schema=FATE))
        receipt = writer.finish()
    fates.commit([receipt], RunKey("1"), None)
    assert [count.rows for count in fates.counts()] == [1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with space", "Bücher", "a{b}"])
def test_hdfs_takes_only_names_that_delta_rs_can_keep(name):
    with pytest.raises(DataError, match="cannot keep a table on HDFS in a folder with"):
        Table(f"hdfs://127.0.0.1:9/data/{name}").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in REMOTE if kind != "hdfs"])
def test_names_that_a_url_would_escape_are_what_they_are(kind, tmp_path):
    with place(kind, tmp_path) as root:
        table = Table(f"{root}/Kunden und Bücher+1 (neu)")
        receipt = table.write(Shard(id="a"), rows("a"))
        table.commit([receipt], RunKey("1"), None, None)
        assert ids(table) == ["a"]
        found = {entry.path for entry in table.home.store.list()}
        assert found == {"_delta_log/00000000000000000000.json", receipt.parts[0].path}
        with pytest.raises(DataError, match="unescaped"):
            Table(f"{root}/Kunden%20und").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", REMOTE)
def test_a_table_elsewhere_has_no_folder_here(kind, tmp_path):
    with place(kind, tmp_path) as root, pytest.raises(DataError, match="no folder on this machine"):
        assert Table(root).folder


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_no_key_travels_to_workers(kind, tmp_path):
    with place(kind, tmp_path) as root:
        table = Table(root)
        table.append([table.write(Shard(id="a"), rows("a"))], RunKey("1"))
        sent = pickle.dumps((table, table.scan()))
        assert b"secret" not in sent
        assert b"private_key" not in sent
        assert b"AWS_" not in sent.upper()


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_no_table_without_rows(tmp_path):
    with place("s3", tmp_path) as root:
        table = Table(root.replace("s3://b", "s3://nobody-has-"))
        with pytest.raises(Terminal, match=r"failed while reading the log.*NoSuchBucket"):
            table.exists()


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_worth_another_try(tmp_path, monkeypatch):
    with place("s3", tmp_path) as root:
        table = Table(root)
        receipt = table.write(Shard(id="a"), rows("a"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        monkeypatch.setattr(_home, "PATIENCE", Patience(connect=1, silence=1, retries=1, in_all=3))
        with pytest.raises(Transient, match="reading the log"):
            table.commit([receipt], RunKey("1"), None, None)
        monkeypatch.setenv("AWS_ENDPOINT_URL", str(s3.start().facts["endpoint"]))
        assert table.commit([receipt], RunKey("1"), None, None).number == 0


def test_another_scheme_is_refused():
    with pytest.raises(DataError, match="names no store"):
        Table("ftp://host/folder").exists()
