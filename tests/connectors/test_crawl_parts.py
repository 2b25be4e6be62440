"""The parts of a crawl alone: robots, pace, whose turn it is, what belongs to it, what is known, who is whose twin."""

import asyncio
import re
import time

import pytest

from tilth.connectors._crawl import frontier as turns
from tilth.connectors._crawl import visits
from tilth.connectors._crawl.fetch import Exchange
from tilth.connectors._crawl.frontier import Frontier
from tilth.connectors._crawl.pace import Host, retry_after
from tilth.connectors._crawl.queue import DONE, GONE, QUEUED, Link, Noted, Queue
from tilth.connectors._crawl.robots import Robots
from tilth.connectors._crawl.scope import Scope, Sieve
from tilth.connectors._crawl.warc import Place
from tilth.core.errors import Transient


@pytest.fixture
def queue(tmp_path):
    opened = Queue(tmp_path)
    yield opened
    opened.close()


def link(path: str, host: str = "a.org", depth: int = 0) -> Link:
    return Link(f"http://{host}{path}", host, 0, depth)


def store(queue: Queue, path: str, digest: bytes, visit: int = 1, canonical: str | None = None, depth: int = 0) -> None:
    queue.add([link(path, depth=depth)])
    page = queue.page(f"http://a.org{path}")
    noted = Noted(page, DONE, None, 200, time.time(), place=Place(1, 0, 1), digest=digest, canonical=canonical)
    queue.note([noted], [], {}, visit, {})


def shown(queue: Queue, since: int = 0) -> tuple[list[str], list[str]]:
    rows = queue.db.execute(
        "SELECT url FROM page WHERE file IS NOT NULL AND gone = 0 AND twin = 0 AND changed > ? ORDER BY url", (since,)
    )
    left = queue.db.execute("SELECT url FROM page WHERE max(gone, twin) > ? ORDER BY url", (since,))
    return [url[12:] for (url,) in rows], [url[12:] for (url,) in left]


# Robots.


class Shelf:
    def __init__(self) -> None:
        self.kept: dict[str, tuple[float, int, str]] = {}

    def robots(self, origin):
        return self.kept.get(origin)

    def keep_robots(self, origin, until, status, text):
        self.kept[origin] = (until, status, text)


def rules(answers, url="http://a.org/x", shelf=None, **options):
    asked = []

    async def get(wanted):
        asked.append(wanted)
        answer = answers[wanted]
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return Exchange(wanted, status, "", [], body, 0.0, 0.0, headers=headers)

    async def run():
        robots = Robots(get, shelf or Shelf(), "tilth", **options)
        found = await asyncio.gather(*(robots.rules(url) for _ in range(5)))
        assert all(one is found[0] for one in found)
        return found[0]

    return asyncio.run(run()), asked


ROBOTS = "http://a.org/robots.txt"


@pytest.mark.parametrize(
    ("answer", "allowed", "silent"),
    [
        ((200, b"User-agent: *\nDisallow: /x", {}), False, False),
        ((200, b"User-agent: Tilth\nAllow: /\n\nUser-agent: *\nDisallow: /", {}), True, False),
        ((200, b"\xef\xbb\xbfUser-agent: *\nDisallow: /x", {}), False, False),
        ((200, b"<html>no robots</html>", {}), True, False),
        ((200, b"", {}), True, False),
        ((404, b"User-agent: *\nDisallow: /", {}), True, False),
        ((403, b"", {}), True, False),
        ((500, b"", {}), False, True),
        ((503, b"", {}), False, True),
        ((429, b"", {}), False, True),
        (Transient("no answer"), False, True),
        ((200, b"User-agent: *\n" + b"# x\n" * 200_000 + b"Disallow: /x", {}), True, False),
    ],
)
def test_robots_txt_decides(answer, allowed, silent):
    found, asked = rules({ROBOTS: answer})
    assert (found.allows("http://a.org/x", "tilth"), found.silent) == (allowed, silent)
    assert asked == [ROBOTS]


def test_redirects_of_robots_txt_are_followed_within_bounds():
    moved = (301, b"", {"location": ["http://b.org/r"]})
    found, asked = rules({ROBOTS: moved, "http://b.org/r": (200, b"User-agent: *\nDisallow: /", {})})
    assert not found.allows("http://a.org/x", "tilth") and asked == [ROBOTS, "http://b.org/r"]
    found, asked = rules({ROBOTS: (301, b"", {"location": [ROBOTS]})})
    assert found.allows("http://a.org/x", "tilth") and len(asked) == 6


def test_an_answer_is_kept_until_it_is_old():
    shelf = Shelf()
    answer = (200, b"User-agent: *\nCrawl-delay: 3\nSitemap: /map.xml\nSitemap: http://b.org/m", {})
    found, _ = rules({ROBOTS: answer}, shelf=shelf)
    assert found.delay == 3 and found.maps == ("http://a.org/map.xml", "http://b.org/m")
    again, asked = rules({}, shelf=shelf)
    assert asked == [] and again.delay == 3
    shelf.kept["http://a.org"] = (time.time() - 1, 200, "")
    assert rules({ROBOTS: answer}, shelf=shelf)[1] == [ROBOTS]


def test_robots_that_are_not_obeyed_still_name_sitemaps():
    found, _ = rules({ROBOTS: (200, b"User-agent: *\nDisallow: /\nSitemap: /m", {})}, obey=False)
    assert found.allows("http://a.org/x", "tilth") and found.maps == ("http://a.org/m",)


# Pace.


def test_retry_after_is_read():
    assert retry_after("7") == 7 and retry_after("-1") is None and retry_after("9" * 30) is None
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 60))
    assert 57 < retry_after(later) <= 60


def test_a_slow_host_is_asked_less_often_and_errors_never_more():
    host = Host("a", 0.0, 2)
    for _ in range(20):
        host.answered(4.0, 200)
    assert host.slow == pytest.approx(2.0, rel=0.01)
    host.answered(0.001, 500)
    assert host.slow == pytest.approx(2.0, rel=0.01)
    for _ in range(20):
        host.answered(0.002, 200)
    assert host.slow < 0.01


def test_a_host_that_pushes_back_is_left_longer_each_time():
    host = Host("a", 0.0, 2)
    assert [host.pushed_back(0.0, None) for _ in range(9)] == [1, 2, 4, 8, 16, 32, 64, 120, 120]
    assert host.pushed_back(0.0, 5.0) == 5.0
    host.answered(0.1, 200)
    assert host.pushed_back(0.0, None) == 1


# Turns.


def make(queue: Queue, delay: float = 0.0, per_host: int = 2, hosts: int = 10, most: int | None = None) -> Frontier:
    return Frontier(
        queue, hosts=hosts, make=lambda name, stored: Host(name, delay, per_host, stored=stored), most_per_host=most
    )


def test_hosts_take_turns_and_none_has_more_than_its_share_at_a_time(queue):
    queue.add([link(f"/{n}", host) for host in ("a.org", "b.org") for n in range(10)])
    frontier = make(queue)
    assert frontier.more()
    picked = [frontier.pick() for _ in range(5)]
    assert [each and each[0].name for each in picked] == ["a.org", "b.org", "a.org", "b.org", None]
    frontier.left(picked[0][0])
    assert frontier.pick()[0].name == "a.org" and frontier.pick() is None


def test_pages_near_the_start_come_first(queue):
    queue.add([link("/deep", depth=3), link("/near", depth=1), link("/start")])
    frontier = make(queue, per_host=9)
    frontier.more()
    assert [frontier.pick()[1].url[12:] for _ in range(3)] == ["/start", "/near", "/deep"]


def test_the_delay_of_a_host_is_kept_and_the_others_go_on(queue):
    queue.add([link(f"/{n}", host) for host in ("a.org", "b.org") for n in range(3)])
    frontier = make(queue, delay=0.3)
    frontier.more()
    assert {frontier.pick()[0].name, frontier.pick()[0].name} == {"a.org", "b.org"} and frontier.pick() is None
    time.sleep(0.31)
    assert frontier.pick() is not None


def test_few_hosts_are_held_and_all_have_their_turn(queue):
    queue.add([link("/", f"h{n:03}.org") for n in range(50)])
    frontier = make(queue, hosts=5)
    seen = set()
    while frontier.more():
        assert frontier.hosts() <= 5
        while (picked := frontier.pick()) is not None:
            host, page = picked
            seen.add(host.name)
            queue.note([Noted(page, DONE)], [], {}, 1, {})
            frontier.left(host)
            frontier.let_go(host, page)
    assert len(seen) == 50


def test_a_page_that_is_to_be_tried_again_is_waited_for(queue):
    queue.add([link("/")])
    frontier = make(queue)
    frontier.more()
    host, page = frontier.pick()
    queue.note([Noted(page, QUEUED, "x", due=time.time() + 0.1)], [], {}, 1, {})
    frontier.left(host)
    frontier.let_go(host, page, again=True)
    assert frontier.pick() is None and frontier.more()
    time.sleep(0.2)
    assert frontier.pick()[1].tries == 1


def test_a_host_with_long_patience_is_left(queue):
    queue.add([link("/1"), link("/2")])
    frontier = make(queue)
    frontier.more()
    host, page = frontier.pick()
    frontier.let_go(host, page)
    frontier.put_off(host, turns.PATIENCE + 10)
    frontier.left(host)
    assert frontier.pick() is None and not frontier.more() and queue.waiting() == 2


def test_a_host_that_has_its_share_is_left(queue):
    queue.add([link(f"/{n}") for n in range(5)])
    frontier = make(queue, most=2, per_host=9)
    frontier.more()
    host, page = frontier.pick()
    assert frontier.pick() is not None and frontier.pick() is None
    assert page is not None and host.at_work == 2


# What belongs to it.


def test_scopes():
    told = {"start": ("a.org", "www.b.org:8080"), "exclude": (re.compile("/no"),), "include": (re.compile("/yes|/$"),)}
    same = Scope(hosts="same-host", **told)
    assert same.accepts("http://a.org/yes", "a.org", 3) and not same.accepts("http://a.org/no/yes", "a.org", 3)
    assert not same.accepts("http://a.org/other", "a.org", 3) and same.accepts("http://a.org/other", "a.org", 0)
    assert not same.accepts("http://www.a.org/yes", "www.a.org", 1)
    site = Scope(hosts="same-site", **told)
    assert site.accepts("http://x.a.org/yes", "x.a.org", 1) and site.accepts("http://b.org/yes", "b.org", 1)
    assert not site.accepts("http://evila.org/yes", "evila.org", 1)
    some = Scope(hosts=("c.org", ".d.org"), **told)
    for host, expected in {"c.org": 1, "c.org:99": 1, "x.c.org": 0, "d.org": 1, "x.d.org": 1, "xd.org": 0}.items():
        assert some.accepts(f"http://{host}/yes", host, 1) is bool(expected), host
    assert not Scope(hosts="same-host", start=("a.org",), depth=2).accepts("http://a.org/", "a.org", 3)


def test_a_sieve_counts_forms_and_paths(queue):
    sieve = Sieve(known=queue.known, counted=queue.pattern, per_form=3, per_path={"/forum/": 2})
    days = [link(f"/day/{n}") for n in range(9)]
    assert len(sieve.new(days)) == 3 and sieve.over == 6
    assert len(sieve.new([link(f"/forum/{name}") for name in "abcd"])) == 2
    assert len(sieve.new([link(f"/{name}") for name in "abcd"])) == 4
    queue.note([], days[:3], sieve.noted(), 1, {})
    after = Sieve(known=queue.known, counted=queue.pattern, per_form=3, per_path={})
    assert after.new(days) == [] and after.over == 6
    assert list(after.unseen(["x", "y", "x"])) == ["x", "y"]


# What is known.


def test_a_url_is_queued_once(queue):
    queue.add([link("/"), link("/")])
    queue.add([link("/")])
    assert queue.waiting() == 1


def test_a_batch_is_true_as_a_whole_or_not_at_all(queue):
    queue.add([link("/")])
    page = queue.page("http://a.org/")
    with pytest.raises(Exception, match="bind|support"):
        queue.note([Noted(page, DONE)], [Link(object(), "a", 0, 0)], {}, 1, {"length": 9})
    assert queue.waiting() == 1 and queue.get("length") is None


def test_a_file_that_is_no_queue_is_refused(tmp_path):
    (tmp_path / "crawl.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(Exception, match="cannot be read"):
        Queue(tmp_path)


# Twins.


def test_of_new_twins_the_nearest_then_the_first_is_shown(queue):
    store(queue, "/z", b"1")
    store(queue, "/b", b"1", depth=1)
    store(queue, "/a", b"1", depth=1)
    visits.end(queue, 1, drop_twins=True)
    assert shown(queue) == (["/z"], ["/a", "/b"])


def test_a_page_that_was_shown_stays_and_a_twin_takes_its_place_when_it_goes(queue):
    store(queue, "/z", b"1")
    visits.end(queue, 1, drop_twins=True)
    store(queue, "/a", b"1", visit=2)
    visits.end(queue, 2, drop_twins=True)
    assert shown(queue) == (["/z"], ["/a"]) and shown(queue, 1)[0] == []
    page = queue.page("http://a.org/z")
    queue.note([Noted(page, GONE)], [], {}, 3, {})
    visits.end(queue, 3, drop_twins=True)
    assert shown(queue, 2) == (["/a"], ["/z"])
    visits.end(queue, 4, drop_twins=True)
    assert shown(queue, 3) == ([], [])


def test_canonical_pages_stand_for_others_however_they_name_each_other(queue):
    store(queue, "/print", b"1", canonical="http://a.org/page")
    store(queue, "/page", b"2", canonical=None)
    store(queue, "/x", b"3", canonical="http://a.org/y")
    store(queue, "/y", b"4", canonical="http://a.org/x")
    store(queue, "/far", b"5", canonical="http://elsewhere.org/")
    visits.end(queue, 1, drop_twins=True)
    assert shown(queue) == (["/far", "/page", "/x"], ["/print", "/y"])
    visits.end(queue, 2, drop_twins=True)
    assert shown(queue, 1) == ([], [])
    visits.end(queue, 3, drop_twins=False)
    assert shown(queue, 2)[0] == ["/print", "/y"]
