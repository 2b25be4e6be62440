"""Google Cloud Storage, imitated by a test server of this project's own (`_gcs_server.py`): preconditions are checked.

No server of others that can be installed here checks them (seen: `gcp-storage-emulator` takes a put at generation 0
over an object that is there).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests import servers


def start() -> servers.Server:
    """Start it; buckets are made by who needs them (`make_bucket`)."""
    return servers.once("gcs", _launch)


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    program = Path(__file__).with_name("_gcs_server.py")
    servers.spawn([sys.executable, program, str(port)], folder, ready=lambda: servers.answers(port))
    return servers.Server("gcs", port, folder, facts={"endpoint": f"http://127.0.0.1:{port}"})


def environment(server: servers.Server) -> dict[str, str]:
    """Return the environment variables by which obstore, delta-rs and Google's client find it."""
    endpoint = str(server.facts["endpoint"])
    return {
        "GOOGLE_SERVICE_ACCOUNT_KEY": account(endpoint),
        "GOOGLE_ALLOW_HTTP": "true",
        "STORAGE_EMULATOR_HOST": endpoint,
    }


def account(endpoint: str) -> str:
    """Return the text of a service account's key that leads to an endpoint and signs nothing."""
    names = ("client_email", "private_key", "private_key_id")
    return json.dumps({"gcs_base_url": endpoint, "disable_oauth": True, **dict.fromkeys(names, "")})


def client(server: servers.Server) -> Any:
    """Return Google's own client, for a test's own looks."""
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import storage

    options = {"api_endpoint": server.facts["endpoint"]}
    return storage.Client(project="test", credentials=AnonymousCredentials(), client_options=options)


def make_bucket(server: servers.Server, name: str) -> str:
    """Make a bucket and return its name."""
    google = client(server)
    google.create_bucket(name)
    google.close()
    return name
