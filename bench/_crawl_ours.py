"""Crawl the benchmark's site with Tilth, and say how fast; run by crawl.py."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from tilth.connectors.crawl import Crawl
from tilth.core.connector import Landing

told = json.loads(sys.argv[1])
# What others import before they start is imported here too.
import aiohttp  # noqa: E402, F401
import protego  # noqa: E402, F401
import selectolax.lexbor  # noqa: E402, F401

crawl = Crawl(
    start=tuple(told["start"]), concurrency=told["concurrency"], per_host=told["per_host"], delay=0.0, max_pages=None,
    sitemaps=False, feeds=False, allow_private=("127.0.0.0/8",),
)  # fmt: skip
began, cpu = time.perf_counter(), time.process_time()
source = crawl.land(Landing(folder=Path(told["folder"])))
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
pages = sum(shard.rows or 0 for shard in source.plan(None)[0])
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"pages": pages, "seconds": seconds, "cpu_seconds": cpu, "memory_mb": round(memory)}))
