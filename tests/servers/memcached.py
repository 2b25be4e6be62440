"""A memcached server: the real one, 64 MB, with its default limit of 1 MiB an item."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tests import servers


def start() -> servers.Server:
    """Start one for all tests."""
    return servers.once("memcached", launch)


def launch(folder: Path, *, port: int = 0, options: Sequence[str] = ("-m", "64")) -> servers.Server:
    """Start one in a folder, for a test that stops it or gives it other options; its guard's id is a fact."""
    program = servers.debian("memcached", "memcached")
    port = port or servers.free_port()
    owner = ["-u", "root"] if os.getuid() == 0 else []
    argv = [program, *owner, "-l", "127.0.0.1", "-p", str(port), "-U", "0", *options]
    guard = servers.spawn(argv, folder, ready=lambda: servers.answers(port))
    return servers.Server("memcached", port, folder, facts={"url": f"memcached://127.0.0.1:{port}", "guard": guard})
