"""Check caches: what is put comes back or is a miss, nothing else comes back, and nothing is raised."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable

import pyarrow as pa

from tilth.bytes.cache import Cache
from tilth.testing._compared import pickled
from tilth.testing.rows import batch

_WRITERS = 3
_EACH = 40


def check_cache(make: Callable[[], Cache], *, largest: int = 3_000_000, processes: bool = True) -> None:
    """Check a cache that works: `check_cache(lambda: open_cache(url, secret=os.urandom(32)))`.

    `make` returns a cache that holds nothing yet of what is put here (another secret each time is enough). `largest` is
    a value that it must hold, in bytes. `processes` also writes from several processes at once. Raises AssertionError,
    naming the promise that is broken.
    """
    for check in (_values, _spaces, _expiry, _batches, _travels, _threads):
        check(make())
    _large(make(), largest)
    _clear(make(), make())
    if processes:
        _many_processes(make())


def _values(cache: Cache) -> None:
    """Any bytes come back as they were; another write replaces; delete forgets."""
    space = cache.space("values", "1")
    values = {"": b"", "one": b"1", "zeros": bytes(5000), "noise": os.urandom(5000), "long" * 500: b"k"}
    values["odd \ud800\n\0 键"] = b"odd"
    assert space.get_many(list(values)) == {}, "values: something is there before it was put"
    assert space.put_many(values) == len(values), f"values: not all are kept ({space.trouble})"
    assert space.get_many([*values, "none", "one"]) == values, "values: other values come back"
    assert space.put("one", b"2") and space.get("one") == b"2", "values: a second write does not replace the first"
    space.delete("one")
    space.delete("never")
    assert space.get("one") is None, "values: what was deleted comes back"
    said = space.statistics
    assert (said.refused, said.errors) == (0, 0), f"values: {said}"
    assert said.hits == len(values) + 1, "values: hits are not counted"
    cache.close()
    assert space.get("zeros") == bytes(5000), "values: it does not open again after close"
    cache.close()


def _spaces(cache: Cache) -> None:
    """A kind, and a version of it, does not see another's values; nor does another secret."""
    one = cache.space("pages", "1")
    one.put("a", b"1")
    for other in (cache.space("pages", "2"), cache.space("page", "s1"), cache, one.space("x", "y")):
        assert other.get("a") is None, "spaces: a value shows in another space"
    assert cache.space("pages", "1").get("a") == b"1", "spaces: the same space does not see its value"
    stranger = Cache(cache.place, os.urandom(32)).space("pages", "1")
    assert stranger.get("a") is None, "spaces: a value shows under another secret"
    stranger.close()
    cache.close()


def _expiry(cache: Cache) -> None:
    """What is kept for a time is gone after it, and there before."""
    space = cache.space("expiry", "1", seconds=3600)
    space.put("soon", b"1", seconds=0.2)
    space.put("later", b"1")
    space.put("in years", b"1", seconds=3 * 365 * 24 * 3600)
    assert space.get("soon") == b"1", "expiry: gone before its time"
    time.sleep(0.25)
    assert space.get("soon") is None, "expiry: there after its time"
    assert space.get("later") == b"1" == space.get("in years"), "expiry: a long time is no time"
    cache.close()


def _batches(cache: Cache) -> None:
    """Arrow batches come back equal, their types and nulls too."""
    rows = batch(text=["ä", None], n=[1, None], vector=[[1.0, 2.0], None])
    assert cache.put_batch("rows", rows), "batches: not kept"
    found = cache.get_batch("rows")
    assert isinstance(found, pa.RecordBatch) and found.equals(rows, check_metadata=True), "batches: another comes back"
    assert cache.get_batch("none") is None, "batches: one comes back that was never put"
    cache.close()


def _large(cache: Cache, largest: int) -> None:
    """A value of several megabytes comes back; one beyond all limits is refused and counted, and harms nothing."""
    space = cache.space("large", "1", codec=None)
    value = os.urandom(largest)
    assert space.put("large", value), f"large: {largest} bytes are not kept ({space.trouble})"
    assert space.get("large") == value, "large: another value comes back"
    before = space.statistics
    assert not space.put("huge", bytes(200 << 20)), "large: 200 MiB are kept"
    said = space.statistics
    assert said.refused + said.errors > before.refused + before.errors, "large: a value that is not kept is not counted"
    assert space.get("huge") is None, "large: a part of a value comes back"
    cache.close()


def _clear(cache: Cache, other: Cache) -> None:
    """What a project clears is gone, where the cache can list its keys; another project's values stay."""
    one, another = cache.space("clear", "1"), other.space("clear", "1")
    for number in range(1500):
        one.put(str(number), b"1")
    another.put("a", b"2")
    if cache.clear():
        assert one.get_many([str(number) for number in range(1500)]) == {}, "clear: a value is still there"
    assert another.get("a") == b"2", "clear: another project's value is gone"
    cache.close()
    other.close()


def _travels(cache: Cache) -> None:
    """A cache that went through a pickle sees the same values."""
    space = cache.space("travels", "1")
    space.put("a", b"1")
    other: Cache = pickled(space)
    assert other.get("a") == b"1", "travels: a pickled cache does not see the value"
    other.close()
    cache.close()


def _threads(cache: Cache) -> None:
    """Threads use one cache at once."""
    space = cache.space("threads", "1")
    wrong: list[str] = []

    def work(number: int) -> None:
        for turn in range(20):
            key = f"{number}-{turn}"
            if space.put(key, key.encode() * 100) and space.get(key) not in (key.encode() * 100, None):
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, "threads: another value comes back"
    assert space.statistics.hits > 0, "threads: nothing is ever found"
    cache.close()


def _many_processes(cache: Cache) -> None:
    """Processes write and read one cache at once; what comes back is what one of them put."""
    space = cache.space("processes", "1")
    context = multiprocessing.get_context("forkserver")
    workers = [context.Process(target=_write, args=(space, number)) for number in range(_WRITERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0] * _WRITERS, "processes: a writer failed"
    found = space.get_many([f"own-{number}-{turn}" for number in range(_WRITERS) for turn in range(_EACH)])
    for key, value in found.items():
        assert value == key.encode() * 50, "processes: another value comes back"
    assert len(found) >= _WRITERS * _EACH * 0.9, f"processes: {len(found)} of {_WRITERS * _EACH} values are there"
    cache.close()


def _write(space: Cache, number: int) -> None:
    for turn in range(_EACH):
        key = f"own-{number}-{turn}"
        space.put(key, key.encode() * 50)
        space.put("all", bytes([number]) * 1000)
        seen = space.get("all")
        if seen is not None and seen not in {bytes([writer]) * 1000 for writer in range(_WRITERS)}:
            raise SystemExit(1)
    space.close()
