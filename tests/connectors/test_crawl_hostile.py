"""Servers that misbehave cost a bounded time and amount, and lead nowhere they should not."""

import time
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.servers import site

from tilth.bytes.guard import Guard
from tilth.connectors._crawl.queue import Queue
from tilth.core.connector import Landing
from tilth.core.errors import TilthError


@pytest.fixture(scope="module")
def server():
    return site.start()


@pytest.fixture
def host():
    return f"odd.{uuid.uuid4().hex[:8]}.test"


@pytest.fixture
def crawl(server, host, tmp_path):
    """Crawl from a page with these links; returns the rows by path, and why others are none."""

    def run(*links: str, **options):
        site.put(server, host, "/", site_page(*links))
        told = {
            "start": f"http://{host}:{server.port}/",
            "tries": 2,
            "timeout": 3.0,
            "max_pages": 50,
            "types": ("any",),
        }
        source = site.TestCrawl(**{**told, **options}).land(Landing(folder=tmp_path))
        rows = {}
        for shard in source.plan(None)[0]:
            for record in source.read(shard):
                assert not record.rejects
                for row in record.batch.to_pylist():
                    rows[row["url"].split(str(server.port))[-1]] = row
        return rows, why(tmp_path)

    return run


def site_page(*links: str) -> str:
    return "<html>" + "".join(f'<a href="{link}">x</a>' for link in links) + "</html>"


def why(folder: Path) -> dict[str, str]:
    queue = Queue(folder)
    rows = queue.db.execute("SELECT url, why FROM page WHERE why IS NOT NULL").fetchall()
    queue.close()
    return {url.split("/", 3)[3]: said for url, said in rows}


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["gzip", "br", "deflate"])
def test_a_bomb_is_cut_at_the_limit(crawl, coding):
    rows, _ = crawl(f"/bomb/{coding}/64", max_page_bytes=100_000)
    row = rows[f"/bomb/{coding}/64"]
    assert len(row["content"]) == 100_000 and row["truncated"] == "length"
    assert row["content"].startswith(b"<p>aaa")


def test_compressed_pages_are_stored_plain(crawl):
    rows, _ = crawl("/gzipped")
    assert rows["/gzipped"]["content"].startswith(b"<html>") and "/ok" in rows


@pytest.mark.slow
def test_slow_and_silent_servers_are_left_in_time(crawl):
    began = time.monotonic()
    rows, said = crawl("/slow", "/silent", timeout=0.5, tries=1)
    assert time.monotonic() - began < 4
    assert set(rows) == {"/"} and said["slow"] == said["silent"] == "no whole answer in 0 s"


def test_an_endless_page_is_cut(crawl):
    rows, _ = crawl("/endless", max_page_bytes=300_000)
    assert len(rows["/endless"]["content"]) == 300_000 and rows["/endless"]["truncated"] == "length"


@pytest.mark.slow
def test_cut_answers_are_asked_for_again_and_then_left(crawl, server, host):
    rows, said = crawl("/cut", "/cutgzip", "/garbage")
    assert set(rows) == {"/"}
    assert said["cut"] == said["cutgzip"] == "the answer is cut short"
    assert "not HTTP" in said["garbage"] or "no connection" in said["garbage"]
    assert site.log(server, host).count("/cut") == 2


def test_wrong_lengths_and_none_are_borne(crawl):
    rows, said = crawl("/short", "/nolength", "/ok")
    assert b"/ok" in rows["/nolength"]["content"] and "/ok" in rows
    # What comes after the end could be another's answer: the connection is not to be trusted.
    assert "/short" not in rows and said["short"]


def test_huge_headers_are_refused(crawl):
    rows, said = crawl("/bigheader/100000", "/manyheaders/2000", "/bigheader/3000")
    assert set(rows) == {"/", "/bigheader/3000"}
    assert "not HTTP" in said["bigheader/100000"] and "not HTTP" in said["manyheaders/2000"]


def test_redirects_end(crawl, server, host):
    rows, said = crawl("/redirect/0", "/loop/0", max_redirects=5)
    assert set(rows) == {"/"}
    assert said["redirect/5"] == "too many redirects"
    assert site.log(server, host).count("/loop/0") == 1


SECRET = ("http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://2130706433:{port}/",
          "http://0x7f000001:{port}/", "http://0177.0.0.1:{port}/", "http://127.1:{port}/", "http://0:{port}/",
          "http://0.0.0.0:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/",
          "http://127.0.0.1.:{port}/", "http://user@127.0.0.1:{port}/", "http://１２７.０.０.１:{port}/",
          "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://169.254.169.254/latest/meta-data/",
          "http://[fd00:ec2::254]/latest/", "http://100.100.100.200/latest/", "http://[fe80::1]/", "http://[fc00::1]/",
          "http://inside.bad.test:{port}/", "http://metadata.bad.test/", "file:///etc/passwd", "gopher://inside.bad.test/",
          "http://good.test:22/")  # fmt: skip


def resolve(host: str, port: int) -> list[str]:
    """Answer with this machine for good names, and with inner addresses for bad ones."""
    return {
        "inside.bad.test": ["127.0.0.1"],
        "metadata.bad.test": ["93.184.215.14", "169.254.169.254"],
        "localhost": ["127.0.0.1", "::1"],
    }.get(host) or (["127.0.0.1"] if host.endswith(".test") else [])


class Guarded(site.TestCrawl):
    """Only hosts whose names begin with odd stand for the world outside."""

    def guard(self):
        return Guard(allow_private=(self.starts()[0].split("/")[2].partition(":")[0], "good.test"), resolve=resolve)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["link", "redirect", "start"])
def test_no_notation_name_or_hop_leads_inside(server, host, tmp_path, way):
    targets = [each.format(port=server.port) for each in SECRET]
    start = [f"http://{host}:{server.port}/"]
    if way == "link":
        site.put(server, host, "/", site_page(*targets))
    elif way == "redirect":
        site.put(server, host, "/", site_page(*(f"/to/{quote(each, safe='')}" for each in targets)))
    else:
        site.put(server, host, "/", site_page())
        start += [each for each in targets if _is_meant(each)]
    hosts = (host, ".bad.test", "localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
             "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "[fd00:ec2::254]", "100.100.100.200",
             "[fe80::1]", "[fc00::1]", "good.test")  # fmt: skip
    crawl = Guarded(start=tuple(start), hosts=hosts, tries=1, timeout=3.0)
    crawl.land(Landing(folder=tmp_path))
    for inner in ("localhost", "inside.bad.test", "127.0.0.1", "127.0.0.1.", "[::ffff:7f00:1]"):
        assert site.log(server, inner) == []
    queue = Queue(tmp_path)
    rows = queue.db.execute("SELECT url, state, why FROM page WHERE host NOT LIKE ?", (f"{host}%",)).fetchall()
    queue.close()
    assert len(rows) >= 10
    assert {state for _, state, _ in rows} == {3}, rows
    assert not [url for url, _, reason in rows if "address" not in reason], rows


def _is_meant(url: str) -> bool:
    from tilth.connectors._crawl.urls import normalised

    return normalised(url) is not None


@pytest.mark.parametrize("answers", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"]])
def test_an_answer_that_changes_between_two_look_ups_leads_nowhere(server, host, tmp_path, answers):
    asked = []

    class Rebound(site.TestCrawl):
        def guard(self):
            def look(name, port):
                asked.append(name)
                return [answers[0] if len(asked) == 1 else answers[1]]

            return Guard(allow_private=("127.0.0.1",), resolve=look)

    site.put(server, host, "/", site_page("/ok", "/calendar/1"))
    crawl = Rebound(start=f"http://{host}:{server.port}/", tries=1, max_pages=5)
    if answers[0] == "127.0.0.1":
        # What was judged is where every connection goes: nobody looks the name up again.
        crawl.land(Landing(folder=tmp_path))
        assert len(site.log(server, host)) == 6 and asked == [host]
    else:
        # The refused answer is the one that counts, though a later one would do.
        with pytest.raises(TilthError, match="its address 10.0.0.1 is private"):
            crawl.land(Landing(folder=tmp_path))
        assert site.log(server, host) == []


@pytest.mark.slow
def test_traps_have_an_end(crawl, server, host):
    rows, _ = crawl("/trap/", "/calendar/1", max_pages=None, max_pages_per_form=20, timeout=5.0)
    asked = site.log(server, host)
    assert len([path for path in asked if path.startswith("/calendar/")]) == 20
    assert len([path for path in asked if path.startswith("/trap/")]) < 40
    assert len(rows) < 70


def test_paths_have_their_share(crawl):
    rows, _ = crawl("/calendar/1", "/ok", max_pages_per_path={"/calendar/": 3})
    assert sorted(rows) == ["/", "/calendar/1", "/calendar/2", "/calendar/3", "/ok"]


@pytest.mark.parametrize("charset", ["gb18030", "shift_jis", "big5", "euc-jp", "utf-16-le"])
def test_odd_charsets_are_kept_as_they_are_and_named(crawl, charset):
    rows, _ = crawl(f"/encoded/{charset}")
    row = rows[f"/encoded/{charset}"]
    assert row["content"].decode(charset).startswith("<meta charset")
    if charset == "utf-16-le":
        return  # Nothing says so: no mark of byte order, and the declaration itself is in UTF-16.
    assert row["charset"] == charset
    assert quote_of("中文", charset) in next(path for path in rows if path.startswith("/ok"))


def quote_of(text: str, charset: str) -> str:
    codec = {"gb18030": "gb18030", "shift_jis": "cp932", "big5": "big5hkscs", "euc-jp": "euc-jp"}[charset]
    return quote(text.encode(codec))


def test_pages_that_ask_not_to_be_learned_from_are_left_out_and_followed(crawl):
    rows, said = crawl(
        "/tagged/noai", "/tagged/noindex", "/tagged/other%3A%20noindex", "/tagged/unavailable_after%3A%202030"
    )
    assert said["tagged/noai"] == "noai" and said["tagged/noindex"] == "noindex"
    assert {"/tagged/other%3A%20noindex", "/tagged/unavailable_after%3A%202030", "/ok"} <= set(rows)


def test_other_types_are_skipped_unread(crawl):
    rows, said = crawl("/kind/image%2Fpng", "/kind/application%2Fpdf", types=("html", "pdf"))
    assert said["kind/image%2Fpng"] == "content type image/png"
    assert rows["/kind/application%2Fpdf"]["content"] == b"\x00binary"
