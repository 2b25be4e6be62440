"""A hub that imitates the Hugging Face Hub's API as `huggingface_hub` uses it: commits, file trees, downloads.

It is our own small server (`_hub_server.py`), not the hub; a test holds it against `huggingface_hub` itself.
"""

from __future__ import annotations

import http.client
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from tests import servers

PROGRAM = Path(__file__).with_name("_hub_server.py")


def start() -> servers.Server:
    """Start it; data sets are made by who needs them (`publish`)."""
    return servers.once("hub", _launch)


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    servers.spawn([sys.executable, PROGRAM, str(port)], folder, ready=lambda: servers.answers(port))
    return servers.Server("hub", port, folder, facts={"endpoint": f"http://127.0.0.1:{port}"})


def publish(files: dict[str, bytes], *, name: str | None = None, **rules: Any) -> str:
    """Commit files as a data set's new main; return its name. Rules: `token`, `corrupt` (a path), `cut` (bytes)."""
    name = name or f"owner/set-{uuid.uuid4().hex[:10]}"
    value = {"files": {path: raw.decode("latin-1") for path, raw in files.items()}, **rules}
    _ask("POST", f"/_publish/{name}", value)
    return name


def log(name: str) -> list[str]:
    """Return what was asked of a data set."""
    return _ask("GET", f"/_log/{name}")


def _ask(method: str, path: str, value: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", start().port, timeout=30)
    try:
        connection.request(method, path, json.dumps(value) if value is not None else None)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()
