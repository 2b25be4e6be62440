"""Read ahead: a thread draws the next records from the database while the caller works on the last."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator

from tilth.core.connector import Record

BYTES = 64 << 20
"""So much waits at most (and one record more): memory stays constant."""


def ahead(drawn: Iterator[Record], interrupt: Callable[[], None]) -> Iterator[Record]:
    """Yield the records of an iterator, drawn by another thread; its error is raised here.

    `interrupt` wakes the iterator where it waits for the outer system: it is called when nobody wants the rest.
    """
    held: deque[Record] = deque()
    state = threading.Condition()
    ended = unwanted = False
    size = 0
    error: BaseException | None = None

    def roomy() -> bool:
        return size < BYTES or unwanted

    def draw() -> None:
        nonlocal ended, error, size
        try:
            for record in drawn:
                with state:
                    held.append(record)
                    size += record.batch.nbytes
                    state.notify_all()
                    state.wait_for(roomy)
                    if unwanted:
                        return
        except BaseException as caught:  # noqa: BLE001 (raised again by the caller's thread)
            error = caught
        finally:
            with state:
                ended = True
                state.notify_all()

    thread = threading.Thread(target=draw, name="tilth-sql-ahead", daemon=True)
    thread.start()
    try:
        while True:
            with state:
                state.wait_for(lambda: held or ended)
                if not held:
                    break
                record = held.popleft()
                size -= record.batch.nbytes
                state.notify_all()
            yield record
    finally:
        with state:
            unwanted = True
            state.notify_all()
            waiting = not ended
        if waiting:
            interrupt()
        thread.join()
    if error is not None:
        raise error
