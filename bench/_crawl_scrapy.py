"""Crawl the benchmark's site with Scrapy in its own environment, and say how fast; run by crawl.py."""

from __future__ import annotations

import json
import resource
import sys
import time

import scrapy
from scrapy.crawler import CrawlerProcess
from scrapy.linkextractors import LinkExtractor

told = json.loads(sys.argv[1])
pages = 0


class Site(scrapy.Spider):
    """Follow every link; keep nothing."""

    name = "site"
    links = LinkExtractor()

    async def start(self):
        """Begin; unlike Scrapy's own, with start pages that are fetched once though links lead to them."""
        for url in told["start"]:
            yield scrapy.Request(url)

    def parse(self, response):
        """Count the page and follow its links."""
        global pages
        pages += 1
        yield from response.follow_all(self.links.extract_links(response))


settings = {
    "ROBOTSTXT_OBEY": True,
    "CONCURRENT_REQUESTS": told["concurrency"],
    "CONCURRENT_REQUESTS_PER_DOMAIN": told["per_host"],
    "DOWNLOAD_DELAY": 0,
    # Its default of 100 makes 100 tasks for each page's links; with 8 it is faster by half here.
    "CONCURRENT_ITEMS": 8,
    "LOG_LEVEL": "ERROR",
    "TELNETCONSOLE_ENABLED": False,
    **({"JOBDIR": told["folder"]} if told["durable"] else {}),
}
process = CrawlerProcess(settings)
process.crawl(Site)
began, cpu = time.perf_counter(), time.process_time()
process.start()
seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"pages": pages, "seconds": seconds, "cpu_seconds": cpu, "memory_mb": round(memory)}))
