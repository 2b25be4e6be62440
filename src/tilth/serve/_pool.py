"""Run predictions in a few threads, with a short line of waiting requests before them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tilth.serve._refusal import Refusal

Result = TypeVar("Result")
Stop = Callable[[], bool]
"""Asked by the work between two micro-batches: true when nobody waits for the answer any more."""


class Pool:
    """A bounded pool: `workers` requests run, `waiting` wait, the next is refused at once."""

    def __init__(self, workers: int, waiting: int) -> None:
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="tilth-serve")
        self._room = workers + waiting
        self._held = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """How many requests run or wait."""
        return self._held

    @property
    def full(self) -> bool:
        """Whether the next request is refused."""
        return self._held >= self._room

    async def run(self, work: Callable[[Stop], Result], seconds: float) -> Result:
        """Return what the work returns.

        Raises `Refusal`: 503 with `Retry-After` when the line is full, 504 after `seconds`. Work that is late goes on
        to its next micro-batch, and holds its place till then, so that late work counts against the line.
        """
        with self._lock:
            if self.full:
                raise Refusal(
                    503,
                    f"{self._held} requests are being answered or wait",
                    wanted=f"at most {self._room} at a time",
                    do="Try again in a second.",
                    headers={"Retry-After": "1"},
                )
            self._held += 1
        given_up = threading.Event()
        try:
            future = self._threads.submit(work, given_up.is_set)
        except RuntimeError as error:
            self._leave()
            raise Refusal(503, "the service is stopping", headers={"Retry-After": "1"}) from error
        future.add_done_callback(self._leave)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise Refusal(
                504, f"no answer within {seconds:g} seconds", do="Send fewer rows, or raise the service's deadline."
            ) from None
        finally:
            given_up.set()

    def close(self) -> None:
        """Refuse new work, drop what waits, and return when what runs is done."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _leave(self, _: Future[Any] | None = None) -> None:
        with self._lock:
            self._held -= 1
