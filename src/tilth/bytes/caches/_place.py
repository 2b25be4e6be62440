"""Say where a cache keeps its values, and how what holds them is opened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tilth.bytes.caches import disk, memcached, none, redis
from tilth.bytes.caches._address import address
from tilth.bytes.caches._backend import Backend
from tilth.core.errors import RecipeError
from tilth.core.secret import reveal, shown_url

SERVER_SECONDS = 0.1
"""How long a call to a cache server may take."""
DISK_SECONDS = 2.0
"""How long a call to the file may take; other processes write to it, too."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a cache keeps its values; picklable, and opens nothing."""

    url: str = field(repr=False)
    """none, disk, disk:PATH, redis:, rediss: or memcached:, or env:NAME, which is looked up when it is opened."""
    folder: Path | None = None
    """Where `disk` puts its file."""
    limit: int = disk.LIMIT
    """Bytes of values that `disk` keeps; a server has its own limit."""
    seconds: float | None = None
    """How long a call may take; by default 0.1 for a server, 2 for the disk."""
    where: str = "cache"
    """What errors call the option."""

    def backend(self) -> Callable[[], Backend]:
        """Return what opens it. Raises `RecipeError` for a URL that is none and `MissingExtra` for a missing client."""
        url = reveal(self.url, where=self.where)
        if url == "none":
            return none.Nothing
        if url == "disk" or url.startswith("disk:"):
            path = self._path(url)
            return lambda: disk.Disk(path, limit=self.limit, busy=self.patience(url) / 4)
        given, seconds = address(url, where=self.where), self.patience(url)
        if given.scheme == "memcached":
            memcached.module()
            return lambda: memcached.Memcached(given, seconds=seconds)
        redis.module()
        return lambda: redis.Redis(given, seconds=seconds)

    def patience(self, url: str | None = None) -> float:
        """Return how long a call may take, in seconds."""
        if self.seconds is not None:
            return self.seconds
        known = reveal(self.url, where=self.where) if url is None else url
        return DISK_SECONDS if known.startswith("disk") else SERVER_SECONDS

    @property
    def shown(self) -> str:
        """The place as it may be shown."""
        return shown_url(self.url) if "://" in self.url else self.url

    def _path(self, url: str) -> Path:
        given = url.removeprefix("disk").removeprefix(":").removeprefix("//")
        if given:
            return Path(given).expanduser()
        if self.folder is None:
            raise RecipeError("no folder for the cache", where=self.where, wanted="disk:PATH")
        return self.folder / "cache.db"
