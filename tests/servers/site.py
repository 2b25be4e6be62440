"""A web server of many made-up hosts, for the crawler: it imitates the web and its misbehaviour (`_site_server.py`)."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests import servers
from tilth.bytes.guard import Guard
from tilth.connectors.crawl import Crawl

SERVER = Path(__file__).with_name("_site_server.py")


def start() -> servers.Server:
    """Start it."""
    return servers.once("site", _launch)


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    servers.spawn([sys.executable, SERVER, str(port)], folder, ready=lambda: servers.answers(port))
    return servers.Server("site", port, folder)


def ask(server: servers.Server, path: str, **query: str) -> bytes:
    """Ask the server itself."""
    with urllib.request.urlopen(f"http://{server.address}{path}?{urlencode(query)}", timeout=30) as answer:
        return bytes(answer.read())


def log(server: servers.Server, host: str) -> list[str]:
    """Return the paths that were asked of a host, in order."""
    return [each[0] for each in seen(server, host)["log"]]


def seen(server: servers.Server, host: str) -> dict[str, Any]:
    """Return what was asked of a host: path, time, User-Agent, If-None-Match; and the most requests at a time."""
    found: dict[str, Any] = json.loads(ask(server, "/__log", host=host))
    return found


def put(server: servers.Server, host: str, path: str, body: str, **told: Any) -> None:
    """Let a host answer for a path; headers with _ for -."""
    ask(server, "/__set", host=host, key=path, value=json.dumps({"body": body, **told}))


def set_(server: servers.Server, host: str, key: str, value: str) -> None:
    """Set `robots` or `robots_status` of a host."""
    ask(server, "/__set", host=host, key=key, value=value)


def loopback(host: str, port: int) -> Sequence[str]:
    """Answer for every name below .test with this machine."""
    return ["127.0.0.1"] if host.endswith(".test") else []


@dataclass(frozen=True, kw_only=True)
class TestCrawl(Crawl):
    """A crawl whose names lead to this machine."""

    __test__ = False
    delay: float = 0.0
    sitemaps: bool | tuple[str, ...] = False

    def guard(self) -> Guard:
        return Guard(allow_private=("127.0.0.1",), resolve=loopback)
