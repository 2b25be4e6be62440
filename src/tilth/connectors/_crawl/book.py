"""Keep the crawl's book: what became of each page and what it leads to, as it comes or as it is read back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tilth.connectors._crawl import warc
from tilth.connectors._crawl.pace import Host, Page
from tilth.connectors._crawl.queue import DONE, QUEUED, Link, Noted, Queue
from tilth.connectors._crawl.scope import Scope, Sieve
from tilth.connectors._crawl.urls import host_in

_MANY = 5000


class Entries(NamedTuple):
    """What becomes true together."""

    pages: list[Noted]
    links: list[Link]
    hosts: dict[int, Host]
    """By the ids of pages: whose turn it was."""
    counts: dict[str, int]
    """How many URLs of each form were queued."""


class Book:
    """Collect entries for the queue, some 50 ms of them at a time."""

    def __init__(self, queue: Queue, scope: Scope, sieve: Sieve, *, follow: bool, visit: int) -> None:
        self._queue, self._scope, self._sieve, self._follow, self._visit = queue, scope, sieve, follow, visit
        self._pages: list[Noted] = []
        self._links: list[Link] = []
        self._hosts: dict[int, Host] = {}
        self.stored, self.bytes = queue.fresh()
        self.counts: Counter[str] = Counter()
        """Pages that were stored or left as they were, and those that were not by why."""

    def __bool__(self) -> bool:
        return bool(self._pages or self._links)

    def enter(self, host: Host, noted: Noted) -> None:
        """Enter what became of a page of which nothing came, or nothing that is kept."""
        self._hosts[noted.page.id] = host
        self._pages.append(noted)
        if noted.why is not None and noted.state != QUEUED:
            self.counts[noted.why] += 1

    def take(self, page: Page, note: dict[str, Any], place: warc.Place, host: Host | None = None) -> None:
        """Enter what the archive notes of a page, and what it leads to."""
        kept, state = bool(note.get("kept")), int(note["state"])
        digest = bytes.fromhex(note["digest"]) if kept else None
        self._pages.append(
            Noted(
                page, state, note.get("why"), note["status"], time.time(), place=place if kept else None, digest=digest,
                etag=note.get("etag"), modified=note.get("modified"), size=note.get("size", 0),
                canonical=note.get("canonical"), facts=note.get("facts"),
            )
        )  # fmt: skip
        if host is not None:
            self._hosts[page.id] = host
            host.stored += kept and not page.kept
        if note.get("why") and not page.kind:
            self.counts[note["why"]] += 1
        self.follow(page, note, twin=digest is not None and self._queue.seen_content(digest, page.id))
        if state == DONE and (kept or page.kept):
            self.stored += 1
            self.bytes += note.get("size", 0)
            self.counts["stored" if kept else "unchanged"] += 1

    def follow(self, page: Page, note: dict[str, Any], *, twin: bool = False) -> None:
        """Enter what a page leads to. Where another page says the same, its links were seen."""
        sieve, depth = self._sieve, page.depth
        found: list[Link] = []
        if note.get("to"):
            if depth == 0 and not page.kind:
                self._scope.widen(note["to"])
            target = sieve.unseen([note["to"]])
            found += [Link(each, host_in(each), page.kind, depth, page.hops + 1) for each in target]
        found += [Link(each, host_in(each), 1, depth) for each in sieve.unseen(note.get("maps", ()))]
        if not twin and (self._follow or note.get("map")):
            found += [Link(each, host_in(each), 0, depth + 1) for each in sieve.unseen(note.get("links", ()))]
            if note.get("canonical"):
                found += [Link(each, host_in(each), 0, depth) for each in sieve.unseen([note["canonical"]])]
        if found:
            accepts = self._scope.accepts
            self._links += sieve.new(link for link in found if link.kind or accepts(link.url, link.host, link.depth))

    def lists(self, urls: Iterable[str]) -> None:
        """Enter sitemaps."""
        self._links += self._sieve.new(Link(each, host_in(each), 1, 0) for each in self._sieve.unseen(urls))

    def over(self) -> int:
        """Return how many links were left out because their form or path had its share."""
        return self._sieve.over

    def entries(self) -> Entries:
        """Hand out what was entered, and begin anew."""
        entries = Entries(self._pages, self._links, self._hosts, self._sieve.noted())
        self._pages, self._links, self._hosts = [], [], {}
        return entries

    def write(self, entries: Entries, place: tuple[int, int] | None) -> None:
        """Make entries true, with how far the archive is noted then: its file and length."""
        state: dict[str, Any] = {"more": " ".join(sorted(self._scope.more))}
        if place is not None:
            state |= {"file": place[0], "length": place[1]}
        self._queue.note(entries.pages, entries.links, entries.counts, self._visit, state)

    def recover(self, folder: Path) -> int:
        """Enter what the archive has and the queue has not; returns how many pages. Nothing is asked for again."""
        file, length = int(self._queue.get("file", 1)), int(self._queue.get("length", 0))
        count = 0
        for entry in warc.tail(folder, file, length):
            page = self._queue.page(str(entry.note.get("page")))
            if page is not None:
                self.take(page, entry.note, entry.place)
                count += 1
            file, length = entry.place.file, entry.end
            if len(self._pages) >= _MANY:
                self.write(self.entries(), (file, length))
        self.write(self.entries(), (file, length))
        return count

    def reread(self, folder: Path, places: Iterable[warc.Place]) -> None:
        """Follow the links of stored pages again, since other ones are wanted now."""
        for place in places:
            note = warc.note_after(folder, place)
            page = self._queue.page(str(note.get("page")))
            if page is not None:
                self.follow(page, note)
            if len(self._links) >= _MANY:
                self.write(self.entries(), None)
        self.write(self.entries(), None)
