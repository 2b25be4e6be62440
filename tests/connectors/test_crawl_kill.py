"""A crawl that is killed loses no page, doubles none, and asks for none again that had come."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
from tests.servers import site

from tilth.connectors._crawl import warc
from tilth.core.connector import Landing
from tilth.core.errors import Stopped
from tilth.testing import storm

ROUNDS = storm(1, 12)
CONCURRENCY = 8
CHILD = """
import json, sys
from pathlib import Path
from tests.servers.site import TestCrawl
from tilth.core.connector import Landing
print("ready", flush=True)
options = json.loads(sys.argv[2])
options["start"] = tuple(options["start"])
TestCrawl(**options).land(Landing(folder=Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def server():
    return site.start()


def hosts_for(server, pages: int, count: int) -> tuple[list[str], dict]:
    token = uuid.uuid4().hex[:8]
    hosts = [f"web{pages}.h{number}.{token}.test" for number in range(count)]
    start = [f"http://{host}:{server.port}/p/0" for host in hosts]
    return hosts, {"start": start, "concurrency": CONCURRENCY, "per_host": 4, "max_pages": None}


def recorded(folder: Path, work: Path) -> set[str]:
    """Return the pages that the archive holds whole, leaving it as it is."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for path in folder.glob("*.warc.gz"):
        shutil.copy(path, work)
    return {entry.note["page"] for entry in warc.tail(work, 1, 0)} if list(work.iterdir()) else set()


def asked(server, hosts) -> list[str]:
    """Return the URLs that were asked for, in each host's order, without robots.txt."""
    return [
        f"http://{host}:{server.port}{path}"
        for host in hosts
        for path in site.log(server, host)
        if path != "/robots.txt"
    ]


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize("seed", range(ROUNDS))
def test_kills_lose_double_and_ask_again_for_nothing(server, tmp_path, seed):
    draw = random.Random(seed)
    pages, count = 150, 3
    hosts, options = hosts_for(server, pages, count)
    folder = tmp_path / "landed"
    folder.mkdir()
    kills = 0
    held: set[str] = set()
    before: Counter[str] = Counter()
    while True:
        argv = [sys.executable, "-c", CHILD, str(folder), json.dumps(options)]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        assert child.stdout.readline() == "ready\n"
        try:
            code = child.wait(draw.uniform(0.02, 0.5) if kills < 6 else 60)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            code = child.wait()
        child.stdout.close()
        again = Counter(asked(server, hosts)) - before
        assert not set(again) & held, "a page that had come was asked for again"
        if code == 0:
            break
        assert code == -signal.SIGKILL
        kills += 1
        time.sleep(0.05)
        held, before = recorded(folder, tmp_path / "copy"), Counter(asked(server, hosts))
    assert kills >= 1
    source = site.TestCrawl(**{**options, "start": tuple(options["start"])}).land(Landing(folder=folder, refresh=False))
    urls = [
        url
        for shard in source.plan(None)[0]
        for record in source.read(shard)
        for url in record.batch.column("url").to_pylist()
    ]
    assert sorted(urls) == sorted(
        f"http://{host}:{server.port}/p/{number}" for host in hosts for number in range(pages)
    )
    counts = Counter(asked(server, hosts))
    assert sum(counts.values()) - len(counts) <= kills * CONCURRENCY
    entries = Counter(entry.note["page"] for entry in warc.tail(folder, 1, 0))
    assert max(entries.values()) == 1, "a page stands twice in the archive"


@pytest.mark.slow
def test_a_stopped_crawl_keeps_what_came_and_goes_on(server, tmp_path):
    hosts, options = hosts_for(server, 200, 1)
    options["start"] = tuple(options["start"])
    crawl = site.TestCrawl(**options)
    with pytest.raises(Stopped, match="pages are kept"):
        crawl.land(Landing(folder=tmp_path, stop=lambda: len(site.log(server, hosts[0])) > 50))
    some = len(set(asked(server, hosts)))
    assert 50 <= some < 200
    source = crawl.land(Landing(folder=tmp_path))
    assert sum(shard.rows for shard in source.plan(None)[0]) == 200
    assert max(Counter(asked(server, hosts)).values()) == 1


def test_a_torn_end_is_cut_off_and_asked_for_again(server, tmp_path):
    _, options = hosts_for(server, 5, 1)
    options["start"] = tuple(options["start"])
    crawl = site.TestCrawl(**options)
    crawl.land(Landing(folder=tmp_path))
    archive = tmp_path / "crawl-00001.warc.gz"
    # As after a kill before anything was noted: the queue is gone, the last record is half there.
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-10])
    (tmp_path / "crawl.sqlite").unlink()
    source = crawl.land(Landing(folder=tmp_path))
    assert sum(shard.rows for shard in source.plan(None)[0]) == 5
