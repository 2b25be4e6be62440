"""Tell that text is read line by line, or file by file."""

from __future__ import annotations

from pathlib import Path

from tilth.connectors.files import Files


def test_each_line_is_a_row_and_blank_ones_are_none(read):
    found = read("a.txt", "one\n\n  \ntwo, with: signs\n\tthree\n")
    assert found.column("text") == ["one", "two, with: signs", "\tthree"]
    assert found.names == ["a.txt:0", "a.txt:3", "a.txt:4"]


def test_lines_that_cannot_be_read_are_rejected_by_number(read):
    lines = [b"fine \xc3\xa9"] * 2000
    lines[3], lines[5] = b"a\0b", b"\xff"
    found = read("a.txt", b"\n".join(lines), max_record_bytes=100)
    assert found.reasons() == {3: "line 4: holds a NUL byte", 5: "line 6: not utf-8 at byte 0 of the line"}


def test_a_whole_file_is_a_row_with_its_path(tmp_path: Path, read_all):
    for name in ("neg/1.txt", "pos/2.txt"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(f"a text\r\nof {name}\n\nend".encode())
    found = read_all(Files(path=str(tmp_path), whole=True))
    assert found.rows == [{"text": f"a text\nof {name}\n\nend", "file": name} for name in ("neg/1.txt", "pos/2.txt")]
    assert found.names == ["neg/1.txt:0", "pos/2.txt:0"]


def test_a_whole_file_over_the_limit_or_broken_is_rejected(read):
    assert read("a.txt", "x" * 101, whole=True, max_record_bytes=100).reasons() == {
        0: "longer than max_record_bytes (100 bytes)"
    }
    assert read("b.txt", "x" * 100, whole=True, max_record_bytes=100).column("text") == ["x" * 100]
    assert read("c.txt", "x\0", whole=True).reasons() == {0: "holds a NUL byte"}
    assert read("d.txt", "é" * 50 + "\n" + "é" * 50, whole=True, encoding="ascii").reasons() == {
        0: "not ascii at byte 0"
    }


def test_whole_files_are_guessed_like_others(read):
    text = "尊敬的客服，我上周买的耳机到现在还没有发货，请问什么时候可以寄出？"
    found = read("a.txt", text.encode("gb18030"), whole=True)
    assert found.column("text") == [text]
    assert found.notes == ["a.txt: read as gb18030 (not UTF-8 from byte 0 on)"]
