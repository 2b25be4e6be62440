"""Ask each origin once what robots may do (RFC 9309): 4xx allows all, 5xx and silence forbid all for a while."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import urljoin

from tilth.connectors._crawl.fetch import Exchange
from tilth.connectors._crawl.urls import normalised, origin_of
from tilth.core.errors import Terminal, Transient, missing_extra

MOST_BYTES = 500 << 10
"""What RFC 9309 asks a crawler to read at least; the rest is left."""
FRESH_SECONDS = 24 * 3600.0
SILENT_SECONDS = 600.0
"""How long an origin that cannot say is left alone."""
MOST_HOPS = 5
_HELD = 2048


class Rules(NamedTuple):
    """What one origin allows."""

    parsed: Any
    """None where everything is allowed."""
    until: float
    """Seconds since 1970."""
    silent: bool = False
    """The origin cannot say: nothing is allowed until then."""
    delay: float | None = None
    maps: tuple[str, ...] = ()
    refused: str | None = None
    """Why the origin cannot be reached at all, and need not be tried for each of its pages."""

    def allows(self, url: str, agent: str) -> bool:
        """Tell whether a robot of that name may fetch a URL."""
        return not self.silent and not self.refused and (self.parsed is None or bool(self.parsed.can_fetch(url, agent)))


class Shelf(Protocol):
    """Where answers are kept from run to run."""

    def robots(self, origin: str) -> tuple[float, int, str] | None: ...

    def keep_robots(self, origin: str, until: float, status: int, text: str) -> None: ...


class Get(Protocol):
    """Fetch one URL."""

    async def __call__(self, url: str) -> Exchange: ...


@dataclass
class _Asked:
    status: int
    text: str
    until: float


class Robots:
    """Hold the rules of the origins that are crawled now; older ones are read from the shelf again."""

    def __init__(
        self, get: Get, shelf: Shelf, agent: str, *, obey: bool = True, silent: float = SILENT_SECONDS
    ) -> None:
        try:
            from protego import Protego
        except ImportError as error:
            raise missing_extra("protego", "crawl", "crawling") from error
        self._parse = Protego.parse
        self._get, self._shelf, self._agent, self._obey, self._silent = get, shelf, agent, obey, silent
        self._held: OrderedDict[str, Rules] = OrderedDict()
        self._asking: dict[str, asyncio.Future[Rules]] = {}

    def known(self, url: str) -> Rules | None:
        """Return the rules for a URL where they are at hand and fresh."""
        rules = self._held.get(origin_of(url))
        return rules if rules is not None and rules.until > time.time() else None

    async def rules(self, url: str) -> Rules:
        """Return the rules for a URL, asking the origin where that was not done of late; however many ask, once."""
        origin = origin_of(url)
        known = self.known(url)
        if known is not None:
            return known
        asking = self._asking.get(origin)
        if asking is None:
            asking = self._asking[origin] = asyncio.ensure_future(self._learn(origin))
            asking.add_done_callback(lambda done: self._asking.pop(origin, None))
        return await asyncio.shield(asking)

    async def _learn(self, origin: str) -> Rules:
        kept = self._shelf.robots(origin)
        if kept is not None and kept[0] > time.time():
            asked = _Asked(kept[1], kept[2], kept[0])
            rules = self._rules(origin, asked)
        else:
            try:
                asked = await self.ask(origin)
            except Terminal as error:
                # No such host, an address that may not be reached, a certificate that is not valid.
                rules = Rules(None, time.time() + self._silent, refused=error.what)
            else:
                self._shelf.keep_robots(origin, asked.until, asked.status, asked.text)
                rules = self._rules(origin, asked)
        self._held[origin] = rules
        self._held.move_to_end(origin)
        while len(self._held) > _HELD:
            self._held.popitem(last=False)
        return rules

    async def ask(self, origin: str) -> _Asked:
        """Fetch an origin's robots.txt, through redirects. Raises `Terminal` where it cannot be reached at all."""
        url = f"{origin}/robots.txt"
        now = time.time()
        for _ in range(MOST_HOPS + 1):
            try:
                found = await self._get(url)
            except Transient:
                return _Asked(0, "", now + self._silent)
            if 300 <= found.status < 400 and (where := found.header("location")):
                target = normalised(urljoin(url, where))
                if target is None:
                    break
                url = target
                continue
            if found.status >= 500 or found.status == 429:
                return _Asked(found.status, "", now + self._silent)
            if 200 <= found.status < 300:
                text = found.body[:MOST_BYTES].decode("utf-8", "replace").removeprefix("\ufeff")
                return _Asked(found.status, text, now + FRESH_SECONDS)
            return _Asked(found.status, "", now + FRESH_SECONDS)
        # RFC 9309 2.3.1.2: after five hops, as if there were none.
        return _Asked(404, "", now + FRESH_SECONDS)

    def _rules(self, origin: str, asked: _Asked) -> Rules:
        if not self._obey:
            return Rules(None, asked.until, maps=self._maps(origin, asked.text))
        if asked.status == 0 or asked.status >= 500 or asked.status == 429:
            return Rules(None, asked.until, silent=True)
        if not asked.text.strip():
            return Rules(None, asked.until)
        parsed = self._parse(asked.text)
        delay = parsed.crawl_delay(self._agent)
        return Rules(
            parsed, asked.until, delay=None if delay is None else float(delay), maps=self._maps(origin, asked.text)
        )

    def _maps(self, origin: str, text: str) -> tuple[str, ...]:
        if not text:
            return ()
        found = (normalised(urljoin(f"{origin}/", each)) for each in self._parse(text).sitemaps)
        return tuple(each for each in found if each)[:1000]
