"""Keep two runs apart on one project: a lease that dies with its holder, `kill -9` included. Readers need none.

On one machine the kernel keeps it: a lock (`flock`) on `.tilth/lease.lock` goes when its process does. For machines
that share the folder and not the lock, `.tilth/lease.json` says who holds it and when they last were alive: a lease
whose heartbeat stopped for `STALE` seconds is taken over. Between machines it therefore relies on clocks that agree
within that time; were two runs to hold it in spite of that, commits stay compare-and-swap, so one of them is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tilth.core.errors import LeaseHeld

HEARTBEAT = 10.0
"""Seconds between two signs of life."""
STALE = 60.0
"""Seconds without a sign of life after which another machine may take the lease over."""
LETTING_GO = 5.0
"""Seconds to wait for a lock whose holder is dead: a process that it forked may not have run yet."""
SETTLE = 0.5
"""Seconds to wait, when taking over from another machine, for a third that does the same."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lease."""

    owner: str
    """What for: a run's id, or the command."""
    pid: int
    host: str
    machine: str
    """The running kernel, which containers on one machine share; the host's name where that is not known."""
    since: float
    """Seconds since 1970, as for `beat`."""
    beat: float
    token: str
    """Another for each lease ever taken."""


class Lease:
    """A lease that this process holds."""

    def __init__(self, root: str, folder: Path, holder: Holder, heartbeat: float) -> None:
        self.root = root
        self.holder = holder
        self._folder = folder
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="tilth-lease", daemon=True)
        self._beats.start()

    def check(self) -> None:
        """Raise `LeaseHeld` when the lease is over, or another machine took it for dead."""
        now = _read(self._folder)
        if self._ended.is_set() or now is None or now.token != self.holder.token:
            raise LeaseHeld(
                "the lease is lost" if now is None else f"the lease went to {_who(now)}",
                where=self.root,
                wanted=f"a sign of life at least every {STALE:.0f} s",
                do="Run again: what is committed is whole",
            )

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat):
            # A full disk must not end the run here: the next beat may get through, and `check` tells the rest.
            with contextlib.suppress(OSError):
                now = _read(self._folder)
                if now is None or now.token != self.holder.token:
                    return
                _write(self._folder, self.holder)

    def _end(self) -> None:
        self._ended.set()
        self._beats.join()
        now = _read(self._folder)
        if now is not None and now.token == self.holder.token:
            (self._folder / "lease.json").unlink(missing_ok=True)


@contextlib.contextmanager
def lease(root: str | Path, *, owner: str, heartbeat: float = HEARTBEAT) -> Iterator[Lease]:
    """Hold the lease of the project in `root` for the time of a `with`; `owner` says what for.

    Raises `LeaseHeld`, which names the process, machine and time, when another holds it. A holder that died leaves
    nothing to clean up.

    >>> import tempfile
    >>> with lease(tempfile.mkdtemp(), owner="run 20260101-120000-0000") as held:
    ...     held.check()
    """
    folder = Path(root) / ".tilth"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(str(root), folder):
        held = Lease(str(root), folder, _take(str(root), folder, owner), heartbeat)
        try:
            yield held
        finally:
            # A forked worker that unwinds this far must not end its parent's lease.
            if os.getpid() == held.holder.pid:
                held._end()


@contextlib.contextmanager
def _locked(root: str, folder: Path) -> Iterator[None]:
    handle = os.open(folder / "lease.lock", os.O_RDWR | os.O_CREAT, 0o644)
    _handles.add(handle)
    try:
        # The holder's line may be a moment late; and a worker that a killed run forked lets go when it first runs.
        until = time.monotonic() + LETTING_GO
        while not _lock(handle):
            holder = _holder_of_lock(folder)
            if holder is not None or time.monotonic() > until:
                raise _held(root, holder)
        yield
    finally:
        if handle in _handles:
            _handles.remove(handle)
            os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_handles: set[int] = set()


def _let_go() -> None:
    # A forked worker shares its parent's lock; unless it lets go, the lease would outlive a parent that was killed.
    while _handles:
        os.close(_handles.pop())


os.register_at_fork(after_in_child=_let_go)


def _take(root: str, folder: Path, owner: str) -> Holder:
    """Write down that this process holds the lease; the lock is held already."""
    before = _read(folder)
    elsewhere = before is not None and before.machine != _machine()
    if before is not None and elsewhere and time.time() - before.beat < STALE:
        raise _held(root, before)
    now = time.time()
    holder = Holder(
        owner=owner,
        pid=os.getpid(),
        host=socket.gethostname(),
        machine=_machine(),
        since=now,
        beat=now,
        token=secrets.token_hex(16),
    )
    _write(folder, holder)
    if elsewhere:
        time.sleep(SETTLE)
        last = _read(folder)
        if last is None or last.token != holder.token:
            raise _held(root, last)
    return holder


def _holder_of_lock(folder: Path) -> Holder | None:
    """Return who holds the lock; its line may be a moment late, and a dead holder's may lie there until then."""
    for _ in range(10):
        holder = _read(folder)
        if holder is not None and holder.machine == _machine() and _alive(holder.pid):
            return holder
        time.sleep(0.02)
    return None


def _held(root: str, holder: Holder | None) -> LeaseHeld:
    if holder is None:
        return LeaseHeld("another run is at work on this project", where=root, do="Wait for it, or stop it")
    here = holder.machine == _machine() and holder.host == socket.gethostname()
    return LeaseHeld(
        f"held by {_who(holder)}",
        where=root,
        wanted="one run at a time",
        do=f"Wait for it, or stop it: kill {holder.pid}"
        if here
        else f"Wait for it; if it is dead, the lease is free {STALE:.0f} s after its last sign of life",
    )


def _who(holder: Holder) -> str:
    since = datetime.fromtimestamp(holder.since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{holder.owner} (process {holder.pid} on {holder.host}, since {since})"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _machine() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


def _read(folder: Path) -> Holder | None:
    try:
        return Holder(**json.loads((folder / "lease.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(folder: Path, holder: Holder) -> None:
    unfinished = folder / f".tmp-lease-{holder.token}"
    unfinished.write_text(json.dumps({**asdict(holder), "beat": time.time()}), encoding="utf-8")
    unfinished.replace(folder / "lease.json")
