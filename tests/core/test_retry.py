"""What may work the next time is tried again, a bounded number of times; nothing else is."""

from __future__ import annotations

import time

import pytest

from tilth.core.errors import DataError, Stopped, Transient
from tilth.core.retry import persistent


class Flaky:
    """Fails so many times, then answers."""

    def __init__(self, fails: int, error: Exception) -> None:
        self.fails, self.error, self.calls = fails, error, 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.fails:
            raise self.error
        return "done"


def test_a_transient_error_is_tried_again_and_told() -> None:
    said: list[str] = []
    call = Flaky(2, Transient("gone away", where="db"))
    assert persistent(call, first_wait=0.001, tell=said.append) == "done"
    assert call.calls == 3
    assert [line[:13] for line in said] == ["db: gone away"] * 2


def test_the_last_error_is_raised_when_nothing_helps() -> None:
    call = Flaky(99, Transient("gone away"))
    with pytest.raises(Transient, match="gone away"):
        persistent(call, tries=3, first_wait=0.001)
    assert call.calls == 3


def test_another_error_is_not_tried_again() -> None:
    call = Flaky(1, DataError("no column"))
    with pytest.raises(DataError):
        persistent(call)
    assert call.calls == 1


def test_a_wait_that_was_asked_for_is_kept() -> None:
    error = Transient("slow down")
    error.after = 0.3
    began = time.monotonic()
    assert persistent(Flaky(1, error), first_wait=0.0) == "done"
    assert time.monotonic() - began >= 0.3


def test_a_stop_ends_the_waiting() -> None:
    error = Transient("slow down")
    error.after = 60.0
    with pytest.raises(Stopped):
        persistent(Flaky(1, error), stop=lambda: True)
