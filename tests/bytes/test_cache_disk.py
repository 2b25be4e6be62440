"""The cache on disk: a limit that holds, the least recently used leave, a broken or full disk is a miss."""

import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tilth.bytes.cache import Cache, open_cache
from tilth.bytes.caches.disk import Disk
from tilth.testing import storm

SECRET = b"a project's secret, 32 bytes lon"


def test_the_limit_holds_and_what_was_used_last_stays(tmp_path: Path) -> None:
    now = [1000.0]
    held = Disk(tmp_path / "cache.db", limit=100_000, clock=lambda: now[0])
    for number in range(300):
        now[0] += 100
        held.put_many({f"k{number:03d}": bytes(1000)}, None)
        assert held.get_many(["k000"]), "what is read all the time left"
        assert held.held <= 100_000
    there = held.get_many([f"k{number:03d}" for number in range(300)])
    assert sorted(there)[1:] == [f"k{number:03d}" for number in range(301 - len(there), 300)]
    assert len(there) > 80
    held.close()


def test_the_file_stays_near_its_limit(tmp_path: Path) -> None:
    held = Disk(tmp_path / "cache.db", limit=1_000_000)
    for number in range(400):
        held.put_many({f"{number}-{turn}": os.urandom(2000) for turn in range(10)}, None)
    held.close()
    assert (tmp_path / "cache.db").stat().st_size < 1_600_000


def test_the_total_follows_replacements_and_deletes(tmp_path: Path) -> None:
    held = Disk(tmp_path / "cache.db")
    held.put_many({"a": bytes(1000), "b": bytes(10)}, None)
    held.put_many({"a": bytes(500)}, None)
    held.delete_many(["b"])
    assert held.held == 501
    held.close()


def test_expired_values_leave_first(tmp_path: Path) -> None:
    now = [0.0]
    held = Disk(tmp_path / "cache.db", limit=10_000, clock=lambda: now[0])
    held.put_many({"kept": bytes(1000)}, None)
    now[0] = 1.0
    held.put_many({"over": bytes(1000)}, 5.0)
    now[0] = 10.0
    held.put_many({str(number): bytes(1000) for number in range(8)}, None)
    assert held.held < 10_000 and held.get_many(["kept", "over"]).keys() == {"kept"}
    held.close()


@pytest.mark.parametrize("spoiled", [b"this is no database", b"", bytes(20_000), None])
def test_a_broken_file_is_begun_anew(tmp_path: Path, spoiled: bytes | None) -> None:
    path = tmp_path / "cache.db"
    first = open_cache("disk", secret=SECRET, folder=tmp_path)
    first.put_many({str(number): os.urandom(500) for number in range(200)})
    first.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if spoiled is None else spoiled)
    cache = open_cache("disk", secret=SECRET, folder=tmp_path)
    for number in range(200):
        cache.get(str(number))
    assert cache.put("a", b"1") and cache.get("a") == b"1"
    cache.close()


def test_a_file_of_another_program_with_a_table_of_that_name_is_begun_anew(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "cache.db") as other:
        other.execute("CREATE TABLE entry (id INTEGER)")
    other.close()
    cache = open_cache("disk", secret=SECRET, folder=tmp_path)
    assert cache.put("a", b"1") and cache.get("a") == b"1"
    cache.close()


def test_whoever_writes_to_the_file_forges_nothing(tmp_path: Path) -> None:
    cache = open_cache("disk", secret=SECRET, folder=tmp_path)
    cache.put_many({"a": b"1", "b": b"2"})
    with sqlite3.connect(tmp_path / "cache.db") as other:
        (one, its), (two, of_two) = other.execute("SELECT key, value FROM entry").fetchall()
        other.executemany("UPDATE entry SET value = ? WHERE key = ?", [(of_two, one), (its, two)])
    other.close()
    assert cache.get_many(["a", "b"]) == {}
    with sqlite3.connect(tmp_path / "cache.db") as other:
        other.execute("UPDATE entry SET value = 'no bytes'")
    other.close()
    assert cache.get_many(["a", "b"]) == {} and cache.statistics.refused == 4
    cache.close()


def test_a_file_that_another_holds_locked_costs_the_limit_and_no_more(tmp_path: Path) -> None:
    cache = open_cache("disk", secret=SECRET, folder=tmp_path, seconds=0.2)
    assert cache.put("a", b"1")
    with sqlite3.connect(tmp_path / "cache.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert not cache.put("b", b"2")
        assert time.monotonic() - began < 0.6
        other.execute("ROLLBACK")
    other.close()
    time.sleep(0.55)
    assert cache.put("b", b"2") and cache.get("a") == b"1"
    cache.close()


def test_a_folder_that_cannot_be_written_is_a_miss(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = open_cache(f"disk:{tmp_path / 'file' / 'cache.db'}", secret=SECRET)
    assert not cache.put("a", b"1") and cache.get("a") is None
    assert cache.statistics.errors == 1
    cache.close()


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
import os
from pathlib import Path
from tilth.bytes.cache import open_cache
cache = open_cache("disk", secret=b"0123456789abcdef", folder=Path(sys.argv[1]))
values = {str(number): os.urandom(5000) for number in range(200)}
for key, value in values.items():
    cache.put(key, value)
found = cache.get_many(list(values))
assert all(values[key] == value for key, value in found.items())
print(len(found), cache.statistics.errors)
cache.close()
"""


@pytest.mark.slow
def test_a_full_disk_is_a_miss(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True, check=True)
    _, errors = map(int, done.stdout.split())
    assert errors >= 1


def _hammer(cache: Cache, number: int) -> None:
    turn = 0
    while True:
        turn += 1
        key = f"{number}-{turn % 50}"
        cache.put_many({key: key.encode() * 500, "all": bytes([number]) * 5000})


@pytest.mark.storm
@pytest.mark.slow
def test_writers_that_are_killed_leave_a_cache_that_works(tmp_path: Path) -> None:
    cache = open_cache("disk", secret=SECRET, folder=tmp_path, limit=400_000)
    context = multiprocessing.get_context("forkserver")
    for turn in range(storm(2, 25)):
        workers = [context.Process(target=_hammer, args=(cache, number)) for number in range(3)]
        for worker in workers:
            worker.start()
        time.sleep(1.0 + 0.05 * (turn % 7))
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
        keys = [f"{number}-{at}" for number in range(3) for at in range(50)]
        for key, value in cache.get_many([*keys, "all"]).items():
            assert value == key.encode() * 500 or (key == "all" and value in {bytes([n]) * 5000 for n in range(3)})
        assert cache.put("after", b"1") and cache.get("after") == b"1"
    assert cache.statistics.errors == 0 and cache.statistics.refused == 0
    cache.close()


def test_what_is_cleared_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    cache = open_cache("disk", secret=SECRET, folder=tmp_path).space("answers", "1", codec=None)
    cache.put_many({str(number): b"about ann@example.org" * 100 for number in range(50)})
    assert cache.clear()
    cache.close()
    assert b"ann@example.org" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
