"""Ask a backend for a limited time: whoever asks goes on when the time is over, whatever the backend does.

One thread owns the backend and does one job at a time, so that even a server that sends a byte now and then, or a name
that does not resolve, costs the caller no more than the limit. After a failure nothing is asked for a while that
doubles (a circuit breaker: Nygard, Release It!, 2007), drawn from the upper half so that processes come one by one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Any, NamedTuple, TypeVar

from tilth.bytes.caches._backend import Backend, Gone
from tilth.core.errors import first_line
from tilth.core.secret import hide

T = TypeVar("T")
FIRST_REST = 0.5
LONGEST_REST = 30.0
_WAITING = 16
"""How many callers may wait for the thread; the next goes on without the cache."""


class Asked(NamedTuple):
    """What came of a call."""

    answer: Any
    failed: bool
    """True where it was tried and went wrong; without an answer and without a failure it was not tried."""


class Bounded:
    """A backend behind a time limit (in seconds) and a breaker; may be called from many threads."""

    def __init__(self, make: Callable[[], Backend], seconds: float) -> None:
        self._make, self.seconds = make, seconds
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._owned: list[_Worker] = []
        weakref.finalize(self, _end, self._owned)
        self._pid = os.getpid()
        self._failures = 0
        self._until = 0.0
        self._waiting = 0
        self.trouble: str | None = None
        """What went wrong last, while it is not well again."""

    def ask(self, work: Callable[[Backend], Any], seconds: float | None = None) -> Asked:
        """Do a piece of work, or say that it was not done; raises nothing."""
        worker = self._free_worker()
        if worker is None:
            return Asked(None, failed=False)
        end = time.monotonic() + (self.seconds if seconds is None else seconds)
        try:
            answer = self._within(worker, work, end)
        except _Crowded:
            return Asked(None, failed=False)
        except Exception as error:  # noqa: BLE001 (a client may raise anything; a cache that fails is a miss)
            self._rest(worker, error)
            return Asked(None, failed=True)
        finally:
            with self._lock:
                self._waiting -= 1
        with self._lock:
            self._failures, self._until, self.trouble = 0, 0.0, None
        return Asked(answer, failed=False)

    def close(self) -> None:
        """Let go of the backend; a later call makes another."""
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.end()
            worker.thread.join(1.0)

    def _free_worker(self) -> _Worker | None:
        with self._lock:
            if self._pid != os.getpid():
                # Forked: the thread stayed behind, and its connection belongs to the parent.
                self._pid, self._worker, self._waiting = os.getpid(), None, 0
                self._owned.clear()
            if self._waiting >= _WAITING or time.monotonic() < self._until:
                return None
            if self._worker is not None and self._worker.left:
                if self._worker.thread.is_alive():
                    # Still stuck in the call that was given up: asking again would only make another of its kind.
                    return None
                self._worker = None
            if self._worker is None:
                self._worker = _Worker(self._make)
                self._owned[:] = [self._worker]
            self._waiting += 1
            return self._worker

    def _within(self, worker: _Worker, work: Callable[[Backend], Any], end: float) -> Any:
        future = worker.begin(work)
        try:
            return future.result(max(0.0, end - time.monotonic()))
        except Late:
            if future.cancel():
                # It waited behind others and never began: they will tell whether the backend is well.
                raise _Crowded from None
            if future.done():
                return future.result()
            worker.leave()
            raise TimeoutError(f"no answer within {self.seconds * 1000:.0f} ms") from None

    def _rest(self, worker: _Worker, error: Exception) -> None:
        worker.leave()
        with self._lock:
            self._failures += 1
            rest = min(LONGEST_REST, FIRST_REST * 2 ** min(self._failures - 1, 10))
            self._until = time.monotonic() + rest * random.uniform(0.5, 1.0)
            self.trouble = hide(first_line(error))[:200]


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.end()


class _Crowded(Exception):
    """The thread was busy with others' work for all of the time."""


_Job = tuple["Future[Any]", Callable[[Backend], Any]]


class _Worker:
    """One thread that owns one backend, until it is left."""

    def __init__(self, make: Callable[[], Backend]) -> None:
        self.left = False
        self._make = make
        self._backend: Backend | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._serve, name="tilth-cache", daemon=True)
        self.thread.start()

    def begin(self, work: Callable[[Backend], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((future, work))
        return future

    def leave(self) -> None:
        """Use it no more: what it waits for is cut off."""
        self.left = True
        self.end()
        backend = self._backend
        if backend is not None:
            with contextlib.suppress(Exception):
                backend.cut()

    def end(self) -> None:
        self._jobs.put(None)

    def _serve(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                future, work = job
                if future.set_running_or_notify_cancel():
                    try:
                        future.set_result(self._done(work))
                    except Exception as error:  # noqa: BLE001 (told to whoever asked)
                        future.set_exception(error)
                # Nothing of a job outlives it: the values may be large.
                del future, work, job
        finally:
            self._close()
            while not self._jobs.empty():
                late = self._jobs.get()
                if late is not None:
                    late[0].cancel()

    def _done(self, work: Callable[[Backend], Any]) -> Any:
        used = self._backend is not None
        try:
            return work(self._open())
        except Gone:
            if not used or self.left:
                raise
            # The connection had rested, or the server began anew: one more try, on a new one.
            self._close()
            return work(self._open())

    def _open(self) -> Backend:
        if self._backend is None:
            self._backend = self._make()
        return self._backend

    def _close(self) -> None:
        backend, self._backend = self._backend, None
        if backend is not None:
            with contextlib.suppress(Exception):
                backend.close()
