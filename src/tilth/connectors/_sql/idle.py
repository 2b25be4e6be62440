"""Keep a reading session for the next shard: to connect takes PostgreSQL longer than a small shard."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Iterator

from tilth.connectors._sql import address
from tilth.connectors._sql.dialect import Address, Session
from tilth.core.errors import TilthError

IDLE_SECONDS = 30.0
_lock = threading.Lock()
_idle: dict[tuple[int, Address], tuple[Session, float]] = {}
"""By process and address, one session at most, and since when it is idle."""


@contextlib.contextmanager
def reading(url: str, where: str) -> Iterator[Session]:
    """Lend a reading session; one that served without an error is kept a while for the next caller."""
    place = address.address_of(url, where)
    dialect = address.dialect(place.scheme)
    if dialect.stages == "files":
        # A file that is open may be locked for others.
        with contextlib.closing(dialect.connect(place)) as session:
            yield session
        return
    session = _taken(place) or dialect.connect(place)
    try:
        yield session
    except BaseException:
        _close(session)
        raise
    with _lock:
        before = _idle.pop((os.getpid(), place), None)
        _idle[os.getpid(), place] = (session, time.monotonic())
    if before is not None:
        _close(before[0])


def close_all() -> None:
    """Close the sessions that are kept."""
    with _lock:
        held = [session for (process, _), (session, _) in _idle.items() if process == os.getpid()]
        _idle.clear()
    for session in held:
        _close(session)


def _taken(place: Address) -> Session | None:
    """Return the session that is kept for an address, if it is fresh; close those that have been idle for long."""
    now = time.monotonic()
    with _lock:
        # A forked process must not use its parent's connections, nor say goodbye on them.
        old = [key for key, (_, since) in _idle.items() if key[0] == os.getpid() and now - since > IDLE_SECONDS]
        stale = [_idle.pop(key)[0] for key in old]
        found = _idle.pop((os.getpid(), place), None)
    for session in stale:
        _close(session)
    return found[0] if found else None


def _close(session: Session) -> None:
    with contextlib.suppress(TilthError, OSError, RuntimeError):
        session.close()


atexit.register(close_all)
