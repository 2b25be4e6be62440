"""Tell how a file's format is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tilth.connectors._files.formats import ENDINGS, by_ending, format_of, module_for
from tilth.core.errors import DataError


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.csv", "csv"),
        ("A.CSV.GZ", "csv"),
        ("a.tsv.zst", "tsv"),
        ("a.ndjson.bz2", "jsonl"),
        ("b/c.d/a.parquet", "parquet"),
        ("a.feather", "arrow"),
        ("a.txt", "text"),
        ("eng.train", None),
        ("a.gz", None),
        (".csv", None),
    ],
)
def test_the_ending_says_it_after_that_for_compression(name: str, format: str | None):
    assert by_ending(name) == format


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ('[{"a": 1}]', "json"),
        ('{"a": 1}\n{"a": 2}\n', "jsonl"),
        ('{\n "a": 1\n}\n', "json"),
        ("EU B-ORG\nrejects O\n\nPeter B-PER\n", "conll"),
        ("a\tb\n1\t2\n", "tsv"),
        ("a,b\n1,2\n", "csv"),
        ("a;b\n1;2\n", "csv"),
        ("Once upon a time, there was\na text.\n", "text"),
        ("\ufeffa|b\n1|2\n", "csv"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_without_an_ending_the_content_says_it(tmp_path: Path, content: str, format: str, packed: bool):
    path = tmp_path / "data"
    path.write_bytes(gzip.compress(content.encode()) if packed else content.encode())
    told = format_of(path, "data")
    assert told.format == format
    assert told.note == f"data: read as {format} by its content"


def test_first_bytes_overrule_a_wrong_name(read, tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1]}), tmp_path / "x.csv")
    found = read("y.csv", (tmp_path / "x.csv").read_bytes())
    assert found.rows == [{"a": 1}]
    assert found.notes == ["y.csv: read as parquet, which its first bytes say it is"]
    with pytest.raises(DataError, match="this is no parquet file"):
        read("a.parquet", "a,b\n1,2\n")
    with pytest.raises(DataError, match="this is no excel file"):
        read("a.xlsx", "a,b\n1,2\n")


@pytest.mark.parametrize("content", [b"PK\x03\x04aaaa", b"FEA1bbbb", b"x" * 257 + b"ustar\x0000"])
def test_archives_are_told_to_be_unpacked(read, content: bytes):
    with pytest.raises(DataError, match="Unpack it first"):
        read("a.csv", content)


def test_a_text_file_with_tags_is_conll_and_says_how_to_have_it_otherwise(read):
    content = "EU\tB-ORG\nrejects\tO\n\nPeter\tB-PER\n\n"
    found = read("train.txt", content)
    assert found.column("tokens") == [["EU", "rejects"], ["Peter"]]
    assert found.notes[0] == "train.txt: read as conll by its content; format: text reads it line by line"
    assert len(read("train.txt", content, format="text").rows) == 3


def test_every_format_has_its_module():
    for format in ENDINGS:
        assert callable(module_for(format).peek)
        assert callable(module_for(format).read)
