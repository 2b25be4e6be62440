"""An S3 server: moto, in memory, with conditional puts (`If-None-Match`, `If-Match`)."""

from __future__ import annotations

import sys
from pathlib import Path

from tests import servers

KEY, SECRET = "test-key-id", "test-secret-key"


def start() -> servers.Server:
    """Start it; buckets are made by who needs them (`make_bucket`)."""
    return servers.once("s3", _launch)


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    argv = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    servers.spawn(argv, folder, ready=lambda: servers.answers(port))
    return servers.Server("s3", port, folder, facts={"endpoint": f"http://127.0.0.1:{port}"})


def environment(server: servers.Server) -> dict[str, str]:
    """Return the environment variables by which clients find it, the standard AWS ones."""
    return {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": str(server.facts["endpoint"]),
        "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(server: servers.Server):
    """Return a boto3 client, for a test's own looks."""
    import boto3

    return boto3.client(
        "s3", endpoint_url=server.facts["endpoint"], aws_access_key_id=KEY, aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )  # fmt: skip


def make_bucket(server: servers.Server, name: str) -> str:
    """Make a bucket (names need 3 characters or more) and return its name."""
    client(server).create_bucket(Bucket=name)
    return name
