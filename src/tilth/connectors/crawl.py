"""Crawl web sites: politely, into web archives, and on from where it was after a kill."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from tilth.bytes.guard import Guard, parsed
from tilth.connectors._crawl import landing as _landing
from tilth.connectors._crawl.fetch import Fetcher
from tilth.connectors._crawl.landed import SCHEMA, CrawledPages
from tilth.connectors._crawl.robots import MOST_BYTES, Robots
from tilth.connectors._crawl.settle import KINDS
from tilth.connectors._crawl.urls import TRACKING, normalised, origin_of
from tilth.core.batch import SPLITS
from tilth.core.connector import Finding, Lander, Landing, Probed, Source
from tilth.core.errors import ConnectorError, MissingExtra, RecipeError, did_you_mean


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """Fetch pages by following links, sitemaps and feeds from some start pages.

    Obeys robots.txt, waits between two requests to a host, and reaches no private address. Each page is in a web
    archive (WARC) the moment it has come, and is never asked for again: a crawl that is killed fetches anew only what
    was under way, at most `concurrency` pages. With `recrawl_after` later runs ask for older pages again, and take
    only what has changed or gone.

    >>> Crawl(start="https://example.org/docs/", include=("/docs/",), max_pages=500).hosts
    'same-host'
    """

    start: str | tuple[str, ...]
    """The page or pages to begin with."""
    hosts: Literal["same-host", "same-site"] | tuple[str, ...] = "same-host"
    """Where links may lead: the start pages' hosts, their sites, or these hosts (.example.org: all below it too)."""
    follow: bool = True
    """Whether links on pages are followed; sitemaps and feeds are in any case."""
    depth: int | None = None
    """The most links from a start page; by default any number."""
    include: tuple[str, ...] = ()
    """Patterns (regular expressions) of which a URL must hold one; start pages are fetched in any case."""
    exclude: tuple[str, ...] = ()
    """Patterns (regular expressions) of which a URL may hold none."""
    sitemaps: bool | tuple[str, ...] = True
    """Whether to read the sitemaps that robots.txt names (else /sitemap.xml), or the addresses of sitemaps."""
    feeds: bool = True
    """Whether to read the RSS and Atom feeds that pages name."""
    types: tuple[str, ...] = ("html", "pdf")
    """What to keep: html, pdf, text, or any."""
    robots: bool = True
    """Whether robots.txt is obeyed."""
    respect_noai: bool = True
    """Whether pages are left out that ask not to be learned from (noai, tdm-reservation, train-ai=n)."""
    respect_meta: bool = True
    """Whether noindex and nofollow of pages are obeyed; rel=nofollow of links is in any case."""
    max_pages: int | None = 10_000
    """The most pages to keep."""
    max_pages_per_host: int | None = None
    """The most pages to keep of one host."""
    max_pages_per_path: Mapping[str, int] = field(default_factory=dict)
    """The most pages of a host below a path: {/forum/: 200}."""
    max_pages_per_form: int | None = 5000
    """The most URLs that differ in numbers and values only: an end to calendars."""
    max_bytes: int | None = 10 << 30
    """The most bytes to keep, uncompressed."""
    max_seconds: float | None = None
    """How long one run may crawl."""
    max_page_bytes: int = 8 << 20
    """The longest page, uncompressed; a longer one is cut there, and says so."""
    max_redirects: int = 10
    """The most redirects from one page to another."""
    delay: float = 0.5
    """Seconds between two requests to a host; robots.txt may ask for more."""
    per_host: int = 2
    """The most requests to a host at a time."""
    concurrency: int = 32
    """The most requests at a time."""
    throttle: bool = True
    """Whether slow hosts are asked less often."""
    timeout: float = 30.0
    """Seconds within which an answer must be whole."""
    tries: int = 4
    """How often a page is asked for that fails in a way that may pass."""
    recrawl_after: float | None = None
    """Days after which a later run asks for a page again; by default pages are fetched once."""
    cached_for: float = 0.0
    """Seconds for which a page that another crawl of the project fetched is taken from the run's cache."""
    duplicates: Literal["drop", "keep"] = "drop"
    """Whether pages with the same bytes, or with another page as canonical, give one row."""
    drop_parameters: tuple[str, ...] = TRACKING
    """Parameters of URLs that say nothing about the page; * stands for anything."""
    user_agent: str = "Tilth"
    """The name under which to crawl; robots.txt may speak to it."""
    contact: str | None = None
    """A web address or mail address that sites can write to; sent with each request."""
    allow_private: bool | tuple[str, ...] = ()
    """Networks (10.1.0.0/16), addresses or hosts of an intranet that may be reached though they are private."""
    licence: str | None = None
    """The licence that all pages come under; what each page says stands in its column page_licence."""
    subject: str | None = None
    """The column that names the person a row is about, such as url."""
    name: str | None = None
    """What to call the source; by default the first start page. Row ids depend on it."""
    split: Literal["train", "valid", "test"] | None = None
    """Put all rows of this source into one split."""

    key = "url"
    """A row is known by its page's URL, normalised."""
    incremental = True

    def __post_init__(self) -> None:
        if self.name is None:
            object.__setattr__(self, "name", self.starts()[0] if self.starts() else "")
        _check(self)

    def starts(self) -> tuple[str, ...]:
        """Return the start pages."""
        return (self.start,) if isinstance(self.start, str) else tuple(self.start)

    def guard(self) -> Guard:
        """Return what says which addresses may be reached."""
        private = self.allow_private
        return Guard(allow_private=private if isinstance(private, bool) else tuple(private))

    def land(self, landing: Landing) -> Source:
        """Crawl into the landing's folder, on from where it was; return the source of the pages that are there."""
        _landing.land(self, landing)
        return CrawledPages(
            folder=str(landing.folder), name=str(self.name), licence=self.licence, subject=self.subject,
            split=self.split,
        )  # fmt: skip

    def probe(self) -> Iterator[Finding]:
        """Look up and reach the start pages' hosts, and read their robots.txt."""
        origins = dict.fromkeys(map(origin_of, _landing.starts(self)))
        for origin in origins:
            try:
                yield _landing.run(self._probe(origin))
            except (ConnectorError, MissingExtra) as error:
                yield Finding(False, f"{origin}: {error.what}", error.do or error.wanted or "")

    async def _probe(self, origin: str) -> Finding:
        target = parsed(origin)
        addresses = self.guard().addresses(target.host, target.port)
        fetcher = Fetcher(
            self.guard(), user_agent=_landing.user_agent(self), concurrency=2, per_host=2,
            timeout=min(self.timeout, 15), max_bytes=MOST_BYTES,
        )  # fmt: skip
        try:
            agent = self.user_agent.lower()
            robots = Robots(fetcher.get, _NoShelf(), agent, obey=self.robots)
            rules = await robots.rules(origin)
        finally:
            await fetcher.close()
        if rules.refused:
            return Finding(False, f"{origin}: {rules.refused}", "Check the address.")
        if rules.silent:
            return Finding(False, f"{origin}: robots.txt cannot be read", "Nothing may be fetched until it can be.")
        refused = [url for url in _landing.starts(self) if origin_of(url) == origin and not rules.allows(url, agent)]
        if refused:
            return Finding(False, f"{origin}: robots.txt forbids {refused[0]}", "Choose another start page.")
        wait = f", one request each {rules.delay:g} s" if rules.delay else ""
        return Finding(True, f"{origin}: {addresses[0]} answers, robots.txt allows the start pages{wait}")


class _NoShelf:
    def robots(self, origin: str) -> None:
        return None

    def keep_robots(self, origin: str, until: float, status: int, text: str) -> None:
        pass


def _check(crawl: Crawl) -> None:
    """Raise `RecipeError` for the first option that cannot be meant."""

    def refuse(option: str, what: str, wanted: str, do: str | None = None) -> None:
        raise RecipeError(what, where=f"crawl.{option}", wanted=wanted, do=do)

    if not crawl.starts():
        refuse("start", "no start page", "one web address or more")
    for url in crawl.starts():
        if normalised(url) is None:
            shown = url if "@" not in urlsplit(url).netloc else "a URL with a password"
            refuse("start", f'"{shown[:100]}" cannot be fetched', "an address such as https://example.org/")
    if isinstance(crawl.hosts, str) and crawl.hosts not in ("same-host", "same-site"):
        known = ("same-host", "same-site")
        refuse("hosts", f'"{crawl.hosts}"', "same-host, same-site or a list of hosts", did_you_mean(crawl.hosts, known))
    for option in ("include", "exclude"):
        for pattern in getattr(crawl, option):
            try:
                re.compile(pattern)
            except re.error as error:
                refuse(option, f'"{pattern}" is no pattern: {error}', "a regular expression")
    for kind in crawl.types:
        if kind not in (*KINDS, "any"):
            refuse("types", f'no type "{kind}"', f"of {', '.join((*KINDS, 'any'))}", did_you_mean(kind, KINDS))
    for option, least in _LEAST.items():
        value = getattr(crawl, option)
        if value is not None and not least <= value < math.inf:
            refuse(option, f"{value} cannot be meant", f"{least} or more")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_\-]{0,60}", crawl.user_agent):
        refuse("user_agent", f'"{crawl.user_agent}" is no name of a robot', "letters, digits, - and _")
    if crawl.contact is not None and not re.fullmatch(r"[\x21-\x7e]{1,200}", crawl.contact):
        refuse("contact", "it cannot be sent in a header", "a web address or mail address")
    if crawl.subject is not None and crawl.subject not in SCHEMA.names:
        wanted = f"one of {', '.join(SCHEMA.names)}"
        refuse("subject", f'no column "{crawl.subject}"', wanted, did_you_mean(crawl.subject, SCHEMA.names))
    if crawl.split not in (None, *SPLITS):
        refuse("split", f'no split "{crawl.split}"', f"one of {', '.join(SPLITS)}", did_you_mean(crawl.split, SPLITS))
    try:
        crawl.guard()
    except ConnectorError as error:
        refuse("allow_private", error.what, "networks, addresses or hosts")


_LEAST: dict[str, float] = {
    "depth": 0, "max_pages": 1, "max_pages_per_host": 1, "max_pages_per_form": 1, "max_bytes": 1, "max_seconds": 0,
    "max_page_bytes": 1024, "max_redirects": 0, "delay": 0, "per_host": 1, "concurrency": 1, "timeout": 0.1, "tries": 1,
    "recrawl_after": 0, "cached_for": 0,
}  # fmt: skip
_: tuple[type[Lander], type[Probed]] = (Crawl, Crawl)
