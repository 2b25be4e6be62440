"""Measure reading MariaDB and PostgreSQL into Parquet, against ConnectorX, ADBC and SQLAlchemy row by row.

One table on each server: a bigint key, a timestamp, a short text, a text of about 80 characters (a null in 50), a
double, an int, a decimal(10,2). Each contender reads all of it with a process of its own (after one that warms the
server's caches) and writes one Parquet file, Snappy, row groups of 262,144 rows at most; its clock starts when it has
read one row (so that its code is loaded) and ends when the file is closed. Ours counts planning, too. ConnectorX is
measured with its stream of Arrow batches and as a whole table, with 1, 2 and 4 partitions of the key; ADBC with its
stream. The best of each contender's three rounds counts. SQLAlchemy reads fewer rows, through `yield_per` and
`pyarrow.RecordBatch.from_pylist`, and is scaled. Server and reader share this machine's cores.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
PEERS = ["connectorx==0.4.6", "adbc-driver-postgresql==1.13.0", "adbc-driver-manager==1.13.0", "pyarrow==26.0.1",
         "pandas<3", "SQLAlchemy==2.0.48", "PyMySQL==1.2.4"]  # fmt: skip
SMALL = 200_000
ROUNDS = 3
COLUMNS = "id, updated_at, code, note, score, quantity, price"


def measure(rows: int = 5_000_000) -> dict[str, Any]:
    """Fill both servers, let every contender read them, return seconds and ratios."""
    sys.path.insert(0, str(HERE.parents[1]))
    from bench import _peers
    from tests.servers import mariadb, postgres

    from tilth.connectors._sql.address import connect

    peers = str(_peers.python_of("sql", PEERS))
    urls = {"mysql": mariadb.database(mariadb.start()), "postgres": postgres.database(postgres.start())}
    found: dict[str, Any] = {"rows": rows, "seconds": {}}
    for system, url in urls.items():
        os.environ["BENCH_URL"] = url
        with connect("env:BENCH_URL", "bench", write=True) as session:
            for statement in _fill(system, rows):
                session.execute(statement)
        contenders = [("tilth", sys.executable, "0")]
        contenders += [(f"connectorx_{kind}_{parts}", peers, str(parts))
                       for kind, parts in (("stream", 1), ("table", 1), ("table", 2), ("table", 4))]  # fmt: skip
        contenders += [("adbc", peers, "0")] if system == "postgres" else []
        seconds: dict[str, list[float]] = {}
        for turn in range(ROUNDS + 1):
            for name, python, parts in contenders if turn else contenders[:1]:
                took = _run(python, name, system, parts)
                if turn:
                    seconds.setdefault(name, []).append(took)
        best = {name: min(each) for name, each in seconds.items() if None not in each}
        found["seconds"][system] = dict(seconds)
        others = min(value for name, value in best.items() if name != "tilth")
        found[f"{system}_vs_best"] = round(others / best["tilth"], 2)
        found[f"{system}_rows_a_second"] = round(rows / best["tilth"])
        if system == "mysql":
            slow = _run(peers, "sqlalchemy", system, "0")
            found["seconds"][system]["sqlalchemy"] = [slow * rows / SMALL]
            found["mysql_vs_sqlalchemy"] = round(slow * rows / SMALL / best["tilth"], 1)
    return found


def _run(python: str, name: str, system: str, parts: str) -> float | None:
    done = subprocess.run([python, str(HERE), name, system, parts], capture_output=True, text=True, cwd=HERE.parents[1])
    if done.returncode:
        print(f"bench: {name} on {system}: {done.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def _fill(system: str, rows: int) -> list[str]:
    kinds = "score {double}, quantity int, price {decimal}(10,2))"
    if system == "mysql":
        return [
            "CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, updated_at timestamp(6) NOT NULL, code varchar(16),"
            " note varchar(255), " + kinds.format(double="double", decimal="decimal"),
            "INSERT INTO orders SELECT seq * 3, '2024-01-01' + INTERVAL seq SECOND, CONCAT('C', LPAD(seq % 100000, 6,"
            " '0')), IF(seq % 50 = 0, NULL, CONCAT(MD5(seq), ' ', MD5(seq + 1), ' note ', seq)), RAND(seq), seq % 1000,"
            f" (seq % 1000000) / 100 FROM seq_1_to_{rows}",
            "ANALYZE TABLE orders",
        ]
    return [
        "CREATE TABLE orders (id bigint NOT NULL PRIMARY KEY, updated_at timestamptz NOT NULL, code varchar(16), "
        "note varchar(255), " + kinds.format(double="double precision", decimal="numeric"),
        "INSERT INTO orders SELECT s * 3, timestamptz '2024-01-01' + s * interval '1 second', 'C' || lpad((s % 100000)"
        "::text, 6, '0'), CASE WHEN s % 50 = 0 THEN NULL ELSE md5(s::text) || ' ' || md5((s + 1)::text) || ' note '"
        f" || s END, random(), s % 1000, (s % 1000000) / 100.0 FROM generate_series(1, {rows}) s",
        "VACUUM ANALYZE orders",
    ]


def _contend(name: str, system: str, parts: int, out: str) -> float:
    """Read all rows and write them; return the seconds. Runs in the contender's own environment."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    url, sql = os.environ["BENCH_URL"], f"SELECT {COLUMNS} FROM orders"
    if name == "tilth":
        from tilth.connectors.sql import Sql

        source = Sql(url="env:BENCH_URL", table="orders")
        first = Sql(url="env:BENCH_URL", query=f"{sql} WHERE id = 3", name="first", key="id")
        _ = [record for shard in first.plan(None)[0] for record in first.read(shard)]
        begin = time.perf_counter()
        shards, _ = source.plan(None)
        _write((record.batch for shard in shards for record in source.read(shard) if record.batch.num_rows), out)
        return time.perf_counter() - begin
    if name == "sqlalchemy":
        import sqlalchemy

        engine = sqlalchemy.create_engine(url.replace("mysql://", "mysql+pymysql://"))
        begin = time.perf_counter()
        with engine.connect() as connection:
            result = connection.execution_options(yield_per=10_000).execute(sqlalchemy.text(f"{sql} LIMIT {SMALL}"))
            parts_ = (pa.RecordBatch.from_pylist([dict(row._mapping) for row in part]) for part in result.partitions())
            _write(parts_, out)
        return time.perf_counter() - begin
    if name == "adbc":
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(f"{sql} WHERE id = 3")
            cursor.fetch_arrow_table()
        begin = time.perf_counter()
        with dbapi.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            _write(cursor.fetch_record_batch(), out)
        return time.perf_counter() - begin
    import connectorx

    connectorx.read_sql(url, f"{sql} WHERE id = 3", return_type="arrow")
    begin = time.perf_counter()
    more = {"partition_on": "id", "partition_num": parts} if parts > 1 else {}
    if "stream" in name:
        _write(connectorx.read_sql(url, sql, return_type="arrow_stream", batch_size=65_536, **more), out)
    else:
        pq.write_table(connectorx.read_sql(url, sql, return_type="arrow", **more), out, row_group_size=262_144)
    return time.perf_counter() - begin


def _write(batches: Any, out: str) -> None:
    """Write batches, about 262,144 rows a row group."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer, held, rows = None, [], 0
    for batch in batches:
        writer = writer or pq.ParquetWriter(out, batch.schema, compression="snappy")
        held.append(batch)
        rows += batch.num_rows
        if rows >= 200_000:
            writer.write_table(pa.Table.from_batches(held))
            held, rows = [], 0
    if held:
        writer.write_table(pa.Table.from_batches(held))
    writer.close()


def main() -> None:
    """Be a contender, or measure and print."""
    if len(sys.argv) == 4:
        with tempfile.TemporaryDirectory() as folder:
            seconds = _contend(sys.argv[1], sys.argv[2], int(sys.argv[3]), f"{folder}/out.parquet")
        print(json.dumps({"seconds": seconds}))
        return
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=1))


if __name__ == "__main__":
    main()
