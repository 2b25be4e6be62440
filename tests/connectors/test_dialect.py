"""Tell how the look at a CSV file's head decides."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tilth.connectors._files.dialect import NO_SEPARATOR, dialect_of, looks_like_data
from tilth.connectors._files.encoding import Encoding
from tilth.connectors._reading import Reading

UTF8 = Encoding("utf-8", 0)


def dialect(tmp_path: Path, text: str, format: str = "csv", **options):
    path = tmp_path / "a"
    path.write_text(text)
    return dialect_of(Reading(path=path, file="a", format=format, **options), UTF8)


@pytest.mark.parametrize(
    ("text", "separator"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2\n1,6;3\n", ";"),
        ("a|b|c\nx, y|z|w\n", "|"),
        ("text\none, two\nthree\n", NO_SEPARATOR),
        ('a,b\n"x;y;z",2\n"p;q;r",3\n', ","),
        ("a\tb\nx,1\ty\n", "\t"),
    ],
)
def test_the_separator_is_the_one_that_makes_even_columns(tmp_path: Path, text: str, separator: str):
    assert dialect(tmp_path, text).marks.delimiter == separator


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ('a,b\n"x, y",2\n', '"'),
        ('a,b\n1,"two\nlines, ""quoted"", and more\nstill"\n2,"x\ny"\n', '"'),
        ('a\tb\nsay "hi" now\t1\nand "ho"\t2\n', ""),
        ('a\tb\n"open at the start\t1\nplain\t2\n5" pipe\t3\n', ""),
        ('"a","b"\n"x","y"\n', '"'),
        ("a,b\nno,marks\n", '"'),
    ],
)
def test_quotation_marks_enclose_where_a_writer_would_have_used_them_so(tmp_path: Path, text: str, quote: str):
    assert dialect(tmp_path, text).marks.quote == quote


@pytest.mark.parametrize("piece", ['""', 'a""b', ',""', '",', '"a', ',"', "x"])
def test_a_line_of_megabytes_is_looked_at_in_no_time(tmp_path: Path, piece: str):
    start = time.perf_counter()
    dialect(tmp_path, f'a,b\n1,"{piece * (1_500_000 // len(piece))}\n2,"x"\n')
    assert time.perf_counter() - start < 5


def test_an_empty_file_has_no_dialect(tmp_path: Path):
    assert dialect(tmp_path, "\n \n") is None


def test_a_header_is_counted_in_lines(tmp_path: Path):
    assert dialect(tmp_path, 'sep=,\n\n"a\nb",c\n1,2\n').header_lines == 4


def test_rows_are_told_from_names():
    assert looks_like_data(["spam", "a text that is far too long for anybody to name a column so"])
    assert looks_like_data(["0", "0"])
    assert not looks_like_data(["id", "", "text"])
