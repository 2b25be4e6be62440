"""Tell that a document is one row, with the kind that its bytes say, and that folders of them are found."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from tilth.connectors.files import Files


def docx() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as packed:
        packed.writestr("[Content_Types].xml", "<Types/>")
        packed.writestr("word/document.xml", "<document/>")
    return written.getvalue()


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.html", b"<!DOCTYPE html><html><body>x", "text/html"),
        ("a.pdf", b"%PDF-1.4\n", "application/pdf"),
        ("a.docx", docx(), DOCX),
        ("a.eml", b"Subject: x\n\ny", "message/rfc822"),
        ("a.md", b"# Rain\n<p>x</p>", "text/markdown"),
        ("wrong.html", b"%PDF-1.4\n", "application/pdf"),
        ("noname", docx(), DOCX),
        ("page", b"<html><body>x", "text/html"),
    ],
)
def test_a_file_is_one_row_of_the_kind_that_its_bytes_say(read, name: str, content: bytes, kind: str):
    found = read(name, content)
    assert found.rows == [{"file": name, "content_type": kind, "content": content}]
    assert found.names == [f"{name}:0"]


def test_a_packed_document_is_unpacked(read):
    found = read("a.html.gz", gzip.compress(b"<html>x"))
    assert found.rows == [{"file": "a.html.gz", "content_type": "text/html", "content": b"<html>x"}]


def test_any_file_is_a_document_where_that_is_asked(read):
    found = read("a.bin", bytes(range(256)), format="document")
    assert found.column("content_type") == ["application/octet-stream"]


def test_a_long_or_cut_document_is_a_reject(read):
    assert read("a.md", b"x" * 101, max_record_bytes=100).reasons() == {0: "longer than max_record_bytes (100 bytes)"}
    bomb = gzip.compress(bytes(1 << 20))
    assert read("a.html.gz", bomb, max_record_bytes=1000).reasons() == {0: "longer than max_record_bytes (1,000 bytes)"}
    cut = gzip.compress(b"<html>" + bytes(range(256)) * 40)[:-20]
    assert "cut short" in read("b.html.gz", cut).reasons()[0]


def test_a_folder_of_documents_is_read_and_one_beside_tables_is_not(tmp_path: Path, read_all):
    for name in ("a/one.html", "b/two.htm", "three.pdf", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"%PDF-" if name.endswith("pdf") else b"<html>x")
    found = read_all(Files(path=str(tmp_path)))
    assert found.column("file") == ["a/one.html", "b/two.htm", "three.pdf"]
    assert read_all(Files(path=str(tmp_path), format="document")).column("file")[2] == "notes.txt"
    (tmp_path / "data.csv").write_text("text\nx\n")
    assert read_all(Files(path=str(tmp_path))).rows == [{"text": "x"}]
