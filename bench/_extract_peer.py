"""Run trafilatura over pages in its own environment: a line of JSON in (files, options), one out (texts, seconds)."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import trafilatura

logging.disable(logging.CRITICAL)
for line in sys.stdin:
    asked = json.loads(line)
    pages = [Path(name).read_bytes() for name in asked["files"]]
    wall, cpu = time.perf_counter(), time.process_time()
    texts = [trafilatura.extract(page, **asked["options"]) or "" for page in pages]
    spent = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    print(json.dumps({"texts": texts, **spent}), flush=True)
