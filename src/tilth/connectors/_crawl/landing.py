"""Open a crawl's folder, go on where it was or visit again, and close it for readers."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import importlib.metadata
import json
import re
import threading
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from tilth.bytes.cache import current
from tilth.connectors._crawl import visits
from tilth.connectors._crawl.book import Book
from tilth.connectors._crawl.crawler import Crawler, Limits
from tilth.connectors._crawl.kept import Kept
from tilth.connectors._crawl.queue import Link, Queue
from tilth.connectors._crawl.said import NO_AI
from tilth.connectors._crawl.scope import Scope, Sieve
from tilth.connectors._crawl.settle import NO_INDEX, Rules
from tilth.connectors._crawl.urls import host_in, normalised
from tilth.core.connector import Landing
from tilth.core.errors import DataError, Terminal

if TYPE_CHECKING:
    from tilth.connectors.crawl import Crawl

T = TypeVar("T")
DAY = 86_400.0


def user_agent(crawl: Crawl) -> str:
    """Return how the crawler names itself.

    The name that robots.txt knows comes first, then whom to write to, then what it is.
    """
    version = importlib.metadata.version("tilth")
    contact = f" (+{crawl.contact})" if crawl.contact else ""
    if crawl.user_agent == "Tilth":
        return f"Tilth/{version}{contact}"
    return f"{crawl.user_agent}{contact} Tilth/{version}"


def starts(crawl: Crawl) -> tuple[str, ...]:
    """Return the start pages, normalised."""
    found = (normalised(url, crawl.drop_parameters) for url in crawl.starts())
    return tuple(dict.fromkeys(url for url in found if url is not None))


def land(crawl: Crawl, landing: Landing) -> None:
    """Crawl into the landing's folder. Raises `Stopped` when asked to stop, `Terminal` where no page could be had."""
    queue = Queue(landing.folder)
    try:
        visit = int(queue.get("visit", 0))
        scope = _scope(crawl, str(queue.get("more", "")))
        recovered = _book(crawl, queue, scope, max(visit, 1)).recover(landing.folder)
        if recovered:
            landing.tell(f"{recovered} pages were fetched and not noted when the crawl was cut off: noted")
        if not landing.refresh:
            if queue.get("open"):
                visits.end(queue, visit, drop_twins=crawl.duplicates == "drop")
            if not visits.any_page(queue):
                raise DataError("nothing was crawled yet", where=str(crawl.name), do="Let it crawl once.")
            return
        begun = _begin(crawl, landing, queue, scope)
        if begun is not None:
            book = _book(crawl, queue, scope, begun)
            crawler = _crawler(crawl, landing, queue, book)
            why = run(_with_few_collections(crawler.run(landing.stop, landing.tell)))
            visits.end(queue, begun, drop_twins=crawl.duplicates == "drop")
            landing.tell(_summary(book, queue, why))
        _check_any(queue)
    finally:
        queue.close()


def _begin(crawl: Crawl, landing: Landing, queue: Queue, scope: Scope) -> int | None:
    """Open a visit, or go on with one that is open; None where there is nothing to do."""
    visit, open_ = int(queue.get("visit", 0)), bool(queue.get("open", 0))
    how = _how(crawl)
    if not open_:
        visit += 1
        if crawl.recrawl_after is not None and visit > 1:
            visits.again(queue, time.time() - crawl.recrawl_after * DAY, {"visit": visit, "open": 1})
    sieve = _sieve(crawl, queue)
    urls = [Link(url, host_in(url), 0, 0) for url in starts(crawl)]
    maps = () if isinstance(crawl.sitemaps, bool) else crawl.sitemaps
    listed = filter(None, (normalised(url, crawl.drop_parameters) for url in maps))
    links = sieve.new([*urls, *(Link(url, host_in(url), 1, 0) for url in dict.fromkeys(listed))])
    queue.add(links)
    changed = queue.get("how") not in (None, how)
    if changed:
        _rescope(crawl, landing, queue, scope, visit)
    if not open_ and not changed and not queue.waiting():
        return None
    queue.set({"visit": visit, "open": 1, "how": how})
    return visit


def _rescope(crawl: Crawl, landing: Landing, queue: Queue, scope: Scope, visit: int) -> None:
    """Apply options that changed to what is known: pages leave, and links that were left out are queued."""
    landing.tell("what belongs to the crawl has changed: links of the stored pages are read again")
    queue.set({"visit": visit, "open": 1})
    refused = (NO_AI if crawl.respect_noai else frozenset()) | (NO_INDEX if crawl.respect_meta else frozenset())
    obeyed = {"noai": crawl.respect_noai, "noindex": crawl.respect_meta, "robots.txt": crawl.robots}
    released = frozenset(why for why, is_obeyed in obeyed.items() if not is_obeyed)
    stay = visits.rescope(queue, scope.accepts, visit, refused=refused, released=released)
    _book(crawl, queue, scope, visit).reread(landing.folder, stay)


def _how(crawl: Crawl) -> str:
    """Digest the options that say which pages belong to the crawl."""
    said: list[object] = [
        starts(crawl),
        crawl.hosts,
        crawl.follow,
        crawl.depth,
        crawl.include,
        crawl.exclude,
        crawl.types,
    ]
    said += [crawl.duplicates, crawl.respect_noai, crawl.respect_meta, crawl.robots]
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=8).hexdigest()


def _scope(crawl: Crawl, more: str) -> Scope:
    return Scope(
        hosts=crawl.hosts if isinstance(crawl.hosts, str) else tuple(crawl.hosts),
        start=tuple(host_in(url) for url in starts(crawl)),
        include=tuple(map(re.compile, crawl.include)),
        exclude=tuple(map(re.compile, crawl.exclude)),
        depth=crawl.depth,
        more=set(more.split()),
    )


def _sieve(crawl: Crawl, queue: Queue) -> Sieve:
    return Sieve(
        known=queue.known, counted=queue.pattern, per_form=crawl.max_pages_per_form, per_path=crawl.max_pages_per_path
    )


def _book(crawl: Crawl, queue: Queue, scope: Scope, visit: int) -> Book:
    return Book(queue, scope, _sieve(crawl, queue), follow=crawl.follow, visit=visit)


def _crawler(crawl: Crawl, landing: Landing, queue: Queue, book: Book) -> Crawler:
    limits = Limits(**{name: getattr(crawl, name) for name in Limits.__dataclass_fields__})
    rules = Rules(
        agent=crawl.user_agent.lower(), types=tuple(crawl.types), respect_noai=crawl.respect_noai,
        respect_meta=crawl.respect_meta, feeds=crawl.feeds, drop=tuple(crawl.drop_parameters),
        most_hops=crawl.max_redirects,
    )  # fmt: skip
    return Crawler(
        landing.folder, queue, book, guard=crawl.guard(), limits=limits, rules=rules, user_agent=user_agent(crawl),
        robots=crawl.robots, sitemaps=crawl.sitemaps is True, kept=_kept(crawl),
    )  # fmt: skip


def _kept(crawl: Crawl) -> Kept | None:
    cache = current()
    if cache is None or not crawl.cached_for:
        return None
    agent = user_agent(crawl)
    return Kept(cache, seconds=crawl.cached_for, guard=crawl.guard(), user_agent=agent, most=crawl.max_page_bytes)


def _summary(book: Book, queue: Queue, why: str) -> str:
    counts = book.counts
    said = [f"{counts.pop('stored', 0):,} pages are new or changed"]
    unchanged = counts.pop("unchanged", 0)
    said += [f"{unchanged:,} unchanged"] if unchanged else []
    said += [f"{count:,} {reason}" for reason, count in counts.most_common(8)]
    if book.over():
        said.append(f"{book.over():,} links left out: their form or path has its share")
    waiting = queue.waiting()
    if waiting:
        said.append(f"{waiting:,} URLs wait{f': {why} is reached' if why else ' for hosts that asked for patience'}")
    return "; ".join(said)


def _check_any(queue: Queue) -> None:
    if visits.any_page(queue):
        return
    reasons = ", ".join(f"{count} × {why}" for why, count in sorted(visits.reasons(queue).items())[:5])
    if not reasons and queue.waiting():
        reasons = "robots.txt cannot be read, so nothing may be fetched for now"
    raise Terminal(
        f"no page could be had ({reasons or 'nothing was found'})",
        where="crawl.start",
        do="Check the start pages, robots.txt and the limits; run again.",
    )


async def _with_few_collections(crawl: Coroutine[Any, Any, T]) -> T:
    """Crawl with the garbage collector looking less often: pages leave few cycles, and it took a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    try:
        return await crawl
    finally:
        gc.set_threshold(*before)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, on a thread of its own where this one has a loop already (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    found: list[T] = []
    failed: list[BaseException] = []

    def on_its_own() -> None:
        try:
            found.append(asyncio.run(coroutine))
        except BaseException as error:  # noqa: BLE001 (raised below, on the caller's thread)
            failed.append(error)

    thread = threading.Thread(target=on_its_own)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
