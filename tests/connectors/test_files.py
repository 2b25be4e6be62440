"""Tell the story of a source of files: planned on the driver, read on workers, read again later."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import pickle
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tilth.connectors.files import Files
from tilth.core import registry
from tilth.core.connector import Source
from tilth.core.errors import DataError, RecipeError
from tilth.core.shard import Cursor, Shard
from tilth.core.spec import from_spec, spec_of


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    folder = tmp_path / "tickets"
    folder.mkdir()
    for month in ("2024-02", "2024-01", "2024-03"):
        rows = "".join(f"{month}-{number},text {number}\n" for number in range(5))
        (folder / f"{month}.csv").write_text(f"ticket_id,text\n{rows}")
    return folder


def test_it_is_a_source_that_the_registry_finds_and_a_recipe_can_carry(tickets: Path):
    files = Files(path=str(tickets), key=("ticket_id",), types={"text": "string"})
    assert isinstance(files, Source)
    assert registry.find("tilth.connectors", "files") is Files
    assert registry.names("tilth.connectors") == sorted(set(registry.names("tilth.connectors")) | {"files"})
    assert all(option.help for option in registry.options(Files))
    assert [option.name for option in registry.options(Files) if option.required] == ["path"]
    assert from_spec("tilth.connectors", json.loads(json.dumps(spec_of(files)))) == files
    assert pickle.loads(pickle.dumps(files)) == files


def test_a_plan_has_a_shard_a_file_in_order_of_their_paths(tickets: Path):
    shards, cursor = Files(path=f"{tickets}/*.csv").plan(None)
    assert [shard.where["file"] for shard in shards] == ["2024-01.csv", "2024-02.csv", "2024-03.csv"]
    assert [shard.bytes for shard in shards] == [path.stat().st_size for path in sorted(tickets.iterdir())]
    assert json.loads(json.dumps([dict(shard.where) for shard in shards])) == [dict(shard.where) for shard in shards]
    assert Cursor(position=json.loads(json.dumps(cursor.position))) == cursor
    assert pickle.loads(pickle.dumps(shards)) == shards


def test_shard_ids_and_row_names_survive_moving_the_root(tickets: Path, read_all):
    before, _ = Files(path=str(tickets)).plan(None)
    names = read_all(Files(path=str(tickets))).names
    moved = tickets.parent / "elsewhere" / "deep"
    shutil.move(tickets, moved)
    after, _ = Files(path=f"{moved}/*").plan(None)
    assert [shard.id for shard in after] == [shard.id for shard in before]
    assert read_all(Files(path=f"{moved}/*")).names == names
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", shard.id) for shard in after)


def test_shard_ids_differ_where_paths_differ_and_are_safe(tmp_path: Path):
    names = ["a b.csv", "a_b.csv", "ä.csv", "sub/a b.csv", "sub-a b.csv", "界" * 60 + ".csv", "x" * 200 + ".csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a\n1\n")
    shards, _ = Files(path=str(tmp_path)).plan(None)
    assert len({shard.id.lower() for shard in shards}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,80}", shard.id) for shard in shards)


def test_a_path_is_anchored_to_the_recipe_and_the_name_stays(tickets: Path, monkeypatch, read_all):
    files = Files(path="tickets/*.csv")
    anchored = files.anchored(tickets.parent)
    assert (anchored.path, anchored.source, files.source) == (f"{tickets}/*.csv", "tickets/*.csv", "tickets/*.csv")
    assert Files(path="x", name="crm").anchored(tickets).source == "crm"
    assert Files(path=str(tickets)).anchored(Path("/elsewhere")).path == str(tickets)
    assert len(read_all(anchored).rows) == 15
    monkeypatch.chdir(tickets)
    assert len(read_all(files.anchored(Path(".."))).rows) == 15


def test_a_key_names_the_rows_and_a_row_without_one_is_rejected(read):
    text = "shop,no,text\na,1,x\na,,y\n,2,z\nb,1,w\na,1,again\n"
    assert read("a.csv", text, key="text").names == ['"x"', '"y"', '"z"', '"w"', '"again"']
    found = read("a.csv", text, key=("shop", "no"))
    assert found.names == ['["a","1"]', '["b","1"]', '["a","1"]']
    assert found.reasons() == {1: 'the key "shop", "no" is empty', 2: 'the key "shop", "no" is empty'}


def test_a_key_names_the_same_row_as_number_and_as_text(read):
    as_numbers = read("a.jsonl", '{"id": 42}\n{"id": 7}\n', key="id")
    as_text = read("a.jsonl", '{"id": "42"}\n{"id": 7}\n', key="id")
    as_csv = read("a.csv", "id,x\n42,a\n7,b\n", key="id")
    assert as_numbers.names == as_text.names == as_csv.names == ['"42"', '"7"']


def test_without_a_key_rejects_keep_their_place_in_the_names(read):
    whole = read("a.csv", "a,b\n1,2\n3,4\n5,6\n")
    broken = read("a.csv", "a,b\n1,2\n3\n5,6\n")
    assert whole.names == ["a.csv:0", "a.csv:1", "a.csv:2"]
    assert broken.names == ["a.csv:0", "a.csv:2"]
    assert [(reject.path, reject.ordinal) for reject in broken.rejects] == [("a.csv", 1)]


def test_the_subject_is_given_row_by_row_and_stays_a_column(read):
    found = read("a.csv", "customer,text\n7,a\n,b\n", subject="customer")
    assert found.subjects == ["7", None]
    assert found.column("customer") == ["7", None]


def test_columns_are_renamed_chosen_and_ordered(read):
    text = "Ticket ID,Body,Junk\n007,hello,x\n"
    options = {"rename": {"Ticket ID": "id", "Body": "text"}, "columns": ("text", "id")}
    found = read("a.csv", text, key="id", **options)
    assert found.rows == [{"text": "hello", "id": "007"}]
    assert list(found.rows[0]) == ["text", "id"]
    assert read("a.csv", text, key="Ticket ID", columns=("Body",)).names == found.names
    assert read("a.csv", text, types={"id": "int"}, **options).rows == [{"text": "hello", "id": 7}]
    assert read("a.csv", text, subject="id", rename={"Ticket ID": "id"}, columns=("Junk",)).subjects == ["007"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"key": "idd"}, 'key: no column "idd". Wanted: one of id, text. Did you mean "id"?'),
        ({"subject": "who"}, 'subject: no column "who"'),
        ({"columns": ("id", "txt")}, 'columns: no column "txt". Wanted: one of id, text. Did you mean "text"?'),
        ({"rename": {"body": "text"}}, 'rename: no column "body"'),
        ({"rename": {"id": "text"}}, 'rename gives two columns the name "text"'),
        ({"types": {"txt": "int"}}, 'types: no column "txt". Wanted: one of id, text. Did you mean "text"?'),
    ],
)
def test_an_unknown_column_is_an_error_before_anything_is_read(tmp_path: Path, options, said):
    (tmp_path / "a.csv").write_text("id,text\n1,x\n")
    with pytest.raises(DataError) as caught:
        Files(path=str(tmp_path / "a.csv"), **options).plan(None)
    assert said in str(caught.value)


def test_tilths_own_names_are_moved_out_of_the_way_and_said(read):
    found = read("a.jsonl", '{"_id": "x", "id_": 1, "_split": "s"}\n', key="_id")
    assert found.rows == [{"id__": "x", "id_": 1, "split_": "s"}]
    assert found.names == ['"x"']
    assert any('column "_id" is called "id__": the name is taken' in note for note in found.notes)


@pytest.mark.parametrize(
    "options",
    [
        {"path": ""},
        {"format": "cvs"},
        {"delimiter": ",,"},
        {"delimiter": ""},
        {"delimiter": '"'},
        {"quote": "''"},
        {"encoding": "utf-88"},
        {"encoding": "base64"},
        {"types": {"a": "integer"}},
        {"scheme": "bilou"},
        {"names": ("a", "a")},
        {"token_columns": ()},
        {"split": "dev"},
        {"max_record_bytes": 0},
    ],
)
def test_options_that_cannot_be_meant_are_refused_at_once(options):
    with pytest.raises(RecipeError) as caught:
        Files(**{"path": "a.csv", **options})
    assert caught.value.where == f"files.{'types.a' if 'types' in options else next(iter(options))}"
    assert caught.value.wanted


def test_an_empty_file_among_others_is_noted(tickets: Path, read_all):
    (tickets / "2024-00.csv").write_text("")
    found = read_all(Files(path=str(tickets)))
    assert len(found.rows) == 15
    assert found.notes == ["2024-00.csv: empty"]


def test_empty_files_alone_are_an_error(tmp_path: Path):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(DataError, match="the file is empty"):
        Files(path=str(tmp_path / "a.csv")).plan(None)
    (tmp_path / "b.csv").write_text("")
    with pytest.raises(DataError, match="all 2 files are empty"):
        Files(path=str(tmp_path)).plan(None)


def test_nothing_changed_is_seen_and_makes_no_shard(tickets: Path):
    files = Files(path=str(tickets))
    shards, cursor = files.plan(None)
    again, later = files.plan(cursor)
    assert len(shards) == 3
    assert list(again) == []
    assert Files.fingerprint(later) == Files.fingerprint(cursor)


def test_a_touched_small_file_is_not_a_changed_one(tickets: Path):
    files = Files(path=str(tickets))
    _, cursor = files.plan(None)
    os.utime(tickets / "2024-01.csv", (1, 1))
    again, later = files.plan(cursor)
    assert list(again) == []
    assert Files.fingerprint(later) == Files.fingerprint(cursor)


def test_new_and_changed_files_make_shards_and_another_fingerprint(tickets: Path, read_all):
    files = Files(path=str(tickets), key="ticket_id")
    _, cursor = files.plan(None)
    with (tickets / "2024-02.csv").open("a") as out:
        out.write("2024-02-5,more\n")
    (tickets / "2024-04.csv").write_text("ticket_id,text\nx,new\n")
    found = read_all(files, since=cursor)
    assert found.names == [*(f'"2024-02-{number}"' for number in range(6)), '"x"']
    assert Files.fingerprint(found.cursor) != Files.fingerprint(cursor)
    (tickets / "2024-01.csv").unlink()
    assert Files.fingerprint(files.plan(found.cursor)[1]) != Files.fingerprint(found.cursor)


def test_types_stay_what_they_were_when_files_come(tmp_path: Path, read_all):
    (tmp_path / "a.csv").write_text("n,t\n1,x\n")
    files = Files(path=str(tmp_path))
    _, cursor = files.plan(None)
    (tmp_path / "b.csv").write_text("n,t,new\n2,y,5\noops,z,6\n")
    found = read_all(files, since=cursor)
    assert found.rows == [{"n": 2, "t": "y", "new": 5}]
    assert list(found.reasons()) == [1]
    assert found.schema.names == ["n", "t", "new"]
    assert read_all(files).column("n") == ["1", "2", "oops"]


def test_other_options_read_everything_again(tickets: Path):
    _, cursor = Files(path=str(tickets)).plan(None)
    again, _ = Files(path=str(tickets), types={"text": "string"}).plan(cursor)
    assert len(again) == 3


def test_a_file_that_changed_after_the_plan_is_not_read(tickets: Path):
    files = Files(path=str(tickets / "2024-01.csv"))
    shards, _ = files.plan(None)
    (tickets / "2024-01.csv").write_text("ticket_id,text\n1,other\n")
    with pytest.raises(DataError, match="has changed since it was planned"):
        list(files.read(shards[0]))
    (tickets / "2024-01.csv").unlink()
    with pytest.raises(DataError, match="is gone since it was planned"):
        list(files.read(shards[0]))


@pytest.mark.parametrize(
    "pack", [gzip.compress, bz2.compress, lambda raw: pa.compress(raw, codec="zstd", asbytes=True)]
)
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv"])
def test_compressed_files_are_read_whatever_they_are_called(read, pack, name):
    found = read(name, pack(b"a,b\n" + b"1,x\n" * 50_000))
    assert (len(found.rows), found.rejects, found.names[-1]) == (50_000, [], f"{name}:49999")


def test_a_file_only_called_gz_is_read_as_it_is(read):
    assert read("a.csv.gz", "a,b\n1,x\n").rows == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.json.gz", "a.txt.gz", "a.conll.gz"])
def test_a_gzip_cut_short_keeps_the_rows_so_far_and_says_what_is_lost(read, name):
    rows = range(20_000)
    text = {
        "a.csv.gz": "n,t\n" + "".join(f"{n},text {n * 7919 % 10007}\n" for n in rows),
        "a.jsonl.gz": "".join(f'{{"n": {n}, "t": "text {n * 7919 % 10007}"}}\n' for n in rows),
        "a.json.gz": json.dumps([{"n": n, "t": f"text {n * 7919 % 10007}"} for n in rows]),
        "a.txt.gz": "".join(f"text {n * 7919 % 10007}\n" for n in rows),
        "a.conll.gz": "".join(f"text{n * 7919 % 10007} B-X\nno O\n\n" for n in rows),
    }[name]
    packed = gzip.compress(text.encode(), mtime=0)
    whole = read(name, packed)
    found = read(name, packed[: len(packed) // 2])
    assert len(whole.rows) == 20_000
    assert 5_000 < len(found.rows) < 15_000
    assert found.rows == whole.rows[: len(found.rows)]
    assert [reject.ordinal for reject in found.rejects] == [len(found.rows)]
    assert "the gzip stream is cut short here; the rest of the file is lost" in found.rejects[0].reason


def test_batches_are_bounded(read):
    assert max(read("a.csv", "a\n" + "1\n" * 20_000).sizes) <= 8192
    assert max(read("a.jsonl", '{"a": 1}\n' * 20_000).sizes) <= 8192
    assert max(read("a.txt", "x\n" * 20_000).sizes) <= 8192
    wide = read("b.csv", "a,b\n" + f"1,{'x' * 100_000}\n" * 200)
    assert max(wide.sizes) * 100_000 < 9 << 20


def test_files_of_several_formats_make_one_table(tmp_path: Path, read_all):
    (tmp_path / "a.csv").write_text("id,n,text\n1,5,x\n")
    (tmp_path / "b.jsonl").write_text('{"id": 2, "n": 1.5, "tags": ["q"]}\n')
    pq.write_table(pa.table({"id": [3], "n": pa.array([7], pa.int32()), "text": ["z"]}), tmp_path / "c.parquet")
    found = read_all(Files(path=str(tmp_path)))
    assert [row["n"] for row in found.rows] == [5.0, 1.5, 7.0]
    assert [row["text"] for row in found.rows] == ["x", None, "z"]
    assert found.column("id") == ["1", "2", "3"]


def test_conll_does_not_go_with_tables(tmp_path: Path):
    (tmp_path / "a.csv").write_text("id,text\n1,x\n")
    (tmp_path / "b.conll").write_text("a\tB-X\nb\tO\n\n")
    with pytest.raises(DataError, match="files of several formats: conll, csv"):
        Files(path=str(tmp_path)).plan(None)


def test_very_many_files_are_looked_at_evenly(tmp_path: Path, read_all):
    for number in range(130):
        (tmp_path / f"{number:03}.csv").write_text(f"n\n{'x' if number == 129 else number}\n")
    assert read_all(Files(path=str(tmp_path))).column("n")[-1] == "x"
    (tmp_path / "001.csv").write_text("n,late\n1,a\n")
    found = read_all(Files(path=str(tmp_path)))
    said = 'columns left out, as no file looked at has them: late; "types: {late: string}" keeps it'
    assert f"001.csv: {said}" in found.notes
    assert read_all(Files(path=str(tmp_path), types={"late": "string"})).column("late")[1] == "a"


def test_a_shard_is_enough_to_read_in_another_process(tickets: Path):
    files = Files(path=str(tickets), key="ticket_id")
    shards, _ = files.plan(None)
    sent = [Shard(id=shard.id, where=json.loads(json.dumps(dict(shard.where)))) for shard in shards]
    assert [list(files.read(shard)) for shard in sent] == [list(files.read(shard)) for shard in shards]
