"""A BigQuery emulator: bqemulator, over DuckDB, in an environment of its own. It is not BigQuery.

It runs SQL, load jobs of Parquet, and scripts with transactions. It can't show: conflicts between two transactions (it
runs one at a time), that a job's id is taken (it runs the job again), query parameters in scripts, RAISE, streaming
buffers, `referenced_tables`, and any limit of size.
"""

from __future__ import annotations

import uuid
import warnings
from pathlib import Path

from tests import servers

PROJECT = "test-project"
PACKAGES = ["bqemulator==1.4.0", "duckdb==1.5.5", "duckdb-extension-spatial==1.5.5", "numpy"]


def start() -> servers.Server:
    """Start it."""
    return servers.once("bigquery", _launch)


def _launch(folder: Path) -> servers.Server:
    python = servers.environment("bigquery", PACKAGES)
    rest, grpc = servers.free_port(), servers.free_port()
    program = Path(__file__).with_name("_bigquery_server.py")
    with warnings.catch_warnings():
        # The guard outlives the object that started it, on purpose.
        warnings.simplefilter("ignore", ResourceWarning)
        servers.spawn([python, program, str(rest), str(grpc)], folder, ready=lambda: servers.answers(rest))
    return servers.Server("bigquery", rest, folder, facts={"endpoint": f"http://127.0.0.1:{rest}"})


def client(server: servers.Server):
    """Return a client, for a test's own looks; to be closed."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    options = ClientOptions(api_endpoint=server.facts["endpoint"])
    return bigquery.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)


def new_dataset(server: servers.Server) -> str:
    """Make a data set that no other test uses, and return its name."""
    name = f"d_{uuid.uuid4().hex[:12]}"
    made = client(server)
    made.create_dataset(name, timeout=30)
    made.close()
    return name
