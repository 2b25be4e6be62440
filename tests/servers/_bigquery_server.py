"""Run bqemulator in its own environment: python _bigquery_server.py REST_PORT GRPC_PORT.

As shipped it downloads DuckDB's `spatial` extension when it starts; here that comes from a Python package.
"""

import sys
from pathlib import Path

import duckdb_extension_spatial
from bqemulator.cli import main
from bqemulator.storage.engine import DuckDBEngine

SPATIAL = next(Path(duckdb_extension_spatial.__file__).parent.rglob("spatial.duckdb_extension"))


def load_spatial(engine):
    engine._connection.execute(f"LOAD '{SPATIAL}'")


DuckDBEngine._load_spatial = load_spatial
sys.argv[1:] = ["start", "--rest-port", sys.argv[1], "--grpc-port", sys.argv[2], "--log-level", "error"]
main()
