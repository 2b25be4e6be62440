"""Choose which page is fetched next, so that hosts take turns and none is pressed."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable

from tilth.connectors._crawl.pace import Host, Page
from tilth.connectors._crawl.queue import Queue

BUFFER = 64
"""Pages of a host that are held at a time."""
_LOOK = 100
"""Hosts of the queue that are looked at in one go."""
PATIENCE = 300.0
"""Seconds: a host that wants to be left alone for longer is left to a later run."""


class Frontier:
    """Hold the hosts at work; all others are in the queue."""

    def __init__(
        self, queue: Queue, *, hosts: int, make: Callable[[str, int], Host], most_per_host: int | None
    ) -> None:
        self._queue, self._make = queue, make
        self._most_hosts, self._most_per_host = hosts, most_per_host
        self._hosts: dict[str, Host] = {}
        self._ready: deque[Host] = deque()
        self._timed: list[tuple[float, int, Host]] = []
        self._numbers = itertools.count()
        self._after = ""
        self._looked_round = False
        self.at_work = 0

    def pick(self) -> tuple[Host, Page] | None:
        """Return the next page, and its host, as started; None where none may be fetched now."""
        now = time.monotonic()
        while self._timed and self._timed[0][0] <= now:
            host = heapq.heappop(self._timed)[2]
            if host.place == "timed":
                host.place = ""
                self._put(host, now)
        while self._ready:
            host = self._ready.popleft()
            if host.place != "ready":
                continue
            host.place = ""
            if not host.pages:
                self._fill(host)
            if not host.pages:
                self._rest(host, now)
                continue
            page = host.pages.popleft()
            host.start(now)
            self.at_work += 1
            self._put(host, now)
            return host, page
        return None

    def left(self, host: Host) -> None:
        """Count a request that ended."""
        host.at_work -= 1
        self.at_work -= 1
        if host.place == "full" or host.place == "":
            self._put(host, time.monotonic())

    def give_back(self, host: Host, turn: float) -> None:
        """Take a start back that asked the host for nothing; `turn` is when the next was to be, as it was then."""
        now = time.monotonic()
        if host.next == turn and turn > now:
            host.next = now
            if host.place == "timed":
                self._put(host, now)

    def let_go(self, host: Host, page: Page, *, again: bool = False) -> None:
        """Let a page go that the queue knows all about; `again` where it is to be fetched once more."""
        host.taken.discard(page.id)
        if again and host.place == "idle":
            self._put(host, time.monotonic())

    def wake(self, names: set[str]) -> None:
        """Take note that hosts have new pages."""
        now = time.monotonic()
        for name in names:
            host = self._hosts.get(name)
            if host is None:
                self._looked_round = False
            elif host.place == "idle":
                self._put(host, now)

    def put_off(self, host: Host, seconds: float) -> None:
        """Leave a host alone for so long; where that is longer than we wait, until a later run."""
        host.next = max(host.next, time.monotonic() + seconds)
        if seconds > PATIENCE:
            self._queue.put_off(host.name, time.time() + seconds)
            for page in host.pages:
                host.taken.discard(page.id)
            host.pages.clear()
            host.place = "put off"

    def hosts(self) -> int:
        """Return how many hosts are at work."""
        return len(self._hosts)

    def more(self) -> bool:
        """Take hosts out of the queue as others come to their end; False where nothing is left to do or wait for."""
        self._drop()
        room = self._most_hosts - len(self._hosts)
        now = time.time()
        if room > 0 and not (self._looked_round and self._after == ""):
            most = min(4 * room, _LOOK)
            names = self._queue.hosts(self._after, most)
            for name in names:
                self._after = name
                if name in self._hosts:
                    continue
                stored, due = self._queue.host(name)
                if self._later(stored, max(due, self._queue.due(name, set()) or 0.0) - now):
                    continue
                host = self._hosts[name] = self._make(name, stored)
                host.next = time.monotonic() + max(0.0, due - now)
                self._put(host, time.monotonic())
                if len(self._hosts) >= self._most_hosts:
                    break
            else:
                if len(names) < most:
                    self._after, self._looked_round = "", True
        return bool(self._hosts) or not self._looked_round

    def _drop(self) -> None:
        for name, host in list(self._hosts.items()):
            if host.place in ("idle", "put off") and not host.at_work and not host.taken:
                del self._hosts[name]
                due = self._queue.due(name, set())
                if host.place == "idle" and due is not None and not self._later(host.stored, due - time.time()):
                    self._looked_round = False

    def _later(self, stored: int, wait: float) -> bool:
        """Tell whether a host is for a later run: it has its share, or wants to be left alone for long."""
        return wait > PATIENCE or (self._most_per_host is not None and stored >= self._most_per_host)

    def _put(self, host: Host, now: float) -> None:
        if host.place == "put off":
            return
        if host.at_work >= host.per_host:
            host.place = "full"
        elif host.next > now:
            host.place = "timed"
            heapq.heappush(self._timed, (host.next, next(self._numbers), host))
        else:
            host.place = "ready"
            self._ready.append(host)

    def _fill(self, host: Host) -> None:
        most = BUFFER
        if self._most_per_host is not None:
            most = min(most, self._most_per_host - host.stored - host.at_work)
        if most > 0:
            pages = self._queue.next_pages(host.name, host.taken, most)
            host.pages.extend(pages)
            host.taken.update(page.id for page in pages)

    def _rest(self, host: Host, now: float) -> None:
        """Let a host without pages wait for its next try, or for links to it."""
        due = self._queue.due(host.name, host.taken)
        wait = None if due is None else due - time.time()
        full = self._most_per_host is not None and host.stored + host.at_work >= self._most_per_host
        if wait is None or full or wait > PATIENCE:
            host.place = "idle"
        else:
            host.next = max(host.next, now + max(wait, 0.05))
            self._put(host, now)
