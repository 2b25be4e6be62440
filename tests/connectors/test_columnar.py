"""Tell that Parquet and Arrow files are read by row groups, and that broken ones are one clear error."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tilth.connectors._files import columnar as _columnar
from tilth.connectors.files import Files
from tilth.core.errors import DataError

TABLE = pa.table({"id": [f"r{number}" for number in range(1000)], "n": range(1000), "text": ["x" * 100] * 1000})


def write(path: Path, table: pa.Table = TABLE, rows: int = 100) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=rows)
    else:
        new = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with new(str(path), table.schema) as out:
            out.write_table(table, max_chunksize=rows)
    return path


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_a_file_gives_its_rows_and_types(tmp_path: Path, read_all, name: str):
    found = read_all(Files(path=str(write(tmp_path / name))))
    assert found.rows == TABLE.to_pylist()
    assert found.names[:2] == [f"{name}:0", f"{name}:1"]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_large_file_is_several_shards_with_the_same_names(tmp_path: Path, monkeypatch, read_all, name: str):
    files = Files(path=str(write(tmp_path / name)))
    whole = read_all(files)
    monkeypatch.setattr(_columnar, "PIECE_BYTES", 5_000)
    shards, _ = files.plan(None)
    assert len(shards) > 2
    assert sum(shard.rows or 0 for shard in shards) == 1000
    cut = read_all(files)
    assert (cut.rows, cut.names) == (whole.rows, whole.names)
    assert next(record.names for record in files.read(shards[1]))[0] != whole.names[0]


def test_a_parquet_without_rows_keeps_its_columns(tmp_path: Path, read_all):
    found = read_all(Files(path=str(write(tmp_path / "a.parquet", TABLE.slice(0, 0)))))
    assert found.rows == []


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_one_clear_error(tmp_path: Path, read_all, name: str, share: float):
    path = write(tmp_path / name)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(DataError) as caught:
        read_all(Files(path=str(path)))
    assert caught.value.where == name
    assert "cut short or broken" in caught.value.what


def test_a_stream_that_lost_only_its_end_mark_gives_its_rows(tmp_path: Path, read_all):
    path = write(tmp_path / "a.arrows")
    path.write_bytes(path.read_bytes()[:-8])
    assert len(read_all(Files(path=str(path))).rows) == 1000


def test_text_that_is_not_utf8_rejects_its_row(tmp_path: Path, read_all):
    good, bad = pa.array(["ok", "fine"]), pa.array([b"ok", b"\xff\xfe"]).view(pa.string())
    path = write(tmp_path / "a.arrow", pa.table({"a": good, "b": bad}))
    found = read_all(Files(path=str(path)))
    assert found.rows == [{"a": "ok", "b": "ok"}]
    assert found.reasons() == {1: "holds text that is not UTF-8"}


@pytest.mark.parametrize("said", [1, 3])
def test_a_file_that_miscounts_its_nulls_is_counted_anew(tmp_path: Path, read_all, said: int):
    whole = pa.array([1, None, 3, None])
    told = pa.Array.from_buffers(pa.int64(), 4, whole.buffers(), null_count=said)
    batch = pa.record_batch({"id": pa.array(["a", "b", "c", "d"]), "n": told})
    with pytest.raises(pa.ArrowInvalid, match="null_count"):
        batch.validate(full=True)
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(str(path), batch.schema) as out:
        out.write_batch(batch)
    source = Files(path=str(path))
    shards, _ = source.plan(None)
    for record in (record for shard in shards for record in source.read(shard)):
        record.batch.validate(full=True)
    found = read_all(source)
    assert len(found.rows) + len(found.reasons()) == 4


def test_a_record_over_the_limit_is_rejected(tmp_path: Path, read_all):
    path = write(tmp_path / "a.parquet", pa.table({"a": ["x", "y" * 100_000, "z"]}))
    found = read_all(Files(path=str(path), max_record_bytes=50_000))
    assert found.column("a") == ["x", "z"]
    assert found.names == ["a.parquet:0", "a.parquet:2"]
    assert found.reasons() == {1: "longer than max_record_bytes (50,000 bytes)"}


def test_wide_rows_come_in_small_batches(tmp_path: Path, read_all):
    path = write(tmp_path / "a.parquet", pa.table({"a": ["x" * 100_000] * 400}), rows=400)
    found = read_all(Files(path=str(path)))
    assert sum(found.sizes) == 400
    assert max(found.sizes) <= 90


def test_types_that_tables_cannot_store_become_ones_they_can(tmp_path: Path, read_all):
    when = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    columns = {
        "dictionary": (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        "large": (pa.array(["a", "b", None], pa.large_string()), ["a", "b", None]),
        "view": (pa.array(["a", "b", None], pa.string_view()), ["a", "b", None]),
        "unsigned": (pa.array([0, 255, None], pa.uint8()), [0, 255, None]),
        "half": (pa.array([0.5, 1.5, None], pa.float16()), [0.5, 1.5, None]),
        "naive": (pa.array([when.replace(tzinfo=None)] * 3, pa.timestamp("ns")), [when] * 3),
        "zoned": (pa.array([when] * 3, pa.timestamp("s", "Asia/Shanghai")), [when] * 3),
        "day": (pa.array([when.date()] * 3, pa.date64()), [when.date()] * 3),
        "clock": (pa.array([dt.time(1, 2, 3)] * 3, pa.time32("s")), ["01:02:03"] * 3),
        "span": (pa.array([dt.timedelta(seconds=90)] * 3), ["0:01:30"] * 3),
        "map": (
            pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
            [[{"key": "k", "value": 1}], [], None],
        ),
        "fixed": (pa.array([[1, 2]] * 3, pa.list_(pa.int32(), 2)), [[1, 2]] * 3),
        "bytes": (pa.array([b"\xff", b"", None], pa.large_binary()), [b"\xff", b"", None]),
        "money": (pa.array([Decimal("1.50"), Decimal("-2.25"), None]), [Decimal("1.50"), Decimal("-2.25"), None]),
        "nothing": (pa.nulls(3), [None] * 3),
        "nested": (
            pa.array([[{"a": 1}], None, []], pa.large_list(pa.struct([("a", pa.uint16())]))),
            [[{"a": 1}], None, []],
        ),
    }
    table = pa.table({name: array for name, (array, _) in columns.items()})
    found = read_all(Files(path=str(write(tmp_path / "a.arrow", table))))
    for name, (_, expected) in columns.items():
        assert found.column(name) == expected, name
    assert found.rejects == []


def test_types_can_be_asked_for_and_what_does_not_fit_is_rejected(tmp_path: Path, read_all):
    path = write(tmp_path / "a.parquet", pa.table({"a": ["1", "x", "3"], "b": [1.0, 2.0, 2.5], "c": [1, 2, 3]}))
    found = read_all(Files(path=str(path), types={"a": "int", "b": "int", "c": "string"}))
    assert found.rows == [{"a": 1, "b": 1, "c": "1"}]
    assert sorted(found.reasons()) == [1, 2]


def test_columns_of_several_files_are_matched_by_name(tmp_path: Path, read_all):
    write(tmp_path / "a.parquet", pa.table({"n": pa.array([1], pa.int32()), "t": ["x"]}))
    write(tmp_path / "b.parquet", pa.table({"t": ["y"], "n": [2.5], "more": [[1]]}))
    found = read_all(Files(path=str(tmp_path)))
    assert found.rows == [{"n": 1.0, "t": "x", "more": None}, {"n": 2.5, "t": "y", "more": [1]}]
    assert found.notes == ["a.parquet: lacks columns that are empty in its rows: more"]


def test_two_columns_of_one_name_are_an_error(tmp_path: Path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DataError, match='two columns are called "a"'):
        Files(path=str(write(tmp_path / "a.arrow", table))).plan(None)


def test_a_compressed_parquet_has_to_be_unpacked(tmp_path: Path):
    raw = write(tmp_path / "a.parquet").read_bytes()
    (tmp_path / "b.parquet.gz").write_bytes(gzip.compress(raw))
    with pytest.raises(DataError, match="Unpack it first"):
        Files(path=str(tmp_path / "b.parquet.gz")).plan(None)


@pytest.mark.storm
@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.arrows"])
def test_flipped_bytes_never_crash_the_process(tmp_path: Path, read_all, name: str):
    table = pa.table({"a": ["some text", None, "x"] * 30, "n": list(range(90)), "l": [[1, 2], [], None] * 30})
    raw = write(tmp_path / name, table, rows=30).read_bytes()
    for seed in range(60):
        generator = random.Random(seed)
        broken = bytearray(raw)
        for _ in range(generator.randrange(1, 4)):
            broken[generator.randrange(len(broken))] ^= 1 << generator.randrange(8)
        (tmp_path / name).write_bytes(broken)
        try:
            found = read_all(Files(path=str(tmp_path / name)))
        except DataError:
            continue
        assert len(found.rows) + len(found.rejects) <= 1000
