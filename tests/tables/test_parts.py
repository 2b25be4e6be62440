"""A worker's parts: the same rows give the same name and bytes, and a failure leaves nothing behind."""

import hashlib
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.errors import DataError, Terminal
from tilth.core.shard import RunKey, Shard
from tilth.tables._parts import columns_of, other_name, part_name, place_of
from tilth.tables.table import Table

ROW = st.fixed_dictionaries(
    {
        "_id": st.text("0123456789abcdef", min_size=4, max_size=4),
        "text": st.none() | st.text(max_size=20),
        "tags": st.none() | st.lists(st.none() | st.text(max_size=5), max_size=3),
        "n": st.none() | st.integers(-(2**60), 2**60),
        "at": st.none() | st.fixed_dictionaries({"x": st.none() | st.floats(allow_nan=False)}),
    }
)
SCHEMA = pa.schema(
    [
        ("_id", pa.string()),
        ("text", pa.large_string()),
        ("tags", pa.list_(pa.string())),
        ("n", pa.int64()),
        ("at", pa.struct([("x", pa.float64())])),
    ]
)


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=40), at=st.integers(0, 40))
def test_the_same_rows_cut_otherwise_give_the_same_bytes(tmp_path_factory, rows, at):
    folder = tmp_path_factory.mktemp("table")
    batch = pa.RecordBatch.from_pylist(rows, schema=SCHEMA)
    whole = Table(str(folder / "a")).write(Shard(id="s"), [batch])
    # From other buffers, too: rows after the cut were never part of the first batch.
    pieces = [pa.RecordBatch.from_pylist(piece, schema=SCHEMA) for piece in (rows[:at], rows[at:])]
    assert Table(str(folder / "b")).write(Shard(id="s"), pieces) == whole
    assert pq.read_table(folder / "b" / whole.parts[0].path).to_pylist() == rows


def test_a_part_is_named_by_shard_and_content(tmp_path):
    receipt = Table(str(tmp_path)).write(Shard(id="tickets-0"), [pa.RecordBatch.from_pydict({"_id": ["a"]})])
    (part,) = receipt.parts
    content = (tmp_path / part.path).read_bytes()
    assert part.digest == hashlib.blake2b(content, digest_size=16).hexdigest()
    assert part.path == part_name("tickets-0", 0, part.digest)
    assert (part.rows, part.bytes, receipt.rows) == (1, len(content), 1)
    assert [path.name for path in tmp_path.iterdir()] == [part.path]


def test_a_shard_without_rows_has_columns_and_no_part(tmp_path):
    receipt = Table(str(tmp_path)).write(
        Shard(id="s"), [pa.RecordBatch.from_pydict({"_id": pa.array([], pa.string())})]
    )
    assert receipt.parts == ()
    assert columns_of(receipt) == pa.schema([("_id", pa.string())])
    assert list(tmp_path.iterdir()) == []
    assert Table(str(tmp_path)).write(Shard(id="s"), []).notes == {}


def test_a_column_that_comes_late_starts_a_new_part(tmp_path):
    table = Table(str(tmp_path))
    batches = [
        pa.RecordBatch.from_pydict({"_id": ["a"], "phone": pa.array([None])}),
        pa.RecordBatch.from_pydict({"_id": ["b"], "phone": ["123"]}),
        pa.RecordBatch.from_pydict({"_id": ["c"]}),
        pa.RecordBatch.from_pydict({"_id": ["d"], "phone": pa.array([None])}),
    ]
    receipt = table.write(Shard(id="s"), batches)
    assert [part.rows for part in receipt.parts] == [1, 3]
    assert columns_of(receipt) == pa.schema([("_id", pa.string()), ("phone", pa.string())])


def test_rows_of_nothing_but_nulls_are_counted(tmp_path):
    receipt = Table(str(tmp_path)).write(Shard(id="s"), [pa.RecordBatch.from_pydict({"a": pa.array([None, None])})])
    assert receipt.rows == 2
    assert columns_of(receipt).field("a").type == pa.null()


def test_a_column_that_changes_its_type_is_refused_and_leaves_nothing(tmp_path):
    batches = [pa.RecordBatch.from_pydict({"n": [1]}), pa.RecordBatch.from_pydict({"n": ["x"]})]
    with pytest.raises(DataError, match='column "n" is string here and int64 before'):
        Table(str(tmp_path)).write(Shard(id="s"), batches)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_source_is_passed_on_and_leaves_nothing(tmp_path):
    def batches():
        yield pa.RecordBatch.from_pydict({"n": [1]})
        raise OSError("the cable came loose")

    with pytest.raises(OSError, match="the cable came loose"):
        Table(str(tmp_path)).write(Shard(id="s"), batches())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a b", "x" * 129])
def test_a_shard_that_cannot_be_a_file_name_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="cannot be the name of a shard"):
        Table(str(tmp_path)).write(Shard(id=name), [])


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "table").write_text("a file where the folder should be")
    with pytest.raises(Terminal, match=r'table: storage failed while writing shard "s": File exists'):
        Table(str(tmp_path / "table")).write(Shard(id="s"), [pa.RecordBatch.from_pydict({"n": [1]})])


def test_parts_stand_in_the_order_of_shards_and_of_writing():
    digest = "0" * 32
    paths = [part_name("a", 1, digest), part_name("b", 0, digest), part_name("a", 0, "f" * 32), "other.parquet"]
    assert sorted(paths, key=place_of) == [paths[2], paths[0], paths[1], "other.parquet"]
    assert place_of(part_name("a-00000-x", 7, digest))[:2] == ("a-00000-x", 7)
    assert place_of(other_name(paths[0], 4))[:2] == ("a", 1)


def test_memory_stays_at_a_row_group(tmp_path):
    text = random.Random(0).randbytes(1 << 20).hex()
    batch = pa.RecordBatch.from_pydict({"text": [text] * 4})
    before = pa.total_allocated_bytes()
    highest = 0

    def batches():
        nonlocal highest
        for _ in range(16):
            highest = max(highest, pa.total_allocated_bytes() - before)
            yield batch

    receipt = Table(str(tmp_path)).write(Shard(id="s"), batches())
    assert receipt.rows == 64
    assert pq.read_metadata(tmp_path / receipt.parts[0].path).num_row_groups == 4
    assert highest < 64 << 20


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_a_table_packs_its_parts_as_it_is_told(tmp_path, codec):
    table = Table(str(tmp_path / "t"), codec=codec)
    rows = pa.RecordBatch.from_pydict({"_id": ["a", "b"], "text": ["one " * 50, "two " * 50]})
    receipt = table.write(Shard(id="0"), [rows])
    told = pq.read_metadata(tmp_path / "t" / receipt.parts[0].path).row_group(0).column(1).compression
    assert told == codec.upper()
    # Whoever reads need not know.
    table.commit([receipt], RunKey("k"), None, None)
    assert pa.Table.from_batches(Table(str(tmp_path / "t")).scan().batches()).equals(pa.Table.from_batches([rows]))
