"""What an API answered and a crawl fetched is not asked for again for a while; a cache that fails changes nothing."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import HERE, land, read, rows
from tests.servers import redis, site
from tests.servers.api import Space

from tilth.bytes.cache import Cache, open_cache, using
from tilth.connectors.crawl import Crawl
from tilth.connectors.graphql import Graphql
from tilth.connectors.rest import Rest
from tilth.core.errors import RecipeError, Terminal

QUERY = "query($after: String) { items(after: $after) { nodes { id text } pageInfo { endCursor hasNextPage } } }"


@pytest.fixture(params=["disk", "redis"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cache]:
    url = redis.start().facts["url"] if request.param == "redis" else "disk"
    with using(open_cache(url, secret=os.urandom(32), folder=tmp_path / "cache", seconds=5.0)) as found:
        yield found


def source(kind: str, space: Space, **options: Any) -> Rest | Graphql:
    if kind == "rest":
        return Rest(url=f"{space.base}/link", allow_private=HERE, key="id", **options)
    return Graphql(
        url=f"{space.base}/graphql", query=QUERY, connection="items", key="id", allow_private=HERE, **options
    )


@pytest.mark.parametrize("kind", ["rest", "graphql"])
def test_an_answer_is_asked_for_once(cache: Cache, tmp_path: Path, kind: str):
    space = Space(rows=rows(8))
    asks = source(kind, space, cached_for=60)
    assert read(land(asks, tmp_path / "a"))[0] == rows(8)
    assert len(space.log()) == 3
    assert read(land(asks, tmp_path / "b"))[0] == rows(8)
    assert len(space.log()) == 3
    # What is asked for in another way is another question, and without the option all is asked.
    assert len(read(land(source(kind, space), tmp_path / "c"))[0]) == 8
    assert len(space.log()) == 6


def test_a_question_of_somebody_else_is_another_one(cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("S", "hush-1234")
    space = Space(rows=rows(8), auth={"bearer": "hush-1234"})
    asks = source("rest", space, cached_for=60, auth={"bearer": "env:S"})
    assert read(land(asks, tmp_path / "a"))[0] == rows(8)
    monkeypatch.setenv("S", "hush-5678")
    with pytest.raises(Terminal, match="401"):
        land(asks, tmp_path / "b")
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush-" not in held


def test_an_answer_grows_old(cache: Cache, tmp_path: Path):
    space = Space(rows=rows(2))
    asks = source("rest", space, cached_for=0.3)
    land(asks, tmp_path / "a")
    space.put(rows=rows(3))
    time.sleep(0.4)
    assert len(read(land(asks, tmp_path / "b"))[0]) == 3


def test_a_refusal_is_not_kept_and_a_probe_asks_for_real(cache: Cache, tmp_path: Path):
    space = Space(rows=rows(2), auth={"bearer": "hush-1234"})
    asks = source("rest", space, cached_for=60)
    for _ in range(2):
        with pytest.raises(Terminal, match="401"):
            land(asks, tmp_path / "a")
    assert len(space.log()) == 2
    space = Space(rows=rows(2))
    asks = source("rest", space, cached_for=60)
    land(asks, tmp_path / "b")
    before = len(space.log())
    assert [finding.ok for finding in asks.probe()] == [True]
    assert len(space.log()) > before


def test_a_cache_that_lies_or_is_gone_changes_nothing(tmp_path: Path):
    space = Space(rows=rows(8))
    asks = source("rest", space, cached_for=60)
    cache = open_cache("disk", secret=b"s" * 32, folder=tmp_path / "cache")
    with using(cache):
        land(asks, tmp_path / "a")
    with using(open_cache("disk", secret=b"t" * 32, folder=tmp_path / "cache")):
        assert read(land(asks, tmp_path / "b"))[0] == rows(8)
    (tmp_path / "cache" / "cache.db").write_bytes(b"no database" * 1000)
    with using(cache):
        assert read(land(asks, tmp_path / "c"))[0] == rows(8)
    with using(open_cache("redis://127.0.0.1:9", secret=b"s" * 32)):
        assert read(land(asks, tmp_path / "d"))[0] == rows(8)
    assert len(space.log()) == 12


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
def test_seconds_that_cannot_be_meant(seconds: float):
    space = {"url": "https://api.test/", "cached_for": seconds}
    for wrong in (lambda: Rest(**space), lambda: Crawl(start="https://a.test/", cached_for=seconds)):
        with pytest.raises(RecipeError, match="cached_for"):
            wrong()


class Pages:
    """A site of one host, and crawls of it."""

    def __init__(self) -> None:
        self.server, self.name = site.start(), f"kept.{uuid.uuid4().hex[:8]}.test"
        self.root = f"http://{self.name}:{self.server.port}"
        self.put("/", '<a href="/a">x</a><a href="/b">x</a><a href="/gone">x</a>')
        self.put("/a", "Rain, 中文")
        self.put("/b", "Wind")

    def put(self, path: str, body: str, **told: Any) -> None:
        site.put(self.server, self.name, path, f"<html><body>{body}</body></html>", **told)

    def crawl(self, folder: Path, **options: Any) -> dict[str, dict[str, Any]]:
        found = read(land(site.TestCrawl(start=f"{self.root}/", tries=1, **options), folder))[0]
        return {row["url"].removeprefix(self.root): row for row in found}

    def asked(self) -> list[str]:
        return sorted(path for path in site.log(self.server, self.name) if path != "/robots.txt")


def test_a_page_that_another_crawl_fetched_is_not_fetched_again(cache: Cache, tmp_path: Path):
    pages = Pages()
    first = pages.crawl(tmp_path / "a", cached_for=60)
    assert pages.asked() == ["/", "/a", "/b", "/gone"]
    again = pages.crawl(tmp_path / "b", cached_for=60)
    assert pages.asked() == ["/", "/a", "/b", "/gone", "/gone"], "a page that is not there is no page to keep"
    assert {url: row["content"] for url, row in again.items()} == {url: row["content"] for url, row in first.items()}
    assert json.dumps(again, default=str) == json.dumps(first, default=str), "with the time at which it was fetched"
    # Another name, other rights: another question.
    pages.crawl(tmp_path / "c", cached_for=60, user_agent="Other")
    assert len(pages.asked()) == 9


def test_robots_are_obeyed_though_the_page_is_there(cache: Cache, tmp_path: Path):
    pages = Pages()
    pages.crawl(tmp_path / "a", cached_for=60)
    site.set_(pages.server, pages.name, "robots", "User-agent: *\nDisallow: /a\n")
    assert sorted(pages.crawl(tmp_path / "b", cached_for=60)) == ["/", "/b"]


def test_what_was_cut_is_not_kept_and_what_is_too_long_is_not_taken(cache: Cache, tmp_path: Path):
    pages = Pages()
    pages.put("/a", "long " * 1000)
    pages.crawl(tmp_path / "a", cached_for=60, max_page_bytes=1024)
    assert pages.asked().count("/a") == 1
    whole = pages.crawl(tmp_path / "b", cached_for=60)
    assert pages.asked().count("/a") == 2 and len(whole["/a"]["content"]) > 5000
    pages.crawl(tmp_path / "c", cached_for=60, max_page_bytes=1024)
    assert pages.asked().count("/a") == 3


def test_no_turn_is_spent_on_what_the_cache_has(cache: Cache, tmp_path: Path):
    pages = Pages()
    pages.put("/", "".join(f'<a href="/{number}">x</a>' for number in range(30)))
    for number in range(30):
        pages.put(f"/{number}", f"page {number}")
    assert len(pages.crawl(tmp_path / "a", cached_for=60)) == 31
    began = time.monotonic()
    assert len(pages.crawl(tmp_path / "b", cached_for=60, delay=2.0)) == 31
    assert time.monotonic() - began < 30.0, "half a minute less than the delays would take"


def test_what_is_due_again_is_asked_of_the_site(cache: Cache, tmp_path: Path):
    pages = Pages()
    pages.crawl(tmp_path / "a", cached_for=60, recrawl_after=0.0)
    pages.put("/a", "Snow")
    assert b"Snow" in pages.crawl(tmp_path / "a", cached_for=60, recrawl_after=0.0)["/a"]["content"]
