"""Tell that documents become text row by row, and that one that kills its reader costs itself alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pyarrow as pa
import pytest
from tests.refine._documents import docx, page, paragraph, pdf

from tilth.core.errors import DataError, MissingExtra, RecipeError
from tilth.refine._extract.child import Settings
from tilth.refine._extract.found import Found
from tilth.refine._extract.pool import Child, Document, child
from tilth.refine.extract import Extract
from tilth.testing import batch, check_operator

RAIN = "It rained for a week, and nobody could remember when the river had last stood so high as it did. " * 3
SLOW = b"<body><div " + b"".join(b"a%d=1 " % at for at in range(150_000)) + b">x"
"""The parser looks for an attribute's double among all before it."""


def test_each_kind_of_document_becomes_text():
    mail = b"From: ann@example.org\nSubject: Rain\n\nIt rained.\n"
    rows = batch(content=[page(RAIN), pdf("It rained."), docx(paragraph("It rained.")), mail, b"It rained.", None])
    found = Extract().map(rows)
    assert found.failures == ()
    assert found.batch.schema.names == ["_id", "text", "title", "author", "published", "language", "url"]
    assert found.batch.column("text").to_pylist() == [RAIN.strip(), *["It rained."] * 4, None]
    assert found.batch.column("title").to_pylist() == ["Rain in May", "Rain", None, "Rain", None, None]


def test_what_cannot_be_read_is_set_aside_with_the_reason():
    rows = batch(content=[b"%PDF-1.4", b"\x89PNG\r\n\x1a\n", b"It rained.", b"x" * 101])
    found = Extract(max_bytes=100).map(rows)
    assert found.batch.column("text").to_pylist() == ["It rained."]
    assert [failure.reason for failure in found.failures] == [
        "extract: a broken PDF",
        "extract: no document that can be read: image/png",
        "extract: longer than max_bytes (100 bytes)",
    ]


def test_the_media_type_gives_the_charset_and_columns_that_are_there_stay():
    raw = "<p>Это дождь, который шёл всю неделю.</p>".encode("koi8-r")
    rows = batch(content=[raw], content_type=["text/html; charset=koi8-r"], url=["https://example.org/"])
    found = Extract(keep=True).map(rows).batch.to_pylist()[0]
    assert found["text"] == "Это дождь, который шёл всю неделю."
    assert (found["url"], found["content"]) == ("https://example.org/", raw)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.binary_view()])
def test_bytes_and_texts_of_every_type_are_documents(kind: pa.DataType):
    rows = batch(content=pa.array(["<p>It rained.</p>", None]).cast(pa.binary()).cast(kind))
    assert Extract(metadata=()).map(rows).batch.column("text").to_pylist() == ["It rained.", None]


def test_a_row_without_a_document_keeps_the_text_it_came_with() -> None:
    rows = batch(content=["<p>It rained.</p>", None, None], text=["old", "A ticket.", None])
    assert Extract(metadata=()).map(rows).batch.column("text").to_pylist() == ["It rained.", "A ticket.", None]


def test_a_column_of_numbers_and_unknown_options_are_errors():
    with pytest.raises(DataError, match='column "content" holds int64'):
        Extract().map(batch(content=[1]))
    with pytest.raises(RecipeError, match='no metadata "titel"'):
        Extract(metadata=("titel",))
    with pytest.raises(RecipeError, match="memory_mb: 2.*at least 128"):
        Extract(memory_mb=2)
    with pytest.raises(RecipeError, match="seconds: 0"):
        Extract(seconds=0)


@pytest.mark.slow
def test_a_document_that_takes_too_long_costs_itself_alone():
    rows = batch(content=[b"one", SLOW, b"two", SLOW, b"three"])
    found = Extract(seconds=0.3).map(rows)
    assert found.batch.column("text").to_pylist() == ["one", "two", "three"]
    assert [failure.reason for failure in found.failures] == ["extract: out of time (0.3 s)"] * 2


@pytest.mark.slow
def test_a_document_that_takes_too_much_memory_costs_itself_alone():
    big = b"<body>" + b"<p>word</p>" * 2_000_000
    found = Extract(memory_mb=200).map(batch(content=[b"one", big, b"two"]))
    assert found.batch.column("text").to_pylist() == ["one", "two"]
    assert found.failures[0].reason in ("extract: out of memory (200 MB)", "extract: not a page")


def test_a_text_that_is_too_long_is_set_aside():
    found = Extract(max_text=5).map(batch(content=[b"rains", b"rained"]))
    assert found.batch.column("text").to_pylist() == ["rains"]
    assert found.failures[0].reason == "extract: more than 5 characters of text"


@pytest.mark.slow
def test_a_reader_that_is_killed_is_begun_anew():
    reader = Child(Settings())
    try:
        assert isinstance(reader.read([Document(b"one")])[0], Found)
        assert reader._process is not None
        os.kill(reader._process.pid, signal.SIGSEGV)
        reader._process.wait()
        first, second = reader.read([Document(b"two"), Document(b"three")])
        assert first == "its reader died (signal 11)"
        assert second == Found("three")
    finally:
        reader.close()


@pytest.mark.slow
def test_documents_larger_than_a_pipe_come_through_both_ways():
    reader = child(Settings())
    texts = [(b"word " * 400_000)[: 1_000_000 + at] for at in range(4)] + [b"x"] * 500
    answers = reader.read([Document(text, "text") for text in texts])
    assert [len(answer.text) for answer in answers if isinstance(answer, Found)] == [len(text) for text in texts]


def test_threads_share_one_reader():
    found: dict[int, list] = {}

    def work(number: int) -> None:
        rows = batch(content=[f"thread {number} row {at}".encode() for at in range(50)])
        found[number] = Extract(metadata=()).map(rows).batch.column("text").to_pylist()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [f"thread {number} row {at}" for at in range(50)] for number in range(4)}


@pytest.mark.slow
def test_a_package_that_is_missing_is_said_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch, tmp_path):
    (tmp_path / "pypdf.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    reader = Child(Settings(seconds=9))
    with pytest.raises(MissingExtra, match=r'reading a PDF needs the package "pypdf".*pip install "tilth\[extract\]"'):
        reader.read([Document(pdf("x"))])
    monkeypatch.delenv("PYTHONPATH")
    assert reader.read([Document(b"one")]) == [Found("one")]
    reader.close()


@pytest.mark.slow
def test_the_reader_ends_with_its_process():
    code = (
        "from tilth.refine._extract.child import Settings; from tilth.refine._extract.pool import Document, child\n"
        "reader = child(Settings()); reader.read([Document(b'x')]); print(reader._process.pid)"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int(run.stdout), 0)
    assert run.stderr == ""


def test_it_keeps_the_contract():
    check_operator(Extract(column="text", into="read", metadata=("title", "attachments"), keep=True))
