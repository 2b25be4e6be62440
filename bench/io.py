"""Measure bulk input: whole tables from MariaDB and PostgreSQL into Parquet, many small objects from S3.

    python bench/io.py                    about 15 minutes; installs the peers in environments of their own first
    python bench/io.py --rows 500000      smaller

Databases. A table of bigint, timestamp, short and longer text, float, int and decimal, on a private server of this
machine. All contenders write the same Parquet (zstd, the same row groups): `sql` with its defaults, ConnectorX (stream,
and table in 1, 2 and 4 partitions), for PostgreSQL ADBC, and SQLAlchemy row by row on fewer rows, scaled. Turn by turn,
the best of each counts.

Objects. 20,000 objects of 4 KiB, listed and read through `tilth.bytes.store` and through s3fs (`find`, then `cat` of
all paths), from a small server made for this. Where that server is not three times faster than what is measured, the
client's processor time for an object is compared in place of wall time.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from _io_s3 import measure as objects  # noqa: E402
from _io_sql import PEERS  # noqa: E402
from _io_sql import measure as tables  # noqa: E402
from extract import processor  # noqa: E402
from tests import servers  # noqa: E402

RESULTS = HERE / "results" / "io.json"


def main() -> int:
    """Measure, write the figures, print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--objects", type=int, default=20_000)
    asked = parser.parse_args()
    small = objects(asked.objects)
    print(f"  objects: {json.dumps(small)}", flush=True)
    try:
        sql = tables(asked.rows)
    finally:
        servers.stop_all(servers.run_folder())
    by = "by_wall_time" if small["server_is_three_times_faster"] else "by_processor_time"
    line = {name: sql[name] for name in ("mysql_vs_best", "postgres_vs_best", "mysql_vs_sqlalchemy")}
    line["s3_small_vs_s3fs"] = small[by]
    said = {
        "what": f"{asked.rows:,} rows from MariaDB and PostgreSQL into Parquet; {asked.objects:,} objects of 4 KiB.",
        "keys": line
        | {name: sql[name] for name in ("mysql_rows_a_second", "postgres_rows_a_second")}
        | {"s3_objects_a_second": round(small["tilth"]["objects_per_second"])},
        "machine": f"{processor()}, 2 cores, shared with the servers",
        "date": datetime.date.today().isoformat(),
        "notes": [
            f"s3_small_vs_s3fs compares {small['compared_by']}: wall time is {small['by_wall_time']} times less than "
            f"that of s3fs {small['s3fs_version']}, the client's time for an object {small['by_processor_time']} "
            f"times; the server gave {small['server_objects_per_second']:,} objects a second to a raw client.",
            "SQLAlchemy reads fewer rows, row by row; its time is scaled.",
            "s3fs takes longer for an object the more there are: at 5,000 it takes about 10 times as long, not more.",
        ],
        "objects": small,
        "tables": sql,
        "peers": PEERS,
        "versions": {name: importlib.metadata.version(name) for name in ("tilth", "pyarrow", "obstore")},
    }
    RESULTS.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print("io: " + " ".join(f"{name}={value}" for name, value in line.items()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
