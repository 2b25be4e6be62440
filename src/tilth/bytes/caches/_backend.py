"""Name what holds a cache's bytes: it knows nothing of checks, time limits or what the bytes mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class Gone(Exception):
    """The connection is over, as after a restart or a long rest; a new one may do."""


class Backend(Protocol):
    """Bytes by key, in some process or file; used by one thread at a time. Any call may raise anything."""

    most_bytes: int
    """The longest value it takes."""

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes | None]:
        """Return the values that are there; None for one that is no value of a cache (too long, of another kind)."""
        ...

    def put_many(self, values: Mapping[str, bytes], seconds: float | None) -> int:
        """Keep values, for so many seconds at most; return how many were refused (too long, no room)."""
        ...

    def delete_many(self, keys: Sequence[str]) -> None:
        """Forget values; that there is none is no error."""
        ...

    def clear(self, prefix: str) -> bool:
        """Forget every value whose key begins so; False where the cache cannot list its keys."""
        ...

    def cut(self) -> None:
        """End the call that another thread is in, at once: nobody waits for it any more. May be called at any time."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...
