"""A cache that is down, slow, full, restarted, shared with an attacker or lying: a miss, counted, and soon."""

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests import servers
from tests.bytes._cache_proxy import Proxy
from tests.servers import memcached, redis

from tilth.bytes.cache import Cache, open_cache
from tilth.testing import storm

LIMIT = 0.15
SLACK = 0.35
"""What a busy machine may add to a time limit, in seconds."""
FAULTS = ("none", "none", "none", "silent", "late", "drip", "cut", "garbage", "flipped", "closed")


@pytest.fixture(params=["redis", "memcached"])
def proxy(request: pytest.FixtureRequest) -> Iterator[tuple[Proxy, str]]:
    """A server behind a proxy."""
    scheme = request.param
    server = redis.start() if scheme == "redis" else memcached.start()
    found = Proxy(server.port)
    yield found, f"{scheme}://127.0.0.1:{found.port}"
    found.close()


def timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["silent", "late", "drip", "cut", "garbage", "closed"])
def test_a_server_that_does_not_answer_well_is_a_miss_within_the_limit(proxy: tuple[Proxy, str], fault: str) -> None:
    between, url = proxy
    cache = open_cache(url, secret=os.urandom(32), seconds=LIMIT)
    assert cache.put("a", b"value" * 100)
    between.fault = fault
    found: list[bytes | None] = []
    assert timed(lambda: found.append(cache.get("a"))) < LIMIT + SLACK
    assert found == [None]
    assert cache.statistics.errors + cache.statistics.refused >= 1 and cache.statistics.misses == 1
    # Whether it failed or only lied, many calls cost next to nothing now.
    rests = cache.statistics.errors > 0
    assert timed(lambda: [cache.get("a") for _ in range(200)]) < (LIMIT + SLACK if rests else 5.0)
    between.fault = "none"
    assert _comes_back(cache, "a") == b"value" * 100
    cache.close()


def test_a_flipped_bit_is_never_a_value(proxy: tuple[Proxy, str]) -> None:
    between, url = proxy
    cache = open_cache(url, secret=os.urandom(32), seconds=1.0)
    values = {f"k{number}": os.urandom(200) for number in range(20)}
    cache.put_many(values)
    between.fault = "flipped"
    for _ in range(5):
        assert set(cache.get_many(list(values)).items()) <= set(values.items())
    cache.close()


def test_a_server_that_is_down_costs_nothing_after_the_first_call() -> None:
    cache = open_cache(f"redis://127.0.0.1:{servers.free_port()}", secret=os.urandom(32), seconds=LIMIT)
    assert cache.get("a") is None and not cache.put("a", b"1")
    assert timed(lambda: [cache.get(str(number)) for number in range(1000)]) < 1.0
    assert cache.statistics.errors <= 4 and cache.statistics.misses == 1001
    assert cache.trouble
    cache.close()


def test_a_host_that_swallows_connections_costs_the_limit_once() -> None:
    # A listener whose line is full answers no new connection, as a firewall that drops packets.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        full = [socket.socket() for _ in range(4)]
        for one in full:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        cache = open_cache(f"memcached://127.0.0.1:{listener.getsockname()[1]}", secret=os.urandom(32), seconds=LIMIT)
        assert timed(lambda: cache.get("a")) < LIMIT + SLACK
        assert timed(lambda: [cache.get("a") for _ in range(100)]) < 0.2
        cache.close()
        for one in full:
            one.close()


@pytest.mark.slow
@pytest.mark.parametrize("system", [redis, memcached])
def test_a_server_that_was_killed_and_started_again_is_used_again(tmp_path: Path, system) -> None:
    server = system.launch(tmp_path)
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=1.0)
    assert cache.put("a", b"1") and cache.get("a") == b"1"
    _stop(server)
    assert cache.get("a") is None and cache.statistics.errors >= 1
    again = system.launch(tmp_path, port=server.port)
    end = time.monotonic() + 10
    while not cache.put("b", b"2") and time.monotonic() < end:
        time.sleep(0.05)
    assert cache.get("b") == b"2" and cache.get("a") is None
    _stop(again)
    cache.close()


@pytest.mark.slow
def test_a_connection_that_the_server_ended_while_it_rested_loses_no_call(tmp_path: Path) -> None:
    server = redis.launch(tmp_path)
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0)
    cache.put("a", b"1")
    _client(server).client_kill_filter(_type="normal", skipme=True)
    assert cache.get("a") == b"1" and cache.statistics.errors == 0
    cache.close()
    _stop(server)


@pytest.mark.slow
def test_a_redis_that_is_full_and_evicts_nothing_refuses_and_goes_on_answering(tmp_path: Path) -> None:
    server = redis.launch(tmp_path, options=["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"])
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0).space("full", "1", codec=None)
    assert cache.put("first", b"1")
    taken = [cache.put(str(number), os.urandom(100_000)) for number in range(60)]
    assert not taken[-1] and taken[0]
    assert cache.get("first") == b"1"
    assert cache.statistics.refused == taken.count(False) and cache.statistics.errors == 0
    cache.close()
    _stop(server)


@pytest.mark.slow
def test_a_memcached_that_is_full_evicts_and_never_lies(tmp_path: Path) -> None:
    server = memcached.launch(tmp_path, options=("-m", "2", "-M"))
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0).space("full", "1", codec=None)
    values = {str(number): os.urandom(30_000 if number % 9 else 1_500_000) for number in range(80)}
    for key, value in values.items():
        cache.put(key, value)
    assert set(cache.get_many(list(values)).items()) <= set(values.items())
    assert cache.statistics.refused > 0 and cache.statistics.errors == 0
    assert cache.put("0", b"still here") or cache.statistics.errors == 0
    cache.close()
    _stop(server)


def test_an_attacker_who_writes_to_the_same_redis_forges_nothing() -> None:
    server = redis.start()
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0).space("answers", "1", seconds=60)
    client = _client(server)
    before = set(client.keys("tilth:*"))
    cache.put("who pays", b"the customer")
    (name,) = set(client.keys("tilth:*")) - before
    before.add(name)
    cache.put("who is paid", b"the bank")
    (other,) = set(client.keys("tilth:*")) - before
    genuine, another = client.get(name), client.get(other)
    stranger = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0).space("answers", "1")
    stranger.put("who pays", b"the bank")
    forgeries = [
        b"",
        b"the bank",
        another,
        genuine[:-1],
        genuine + b"!",
        genuine[:11] + bytes(8) + genuine[19:],
        bytes(len(genuine)),
        os.urandom(1000),
        *(genuine[:at] + bytes([genuine[at] ^ 1]) + genuine[at + 1 :] for at in range(len(genuine))),
    ]
    for number, forged in enumerate(forgeries):
        client.set(name, forged)
        assert cache.get("who pays") is None, f"forgery {number} is believed"
    client.delete(name)
    client.rpush(name, genuine)
    assert cache.get("who pays") is None
    client.delete(name)
    client.set(name, genuine)
    assert cache.get("who pays") == b"the customer"
    said = cache.statistics
    assert said.refused == len(forgeries) and said.errors == 0
    for used in (cache, stranger):
        used.close()


def test_an_attackers_endless_value_is_read_no_further_than_a_values_length() -> None:
    server = redis.start()
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=5.0)
    client = _client(server)
    before = set(client.keys("tilth:*"))
    cache.put("a", b"1")
    (name,) = set(client.keys("tilth:*")) - before
    client.setrange(name, 40 << 20, b"x")
    sent = client.info("stats")["total_net_output_bytes"]
    assert cache.get("a") is None and cache.statistics.refused == 1
    assert client.info("stats")["total_net_output_bytes"] - sent < (33 << 20)
    client.delete(name)
    cache.close()


def test_a_value_kept_alive_beyond_its_time_is_a_miss() -> None:
    server = redis.start()
    cache = open_cache(server.facts["url"], secret=os.urandom(32), seconds=2.0)
    client = _client(server)
    before = set(client.keys("tilth:*"))
    cache.put("a", b"1", seconds=0.3)
    (name,) = set(client.keys("tilth:*")) - before
    client.persist(name)
    time.sleep(0.35)
    assert client.get(name) and cache.get("a") is None
    client.delete(name)
    cache.close()


def test_a_thread_stuck_with_a_server_is_not_joined_by_more(proxy: tuple[Proxy, str]) -> None:
    between, url = proxy
    cache = open_cache(url, secret=os.urandom(32), seconds=0.05)
    cache.put("a", b"1")
    between.fault = "silent"
    before = threading.active_count()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        cache.get("a")
    # The proxy has two for each connection that was tried.
    assert sum(thread.name == "tilth-cache" for thread in threading.enumerate()) <= 2
    assert cache.statistics.errors <= 4
    cache.close()
    assert threading.active_count() <= before + 8


@pytest.mark.storm
@pytest.mark.slow
def test_faults_at_any_moment_never_change_a_value(proxy: tuple[Proxy, str]) -> None:
    between, url = proxy
    draw = random.Random(3)
    secret = os.urandom(32)
    truth = {f"k{number}": str(number).encode() * 300 for number in range(40)}
    hits = 0
    for _ in range(storm(15, 200)):
        # Another cache each time: one that failed would rest, and ask nothing for a while.
        cache = open_cache(url, secret=secret, seconds=0.1)
        for _ in range(3):
            between.fault = draw.choice(FAULTS)
            between.seconds = 0.05
            some = draw.sample(sorted(truth), 10)
            cache.put_many({key: truth[key] for key in some})
            found = cache.get_many(some)
            hits += len(found)
            assert found == {key: truth[key] for key in found}
        cache.close()
    assert hits > 0
    between.fault = "none"
    cache = open_cache(url, secret=secret, seconds=0.5)
    assert _comes_back(cache, "k0", truth["k0"]) == truth["k0"]
    cache.close()


def _comes_back(cache: Cache, key: str, value: bytes | None = None) -> bytes | None:
    """Read until the cache has rested from its failure; put first, where a value is given."""
    end = time.monotonic() + 35
    while time.monotonic() < end:
        if value is not None:
            cache.put(key, value)
        found = cache.get(key)
        if found is not None:
            return found
        time.sleep(0.05)
    return None


def _client(server: servers.Server):
    import redis as package

    return package.Redis.from_url(server.facts["url"])


def _stop(server: servers.Server) -> None:
    os.kill(server.facts["guard"], signal.SIGTERM)
    end = time.monotonic() + 10
    while servers.answers(server.port) and time.monotonic() < end:
        time.sleep(0.02)
