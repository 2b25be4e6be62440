"""Keep answers that cost something (embeddings, predictions, pages) for the next time, and never trust what comes back.

    open_cache("disk", secret=project.salt, folder=project.folder)     .tilth/cache.db, the default
    open_cache("redis://cache:6379/0", secret=...)                     or rediss:, memcached:, none, env:NAME

A cache changes how long a run takes and nothing else. It may be down, slow, full, restarted, shared with others or
lying: each is a miss, counted, and costs no more than the time limit and then nothing for a while. Values carry a check
under a key that the project owns; nothing is ever a pickle. They are not encrypted: whoever reads the cache reads them.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from tilth.bytes.caches import _seal, disk
from tilth.bytes.caches._backend import Backend
from tilth.bytes.caches._bounded import Bounded
from tilth.bytes.caches._place import Place
from tilth.bytes.caches._statistics import Statistics
from tilth.core.batch import Batch
from tilth.core.connector import Finding
from tilth.core.errors import RecipeError

LONGEST = 64 << 20
"""The longest value, in bytes, whatever the cache would take."""
CLEARING_SECONDS = 60.0
SHORTEST_SECRET = 16
_KEYS_AT_ONCE = 256
_BYTES_AT_ONCE = 4 << 20


class Cache:
    """Bytes by key, within one space; safe to call from several threads and processes, and picklable.

    No method raises for what the cache does: a failure is a miss.

    >>> import tempfile
    >>> cache = open_cache("disk", secret=b"0123456789abcdef", folder=Path(tempfile.mkdtemp())).space("pages", "1")
    >>> cache.put("a", b"value"), cache.get("a"), cache.get("b"), cache.statistics.hits
    (True, b'value', None, 1)
    >>> cache.close()
    """

    def __init__(
        self,
        place: Place,
        secret: bytes,
        *,
        name: tuple[str, ...] = (),
        codec: str | None = "lz4",
        seconds: float | None = None,
        link: Bounded | None = None,
    ) -> None:
        if len(secret) < SHORTEST_SECRET:
            raise RecipeError(
                f"the cache's secret has {len(secret)} bytes", where=place.where, wanted=f"{SHORTEST_SECRET} or more"
            )
        self.place, self._secret, self._name, self._codec, self._seconds = place, secret, name, codec, seconds
        self._keys = _seal.Keys(secret)
        self._link = link
        self._lock = threading.Lock()
        self._statistics = Statistics()

    def space(self, kind: str, version: str, *, seconds: float | None = None, codec: str | None = "lz4") -> Cache:
        """Return a part of the cache for one kind of value, as one version of the code makes them.

        Values of other kinds and versions are not seen. `seconds` is how long they are kept by default; `codec` packs
        them: lz4, zstd or None.
        """
        name = (*self._name, kind, version)
        return Cache(self.place, self._secret, name=name, codec=codec, seconds=seconds, link=self._opened())

    def get(self, key: str) -> bytes | None:
        """Return a value, or None where there is none that can be trusted."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return those values that there are, by key."""
        found: dict[str, bytes] = {}
        wanted = list(dict.fromkeys(keys))
        if not self.kept:
            self._count(misses=len(wanted))
            return found
        refused = errors = 0
        now_ms = time.time_ns() // 1_000_000
        for start in range(0, len(wanted), _KEYS_AT_ONCE):
            names = {self._hashed(key): key for key in wanted[start : start + _KEYS_AT_ONCE]}
            said = self._opened().ask(partial(_get, names=list(names)))
            errors += said.failed
            for name, sealed in (said.answer or {}).items():
                try:
                    found[names[name]] = _seal.unseal(self._keys.check, name, sealed or b"", now_ms=now_ms)
                except _seal.Expired:
                    pass
                except (_seal.Forged, OSError, pa.ArrowException):
                    refused += 1
        self._count(hits=len(found), misses=len(wanted) - len(found), refused=refused, errors=errors)
        return found

    def put(self, key: str, value: bytes, seconds: float | None = None) -> bool:
        """Keep a value, for so many seconds at most; tell whether the cache took it."""
        return self.put_many({key: value}, seconds) == 1

    def put_many(self, values: Mapping[str, bytes], seconds: float | None = None) -> int:
        """Keep values; return how many the cache took."""
        seconds = self._seconds if seconds is None else seconds
        if seconds is not None and not (seconds > 0 and math.isfinite(seconds)):
            raise ValueError(f"kept for {seconds} seconds; a number above 0 is wanted")
        if not self.kept:
            return 0
        expires = 0 if seconds is None else time.time_ns() // 1_000_000 + max(1, int(seconds * 1000))
        taken = 0
        some: dict[str, bytes] = {}
        size = 0
        for key, value in values.items():
            if len(value) > LONGEST:
                self._count(refused=1)
                continue
            name = self._hashed(key)
            some[name] = _seal.seal(self._keys.check, name, value, codec=self._codec, expires_ms=expires)
            size += len(some[name])
            if size >= _BYTES_AT_ONCE or len(some) >= _KEYS_AT_ONCE:
                taken += self._put(some, seconds)
                some, size = {}, 0
        return taken + (self._put(some, seconds) if some else 0)

    def delete(self, key: str) -> None:
        """Forget a value."""
        names = [self._hashed(key)]
        said = self._opened().ask(lambda backend: backend.delete_many(names))
        self._count(errors=said.failed)

    def clear(self) -> bool:
        """Forget all that this project keeps here, of every kind; tell whether it is gone now.

        memcached does not list what it holds: there, values stay until their time is over or their room is needed.
        """
        said = self._opened().ask(lambda backend: backend.clear(self._keys.prefix), CLEARING_SECONDS)
        self._count(errors=said.failed)
        return bool(said.answer)

    def get_batch(self, key: str) -> Batch | None:
        """Return an Arrow batch."""
        value = self.get(key)
        if value is None:
            return None
        with ipc.open_stream(pa.py_buffer(value)) as stream:
            batch: Batch = stream.read_next_batch()
        return batch

    def put_batch(self, key: str, batch: Batch, seconds: float | None = None) -> bool:
        """Keep an Arrow batch, in Arrow's own stream format."""
        sink = pa.BufferOutputStream()
        with ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        return self.put(key, sink.getvalue().to_pybytes(), seconds)

    @property
    def statistics(self) -> Statistics:
        """What came of this space's calls in this process."""
        return self._statistics

    @property
    def trouble(self) -> str | None:
        """Say what is wrong with the cache now, or None; never a secret."""
        return self._link.trouble if self._link is not None else None

    @property
    def kept(self) -> bool:
        """Whether anything is ever kept: false for the cache `none`."""
        return self.place.url != "none"

    def probe(self) -> Iterator[Finding]:
        """Try the cache for real: write a value, read it, remove it."""
        if not self.kept:
            yield Finding(True, "cache: none")
            return
        trial = self.space("probe", "1", seconds=60)
        key, value = f"{time.time_ns()}", b"tilth"
        kept = trial.put(key, value) and trial.get(key) == value
        trial.delete(key)
        why = trial.trouble or ("it would not keep a value" if not kept else "")
        do = "" if kept else "A run does without it; mend it, or leave `cache:` out."
        yield Finding(kept, f"{self.place.shown}: keeps values" if kept else f"{self.place.shown}: {why}", do)

    def close(self) -> None:
        """Let go of the connection, for all spaces; a later call opens it again."""
        if self._link is not None:
            self._link.close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("place", "_secret", "_name", "_codec", "_seconds")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        name, codec, seconds = state["_name"], state["_codec"], state["_seconds"]
        Cache.__init__(self, state["place"], state["_secret"], name=name, codec=codec, seconds=seconds)

    def __repr__(self) -> str:
        return f"Cache({self.place.shown!r}, {'/'.join(self._name)!r})"

    def _put(self, sealed: Mapping[str, bytes], seconds: float | None) -> int:
        said = self._opened().ask(lambda backend: backend.put_many(sealed, seconds))
        refused = int(said.answer or 0)
        self._count(refused=refused, errors=said.failed)
        return len(sealed) - refused if said.answer is not None else 0

    def _hashed(self, key: str) -> str:
        return self._keys.name(*self._name, key)

    def _opened(self) -> Bounded:
        with self._lock:
            if self._link is None:
                self._link = Bounded(self.place.backend(), self.place.patience())
            return self._link

    def _count(self, **more: int) -> None:
        with self._lock:
            self._statistics += Statistics(**{name: int(count) for name, count in more.items()})


def _get(backend: Backend, names: Sequence[str]) -> dict[str, bytes | None]:
    return backend.get_many(names)


def open_cache(
    url: str | None,
    *,
    secret: bytes,
    folder: Path | None = None,
    limit: int = disk.LIMIT,
    seconds: float | None = None,
    where: str = "cache",
) -> Cache:
    """Return the cache at a URL; nothing is opened before it is used.

    Raises `RecipeError` for a URL that is none, and `MissingExtra` where the client is not installed.
    """
    place = Place(url=url or "none", folder=folder, limit=limit, seconds=seconds, where=where)
    place.backend()
    return Cache(place, secret)


__all__ = ["LONGEST", "Cache", "Place", "Statistics", "current", "open_cache", "using"]

_current: ContextVar[Cache | None] = ContextVar("tilth_cache", default=None)


@contextlib.contextmanager
def using(cache: Cache) -> Iterator[Cache]:
    """Make this the cache that work inside the `with` finds (`current`); it is closed at the end."""
    token = _current.set(cache)
    try:
        yield cache
    finally:
        _current.reset(token)
        cache.close()


def current() -> Cache | None:
    """Return the cache of the run that is at work, or None: then everything is computed."""
    found = _current.get()
    return found if found is not None and found.kept else None
