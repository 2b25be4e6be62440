"""Run a crawl: workers fetch, what comes is in the archive at once, and in the queue some 50 ms later.

What holds after a kill: a page is in the archive, with all that follows from it, before its worker does anything else;
the next landing notes it from there. Pages whose answers had not come whole are asked for again, one a worker at most.
After a loss of power, pages of the last moments may be asked for again too; the queue never knows of a page that the
archive has not, since the disc is waited for in between.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.bytes.guard import Guard
from tilth.connectors._crawl import settle, warc
from tilth.connectors._crawl.book import Book, Entries
from tilth.connectors._crawl.fetch import Exchange, Fetcher
from tilth.connectors._crawl.frontier import PATIENCE, Frontier
from tilth.connectors._crawl.kept import Kept
from tilth.connectors._crawl.maps import MOST_BYTES
from tilth.connectors._crawl.pace import Host, Page, retry_after
from tilth.connectors._crawl.queue import FAILED, GONE, QUEUED, SKIPPED, Noted, Queue
from tilth.connectors._crawl.robots import Robots
from tilth.connectors._crawl.urls import origin_of
from tilth.core.errors import ConnectorError, Stopped, Transient

TICK = 0.05
"""Seconds between two notes in the queue."""
TELL_SECONDS = 15.0
_AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524))
_PUSHED = frozenset((429, 503))
_SOON = 1.0
_LATEST = 60.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a crawl is at its end, and how hard it works."""

    concurrency: int
    per_host: int
    delay: float
    throttle: bool
    timeout: float
    tries: int
    max_pages: int | None
    max_pages_per_host: int | None
    max_bytes: int | None
    max_seconds: float | None
    max_page_bytes: int


class Crawler:
    """One visit to the sites of a crawl."""

    def __init__(
        self,
        folder: Path,
        queue: Queue,
        book: Book,
        *,
        guard: Guard,
        limits: Limits,
        rules: settle.Rules,
        user_agent: str,
        robots: bool,
        sitemaps: bool,
        kept: Kept | None = None,
    ) -> None:
        self._folder, self._queue, self._book, self._limits, self._rules = folder, queue, book, limits, rules
        self._guard, self._user_agent, self._obey, self._sitemaps = guard, user_agent, robots, sitemaps
        self._frontier = Frontier(
            queue, hosts=max(256, 4 * limits.concurrency), make=self._host, most_per_host=limits.max_pages_per_host
        )
        self._kept = kept
        self._tick = asyncio.Event()
        self._ended: str | None = None
        self._began = time.monotonic()

    async def run(self, stop: Callable[[], bool], tell: Callable[[str], None]) -> str:
        """Crawl until nothing is left or a limit is met; returns why it ended. Raises `Stopped` when asked to stop."""
        limits = self._limits
        self._archive = warc.Archive(
            self._folder, int(self._queue.get("file", 1)),
            {"software": "Tilth", "format": "WARC File Format 1.1", "http-header-user-agent": self._user_agent,
             "robots": "obey" if self._obey else "ignore"},
        )  # fmt: skip
        self._fetcher = Fetcher(
            self._guard, user_agent=self._user_agent, concurrency=limits.concurrency, per_host=limits.per_host + 1,
            timeout=limits.timeout, max_bytes=limits.max_page_bytes,
        )  # fmt: skip
        self._robots = Robots(self._fetcher.get, self._queue, self._rules.agent, obey=self._obey)
        workers = [asyncio.create_task(self._work()) for _ in range(limits.concurrency)]
        try:
            await self._keep(workers, stop, tell)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
            await self._fetcher.close()
            self._write(self._book.entries(), self._archive.end())
            self._archive.syncer()()
            self._archive.close()
        if self._ended == "stop":
            raise Stopped(f"stopped; {self._book.stored:,} pages are kept", do="Run again to crawl on")
        return self._ended or ""

    def _host(self, name: str, stored: int) -> Host:
        limits = self._limits
        return Host(name, limits.delay, limits.per_host, throttle=limits.throttle, stored=stored)

    async def _keep(
        self, workers: list[asyncio.Task[None]], stop: Callable[[], bool], tell: Callable[[str], None]
    ) -> None:
        """Note batches, look for hosts and for the end, until there is nothing to do."""
        loop = asyncio.get_running_loop()
        told = time.monotonic()
        while True:
            more = self._frontier.more()
            self._tick.set()
            self._tick = asyncio.Event()
            if not more and not self._book and not self._frontier.at_work:
                return
            if self._ended is not None and not self._frontier.at_work:
                return
            await asyncio.sleep(TICK)
            for worker in workers:
                if worker.done():
                    worker.result()
            if self._book:
                entries, place = self._book.entries(), self._archive.end()
                # The disc first: a queue that knows of pages which the archive has lost would be wrong for ever.
                await loop.run_in_executor(None, self._archive.syncer())
                self._write(entries, place)
            self._ended = self._ended or self._end(stop)
            if time.monotonic() - told >= TELL_SECONDS:
                told = time.monotonic()
                tell(self._said())

    def _end(self, stop: Callable[[], bool]) -> str | None:
        limits = self._limits
        if stop():
            return "stop"
        if limits.max_pages is not None and self._book.stored >= limits.max_pages:
            return f"max_pages ({limits.max_pages:,})"
        if limits.max_bytes is not None and self._book.bytes >= limits.max_bytes:
            return f"max_bytes ({limits.max_bytes:,})"
        if limits.max_seconds is not None and time.monotonic() - self._began >= limits.max_seconds:
            return f"max_seconds ({limits.max_seconds:.0f})"
        return None

    def _said(self) -> str:
        rate = self._book.counts["stored"] / max(0.001, time.monotonic() - self._began)
        return (
            f"{self._book.stored:,} pages, {self._book.bytes / 1e6:,.0f} MB, {rate:,.0f} a second from "
            f"{self._frontier.hosts()} hosts; {self._queue.waiting():,} wait"
        )

    async def _work(self) -> None:
        limits = self._limits
        while True:
            room = limits.max_pages is None or self._book.stored + self._frontier.at_work < limits.max_pages
            picked = self._frontier.pick() if room and self._ended is None else None
            if picked is None:
                await self._tick.wait()
                continue
            host, page = picked
            try:
                await self._page(host, page)
            finally:
                self._frontier.left(host)

    async def _page(self, host: Host, page: Page) -> None:
        rules = self._robots.known(page.url) or await self._learn(page.url)
        if rules.refused:
            self._book.enter(host, Noted(page, FAILED, rules.refused, fetched=time.time()))
            return
        if rules.silent:
            self._book.counts["robots.txt cannot be read"] += 1
            self._frontier.let_go(host, page)
            self._frontier.put_off(host, max(PATIENCE + 1, rules.until - time.time()))
            return
        if not rules.allows(page.url, self._rules.agent):
            self._book.enter(host, Noted(page, GONE if page.kept else SKIPPED, "robots.txt", fetched=time.time()))
            return
        if rules.delay is not None and rules.delay > host.delay:
            host.delay = min(rules.delay, PATIENCE)
            host.next = max(host.next, time.monotonic() + host.delay)
        if self._kept is not None and _is_new(page) and await self._remembered(self._kept, host, page):
            return
        try:
            exchange = await self._fetcher.get(
                page.url,
                _conditions(page),
                wanted=lambda found: settle.is_wanted(found, page, self._rules.types),
                most=MOST_BYTES if page.kind else None,
            )
        except Transient as error:
            self._again(host, page, error.what, None, None)
            return
        except ConnectorError as error:
            self._book.enter(host, Noted(page, FAILED, error.what, fetched=time.time()))
            return
        self._answered(host, page, exchange)
        if self._kept is not None and page.kind == 0:
            await self._kept.put(exchange)

    async def _remembered(self, kept: Kept, host: Host, page: Page) -> bool:
        """Take a page from the cache, if it is there: the host is not asked, so its turn is given back."""
        turn = host.next
        exchange = await kept.get(page.url)
        if exchange is None:
            return False
        if not settle.is_wanted(exchange, page, self._rules.types):
            exchange.body, exchange.truncated = b"", "unspecified"
        self._book.counts["taken from the cache"] += 1
        self._settled(host, page, exchange)
        self._frontier.give_back(host, turn)
        return True

    async def _learn(self, url: str) -> Any:
        rules = await self._robots.rules(url)
        if self._sitemaps and not rules.silent and not rules.refused:
            self._book.lists(rules.maps or (f"{origin_of(url)}/sitemap.xml",))
        return rules

    def _answered(self, host: Host, page: Page, exchange: Exchange) -> None:
        host.answered(exchange.seconds, exchange.status)
        if exchange.status in _AGAIN:
            after = retry_after(exchange.header("retry-after"))
            pushed = exchange.status in _PUSHED
            wait = host.pushed_back(time.monotonic(), after) if pushed else None
            if wait is not None and wait > PATIENCE:
                self._frontier.put_off(host, wait)
            self._again(host, page, f"status {exchange.status}", exchange.status, wait)
            return
        self._settled(host, page, exchange)

    def _settled(self, host: Host, page: Page, exchange: Exchange) -> None:
        try:
            note, digest = settle.settle(exchange, page, self._rules)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            # One page that nobody foresaw must not end a crawl of a million.
            why = f"the page cannot be read ({type(error).__name__})"
            note, digest = {"status": exchange.status, "state": FAILED, "why": why}, b""
        note["page"] = page.url
        kept = bool(digest) and not (page.kept and digest == page.digest)
        if digest:
            note["digest"] = digest.hex()
            note["kept"] = kept
        # From here on a kill loses nothing: the archive has the page and all that follows from it.
        place = self._archive.add(exchange, note, digest, body=kept)
        self._book.take(page, note, place, host)

    def _again(self, host: Host, page: Page, why: str, status: int | None, wait: float | None) -> None:
        if page.tries + 1 >= self._limits.tries:
            self._book.enter(host, Noted(page, FAILED, why, status, fetched=time.time()))
            return
        pause = wait if wait is not None else min(_LATEST, _SOON * 2**page.tries) * random.uniform(0.5, 1.0)
        self._book.enter(host, Noted(page, QUEUED, why, status, due=time.time() + pause))

    def _write(self, entries: Entries, place: tuple[int, int]) -> None:
        self._book.write(entries, place)
        for noted in entries.pages:
            host = entries.hosts.get(noted.page.id)
            if host is not None:
                self._frontier.let_go(host, noted.page, again=noted.state == QUEUED)
        if entries.links:
            self._frontier.wake({link.host for link in entries.links})


def _is_new(page: Page) -> bool:
    return page.kind == 0 and not page.kept


def _conditions(page: Page) -> dict[str, str] | None:
    found = {}
    if page.kept or page.kind:
        if page.etag:
            found["If-None-Match"] = page.etag
        if page.modified:
            found["If-Modified-Since"] = page.modified
    return found or None
