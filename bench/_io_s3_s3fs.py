"""List and read the benchmark's objects with s3fs in its own environment, and say what it cost; run by _io_s3.py."""

from __future__ import annotations

import json
import resource
import time
import zlib

import s3fs

fs = s3fs.S3FileSystem()
fs.info("bench/small/000000")
names = [f"bench/small/{number:06d}" for number in range(400)]
trials = {}
for size in (None, 32, 64, 256):
    begun = time.perf_counter()
    fs.cat(names, batch_size=size)
    trials[size] = time.perf_counter() - begun
batch = min(trials, key=lambda size: trials[size])
fs.invalidate_cache()
begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
paths = fs.find("bench/small/")
listed = time.perf_counter()
found = fs.cat(paths, batch_size=batch)
count = size = check = 0
for content in found.values():
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
            "batch_size": batch,
        }
    )
)
