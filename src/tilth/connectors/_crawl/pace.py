"""Treat hosts with care: how many connections at a time, how long between two, and longer where a host is slow.

A host's wait follows its answers' latency, as Scrapy's AutoThrottle does, and doubles with each 429 or 503; what
Retry-After says is waited for.
"""

from __future__ import annotations

import email.utils
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

FIRST_PENALTY = 1.0
LONGEST_PENALTY = 120.0
LONGEST_DELAY = 60.0


class Page(NamedTuple):
    """A URL to fetch."""

    id: int
    url: str
    kind: int
    """0 a page, 1 a list of pages (a sitemap, a feed)."""
    depth: int
    hops: int
    """Redirects that led here."""
    tries: int
    etag: str | None = None
    modified: str | None = None
    digest: bytes | None = None
    kept: bool = False
    """Whether it was stored on an earlier visit."""


@dataclass
class Host:
    """One host while it is crawled."""

    name: str
    delay: float
    """What the recipe and robots.txt ask for, in seconds between two requests."""
    per_host: int
    throttle: bool = True
    stored: int = 0
    pages: deque[Page] = field(default_factory=deque)
    taken: set[int] = field(default_factory=set)
    """Ids of pages that are here or fetched, and not yet noted as done."""
    at_work: int = 0
    next: float = 0.0
    """When the next request may start, by the monotonic clock."""
    slow: float = 0.0
    penalty: float = 0.0
    place: str = ""
    """ready, timed, full, idle or put off."""

    def start(self, now: float) -> None:
        """Count a request that starts."""
        self.at_work += 1
        self.next = now + max(self.delay, self.slow if self.throttle else 0.0)

    def answered(self, seconds: float, status: int) -> None:
        """Learn from an answer's latency."""
        aim = min(LONGEST_DELAY, seconds / self.per_host)
        new = (self.slow + aim) / 2 if aim < self.slow else max((self.slow + aim) / 2, aim / 2)
        if status < 400 or new > self.slow:
            # An error is often fast: it never makes us faster.
            self.slow = new
        if status < 400:
            self.penalty = 0.0

    def pushed_back(self, now: float, after: float | None) -> float:
        """Wait as the host asked, or twice as long as the last time; returns the seconds."""
        self.penalty = min(LONGEST_PENALTY, max(FIRST_PENALTY, self.penalty * 2))
        wait = self.penalty if after is None else after
        self.next = max(self.next, now + wait)
        return wait


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After asks for; None where it is missing or cannot be read.

    >>> retry_after("120"), retry_after("soon"), retry_after(None)
    (120.0, None, None)
    """
    if value is None:
        return None
    value = value.strip()
    if value.isdecimal() and len(value) < 10:
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
