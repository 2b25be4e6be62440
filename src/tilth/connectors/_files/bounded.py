"""Read a stream of records by lines and lengths, in bounded memory, however much its bytes unpack to."""

from __future__ import annotations

from tilth.connectors._files.open import Cut, Stream

_STEP = 1 << 20
_FREE = 1 << 30
"""A file may unpack to so many bytes without a word."""
_RATIO = 200
"""And beyond, to so many times its size: archives of text reach 20, gzip itself 1,000."""
LONGEST_LINE = 64 << 10


class Bounded:
    """Read lines and runs of bytes; raises `Cut` where the stream breaks off or unpacks to far too much."""

    def __init__(self, stream: Stream, packed_bytes: int) -> None:
        self._stream = stream
        self._most = max(_FREE, _RATIO * packed_bytes)
        self._held = bytearray()
        self._at = 0
        self._seen = 0
        self._ended = False

    def line(self) -> bytes | None:
        """Return the next line with its end (cut off after 64 KiB), or None after the last."""
        while True:
            end = self._held.find(b"\n", self._at)
            if end >= 0 and end - self._at < LONGEST_LINE:
                return self._take(end + 1 - self._at)
            if len(self._held) - self._at >= LONGEST_LINE:
                return self._take(LONGEST_LINE)
            if not self._more():
                return self._take(len(self._held) - self._at) or None

    def exactly(self, size: int) -> bytes:
        """Return so many bytes; fewer only at the end."""
        while len(self._held) - self._at < size and self._more():
            pass
        return self._take(size)

    def skip(self, size: int) -> int:
        """Pass over so many bytes without holding them; return how many there were."""
        left = size
        while left > 0:
            part = len(self.exactly(min(left, _STEP)))
            if not part:
                break
            left -= part
        return size - left

    def _take(self, size: int) -> bytes:
        taken = bytes(self._held[self._at : self._at + size])
        self._at += len(taken)
        return taken

    def _more(self) -> bool:
        if self._ended:
            return False
        if self._at:
            del self._held[: self._at]
            self._at = 0
        block = self._stream.read(_STEP)
        self._held += block
        self._seen += len(block)
        self._ended = not block
        if self._seen > self._most:
            raise Cut(f"the file unpacks to more than {_RATIO} times its size; the rest of it is lost")
        return not self._ended
