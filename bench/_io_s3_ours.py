"""List and read the benchmark's small objects through Tilth's store, and say what it cost; run by _io_s3.py."""

from __future__ import annotations

import json
import resource
import time
import zlib

from tilth.bytes.opening import open_store

store = open_store("s3://bench")
store.stat("small/000000")  # the client is made and the connection stands, as on the other side
begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
paths = [entry.path for entry in store.list("small/")]
listed = time.perf_counter()
count = size = check = 0
for _, content in store.read_many(paths):
    count, size, check = count + 1, size + len(content), check ^ zlib.crc32(content)
seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(
    json.dumps(
        {
            "objects": count,
            "bytes": size,
            "check": check,
            "seconds": round(seconds, 3),
            "list_seconds": round(listed - begun, 3),
            "cpu_seconds": round(cpu, 3),
        }
    )
)
