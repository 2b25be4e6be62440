"""Compare reading many small objects from S3: Tilth's store and s3fs, from one server, each in a process of its own.

    python bench/_io_s3.py [COUNT]

Both list a prefix of COUNT objects (20,000 by default) of 4 KiB and read them all: `open_store(url).list` and
`.read_many`, against `S3FileSystem.find` and `.cat` (its bulk read, with its own batch size or the one of 32, 64 and
256 that a trial of 400 objects finds fastest). Both sign their requests, check nothing else, and count what came, by
an exclusive or of the objects' checksums. The server is `_io_s3_server.py`. A raw client that only sends and counts
says what the server could give: where that is less than three times what was measured, wall time says as much of the
server as of the client, and processor time an object (user and system, of the client's process alone) is what to
compare.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from _peers import python_of, version_in

HERE = Path(__file__).parent
S3FS = "2026.9.0"
SIZE = 4096
BAR = 5.0


def measure(count: int = 20_000, rounds: int = 1) -> dict[str, Any]:
    """Return both sides' best of `rounds`, how they compare, and what the server could give."""
    peer = python_of("s3fs", [f"s3fs=={S3FS}"])
    with served(count) as port:
        could = raw_rate(port, count)
        ours = min((_run(Path(sys.executable), "_io_s3_ours.py", port, count) for _ in range(rounds)), key=_cost)
        theirs = min((_run(peer, "_io_s3_s3fs.py", port, count) for _ in range(rounds)), key=_cost)
    if ours["check"] != theirs["check"] or ours["bytes"] != count * SIZE:
        raise SystemExit("bench: the two sides read different bytes")
    fast_enough = could >= 3 * ours["objects_per_second"]
    return {
        "objects": count,
        "bytes_each": SIZE,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "s3fs_version": version_in(peer, "s3fs"),
        "tilth": ours,
        "s3fs": theirs,
        "server_objects_per_second": round(could),
        "server_is_three_times_faster": fast_enough,
        "by_wall_time": round(theirs["seconds"] / ours["seconds"], 2),
        "by_processor_time": round(theirs["cpu_microseconds_an_object"] / ours["cpu_microseconds_an_object"], 2),
        "compared_by": "wall time" if fast_enough else "processor time of the client",
        "bar": BAR,
    }


@contextmanager
def served(count: int) -> Iterator[int]:
    """Give the port of a server that holds so many objects."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    argv = [sys.executable, str(HERE / "_io_s3_server.py"), str(port), str(count), str(SIZE)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as server:
        assert server.stdout
        server.stdout.readline()
        try:
            yield port
        finally:
            server.kill()


def raw_rate(port: int, count: int) -> float:
    """Return the objects a second that the server gives to a client that sends requests in heaps and counts bytes."""
    ask = [f"GET /bench/small/{number:06d} HTTP/1.1\r\nhost: x\r\n\r\n".encode() for number in range(count)]
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(ask[0])
        each = len(one.recv(1 << 16))
        while each < SIZE:
            each += len(one.recv(1 << 16))
        begun, heap, buffer = time.perf_counter(), 50, bytearray(1 << 20)
        for start in range(0, count, heap):
            one.sendall(b"".join(ask[start : start + heap]))
            left = each * len(ask[start : start + heap])
            while left > 0:
                left -= one.recv_into(buffer)
    return count / (time.perf_counter() - begun)


def _run(python: Path, program: str, port: int, count: int) -> dict[str, Any]:
    keys = {
        "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
    }  # fmt: skip
    done = subprocess.run(
        [str(python), str(HERE / program)], env={**os.environ, **keys}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"bench: {program}: {done.stderr[-1500:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    if told["objects"] != count:
        raise SystemExit(f"bench: {program} read {told['objects']} objects of {count}")
    return {
        **told,
        "objects_per_second": round(count / told["seconds"]),
        "cpu_microseconds_an_object": round(told["cpu_seconds"] / count * 1e6, 1),
    }


def _cost(told: dict[str, Any]) -> float:
    return float(told["cpu_seconds"])


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000), indent=1))
