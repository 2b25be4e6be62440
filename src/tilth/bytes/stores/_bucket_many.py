"""Read many small objects of a bucket at a time, in order, with a bound on memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tilth.bytes.stores._buckets import Bucket

_AT_A_TIME = 16
_BLOCK = 4
"""Objects that a thread asks for one after another before it says so: passing each on by itself costs more."""
_BLOCKS_AHEAD = 24
SMALL = 512 << 10
"""Bytes of each object that are asked for ahead: _BLOCK * _BLOCKS_AHEAD * SMALL is 48 MiB."""
_LARGE_AHEAD = 3
"""How many of the next objects are read whole ahead where they are larger than that."""
_Found = bytes | None
"""An object's bytes; None where there are more than SMALL."""


def read_many(store: Bucket, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """Yield paths and bytes in the order asked for; holds 48 MiB and four objects at most.

    Threads that wait in obstore's blocking calls cost less processor time than its asynchronous ones (measured: 170
    against 240 microseconds an object of 4 KiB).
    """
    rest = iter(paths)
    pool = ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="read-many")
    waiting: deque[Future[list[_Found]]] = deque()
    asked: deque[list[str]] = deque()

    def ask() -> None:
        block = list(islice(rest, _BLOCK))
        if block:
            asked.append(block)
            waiting.append(pool.submit(_block, store, block))

    try:
        for _ in range(_BLOCKS_AHEAD):
            ask()
        while waiting:
            block, found = asked.popleft(), waiting.popleft().result()
            ask()
            yield from _whole(store, pool, block, found)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _block(store: Bucket, paths: Sequence[str]) -> list[_Found]:
    return [_small(store, path) for path in paths]


def _small(store: Bucket, path: str) -> _Found:
    # One request that says how much is wanted: to ask first how large an object is would be two.
    found = store.read(path, 0, SMALL)
    return found if len(found) < SMALL else None


def _whole(
    store: Bucket, pool: ThreadPoolExecutor, paths: Sequence[str], found: Sequence[_Found]
) -> Iterator[tuple[str, bytes]]:
    """Yield a block's objects, reading the large ones whole, a few ahead."""
    large = [path for path, content in zip(paths, found, strict=True) if content is None]
    ahead = deque(pool.submit(store.read, path) for path in large[:_LARGE_AHEAD])
    later = iter(large[_LARGE_AHEAD:])
    for path, content in zip(paths, found, strict=True):
        if content is not None:
            yield path, content
            continue
        content = ahead.popleft().result()
        ahead.extend(pool.submit(store.read, path) for path in islice(later, 1))
        yield path, content
