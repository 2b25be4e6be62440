"""Say what one service takes on."""

from __future__ import annotations

from dataclasses import dataclass, fields

from tilth.core.errors import TilthError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one service takes on; every limit is above 0.

    >>> Limits(max_rows=16).max_rows
    16
    """

    max_body: int = 1 << 20
    """The longest body of a request, in bytes (413)."""
    max_rows: int = 256
    """The most rows in a request (422)."""
    workers: int = 2
    """How many requests are worked on at a time, each in a thread; the model itself answers one at a time."""
    waiting: int = 32
    """How many requests may wait for a worker; the next is told to come back (503)."""
    deadline: float = 30.0
    """Seconds a request may wait and be worked on before it is given up (504)."""
    body_deadline: float = 10.0
    """Seconds in which a request's body must arrive (408)."""
    grace: int = 30
    """Seconds that requests have to end when the service is asked to stop."""
    connections: int = 1024
    """The most open connections; the next is told to come back (503)."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not value > 0:
                raise TilthError(f"{field.name} is {value}", where="limits", wanted="a number above 0")
