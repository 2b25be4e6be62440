"""PostgreSQL 15 in the place of Redshift, behind a shim (`_redshift_shim.py`), with moto as its S3. It is not Redshift.

The wire protocol, transactions, locks and most of the SQL are PostgreSQL's own; COPY and UNLOAD are imitated. It can't
show: Redshift's serializable isolation (1023), the widths of VARCHAR in bytes, SUPER, what IAM allows, and how Redshift
writes Parquet.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

from tests import servers
from tests.servers import postgres, s3

ROLE = "arn:aws:iam::123456789012:role/test"
REFUSED_ROLE = "arn:aws:iam::123456789012:role/refused"


def start() -> servers.Server:
    """Start it; databases are made by who needs them (`database`)."""
    return servers.once("redshift", _launch)


def database(server: servers.Server) -> str:
    """Make a database and return its URL, with the password."""
    real = postgres.database(postgres.start())
    name = real.rpartition("/")[2]
    return f"redshift://{postgres.USER}:{postgres.PASSWORD}@{server.address}/{name}"


def _launch(folder: Path) -> servers.Server:
    port = servers.free_port()
    with warnings.catch_warnings():
        # The guard outlives the object that started it, on purpose.
        warnings.simplefilter("ignore", ResourceWarning)
        real, bucket = postgres.start(), s3.start()
        program = Path(__file__).with_name("_redshift_shim.py")
        argv = [sys.executable, program, str(port), str(real.port), postgres.USER, postgres.PASSWORD]
        servers.spawn([*argv, bucket.facts["endpoint"]], folder, ready=lambda: servers.answers(port))
    return servers.Server("redshift", port, folder)
