"""Keep whole pages in the run's cache for a while, so that another crawl of the project need not ask for them again."""

from __future__ import annotations

import asyncio
import json

from tilth.bytes.cache import Cache
from tilth.bytes.caches.answers import LONGEST, NEVER_KEPT
from tilth.bytes.guard import Guard
from tilth.connectors._crawl.fetch import Exchange
from tilth.core.batch import keyed_hash

VERSION = "1"


class Kept:
    """Pages by URL and by who asked: crawls that name themselves otherwise, or may reach more, see none of these."""

    def __init__(self, cache: Cache, *, seconds: float, guard: Guard, user_agent: str, most: int) -> None:
        self._cache = cache.space("pages", VERSION, seconds=seconds, codec="zstd")
        private = guard.allow_private
        may = private if isinstance(private, bool) else sorted(map(str, private))
        self._who = keyed_hash(b"pages", json.dumps([user_agent, may]))
        self._most = most

    async def get(self, url: str) -> Exchange | None:
        """Return what was answered, with the time at which it was, or None."""
        held = await asyncio.to_thread(self._cache.get, self._key(url))
        if held is None:
            return None
        head, _, body = held.partition(b"\n")
        if len(body) > self._most:
            return None
        said = json.loads(head)
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said["headers"]]
        headers: dict[str, list[str]] = {}
        for name, value in raw:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
        return Exchange(
            url=url, status=said["status"], reason=said["reason"], raw_headers=raw, body=body, seconds=0.0,
            time=said["time"], coding=said["coding"], headers=headers,
        )  # fmt: skip

    async def put(self, found: Exchange) -> None:
        """Keep an answer, where it is a page that came whole; never its cookies."""
        if found.status != 200 or found.truncated is not None or len(found.body) > LONGEST:
            return
        raw = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in found.raw_headers
            if name.decode("latin-1").lower() not in NEVER_KEPT
        ]
        said = {"status": found.status, "reason": found.reason, "headers": raw, "time": found.time}
        head = json.dumps(said | {"coding": found.coding}).encode()
        await asyncio.to_thread(self._cache.put, self._key(found.url), head + b"\n" + found.body)

    def _key(self, url: str) -> str:
        return json.dumps([url, self._who])
