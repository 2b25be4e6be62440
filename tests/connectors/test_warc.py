"""Tell that web archives become rows, and that broken, cut and bloated ones lose no more than they must."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.connectors.conftest import whole

from tilth.connectors._files import bounded as _bounded
from tilth.connectors.files import Files
from tilth.core.errors import DataError
from tilth.testing import storm


def record(kind: str, block: bytes, **headers: str) -> bytes:
    said = {"WARC-Type": kind, "WARC-Record-ID": f"<urn:uuid:{kind}-{len(block)}>", "WARC-Date": "2024-05-31T08:00:00Z"}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    return f"WARC/1.0\r\n{head}Content-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n"


def response(body: bytes, *http: str, url: str = "https://example.org/", status: int = 200) -> bytes:
    head = "\r\n".join((f"HTTP/1.1 {status} OK", *http))
    block = f"{head}\r\n\r\n".encode() + body
    return record("response", block, WARC_Target_URI=url, Content_Type="application/http; msgtype=response")


INFO = record("warcinfo", b"software: test\r\n")
ASK = record("request", b"GET / HTTP/1.1\r\n\r\n", WARC_Target_URI="https://example.org/")
PAGE = "<p>Füße</p>".encode("latin-1")


def test_each_response_is_a_row_and_keeps_its_number_among_all_records(read):
    found = read("a.warc", INFO + ASK + response(PAGE, "Content-Type: text/html; charset=ISO-8859-1") + response(b"x"))
    assert found.names == ["a.warc:2", "a.warc:3"]
    assert found.rows[0] == {
        "url": "https://example.org/",
        "date": "2024-05-31T08:00:00Z",
        "status": 200,
        "content_type": "text/html; charset=ISO-8859-1",
        "charset": "iso-8859-1",
        "content": PAGE,
        "record_id": f"urn:uuid:response-{len(PAGE) + 64}",
    }
    assert found.rows[1]["content_type"] is None


def test_the_records_own_id_can_be_the_key(tmp_path: Path, read_all):
    (tmp_path / "a.warc").write_bytes(response(b"x"))
    found = read_all(Files(path=str(tmp_path / "a.warc"), key="record_id"))
    assert found.names == ['"urn:uuid:response-20"']


def test_a_file_of_one_gzip_member_a_record_is_read_whole(read):
    found = read("a.warc.gz", b"".join(map(gzip.compress, (INFO, response(b"one"), response(b"two")))))
    assert found.column("content") == [b"one", b"two"]


def test_wet_files_give_texts(read):
    page = record("conversion", "Füße und Hände".encode(), WARC_Target_URI="https://example.org/a",
                  WARC_Identified_Content_Language="deu")  # fmt: skip
    broken = record("conversion", b"\xff\xfe\xff")
    found = read("a.warc.wet.gz", gzip.compress(INFO) + gzip.compress(page) + gzip.compress(broken))
    assert found.column("text") == ["Füße und Hände"]
    assert found.column("language") == ["deu"]
    assert found.reasons() == {2: "not utf-8 at byte 0 of the record"}
    assert read("noname", INFO + page).column("text") == ["Füße und Hände"]


def test_what_the_transfer_did_is_undone(read):
    chunked = b"4\r\nRain\r\n6;x=y\r\n falls\r\n0\r\n\r\n"
    plain, bare = gzip.compress(b"Rain falls"), zlib.compress(b"Rain falls")[2:-4]
    found = read(
        "a.warc",
        response(chunked, "Transfer-Encoding: chunked")
        + response(plain, "Content-Encoding: gzip")
        + response(zlib.compress(b"Rain falls"), "Content-Encoding: deflate")
        + response(bare, "Content-Encoding: deflate")
        + response(b"Rain falls", "Content-Encoding: gzip", "Transfer-Encoding: chunked")
        + response(b"\x0b\x05\x80", "Content-Encoding: br"),
    )
    assert found.column("content") == [b"Rain falls"] * 5
    assert found.reasons() == {5: "content in the encoding br, which cannot be undone here"}


def test_a_long_record_is_a_reject_and_the_next_is_read(read):
    found = read("a.warc", response(b"x" * 5000) + response(b"short"), max_record_bytes=1000)
    assert found.column("content") == [b"short"]
    assert found.reasons() == {0: "longer than max_record_bytes (1,000 bytes)"}


def test_a_small_response_that_unpacks_to_much_is_a_reject(read):
    bomb = gzip.compress(bytes(1_000_000))
    found = read("a.warc", response(bomb, "Content-Encoding: gzip") + response(b"after"), max_record_bytes=100_000)
    assert found.column("content") == [b"after"]
    assert found.reasons() == {0: "longer than max_record_bytes (100,000 bytes)"}


def test_a_cut_archive_gives_what_is_whole_and_one_reject(read):
    whole = gzip.compress(response(b"one")) + gzip.compress(response(b"two" * 500))
    found = read("a.warc.gz", whole[:-30])
    assert found.column("content") == [b"one"]
    assert found.reasons() == {1: "the gzip stream is cut short here; the rest of the file is lost"}
    plain = read("b.warc", (response(b"one") + response(b"two"))[:-10])
    assert plain.column("content") == [b"one"]
    assert plain.reasons() == {1: "the record is cut short here; the rest of the file is lost"}


def test_after_a_broken_head_the_next_record_is_found(read):
    lost = response(b"two").replace(b"Content-Length", b"X")
    found = read("a.warc", response(b"one") + b"what is\r\nthis?\r\n" + lost + response(b"three"))
    assert found.column("content") == [b"one", b"three"]
    assert list(found.reasons().values())[:2] == [
        "no WARC record begins here; the next one is looked for",
        "a record without its length; the next one is looked for",
    ]


@pytest.mark.slow
def test_a_file_that_unpacks_without_end_is_cut_off(read, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_bounded, "_FREE", 1 << 20)
    bomb = response(b"one") + record("metadata", bytes(40 << 20)) + response(b"two")
    found = read("a.warc.gz", gzip.compress(bomb))
    assert found.column("content") == [b"one"]
    assert found.reasons() == {1: "the file unpacks to more than 200 times its size; the rest of it is lost"}


def test_no_archive_under_an_archives_name_is_an_error(read):
    with pytest.raises(DataError, match="this is no warc file"):
        read("a.warc", b"url,text\n1,2\n")


def test_types_have_no_use(read):
    with pytest.raises(DataError, match="types has no use for warc files"):
        read("a.warc", response(b"x"), types={"status": "string"})


def test_a_response_without_http_is_a_reject_and_one_of_another_protocol_a_row(read):
    found = read(
        "a.warc",
        record("response", b"nothing", Content_Type="application/http; msgtype=response")
        + record("response", b"example.org 1.2.3.4", Content_Type="text/dns"),
    )
    assert found.column("content") == [b"example.org 1.2.3.4"]
    assert found.reasons() == {0: "a response without the head of one"}


@pytest.mark.storm
@pytest.mark.slow
@settings(max_examples=storm(30, 1000))
@given(data=st.data())
def test_any_damage_ends_in_rows_and_rejects(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject):
    raw = bytearray(INFO + response(PAGE, "Transfer-Encoding: chunked") + response(b"two" * 50))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    path = tmp_path_factory.mktemp("warc") / "a.warc"
    path.write_bytes(b"WARC/1.0\r\n" + bytes(raw))
    found = whole(Files(path=str(path)))
    assert len(found.rows) == len(set(found.names))
    assert all(found.reasons().values())
