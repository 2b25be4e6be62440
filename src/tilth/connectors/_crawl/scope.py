"""Say which URLs belong to a crawl: hosts, patterns, depth, and how many of one form."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tilth.connectors._crawl.queue import Link
from tilth.connectors._crawl.urls import host_in, is_trap, pattern_of, site_of

_HELD = 100_000


@dataclass(kw_only=True)
class Scope:
    """What is wanted."""

    hosts: str | tuple[str, ...]
    """same-host, same-site, or names; `.example.org` means all below it too."""
    start: tuple[str, ...]
    """Hosts of the start pages."""
    include: tuple[re.Pattern[str], ...] = ()
    exclude: tuple[re.Pattern[str], ...] = ()
    depth: int | None = None
    longest: int = 2000
    more: set[str] = field(default_factory=set)
    """Hosts that a start page was redirected to."""

    def __post_init__(self) -> None:
        self._sites = frozenset(map(site_of, self.start))

    def accepts(self, url: str, host: str, depth: int) -> bool:
        """Tell whether a page is wanted."""
        if self.depth is not None and depth > self.depth:
            return False
        if not self.holds(host) or is_trap(url, self.longest):
            return False
        if self.include and depth > 0 and not any(pattern.search(url) for pattern in self.include):
            return False
        return not any(pattern.search(url) for pattern in self.exclude)

    def holds(self, host: str) -> bool:
        """Tell whether a host is one of those that are wanted."""
        if host in self.start or host in self.more:
            return True
        if self.hosts == "same-host":
            return False
        if self.hosts == "same-site":
            return site_of(host) in self._sites
        name = host.partition(":")[0]
        return any(
            wanted in (host, name) or (wanted[0] == "." and f".{name}".endswith(wanted)) for wanted in self.hosts
        )

    def widen(self, url: str) -> bool:
        """Take in the host that a start page was redirected to, within its site: example.org is www.example.org."""
        host = host_in(url)
        if isinstance(self.hosts, str) and site_of(host) in self._sites and not self.holds(host):
            self.more.add(host)
            return True
        return False


class Sieve:
    """Let each URL through once, and of each form no more than its share."""

    def __init__(
        self,
        *,
        known: Callable[[str], bool],
        counted: Callable[[str], int],
        per_form: int | None,
        per_path: Mapping[str, int],
    ) -> None:
        self._known, self._counted = known, counted
        self._per_form, self._per_path = per_form, sorted(per_path.items(), key=lambda each: -len(each[0]))
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._counts: OrderedDict[str, int] = OrderedDict()
        self.changed: dict[str, int] = {}
        """Counts that are to be noted."""
        self.over = 0
        """How many URLs were left out because their form had its share."""

    def unseen(self, urls: Iterable[str]) -> Iterator[str]:
        """Yield URLs that did not come by of late."""
        seen = self._seen
        for url in urls:
            if url not in seen:
                seen[url] = None
                yield url

    def new(self, links: Iterable[Link]) -> list[Link]:
        """Return links that are not known, counting them; call it with what `unseen` let through."""
        found = []
        for link in links:
            if self._known(link.url):
                continue
            if link.kind or self._within(link):
                found.append(link)
            else:
                self.over += 1
        while len(self._seen) > _HELD:
            self._seen.popitem(last=False)
        return found

    def noted(self) -> dict[str, int]:
        """Return the counts that changed since the last time."""
        changed, self.changed = self.changed, {}
        while len(self._counts) > _HELD:
            self._counts.popitem(last=False)
        return changed

    def _within(self, link: Link) -> bool:
        shares = []
        if self._per_form is not None and ("?" in link.url or any(map(str.isdigit, link.url))):
            shares.append((f"form {pattern_of(link.url)}", self._per_form))
        if self._per_path:
            path = urlsplit(link.url).path
            for prefix, most in self._per_path:
                if path.startswith(prefix):
                    shares.append((f"path {link.host}{prefix}", most))
                    break
        counts = [(name, self._count(name), most) for name, most in shares]
        if any(count >= most for _, count, most in counts):
            return False
        for name, count, _ in counts:
            self._counts[name] = self.changed[name] = count + 1
        return True

    def _count(self, name: str) -> int:
        if name not in self._counts:
            self._counts[name] = self.changed[name] if name in self.changed else self._counted(name)
        return self._counts[name]
