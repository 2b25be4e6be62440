"""A crawl follows links, sitemaps and feeds, keeps to what sites ask, ends at its limits, and can be visited again."""

import json
import time
import uuid
from pathlib import Path

import pytest
from tests.servers import site

from tilth.connectors.crawl import Crawl
from tilth.core.connector import Landing
from tilth.core.errors import RecipeError, TilthError
from tilth.core.shard import Cursor
from tilth.testing.sources import check_source


@pytest.fixture(scope="module")
def server():
    return site.start()


class Site:
    """One host, what it says, and crawls of it."""

    def __init__(self, server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.name = f"odd.{uuid.uuid4().hex[:8]}.test"
        self.root = f"http://{self.name}:{server.port}"
        self.told: list[str] = []

    def put(self, path: str, body: str = "", **told) -> None:
        site.put(self.server, self.name, path, body, **told)

    def page(self, path: str, *links: str, text: str = "", head: str = "", **told) -> None:
        anchors = "".join(f'<a href="{link}">x</a>' for link in links)
        self.put(path, f"<html><head>{head}</head><body>{path} {text}{anchors}</body></html>", **told)

    def robots(self, text: str, status: str = "200 OK") -> None:
        site.set_(self.server, self.name, "robots", text)
        site.set_(self.server, self.name, "robots_status", status)

    def crawl(self, **options):
        given = {"start": f"{self.root}/", "tries": 2, "timeout": 5.0, **options}
        return site.TestCrawl(**given)

    def land(self, refresh: bool = True, **options):
        self.told = []
        return self.crawl(**options).land(Landing(folder=self.folder, tell=self.told.append, refresh=refresh))

    def rows(self, since: Cursor | None = None, **options) -> dict[str, dict]:
        source = self.land(**options)
        return self.read(source, since)[0]

    def read(self, source, since: Cursor | None = None):
        shards, cursor = source.plan(since)
        rows, gone = {}, set()
        for shard in shards:
            for record in source.read(shard):
                assert [json.dumps(row["url"]) for row in record.batch.to_pylist()] == list(record.names)
                rows |= {row["url"].removeprefix(self.root): row for row in record.batch.to_pylist()}
                gone |= {json.loads(name).removeprefix(self.root) for name in record.gone}
        return rows, gone, cursor

    def log(self) -> list[str]:
        return [path for path in site.log(self.server, self.name) if path != "/robots.txt"]


@pytest.fixture
def odd(server, tmp_path):
    return Site(server, tmp_path)


def test_links_are_followed_within_the_host(odd):
    odd.page("/", "/a", "b/", "http://elsewhere.test/x", "mailto:a@b", "/a#top", "/%61")
    odd.page("/a", "/", "/b/../c?y=1&utm_source=z")
    odd.page("/b/", "..")
    odd.page("/c?y=1", head='<base href="/deep/">', text='<a href="d">d</a>')
    odd.page("/deep/d")
    assert sorted(odd.rows()) == ["/", "/a", "/b/", "/c?y=1", "/deep/d"]
    assert sorted(odd.log()) == ["/", "/a", "/b/", "/c?y=1", "/deep/d"]


def test_rows_say_what_a_page_says_of_itself(odd):
    head = (
        '<link rel="license" href="https://creativecommons.org/licenses/by/4.0/">'
        '<meta name="robots" content="noarchive"><meta charset="gb2312">'
    )
    odd.put("/", f'<html lang="de"><head>{head}</head><body>x</body></html>', kind="text/html")
    row = odd.rows()["/"]
    assert (row["status"], row["language"], row["charset"], row["robots"]) == (200, "de", "gb2312", "noarchive")
    assert row["page_licence"] == "https://creativecommons.org/licenses/by/4.0/"
    assert row["date"].endswith("Z") and row["record_id"].startswith("urn:uuid:")


def test_robots_txt_is_obeyed_and_what_it_forbids_counted(odd):
    odd.robots("User-agent: tilth\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n")
    odd.page("/", "/private/x", "/open")
    odd.page("/open")
    assert sorted(odd.rows()) == ["/", "/open"]
    assert "/private/x" not in odd.log()
    assert "1 robots.txt" in odd.told[-1]


def test_robots_txt_that_fails_forbids_all(odd, server):
    odd.page("/")
    odd.robots("", "503 Service Unavailable")
    with pytest.raises(TilthError, match=r"robots\.txt cannot be read"):
        odd.land()
    assert odd.log() == []
    # It is not asked again at once.
    with pytest.raises(TilthError):
        odd.land()
    assert site.log(server, odd.name).count("/robots.txt") == 1


def test_robots_txt_that_is_missing_allows_all_and_can_be_ignored(odd):
    odd.page("/")
    odd.robots("", "404 Not Found")
    assert list(odd.rows()) == ["/"]


def test_robots_are_ignored_where_the_recipe_says_so(odd):
    odd.robots("User-agent: *\nDisallow: /\n")
    odd.page("/")
    assert list(odd.rows(robots=False)) == ["/"]


@pytest.mark.slow
def test_crawl_delay_is_kept(odd, server):
    odd.robots("User-agent: *\nCrawl-delay: 0.4\n")
    odd.page("/", "/a", "/b")
    for path in ("/a", "/b"):
        odd.page(path)
    assert len(odd.rows()) == 3
    times = [when for path, when, *_ in site.seen(server, odd.name)["log"] if path != "/robots.txt"]
    assert all(after - before > 0.35 for before, after in zip(times, times[1:], strict=False))


@pytest.mark.slow
def test_one_host_has_so_many_requests_at_a_time(odd, server):
    odd.page("/", *(f"/wait/0.1{number}" for number in range(12)))
    odd.land(per_host=3)
    assert site.seen(server, odd.name)["most"] == 3


@pytest.mark.slow
def test_the_delay_is_kept_between_two_requests(odd, server):
    odd.page("/", "/ok", "/wait/0", "/kind/text%2Fhtml")
    odd.land(delay=0.3, per_host=4)
    times = [when for path, when, *_ in site.seen(server, odd.name)["log"] if path != "/robots.txt"]
    assert len(times) == 4 and all(b - a > 0.25 for a, b in zip(times, times[1:], strict=False))


@pytest.mark.slow
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(odd, server, status):
    odd.page("/", f"/later/{status}/1/1")
    rows = odd.rows(tries=3)
    assert f"/later/{status}/1/1" in rows
    times = [when for path, when, *_ in site.seen(server, odd.name)["log"] if path.startswith("/later")]
    assert len(times) == 2 and times[1] - times[0] >= 1.0


def test_a_host_that_asks_for_long_patience_is_left_to_a_later_run(odd):
    odd.page("/", "/later/503/9/4000", "/ok")
    began = time.monotonic()
    rows = odd.rows(per_host=1)
    assert time.monotonic() - began < 3 and "/" in rows
    assert odd.log().count("/later/503/9/4000") == 1
    assert "wait for hosts that asked for patience" in odd.told[-1]


@pytest.mark.slow
def test_failures_that_may_pass_are_tried_again_within_bounds(odd):
    odd.page("/", "/later/500/1/0", "/later/502/9/0")
    rows = odd.rows(tries=2)
    assert sorted(rows) == ["/", "/later/500/1/0", "/ok"]
    assert odd.log().count("/later/502/9/0") == 2


def test_sitemaps_feeds_and_gzip_are_read(odd):
    odd.robots(f"User-agent: *\nAllow: /\nSitemap: {odd.root}/maps/index.xml\n")
    loc = "<{0}><loc>{1}</loc></{0}>".format
    odd.put(
        "/maps/index.xml", f"<sitemapindex>{loc('sitemap', odd.root + '/maps/1.xml')}</sitemapindex>", kind="text/xml"
    )
    odd.put("/maps/1.xml", f"<urlset>{loc('url', odd.root + '/from-map')}</urlset>", kind="application/xml")
    odd.page("/", head='<link rel="alternate" type="application/rss+xml" href="/feed">')
    odd.put("/feed", f"<rss><channel><item><link>{odd.root}/from-feed</link></item></channel></rss>", kind="text/xml")
    for path in ("/from-map", "/from-feed"):
        odd.page(path)
    assert sorted(odd.rows(sitemaps=True)) == ["/", "/from-feed", "/from-map"]


def test_follow_false_reads_lists_only(odd):
    odd.put("/map.xml", f"<urlset><url><loc>{odd.root}/listed</loc></url></urlset>", kind="application/xml")
    odd.page("/", "/linked")
    odd.page("/listed", "/linked")
    assert sorted(odd.rows(follow=False, sitemaps=(f"{odd.root}/map.xml",))) == ["/", "/listed"]


def test_depth_patterns_and_numbers_bound_a_crawl(odd):
    odd.page("/", "/one", "/skip/x")
    odd.page("/one", "/one/two")
    odd.page("/one/two", "/one/two/three")
    odd.page("/skip/x")
    odd.page("/one/two/three")
    assert sorted(odd.rows(depth=1, exclude=("/skip",))) == ["/", "/one"]


def test_options_that_change_apply_to_what_is_known(odd):
    odd.page("/", "/one", "/skip/x")
    odd.page("/one", "/one/two")
    for path in ("/one/two", "/skip/x"):
        odd.page(path)
    _, _, cursor = odd.read(odd.land(depth=1))
    rows, gone, cursor = odd.read(odd.land(exclude=("/skip",)), cursor)
    assert sorted(rows) == ["/one/two"] and gone == {"/skip/x"}
    rows, gone, _ = odd.read(odd.land(), cursor)
    assert sorted(rows) == ["/skip/x"] and not gone
    assert odd.log().count("/") == odd.log().count("/one") == 1


def test_what_pages_ask_is_obeyed_from_when_the_recipe_says_so(odd):
    odd.page("/", "/noai", "/open")
    odd.page("/open")
    odd.page("/noai", head='<meta name="robots" content="noai">')
    rows, _, cursor = odd.read(odd.land(respect_noai=False))
    assert sorted(rows) == ["/", "/noai", "/open"]
    rows, gone, cursor = odd.read(odd.land(), cursor)
    assert not rows and gone == {"/noai"}
    assert odd.read(odd.land(), cursor) == ({}, set(), cursor)
    rows, gone, _ = odd.read(odd.land(respect_noai=False), cursor)
    assert sorted(rows) == ["/noai"] and not gone


@pytest.mark.slow
def test_max_pages_ends_and_a_later_run_goes_on(odd, server):
    host = f"web60.{uuid.uuid4().hex[:8]}.test"
    crawl = {"start": f"http://{host}:{server.port}/p/0"}
    odd.land(max_pages=10, **crawl)
    assert len(site.log(server, host)) == 11
    assert "max_pages (10) is reached" in odd.told[-1]
    source = odd.land(max_pages=None, **crawl)
    assert sum(shard.rows for shard in source.plan(None)[0]) == 60
    assert len(site.log(server, host)) == 61


@pytest.mark.parametrize(("option", "value"), [("max_seconds", 0.0), ("max_bytes", 1)])
def test_time_and_bytes_end_a_crawl_and_what_came_is_kept(odd, server, option, value):
    host = f"web90.{uuid.uuid4().hex[:8]}.test"
    start = f"http://{host}:{server.port}/p/0"
    odd.land(start=start, **{option: value})
    assert f"{option} ({value:.0f}) is reached" in odd.told[-1]
    assert 1 <= len(set(site.log(server, host)) - {"/robots.txt"}) < 90


def test_a_host_has_its_share(odd, server):
    hosts = [f"web30.{uuid.uuid4().hex[:8]}.test" for _ in range(2)]
    start = tuple(f"http://{host}:{server.port}/p/0" for host in hosts)
    source = odd.land(start=start, max_pages_per_host=7)
    assert sum(shard.rows for shard in source.plan(None)[0]) == 14


def test_a_start_page_that_is_redirected_within_its_site_takes_the_crawl_along(odd, server):
    inner = f"www.{odd.name}"
    site.put(server, odd.name, "/", "", status="301 Moved", headers={"Location": f"http://{inner}:{server.port}/"})
    site.put(server, inner, "/", '<a href="/next">x</a>')
    site.put(server, inner, "/next", "next")
    source = odd.land()
    assert sum(shard.rows for shard in source.plan(None)[0]) == 2


def test_same_site_and_lists_of_hosts(odd, server):
    other = f"docs.{odd.name}"
    odd.page("/", f"http://{other}:{server.port}/x")
    site.put(server, other, "/x", "x")
    assert sum(shard.rows for shard in odd.land(hosts="same-site").plan(None)[0]) == 2


def test_pages_that_say_the_same_give_one_row(odd):
    odd.page("/", "/copy1", "/copy2", "/print", "/page")
    for path in ("/copy1", "/copy2"):
        odd.put(path, "<p>the same words</p>")
    odd.page("/print", head='<link rel="canonical" href="/page">')
    odd.page("/page", head='<link rel="canonical" href="/page">')
    assert sorted(odd.rows()) == ["/", "/copy1", "/page"]


def test_twins_are_kept_where_asked(odd):
    odd.page("/", "/copy1", "/copy2")
    for path in ("/copy1", "/copy2"):
        odd.put(path, "<p>the same words</p>")
    assert sorted(odd.rows(duplicates="keep")) == ["/", "/copy1", "/copy2"]


@pytest.mark.slow
def test_a_later_visit_takes_what_is_new_changed_or_gone(odd, server):
    odd.page("/", "/stays", "/changes", "/goes", validate=True)
    odd.page("/stays", validate=True)
    odd.page("/changes", text="old")
    odd.page("/goes")
    rows, gone, cursor = odd.read(odd.land())
    assert sorted(rows) == ["/", "/changes", "/goes", "/stays"] and not gone
    odd.page("/", "/stays", "/changes", "/fresh", validate=True)
    odd.page("/changes", text="new")
    odd.page("/fresh")
    odd.put("/goes", "no", status="410 Gone")
    rows, gone, after = odd.read(odd.land(recrawl_after=0), cursor)
    assert sorted(rows) == ["/", "/changes", "/fresh"] and gone == {"/goes"}
    assert b"new" in rows["/changes"]["content"] and after != cursor
    tags = [tag for path, _, _, tag in site.seen(server, odd.name)["log"] if path == "/stays"]
    assert tags[0] == "" and tags[1].startswith('"')
    assert "1 unchanged" in odd.told[-1]
    rows, gone, last = odd.read(odd.land(recrawl_after=0), after)
    assert not rows and not gone and last == after
    assert sorted(odd.read(odd.land(refresh=False))[0]) == ["/", "/changes", "/fresh", "/stays"]


def test_a_landing_without_refresh_asks_for_nothing(odd):
    odd.page("/", "/a")
    odd.page("/a")
    odd.land()
    asked = odd.log()
    assert len(odd.rows(refresh=False)) == 2 and odd.log() == asked
    empty = odd.folder / "empty"
    empty.mkdir()
    with pytest.raises(TilthError, match="nothing was crawled yet"):
        odd.crawl().land(Landing(folder=empty, refresh=False))


@pytest.mark.slow
def test_the_source_keeps_its_contract(odd, server):
    odd.page("/", "/a", "/b", validate=True)
    odd.page("/a", validate=True)
    odd.page("/b", validate=True)
    source = odd.land()

    def grow() -> None:
        odd.page("/a", validate=True, text="")
        odd.page("/", "/a", "/b", validate=True)
        site.put(server, odd.name, "/c", "c")
        odd.land(start=(f"{odd.root}/", f"{odd.root}/c"))

    check_source(source, grow=grow)


def test_a_column_may_name_whom_a_row_is_about(odd):
    odd.page("/")
    source = odd.land(subject="url")
    ((record,),) = [list(source.read(shard)) for shard in source.plan(None)[0]]
    assert record.subjects == (f"{odd.root}/",)


def test_the_crawler_says_who_it_is(odd, server):
    odd.page("/")
    odd.land(user_agent="Acme", contact="https://acme.test/bot")
    agents = {agent for _, _, agent, _ in site.seen(server, odd.name)["log"]}
    assert len(agents) == 1 and agents.pop().startswith("Acme (+https://acme.test/bot) Tilth/")


def test_a_probe_says_what_can_be_reached(odd, server):
    odd.robots("User-agent: *\nDisallow: /private\n")
    found = list(odd.crawl(start=(f"{odd.root}/", "http://nowhere.invalid/")).probe())
    assert [each.ok for each in found] == [True, False]
    assert ("robots.txt allows" in found[0].what and "no such host" in found[1].what) or "no address" in found[1].what
    (refused,) = odd.crawl(start=f"{odd.root}/private/x").probe()
    assert not refused.ok and "forbids" in refused.what
    (private,) = Crawl(start="http://127.0.0.1:8080/").probe()
    assert not private.ok and "loopback" in private.what


@pytest.mark.parametrize(
    ("option", "value"),
    [("start", "ftp://x/"), ("start", ()), ("start", "http://u:p@x.org/"), ("hosts", "same-hosts"), ("include", ("(",)),
     ("types", ("htm",)), ("max_pages", 0), ("delay", -1), ("user_agent", "A B"), ("contact", "a\r\nb"),
     ("split", "tran"), ("allow_private", ("10.0.0.0/99",)), ("per_host", 0),
     ("subject", "urls")],
)  # fmt: skip
def test_options_that_cannot_be_meant_are_refused(option, value):
    with pytest.raises(RecipeError, match=rf"crawl\.{option}"):
        Crawl(**{"start": "https://example.org/", option: value})
