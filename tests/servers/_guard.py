"""Run a server until the test run that wants it is gone: `_guard.py OWNER USER PROGRAM ARGUMENTS…`."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import time


def main() -> int:
    """Start the program; stop it when the owner's process ends or this one is asked to."""
    owner, user, *argv = sys.argv[1:]
    as_user = {} if user == "-" else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
    server = subprocess.Popen(argv, **as_user)  # type: ignore[call-overload]
    asked = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    while server.poll() is None and not asked and _alive(int(owner)):
        time.sleep(0.2)
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(8)
        except subprocess.TimeoutExpired:
            server.kill()
    return server.wait()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    raise SystemExit(main())
