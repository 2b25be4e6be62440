"""Pages are written as other tools read them, and read back one by one; what is torn is cut off."""

import json
import subprocess
import zlib

import pytest
from tests import servers

from tilth.connectors._crawl import warc
from tilth.connectors._crawl.fetch import Exchange
from tilth.connectors.files import Files
from tilth.core.errors import DataError, Terminal


def exchange(number: int, body: bytes = b"<p>body", **told) -> Exchange:
    raw = [(b"Content-Type", b"text/html; charset=utf-8"), (b"Content-Encoding", b"gzip"), (b"X-A", "\u00e9".encode())]
    given = {
        "status": 200,
        "reason": "OK",
        "raw_headers": raw,
        "seconds": 0.1,
        "time": 1_700_000_000.5 + number,
        **told,
    }
    return Exchange(url=f"http://a.org/{number}", body=body, **given)


@pytest.fixture
def archive(tmp_path):
    opened = warc.Archive(tmp_path, 1, {"software": "Tilth"})
    yield opened
    opened.close()


def add(archive, number: int, body: bytes = b"<p>body", *, kept: bool = True, **told) -> warc.Place:
    note = {"page": f"http://a.org/{number}", "links": ["http://a.org/\u00e9"], "status": 200}
    return archive.add(exchange(number, body, **told), note, warc.payload_digest(body), body=kept)


def test_a_page_is_read_back_by_its_place(tmp_path, archive):
    places = [add(archive, number, b"x" * number) for number in range(5)]
    head, http, body = warc.read(tmp_path, places[3])
    assert body == b"xxx" and head["warc-target-uri"] == "http://a.org/3"
    assert http["content-type"] == "text/html; charset=utf-8" and http["content-length"] == "3"
    assert http["x-crawler-content-encoding"] == "gzip" and "content-encoding" not in http
    assert warc.note_after(tmp_path, places[3])["page"] == "http://a.org/3"


def test_what_is_behind_a_place_comes_back(tmp_path, archive):
    add(archive, 0)
    length = archive.length
    places = [add(archive, number) for number in (1, 2)]
    entries = list(warc.tail(tmp_path, 1, length))
    assert [entry.place for entry in entries] == places and entries[-1].end == archive.length
    assert entries[0].note["links"] == ["http://a.org/\u00e9"]


@pytest.mark.parametrize("cut", [1, 50, 200, 400])
def test_a_torn_page_is_cut_off(tmp_path, archive, cut):
    add(archive, 0)
    length = archive.length
    add(archive, 1)
    path = tmp_path / warc.name_of(1)
    path.write_bytes(path.read_bytes()[:-cut])
    kept = [entry.note["page"] for entry in warc.tail(tmp_path, 1, 0)]
    assert kept == ["http://a.org/0"] and path.stat().st_size == length


def test_rubbish_behind_the_last_page_is_cut_off(tmp_path, archive):
    add(archive, 0)
    length = archive.length
    path = tmp_path / warc.name_of(1)
    path.write_bytes(path.read_bytes() + b"\x00" * 100)
    assert len(list(warc.tail(tmp_path, 1, 0))) == 1 and path.stat().st_size == length


def test_an_archive_that_lost_noted_pages_is_refused(tmp_path, archive):
    add(archive, 0)
    with pytest.raises(DataError, match="bytes"):
        list(warc.tail(tmp_path, 1, archive.length + 1))


def test_files_have_an_end_and_are_read_on(tmp_path, archive, monkeypatch):
    monkeypatch.setattr(warc, "SEGMENT", 500)
    places = [add(archive, number) for number in range(4)]
    assert len({place.file for place in places}) > 1
    assert [entry.place for entry in warc.tail(tmp_path, 1, 0)] == places


def test_a_full_disc_leaves_the_archive_whole(tmp_path, archive, monkeypatch):
    add(archive, 0)
    length = archive.length
    real = warc.os.write

    def full(out, data):
        real(out, bytes(data)[:40])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(warc.os, "write", full)
    with pytest.raises(Terminal, match="No space"):
        add(archive, 1)
    assert (tmp_path / warc.name_of(1)).stat().st_size == length


def test_damage_is_said(tmp_path, archive):
    place = add(archive, 0)
    path = tmp_path / warc.name_of(1)
    raw = bytearray(path.read_bytes())
    raw[place.offset + 30] ^= 0xFF
    path.write_bytes(raw)
    with pytest.raises(DataError, match="damaged"):
        warc.read(tmp_path, place)


def test_tilths_own_reader_reads_it(tmp_path, archive):
    add(archive, 0)
    add(archive, 1, b"gone", kept=False)
    add(archive, 2, b"", status=304, reason="Not Modified")
    source = Files(path=str(tmp_path / "*.warc.gz"))
    rows = [row for shard in source.plan(None)[0] for record in source.read(shard) for row in record.batch.to_pylist()]
    assert [(row["url"], row["content"]) for row in rows] == [("http://a.org/0", b"<p>body"), ("http://a.org/1", b"")]
    assert rows[0]["charset"] == "utf-8"


def test_fastwarc_reads_it(tmp_path, archive):
    fastwarc = pytest.importorskip("fastwarc.warc")
    for number in range(3):
        add(archive, number)
    with (tmp_path / warc.name_of(1)).open("rb") as stream:
        records = [
            (str(r.headers.get("WARC-Type")), r.headers.get("WARC-Target-URI"))
            for r in fastwarc.ArchiveIterator(stream)
        ]
    assert records[0] == ("warcinfo", None)
    assert records[1:] == [(kind, f"http://a.org/{n}") for n in range(3) for kind in ("response", "metadata")]


WARCIO = """
import json, sys
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker
found = []
with open(sys.argv[1], "rb") as stream:
    for record in ArchiveIterator(stream, check_digests="raise"):
        body = record.content_stream().read()
        kind = record.rec_type
        found.append([kind, record.rec_headers.get_header("WARC-Target-URI"),
                      record.http_headers.get_statuscode() if kind == "response" else "", body.decode()])
print(json.dumps(found))
"""


@pytest.mark.slow
def test_warcio_reads_it_and_checks_digests(tmp_path, archive):
    python = servers.environment("warcio", ["warcio==1.8.1"])
    add(archive, 0)
    add(archive, 1, "b\u00f6dy".encode(), truncated="length")
    done = subprocess.run(
        [python, "-c", WARCIO, tmp_path / warc.name_of(1)], capture_output=True, text=True, check=True
    )
    found = json.loads(done.stdout)
    assert [each[:3] for each in found if each[0] == "response"] == [
        ["response", "http://a.org/0", "200"], ["response", "http://a.org/1", "200"]
    ]  # fmt: skip
    assert found[3][3] == "b\u00f6dy"


def test_every_record_is_its_own_member(tmp_path, archive):
    place = add(archive, 0)
    raw = (tmp_path / warc.name_of(1)).read_bytes()
    assert zlib.decompress(raw[place.offset : place.offset + place.length], 31).startswith(b"WARC/1.1\r\n")
