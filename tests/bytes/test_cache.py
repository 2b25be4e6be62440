"""A cache by URL: the contract, through the disk, a real Redis and a real memcached; addresses; statistics."""

import os
from pathlib import Path

import pytest
from tests.servers import memcached, redis

from tilth.bytes.cache import Cache, Statistics, current, open_cache, using
from tilth.bytes.caches.answers import Answer, Answers
from tilth.core.errors import RecipeError
from tilth.testing.caches import check_cache

SECRET = b"a project's secret, 32 bytes lon"


def opened(url: str, **options: float | Path) -> Cache:
    """Open a cache that no other test's values show in; the machine is shared, so that calls may take longer."""
    return open_cache(url, secret=os.urandom(32), **{"seconds": 5.0, **options})


@pytest.mark.slow
def test_the_disk_keeps_the_contract(tmp_path: Path) -> None:
    numbers = iter(range(100))
    check_cache(lambda: opened("disk", folder=tmp_path / str(next(numbers))))


@pytest.mark.slow
def test_redis_keeps_the_contract() -> None:
    check_cache(lambda: opened(redis.start().facts["url"]))


@pytest.mark.slow
def test_redis_through_tls_with_a_password_keeps_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    server = redis.start_tls()
    url = f"rediss://:pass-of-tests@127.0.0.1:{server.port}/1?ca={server.facts['ca']}"
    monkeypatch.setenv("CACHE_URL", url)
    check_cache(lambda: opened("env:CACHE_URL"), processes=False)


@pytest.mark.slow
def test_memcached_keeps_the_contract_with_values_longer_than_its_items() -> None:
    check_cache(lambda: opened(memcached.start().facts["url"]))


def test_tls_does_not_trust_a_certificate_that_nobody_vouches_for() -> None:
    server = redis.start_tls()
    cache = opened(f"rediss://:pass-of-tests@127.0.0.1:{server.port}")
    assert not cache.put("a", b"1")
    assert cache.statistics.errors == 1
    assert "certificate" in (cache.trouble or "").lower()
    cache.close()


def test_a_wrong_password_is_said_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    server = redis.start_tls()
    monkeypatch.setenv("CACHE_URL", f"rediss://:wrong-pass-word@127.0.0.1:{server.port}?ca={server.facts['ca']}")
    cache = opened("env:CACHE_URL")
    assert cache.get("a") is None
    (finding,) = cache.probe()
    assert not finding.ok and "wrong-pass-word" not in repr(finding) + repr(cache) + (cache.trouble or "")
    cache.close()


def test_a_probe_writes_reads_and_leaves_nothing(tmp_path: Path) -> None:
    cache = opened("disk", folder=tmp_path)
    assert [finding.ok for finding in cache.probe()] == [True]
    cache.close()
    dead = opened(f"redis://127.0.0.1:{_closed_port()}")
    (finding,) = dead.probe()
    assert not finding.ok and finding.do
    assert [finding.ok for finding in opened("none").probe()] == [True]
    dead.close()


def test_none_keeps_nothing() -> None:
    cache = opened("none")
    assert not cache.put("a", b"1")
    assert cache.get("a") is None
    assert not cache.kept


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redsi://cache", 'Did you mean "redis"?'),
        ("dsk", 'Did you mean "disk"?'),
        ("redis://", "there is no host"),
        ("redis://cache:port", "the port is no port"),
        ("redis://cache/first", "the number of a database"),
        ("redis://cache?ssl_cert_reqs=none", "options that mean nothing"),
        ("memcached://cache/1", "nothing behind the port"),
        ("redis://:a#b@cache", "#"),
        ("disk", "no folder"),
        ("env:TILTH_NO_SUCH_CACHE", "is not set"),
    ],
)
def test_a_url_that_is_none_is_refused_at_once(url: str, said: str) -> None:
    with pytest.raises(RecipeError, match="cache: ") as caught:
        open_cache(url, secret=SECRET)
    assert said in str(caught.value)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(RecipeError, match="16 or more"):
        open_cache("none", secret=b"short")


def test_keys_and_urls_tell_nothing_of_what_is_kept(tmp_path: Path) -> None:
    cache = opened("disk", folder=tmp_path)
    cache.space("pages", "1").put("who-is-ann@example.org", b"1")
    cache.close()
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"ann@" not in held and b"pages" not in held


def test_the_file_is_its_owners_only(tmp_path: Path) -> None:
    cache = opened("disk", folder=tmp_path)
    cache.put("a", b"1")
    assert {oct(path.stat().st_mode & 0o077) for path in tmp_path.glob("cache.db*")} == {"0o0"}
    cache.close()


def test_statistics_add_up() -> None:
    assert Statistics(hits=1, errors=2) + Statistics(hits=3, refused=1) == Statistics(hits=4, refused=1, errors=2)


def test_work_finds_the_cache_of_its_run_and_none_outside(tmp_path: Path) -> None:
    assert current() is None
    with using(opened("disk", folder=tmp_path)) as cache:
        assert current() is cache
    assert current() is None
    with using(opened("none")):
        assert current() is None


def test_an_answer_is_for_the_same_question_of_the_same_asker(tmp_path: Path) -> None:
    cache = opened("disk", folder=tmp_path)
    ann, ben = (Answers(cache, who=who, seconds=60) for who in ("ann's key", "ben's key"))
    url = "https://api.example/items?page=1"
    said = Answer(200, {"ETag": '"1"', "Set-Cookie": "session=1", "X-Pages": "7"}, b"[1]\n[2]")
    assert ann.put(url, said, varies={"Accept": "application/json"})
    assert ann.get(url, varies={"accept": "application/json"}) == Answer(200, {"etag": '"1"'}, b"[1]\n[2]")
    assert ben.get(url, varies={"accept": "application/json"}) is None
    assert ann.get(url) is None
    kept = Answers(cache, who="ann's key", seconds=60, keep=["X-Pages", "Set-Cookie"])
    kept.put(url, said)
    assert kept.get(url) == Answer(200, {"etag": '"1"', "x-pages": "7"}, b"[1]\n[2]")
    assert not ann.put(url, Answer(500, {}, b"")) and not ann.put(url, said, seconds=0)
    cache.close()


def _closed_port() -> int:
    from tests.servers import free_port

    return free_port()


def test_no_repr_shows_a_password() -> None:
    cache = opened("redis://ann:hunter2-secret@cache:6379/0")
    assert "hunter2" not in repr(cache) + repr(cache.place) + repr(cache.place.backend())
