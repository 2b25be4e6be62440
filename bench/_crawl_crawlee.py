"""Crawl the benchmark's site with Crawlee in its own environment, and say how fast; run by crawl.py."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
import time

from crawlee import ConcurrencySettings
from crawlee.configuration import Configuration
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.storage_clients import FileSystemStorageClient, MemoryStorageClient, SqlStorageClient

told = json.loads(sys.argv[1])
CLIENTS = {"memory": MemoryStorageClient, "files": FileSystemStorageClient, "sql": SqlStorageClient}


async def main() -> dict[str, float]:
    """Follow every link; keep nothing."""
    pages = 0
    most = told["concurrency"]
    if told["durable"] == "sql":
        client = SqlStorageClient(connection_string=f"sqlite+aiosqlite:///{told['folder']}/queue.db")
    else:
        client = CLIENTS[told["durable"]]()
    crawler = ParselCrawler(
        # As wide as it may be from the start, and never narrowed because the machine is busy.
        configuration=Configuration(
            storage_dir=told["folder"], max_used_cpu_ratio=1.0, available_memory_ratio=0.9, log_level="ERROR"
        ),
        storage_client=client,
        concurrency_settings=ConcurrencySettings(min_concurrency=most, desired_concurrency=most, max_concurrency=most),
        respect_robots_txt_file=True,
        max_requests_per_crawl=None,
        configure_logging=False,
    )

    @crawler.router.default_handler
    async def handle(context: ParselCrawlingContext) -> None:
        nonlocal pages
        pages += 1
        await context.enqueue_links()

    began, cpu = time.perf_counter(), time.process_time()
    await crawler.run(told["start"])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pages": pages, "seconds": seconds, "cpu_seconds": cpu, "memory_mb": round(memory)}


logging.disable(logging.WARNING)
print(json.dumps(asyncio.run(main())))
