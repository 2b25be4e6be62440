"""Measure the crawler: pages per second of a durable crawl, against Scrapy and Crawlee, on the same local site.

    python bench/crawl.py             about 5 minutes; installs the peers in environments of their own first
    python bench/crawl.py --ours      ours alone

The site has 10,000 pages of 7 KB on 50 hosts (addresses of the loopback net, which every client takes for hosts of
their own), with a robots.txt each; its server is one process of raw asyncio with all answers made in advance. All
crawlers obey robots.txt, run in one process with the same number of requests at a time (64, of one host 8), and share
two cores with the server. They follow links from each host's first page until every page was fetched.

Ours keeps what is wanted of it in use: every page in a web archive before its worker goes on, the queue in SQLite, each
address judged. The peers keep no page at all. Scrapy runs with its queue in memory and with JOBDIR; Crawlee with its
queue in memory and in files (its default; with --sql also in SQLite), and has no limit a host. Scrapy's
CONCURRENT_ITEMS is set to what was fastest here.
"""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _peers import python_of, version_in

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "crawl.json"
SERVER = HERE.parent / "tests" / "servers" / "_site_server.py"
HOSTS, PAGES, SIZE = 50, 200, 7000
CONCURRENCY, PER_HOST = 64, 8
ROUNDS = 2
SCRAPY, CRAWLEE = ("scrapy==2.19.0",), ("crawlee[parsel,sql-sqlite]==1.11.0",)


@contextlib.contextmanager
def site() -> Iterator[int]:
    """Serve the site; yields its port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    told = json.dumps({"addresses": addresses(), "pages": PAGES, "size": SIZE})
    process = subprocess.Popen([sys.executable, str(SERVER), str(port), told], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        yield port
    finally:
        process.kill()
        process.communicate()


def addresses() -> list[str]:
    """Return the hosts."""
    return [f"127.0.1.{number + 1}" for number in range(HOSTS)]


def asked(port: int, path: str) -> dict[str, Any]:
    """Ask the server what it did."""
    with urllib.request.urlopen(f"http://{addresses()[0]}:{port}{path}", timeout=60) as answer:
        body = answer.read()
    return json.loads(body) if body.startswith(b"{") else {}


def run(port: int, python: str | Path, script: str, durable: Any) -> dict[str, Any]:
    """Crawl once; return pages, seconds, processor seconds and the server's own."""
    asked(port, "/__clear?host=")
    server = asked(port, "/__count?host=")["cpu"]
    with tempfile.TemporaryDirectory() as folder:
        told = {
            "start": [f"http://{address}:{port}/p/0" for address in addresses()], "folder": folder, "durable": durable,
            "concurrency": CONCURRENCY, "per_host": PER_HOST,
        }  # fmt: skip
        done = subprocess.run(
            [str(python), str(HERE / script), json.dumps(told)],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    if done.returncode:
        sys.exit(f"bench: {script} failed: {done.stderr.strip()[-1500:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    counted = asked(port, "/__count?host=")
    found["requests"] = sum(counted["counts"].values())
    found["server_cpu_seconds"] = round(counted["cpu"] - server, 2)
    found["pages_per_s"] = round(found["pages"] / found["seconds"], 1)
    found["pages_per_cpu_s"] = round(found["pages"] / found["cpu_seconds"], 1)
    found["busy_machine"] = round(os.getloadavg()[0], 1)
    if found["pages"] != HOSTS * PAGES:
        sys.exit(f"bench: {script} {durable} fetched {found['pages']} pages, not {HOSTS * PAGES}")
    return {name: round(value, 2) if isinstance(value, float) else value for name, value in found.items()}


def main() -> int:
    """Measure in turns, write the figures, print the line."""
    alone = "--ours" in sys.argv
    runs: dict[str, list[dict[str, Any]]] = {}
    plan: list[tuple[str, str | Path, str, Any]] = [("ours", sys.executable, "_crawl_ours.py", True)]
    if not alone:
        scrapy, crawlee = python_of("scrapy", SCRAPY), python_of("crawlee", CRAWLEE)
        plan += [
            ("scrapy_memory", scrapy, "_crawl_scrapy.py", False),
            ("scrapy_jobdir", scrapy, "_crawl_scrapy.py", True),
            ("crawlee_memory", crawlee, "_crawl_crawlee.py", "memory"),
            ("crawlee_files", crawlee, "_crawl_crawlee.py", "files"),
        ]
        plan += [("crawlee_sql", crawlee, "_crawl_crawlee.py", "sql")] * ("--sql" in sys.argv)
    with site() as port:
        for round_ in range(ROUNDS):
            for name, python, script, durable in plan:
                if round_ and name not in ("ours", "scrapy_memory"):
                    continue
                found = run(port, python, script, durable)
                runs.setdefault(name, []).append(found)
                print(f"  {name}: {found}", flush=True)
                time.sleep(0.5)
    best = {name: max(each, key=lambda one: one["pages_per_s"]) for name, each in runs.items()}
    line = {"pages_per_s": best["ours"]["pages_per_s"]}
    if not alone:
        line |= {
            "vs_scrapy": round(best["ours"]["pages_per_s"] / best["scrapy_memory"]["pages_per_s"], 2),
            "vs_crawlee_durable": round(best["ours"]["pages_per_s"] / best["crawlee_files"]["pages_per_s"], 2),
        }
        write(line, best, runs, scrapy, crawlee)
    print("crawl: " + " ".join(f"{name}={value}" for name, value in line.items()))
    return 0


def write(
    line: dict[str, float], best: dict[str, Any], runs: dict[str, list[dict[str, Any]]], scrapy: Path, crawlee: Path
) -> None:
    """Write the figures."""
    ours = best["ours"]["pages_per_s"]
    said = {
        "what": "A crawl of 10,000 pages of 7 KB on 50 hosts, robots.txt obeyed, each crawler in one process on the "
        "two cores that the server uses too. Ours is durable and keeps every page; the peers keep none.",
        "keys": line
        | {"vs_scrapy_jobdir": round(ours / best["scrapy_jobdir"]["pages_per_s"], 2)}
        | {"vs_crawlee_memory": round(ours / best["crawlee_memory"]["pages_per_s"], 2)}
        | {
            f"vs_{name}_by_cpu": round(best["ours"]["pages_per_cpu_s"] / one["pages_per_cpu_s"], 2)
            for name, one in best.items()
            if name != "ours"
        }
        | {f"{name}_pages_per_s": one["pages_per_s"] for name, one in best.items() if name != "ours"}
        | {f"{name}_pages_per_cpu_s": one["pages_per_cpu_s"] for name, one in best.items()},
        "machine": f"{processor()}, {os.cpu_count()} cores",
        "date": datetime.date.today().isoformat(),
        "notes": [
            "The best of two runs, in turns, of ours and of Scrapy in memory; one run of the others.",
            "by_cpu and pages_per_cpu_s count the crawler's own processor time, which other work on the machine "
            "disturbs less than wall time; busy_machine is the load, of 2 cores, after each run.",
            "vs_crawlee_durable: with its queue in files, its default. It has no limit a host.",
            "Scrapy's JOBDIR resumes after a clean stop only, and Crawlee's files when told not to purge; ours after a "
            "kill (tests/connectors/test_crawl_kill.py).",
        ],
        "runs": runs,
        "python": platform.python_version(),
        "versions": {
            **{name: importlib.metadata.version(name) for name in ("tilth", "aiohttp", "selectolax", "protego")},
            "scrapy": version_in(scrapy, "scrapy"),
            "crawlee": version_in(crawlee, "crawlee"),
        },
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def processor() -> str:
    """Return the processor's name."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if "model name" in line), platform.machine())


if __name__ == "__main__":
    raise SystemExit(main())
