"""Look at a stream of bytes from a server through a buffer that grows as rows need it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

FIRST_BUFFER = 1 << 20
_KEPT = 64 << 20
"""Bytes of a buffer that one long row has not made so large that it is given back."""


class Window:
    """The part of the stream that is looked at: `buffer[:end]`.

    `read` fills a piece of memory and returns how many bytes came, none at the end of the stream; `lost` returns the
    error to raise then.
    """

    def __init__(self, read: Callable[[memoryview], int], lost: Callable[[], Exception]) -> None:
        self._read, self._lost = read, lost
        self.buffer: Any = np.empty(FIRST_BUFFER, np.uint8)
        self.end = 0

    def fill(self, wanted: int = 1) -> None:
        """Read what has come, `wanted` bytes at least."""
        goal = self.end + wanted
        if goal > len(self.buffer) or self.end > len(self.buffer) // 2:
            larger = np.empty(max(2 * len(self.buffer), goal), np.uint8)
            larger[: self.end] = self.buffer[: self.end]
            self.buffer = larger
        while self.end < goal:
            count = self._read(memoryview(self.buffer)[self.end :])
            if not count:
                raise self._lost()
            self.end += count

    def forget(self, at: int) -> None:
        """Drop what is behind: nothing may look into the buffer any more."""
        left = self.end - at
        if len(self.buffer) > _KEPT and left < len(self.buffer) // 4:
            self.buffer, before = np.empty(max(FIRST_BUFFER, 2 * left), np.uint8), self.buffer
            self.buffer[:left] = before[at : self.end]
        else:
            # NumPy looks whether the two overlap.
            self.buffer[:left] = self.buffer[at : self.end]
        self.end = left

    def take(self, size: int) -> bytes:
        """Return the next bytes and go behind them."""
        if self.end < size:
            self.fill(size - self.end)
        taken = bytes(self.buffer[:size])
        self.forget(size)
        return taken
