"""Try again what may work the next time: connectors say `Transient`, this decides when and how often."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tilth.core.errors import Stopped, Transient

T = TypeVar("T")
TRIES = 6
FIRST_WAIT = 0.25
LONGEST_WAIT = 15.0


def persistent(
    call: Callable[[], T],
    *,
    tries: int = TRIES,
    first_wait: float = FIRST_WAIT,
    longest_wait: float = LONGEST_WAIT,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[str], None] = lambda said: None,
) -> T:
    """Call until it returns; on `Transient` wait and try again, at most `tries` times in all, then raise the last one.

    Waits are drawn from 0 to a bound that doubles ("full jitter": Brooker, AWS 2015), in seconds; an error that carries
    `after` (what a server's Retry-After said) is waited for as long. The call must be safe to make twice. Raises
    `Stopped` where `stop` says so while waiting.
    """
    for attempt in range(1, tries + 1):
        try:
            return call()
        except Transient as error:
            if attempt == tries:
                raise
            bound = min(longest_wait, first_wait * 2 ** (attempt - 1))
            wait = random.uniform(0, bound) if error.after is None else error.after
            tell(f"{error}; trying again in {wait:.1f} s ({attempt} of {tries - 1})")
            _sleep(wait, stop)
    raise AssertionError("unreachable")


def _sleep(seconds: float, stop: Callable[[], bool]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if stop():
            raise Stopped("stopped while waiting to try again", do="Run again: what was finished is kept")
        time.sleep(min(left, 0.2))
