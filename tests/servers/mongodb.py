"""Servers that speak MongoDB's wire protocol. Neither is MongoDB: it is in no package registry, and not in Debian.

`start()` is nx-27017, over SQLite in memory: quick, but it knows no Decimal128 and no regular expression, keeps no
subtype of binary, does not isolate a transaction from other clients, and no `renameCollection` takes effect.

`start_typed()` is mongoeco, in an environment of Python 3.13: it has every type of BSON, isolated transactions and
passwords, but takes 10 ms and more to insert a document; it takes no `renameCollection` as clients send it either.

So these show that our calls are right and that our order of writes leaves the right documents whatever is killed; what
a real replica set does under failover they can't show.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import servers

TYPED = ["mongoeco==4.11.0", "pymongo==4.20.0"]
USER, PASSWORD = "tilth-user", "correct-horse-battery"
_SERVE = """
import asyncio, sys
from mongoeco.wire.proxy import AsyncMongoEcoProxyServer
from mongoeco.wire.auth import WireAuthUser

async def main():
    users = (WireAuthUser(username=sys.argv[2], password=sys.argv[3]),) if len(sys.argv) > 2 else ()
    server = AsyncMongoEcoProxyServer(port=int(sys.argv[1]), auth_users=users)
    await server.start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


def start() -> servers.Server:
    """Start nx-27017."""
    return servers.once("mongodb", _launch)


def start_typed() -> servers.Server:
    """Start mongoeco; skips where there is no Python 3.13."""
    return servers.once("mongodb-typed", _launch_typed)


def start_locked() -> servers.Server:
    """Start mongoeco with a password (`USER`, `PASSWORD`)."""
    return servers.once("mongodb-locked", lambda folder: _launch_typed(folder, USER, PASSWORD))


def url(server: servers.Server) -> str:
    """Return the address that clients take."""
    return f"mongodb://{server.address}/"


def new_database() -> str:
    """Return a name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    program = Path(sys.executable).with_name("nx-27017")
    argv = [program, "--db", "memory", "--host", "127.0.0.1", "-p", str(port)]
    _spawn(argv, folder, port)
    return servers.Server("mongodb", port, folder)


def _launch_typed(folder: Path, *user: str) -> servers.Server:
    port = servers.free_port()
    _spawn([_python(), "-c", _SERVE, str(port), *user], folder, port)
    return servers.Server("mongodb-typed", port, folder)


def _spawn(argv: Sequence[str | Path], folder: Path, port: int) -> None:
    with warnings.catch_warnings():
        # The guard outlives the object that started it, on purpose.
        warnings.simplefilter("ignore", ResourceWarning)
        servers.spawn(argv, folder, ready=lambda: servers.answers(port))


def _python() -> Path:
    """Return an environment's Python that has mongoeco, which wants a newer Python than ours."""
    home = servers.ENVIRONMENTS / "mongoeco"
    servers.ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    python, ready = home / "bin" / "python", home / "ready"
    with servers.locked(servers.ENVIRONMENTS / "mongoeco.lock"):
        if not ready.is_file() or ready.read_text() != "\n".join(TYPED):
            newer = next((found for found in _pythons() if _is_new(found)), None)
            if newer is None:
                pytest.skip("NOT TESTED: mongoeco needs Python 3.13, which is not here")
            subprocess.run([newer, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
            install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *TYPED]
            done = subprocess.run(install, capture_output=True, text=True, check=False)
            if done.returncode:
                pytest.skip(f"NOT TESTED: {' '.join(TYPED)} cannot be installed: {done.stderr.strip()[-300:]}")
            ready.write_text("\n".join(TYPED))
    return python


def _pythons() -> list[str]:
    managed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    return [
        *filter(None, [shutil.which("python3.13"), shutil.which("python3.14")]),
        *map(str, sorted(managed.glob("3.1[3-9]*/bin/python"))),
    ]


def _is_new(python: str) -> bool:
    tried = [python, "-c", "import sys; sys.exit(sys.version_info < (3, 13))"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0
