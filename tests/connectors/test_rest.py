"""Pages of an API: five kinds of paging, credentials, what is new, kills, and what never ends."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import HERE, changed, land, read, rows
from tests.servers.api import Space
from tests.servers.proxy import PASS, Proxy, drip, hang, seeded

from tilth.connectors.archive import Archive
from tilth.connectors.files import Files
from tilth.connectors.rest import Rest
from tilth.core.connector import Lander, Landing
from tilth.core.errors import DataError, RecipeError, Stopped, Terminal, Transient
from tilth.testing import check_declaration, check_source, storm

PAGINGS: dict[str, dict[str, Any]] = {
    "page": {"records": "data.items", "pagination": {"kind": "page"}},
    "offset": {"pagination": {"kind": "offset", "size": 3}},
    "cursor": {"pagination": {"kind": "cursor", "next": "meta.next_cursor"}},
    "next": {"pagination": {"kind": "next_url"}},
    "link": {"pagination": "link_header"},
}


@pytest.mark.parametrize("kind", PAGINGS)
@pytest.mark.parametrize("count", [1, 7, 9])
def test_every_kind_of_paging_brings_every_row_once(tmp_path: Path, kind: str, count: int):
    space = Space(rows=rows(count))
    source = Rest(url=space.base, path=kind, allow_private=HERE, key="id", **PAGINGS[kind])
    assert read(land(source, tmp_path))[0] == rows(count)


@pytest.mark.parametrize("kind", ["cursor", "next", "link"])
def test_paging_is_found_where_apis_say_it(tmp_path: Path, kind: str):
    space = Space(rows=rows(8))
    assert read(land(Rest(url=f"{space.base}/{kind}", allow_private=HERE), tmp_path))[0] == rows(8)


def test_a_part_of_the_records_is_not_taken_for_all(tmp_path: Path):
    space = Space(rows=rows(8))
    with pytest.raises(DataError, match="3 of 8 records"):
        land(Rest(url=f"{space.base}/page", allow_private=HERE), tmp_path)


def test_what_it_declares(tmp_path: Path):
    source = Rest(url="https://api.example.com/v1", path="items", params={"a": 1, "b": True}, allow_private=HERE,
                  pagination={"kind": "cursor", "next": "n"}, auth={"bearer": "env:TOKEN"})  # fmt: skip
    check_declaration(source, "tilth.connectors")
    assert isinstance(source, Lander)
    space = Space(rows=rows(7))
    landed = land(Rest(url=space.base, path="link", allow_private=HERE, key="id"), tmp_path)
    assert isinstance(landed, Files)
    assert landed.name == f"{space.base}/link"
    check_source(landed)


@pytest.mark.parametrize("auth", [
    ({"bearer": "hush-1234"}, {"bearer": "env:S"}),
    ({"basic": "ann:hush-1234"}, {"user": "ann", "password": "env:S"}),
    ({"header": {"X-API-Key": "hush-1234"}}, {"api_key": "env:S", "header": "X-API-Key"}),
    ({"query": {"api_key": "hush-1234"}}, {"api_key": "env:S", "param": "api_key"}),
    ({"client": ["me", "hush-1234"]}, {"token_url": "TOKEN", "client_id": "me", "client_secret": "env:S"}),
])  # fmt: skip
def test_every_kind_of_credentials(tmp_path: Path, monkeypatch, auth: tuple[dict[str, Any], dict[str, str]]):
    there, here = auth
    space = Space(rows=rows(7), auth=there)
    here = {name: f"{space.base}/token" if value == "TOKEN" else value for name, value in here.items()}
    monkeypatch.setenv("S", "hush-1234")
    source = Rest(url=f"{space.base}/next", auth=here, allow_private=HERE)
    landed = land(source, tmp_path)
    assert read(landed)[0] == rows(7)
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hush-1234" not in held
    assert "hush-1234" not in repr(source) + repr(landed.plan(None))
    monkeypatch.setenv("S", "wrong-1234")
    with pytest.raises(Terminal) as caught:
        land(source, tmp_path / "wrong")
    assert "wrong-1234" not in str(caught.value)
    assert "401" in str(caught.value)


def test_a_token_that_ends_early_is_asked_for_again(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("S", "hush-1234")
    space = Space(rows=rows(7), auth={"client": ["me", "hush-1234"]},
                  faults=[{"pass": True} for _ in range(0)])  # fmt: skip
    source = Rest(url=f"{space.base}/next", allow_private=HERE,
                  auth={"token_url": f"{space.base}/token", "client_id": "me", "client_secret": "env:S"})  # fmt: skip
    told: list[str] = []

    def stop() -> bool:
        if len(space.asked("/next")) == 1:
            space.put(auth={"client": ["me", "hush-1234"], "bearer": "another"})
        return False

    assert read(land(source, tmp_path, tell=told.append, stop=stop))[0] == rows(7)
    assert len(space.asked("/token")) == 2


def test_credentials_do_not_follow_a_next_page_to_another_host(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("S", "hush-1234")
    space = Space(rows=rows(1))
    other = f"http://localhost:{space.server.port}/s/{space.name}/echo"
    space.put(answers={"items": {"items": rows(2), "next": other}})
    source = Rest(url=f"{space.base}/items", auth={"bearer": "env:S"}, allow_private=(*HERE, "localhost"))
    with pytest.raises(Terminal, match="another host"):
        land(source, tmp_path)
    assert space.asked("/echo") == []


def test_private_addresses_are_refused_and_redirects_to_them(tmp_path: Path):
    space = Space(rows=rows(3))
    with pytest.raises(Terminal, match="loopback"):
        land(Rest(url=f"{space.base}/link"), tmp_path)
    away = f"http://127.0.0.2:{space.server.port}/s/{space.name}/link"
    with pytest.raises(Terminal, match="loopback"):
        land(Rest(url=f"{space.base}/redirect", params={"to": away}, allow_private=HERE), tmp_path)
    space.put(answers={"items": {"items": rows(2), "next": away}})
    with pytest.raises(Terminal, match="loopback"):
        land(Rest(url=f"{space.base}/items", allow_private=HERE), tmp_path)
    assert space.log()[-1]["path"].endswith("/items")


def test_an_endless_pagination_ends(tmp_path: Path):
    space = Space(rows=rows(3))
    with pytest.raises(DataError, match="leads back|says the same"):
        land(Rest(url=f"{space.base}/same", allow_private=HERE), tmp_path)
    deaf = Rest(url=f"{space.base}/cursor", pagination={"kind": "page", "param": "p"}, allow_private=HERE)
    with pytest.raises(DataError, match="says the same as the page before"):
        land(deaf, tmp_path / "deaf")
    assert len(space.asked("/cursor")) == 2


def test_limits_keep_what_landed_and_go_on(tmp_path: Path):
    space = Space(rows=rows(9))
    options: dict[str, Any] = {"url": f"{space.base}/next", "allow_private": HERE}
    with pytest.raises(DataError, match="2 pages landed and there are more"):
        land(Rest(**options, max_pages=2), tmp_path)
    assert read(land(Rest(**options), tmp_path))[0] == rows(9)
    assert len(space.asked("/next")) == 3


@pytest.mark.slow
def test_limits_of_the_server_are_honoured(tmp_path: Path):
    space = Space(rows=rows(7), faults=[{"status": 503}, {"status": 429, "headers": {"Retry-After": "0.3"}},
                                        {"hang_up": True}])  # fmt: skip
    told: list[str] = []
    began = time.monotonic()
    landed = land(Rest(url=f"{space.base}/link", allow_private=HERE, rate=50), tmp_path, tell=told.append)
    assert read(landed)[0] == rows(7)
    assert time.monotonic() - began > 0.3
    assert sum("trying again" in said for said in told) >= 2
    space.put(faults=[{"status": 500}] * 20)
    with pytest.raises(Transient):
        land(Rest(url=f"{space.base}/link", allow_private=HERE), tmp_path)


def test_a_new_pull_takes_the_old_ones_place_only_when_it_is_whole(tmp_path: Path):
    space = Space(rows=rows(9))
    source = Rest(url=f"{space.base}/next", allow_private=HERE)
    first = land(source, tmp_path)
    again = land(source, tmp_path)
    assert Files.fingerprint(first.plan(None)[1]) if Path(first.path).exists() else True
    assert [Path(again.path).name, len(space.asked("/next"))] == ["000002", 6]
    space.put(rows=rows(9, text="new"))
    with pytest.raises(Stopped):
        land(source, tmp_path, stop=lambda: len(space.asked("/next")) == 8)
    held = land(source, tmp_path, refresh=False)
    assert read(held)[0] == rows(9)
    assert read(land(source, tmp_path))[0] == rows(9, text="new")
    assert len(space.asked("/next")) == 9
    space.put(rows=[])
    with pytest.raises(DataError, match="no records"):
        land(source, tmp_path)
    assert len(read(land(source, tmp_path, refresh=False))[0]) == 9


def test_a_fresh_pull_is_used_again_and_other_options_need_another(tmp_path: Path):
    space = Space(rows=rows(4))
    options: dict[str, Any] = {"url": f"{space.base}/next", "allow_private": HERE, "fresh_for": 600}
    land(Rest(**options), tmp_path)
    land(Rest(**options, rate=5), tmp_path)
    assert len(space.asked("/next")) == 2
    with pytest.raises(DataError, match="nothing has landed yet"):
        land(Rest(**options, params={"a": "b"}), tmp_path, refresh=False)
    land(Rest(**options, params={"a": "b"}), tmp_path)
    assert len(space.asked("/next")) == 4


def test_equal_pulls_have_one_fingerprint(tmp_path: Path):
    space = Space(rows=rows(3000))
    source = Rest(url=f"{space.base}/offset", pagination="none", params={"limit": 3000}, allow_private=HERE, key="id")
    one = Files.fingerprint(land(source, tmp_path).plan(None)[1])
    assert Files.fingerprint(land(source, tmp_path).plan(None)[1]) == one
    space.put(rows=rows(3001))
    changed = Rest(url=f"{space.base}/offset", pagination="none", params={"limit": 3001}, allow_private=HERE, key="id")
    assert Files.fingerprint(land(changed, tmp_path).plan(None)[1]) != one


def test_a_record_that_moves_between_pages_is_one_row(tmp_path: Path):
    shifted = rows(6)
    space = Space(rows=[*shifted[:4], {**shifted[2], "text": "later"}, {"text": "no key"}, *shifted[4:]])
    landed = land(Rest(url=f"{space.base}/next", allow_private=HERE, key="id", deleted="dead"), tmp_path)
    found, names, _, _ = read(landed)
    assert sorted(names) == [f'"{number}"' for number in range(6)]
    assert [row["text"] for row in found if row["id"] == 2] == ["later"]


def growing(space: Space, **more: Any) -> Rest:
    incremental = {"field": "updated", "param": "since", "start": "2024-01-01T00:00:00Z", "overlap": "1m"}
    return Rest(url=f"{space.base}/next", allow_private=HERE, key="id", deleted="dead", incremental=incremental, **more)


def test_the_next_pull_asks_for_what_is_new_and_the_newest_record_counts(tmp_path: Path):
    space = Space(rows=changed(0, 5, "2024-05-01T00:00:00Z"))
    source = growing(space)
    landed = land(source, tmp_path)
    assert landed.incremental
    check_source(landed)
    all_rows, _, gone, cursor = read(landed)
    assert ([row["id"] for row in all_rows], gone) == ([0, 1, 2, 3, 4], [])
    # Two change, one is new, one is gone; the overlap brings nothing else.
    space.put(rows=[*changed(1, 1, "2024-05-02T00:00:00Z"), *changed(5, 1, "2024-05-02T00:00:00Z"),
                    *changed(3, 1, "2024-05-02T08:00:00+09:00", dead=True)])  # fmt: skip
    landed = land(source, tmp_path)
    assert space.asked("/next")[-1].startswith("since=2024-04-30T23%3A59%3A00Z")
    new, names, gone, after = read(landed, cursor)
    assert ([row["id"] for row in new], names, gone) == ([1, 5], ['"1"', '"5"'], ['"3"'])
    whole, _, _, again = read(landed)
    assert sorted((row["id"], row["text"][2:12]) for row in whole) == [
        (0, "2024-05-01"), (1, "2024-05-02"), (2, "2024-05-01"), (4, "2024-05-01"), (5, "2024-05-02")
    ]  # fmt: skip
    assert again == after
    # Nothing new: the mark stays, and nothing is read.
    space.put(rows=[])
    landed = land(source, tmp_path)
    assert read(landed, after)[:3] == ([], [], [])
    space.put(rows=[])
    land(source, tmp_path)
    assert space.asked("/next")[-1].startswith("since=2024-05-01T23%3A59%3A00Z")
    # A deleted record comes back, two pulls later at once.
    space.put(rows=changed(3, 1, "2024-05-04T00:00:00Z"))
    land(source, tmp_path)
    space.put(rows=changed(0, 1, "2024-05-05T00:00:00Z", dead=True))
    landed = land(source, tmp_path)
    new, _, gone, _ = read(landed, after)
    assert ([row["id"] for row in new], gone) == ([3], ['"0"'])


@pytest.mark.parametrize("options", [
    {"url": "ftp://x.test"}, {"url": "http://a b.test"}, {"url": "http://u:p@x.test"}, {"auth": {"bearer": "plain"}},
    {"auth": {"key": "env:A"}}, {"pagination": "pages"}, {"pagination": {"kind": "page", "size": "9"}},
    {"pagination": {"kind": "cursor"}}, {"pagination": {"kind": "page", "parm": "p"}}, {"rate": 0.0}, {"max_pages": 0},
    {"incremental": {"field": "a", "param": "b"}}, {"incremental": {"field": "a"}, "key": "id"}, {"records": "a..b"},
    {"incremental": {"field": "a", "param": "b", "lag": 1}, "key": "id"}, {"body": {"a": 1}},
])  # fmt: skip
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any]):
    with pytest.raises(RecipeError) as caught:
        Rest(**{"url": "https://api.test", **options})
    assert str(caught.value.where).startswith("rest.")


def test_a_probe_says_what_it_found(monkeypatch):
    space = Space(rows=rows(2))
    assert [finding.ok for finding in Rest(url=f"{space.base}/link", allow_private=HERE).probe()] == [True]
    assert [finding.ok for finding in Rest(url=f"{space.base}/lost", allow_private=HERE).probe()] == [False]
    assert [finding.ok for finding in Rest(url=f"{space.base}/link").probe()] == [False]
    monkeypatch.delenv("NONE", raising=False)
    unset = Rest(url=f"{space.base}/link", auth={"bearer": "env:NONE"}, allow_private=HERE)
    assert "NONE is not set" in next(unset.probe()).what


def test_odd_records_land(tmp_path: Path):
    odd = [{"id": 1, "a": "\ud800", "b": 1e308 * 10}, {"id": 2, "a": None, "b": [1, {"c": "\u2028\n"}]}]
    space = Space(rows=[])
    space.put(answers={"items": {"records": odd}})
    found = read(land(Rest(url=f"{space.base}/items", allow_private=HERE, types={"b": "string"}), tmp_path))[0]
    assert found[1]["b"] == '[1,{"c":"\u2028\\n"}]'


def _land_in_process(base: str, folder: str, since: bool) -> None:
    incremental = {"field": "updated", "param": "since"} if since else None
    source = Rest(url=f"{base}/next", allow_private=HERE, key="id", incremental=incremental)
    source.land(Landing(folder=Path(folder)))


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize("since", [False, True])
def test_killed_pulls_lose_no_page_and_land_none_twice(tmp_path: Path, since: bool):
    kills = storm(2, 60)
    chance = random.Random(7)
    wanted = [{"id": number, "text": f"row {number}", "updated": number} for number in range(150)]
    space = Space(rows=wanted, delay=0.008)
    context = multiprocessing.get_context("forkserver")
    struck = finished = 0
    folder = tmp_path / "landing"
    folder.mkdir()
    for number in range(kills * 4):
        process = context.Process(target=_land_in_process, args=(space.base, str(folder), since))
        process.start()
        process.join(chance.uniform(0.25, 0.9))
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            struck += 1
        process.join()
        assert process.exitcode in (0, -signal.SIGKILL)
        if process.exitcode == 0:
            finished += 1
            incremental = {"field": "updated", "param": "since"} if since else None
            source = Rest(url=f"{space.base}/next", allow_private=HERE, key="id", incremental=incremental)
            found = read(source.land(Landing(folder=folder, refresh=False)))
            assert sorted(row["id"] for row in found[0]) == list(range(150)), f"kill {number}"
            if struck >= kills:
                break
            if not since:
                continue
            folder = tmp_path / f"landing-{number}"
            folder.mkdir()
    assert struck >= kills
    # A page that landed is not asked for again: a kill costs one request at most.
    whole = 50 + finished + 1 if since else 50 * (finished + 1)
    assert len(space.asked("/next")) <= whole + struck


@pytest.mark.slow
@pytest.mark.storm
@pytest.mark.parametrize("seed", range(storm(3, 60)))
def test_faults_of_the_network_lose_no_page_and_land_none_twice(tmp_path: Path, seed: int):
    wanted = rows(60)
    space = Space(rows=wanted, files={"set.csv": "id,text\n" + "1,word\n" * 20_000})
    # Not with bytes that drip: they come, and so slowly that a test would wait for minutes.
    with Proxy(space.server.port, steady(seed)) as proxy:
        base = f"http://127.0.0.1:{proxy.port}/s/{space.name}"
        patient = Rest(url=f"{base}/next", allow_private=HERE, key="id", timeout=0.7, name="api")
        archive = Archive(url=f"{base}/files/set.csv", allow_private=HERE)
        landed, found = until(patient, tmp_path / "api"), until(archive, tmp_path / "set")
    assert read(landed)[0] == wanted
    assert len(read(found)[0]) == 20_000


def steady(seed: int) -> Any:
    plan = seeded(seed, chance=0.7, reach=40_000)
    return lambda number: PASS if plan(number).drip or plan(number).hang is not None else plan(number)


def until(source: Any, folder: Path) -> Any:
    """Run as often as a person would who runs again after each failure."""
    for _ in range(20):
        try:
            return land(source, folder)
        except Transient:
            continue
    raise AssertionError("no end of failures")


@pytest.mark.slow
def test_a_server_that_hangs_is_asked_again(tmp_path: Path):
    space = Space(rows=rows(7))
    with Proxy(space.server.port, [hang(10), drip(0.3)]) as proxy:
        base = f"http://127.0.0.1:{proxy.port}/s/{space.name}"
        landed = land(Rest(url=f"{base}/next", allow_private=HERE, timeout=0.4), tmp_path)
    assert read(landed)[0] == rows(7)
