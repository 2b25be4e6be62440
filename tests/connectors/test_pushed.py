"""Pushes: kept before they are acknowledged, once each, guarded; read by the next run."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.connectors._landed import land, read

from tilth.connectors._inbox.app import Limits, app
from tilth.connectors._inbox.inbox import Inbox
from tilth.connectors._inbox.signed import signed
from tilth.connectors.pushed import Pushed
from tilth.core.connector import Lander
from tilth.core.errors import DataError, RecipeError
from tilth.testing import check_declaration, check_source, storm

KEY = "correct-horse-battery"


@pytest.fixture
def inbox(tmp_path: Path):
    held = Inbox(tmp_path / "inbox")
    yield held
    held.close()


def client(inbox: Inbox, **options: Any) -> TestClient:
    return TestClient(app(inbox, **options), base_url="http://localhost")


def held(inbox: Inbox) -> list[Any]:
    return [json.loads(line) for path in inbox.seal() for line in path.read_bytes().splitlines()]


def test_pushes_are_kept_in_order(inbox: Inbox):
    with client(inbox) as api:
        assert api.post("/", json={"id": 1, "text": "\u4e2d"}).status_code == 202
        assert api.post("/", json=[{"id": 2}, {"id": 3}]).json() == {"accepted": 2}
        lines = {"content": b'{"id": 4}\n\n{"id": 5}\n', "headers": {"content-type": "application/x-ndjson"}}
        assert api.post("/", **lines).json() == {"accepted": 2}
        assert api.get("/healthz").json() == {"status": "ok"}
    assert [record["id"] for record in held(inbox)] == [1, 2, 3, 4, 5]
    assert (inbox.folder.stat().st_mode & 0o077) == 0


@pytest.mark.parametrize("name", ["Idempotency-Key", "X-GitHub-Delivery", "Webhook-Id"])
def test_a_delivery_is_kept_once(inbox: Inbox, name: str):
    with client(inbox) as api:
        assert api.post("/", json={"id": 1}, headers={name: "d1"}).status_code == 202
        again = api.post("/", json={"id": 1}, headers={name: "d1"})
        assert (again.status_code, again.json()) == (200, {"accepted": 0, "duplicate": True})
        assert api.post("/", json={"id": 1}, headers={name: "d2"}).status_code == 202
        assert api.post("/", json={"id": 1}, headers={name: "x" * 300}).status_code == 400
    assert len(held(inbox)) == 2


def test_what_is_no_push_is_refused_in_one_line(inbox: Inbox):
    kind = {"content-type": "application/json"}
    cases: list[tuple[int, dict[str, Any]]] = [
        (400, {"content": b"{", "headers": kind}), (400, {"content": b"\xff", "headers": kind}),
        (400, {"content": b'{"a": NaN}', "headers": kind}), (400, {"content": b"[" * 100_000, "headers": kind}),
        (422, {"content": b"[]", "headers": kind}), (422, {"content": b"[1]", "headers": kind}),
        (422, {"content": b"1", "headers": kind}), (415, {"content": b"{}"}),
        (415, {"content": b"{}", "headers": {"content-type": "text/plain"}}),
        (415, {"content": b"{}", "headers": {**kind, "content-encoding": "gzip"}}),
        (413, {"content": b'{"a": "' + b"hush" * 300_000 + b'"}', "headers": kind}),
    ]  # fmt: skip
    with client(inbox) as api:
        for status, request in cases:
            answer = api.post("/", **request)
            assert answer.status_code == status, request.get("content", b"")[:20]
            assert "\n" not in answer.json()["error"]
            assert "hush" not in answer.text
        assert api.get("/").status_code == 405
        assert api.post("/other", json={}).status_code == 404
    assert held(inbox) == []


def test_keys_and_names_guard_it(inbox: Inbox):
    opens = {KEY}.__contains__
    with client(inbox, opens=opens) as api:
        assert api.post("/", json={"a": 1}).status_code == 401
        assert api.post("/", json={"a": 1}, headers={"X-API-Key": "wrong"}).status_code == 401
        assert api.post("/", json={"a": 1}, headers={"X-API-Key": KEY}).status_code == 202
        assert api.post("/", json={"a": 1}, headers={"Authorization": f"Bearer {KEY}"}).status_code == 202
    with client(inbox, hosts=("localhost", "127.0.0.1")) as api:
        assert api.post("/", json={"a": 1}).status_code == 202
        assert api.post("/", json={"a": 1}, headers={"Host": "evil.example"}).status_code == 421
    assert len(held(inbox)) == 3


def test_signatures_are_checked(inbox: Inbox):
    body = b'{"a":1}'
    mac = hmac.new(b"s3cret-s3cret", body, hashlib.sha256).hexdigest()
    kind = {"content-type": "application/json"}
    with client(inbox, secret="s3cret-s3cret") as api:
        for given, status in ((f"sha256={mac}", 202), (f"sha256={mac[:-1]}0", 401), ("", 401), ("sha256=\u00e9", 401)):
            headers = {**kind, "x-hub-signature-256": given.encode()}
            assert api.post("/", content=body, headers=headers).status_code == status or mac.endswith("0")
    now = int(time.time())
    sign = hmac.new(b"s3cret", f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    told = {"stripe-signature": f"t={now},v1=00,v1={sign}"}
    assert signed("stripe", "s3cret", told, body)
    assert not signed("stripe", "s3cret", told, body + b" ")
    assert not signed("stripe", "s3cret", told, body, now=now + 301)
    assert not signed("stripe", "s3cret", {"stripe-signature": "t=x,v1="}, body)
    assert not signed("stripe", "s3cret", {}, body)


def test_too_many_are_told_to_come_back(inbox: Inbox):
    with client(inbox, limits=Limits(rate=1.0)) as api:
        answers = [api.post("/", json={"a": 1}) for _ in range(4)]
    assert [answer.status_code for answer in answers][:3] == [202, 202, 429]
    assert int(answers[2].headers["Retry-After"]) >= 1


def push(inbox: Inbox, *records: dict[str, Any]) -> None:
    inbox.accept([json.dumps(record).encode() for record in records], None)


def test_a_run_reads_what_came_since_the_last(inbox: Inbox, tmp_path: Path):
    source = Pushed(inbox=str(inbox.folder), key="id", deleted="deleted")
    push(inbox, {"id": 1, "text": "one"}, {"id": 2, "text": "two"}, {"id": 1, "text": "newer"})
    landed = land(source, tmp_path / "landing")
    rows, names, _, cursor = read(landed)
    assert {row["id"]: row["text"] for row in rows} == {1: "newer", 2: "two"}
    assert len(names) == 2
    check_source(landed)
    push(inbox, {"id": 2, "deleted": True}, {"id": 3, "text": "three"})
    landed = land(source, tmp_path / "landing")
    rows, _, gone, after = read(landed, cursor)
    assert ([row["id"] for row in rows], gone) == ([3], ['"2"'])
    assert sorted(row["id"] for row in read(landed)[0]) == [1, 3]
    landed = land(source, tmp_path / "landing")
    assert read(landed, after)[:3] == ([], [], [])


def test_without_a_key_each_push_is_a_row(inbox: Inbox, tmp_path: Path):
    source = Pushed(inbox="inbox").anchored(tmp_path)
    with pytest.raises(DataError, match="nothing was pushed yet"):
        land(source, tmp_path / "landing")
    push(inbox, {"id": 1}, {"id": 1})
    cursor = read(land(source, tmp_path / "landing"))[3]
    push(inbox, {"id": 1})
    landed = land(source, tmp_path / "landing")
    assert len(read(landed, cursor)[0]) == 1
    assert len(set(read(landed)[1])) == 3
    assert len(read(land(source, tmp_path / "landing", refresh=False))[0]) == 3


def test_what_it_declares_and_refuses(tmp_path: Path):
    source = Pushed(inbox="inbox", key=("a", "b"), types={"a": "int"})
    check_declaration(source, "tilth.connectors")
    assert isinstance(source, Lander)
    for wrong in ({"inbox": ""}, {"deleted": "a"}, {"deleted": "a..b", "key": "id"}):
        with pytest.raises(RecipeError):
            Pushed(**{"inbox": "inbox", **wrong})
    with pytest.raises(DataError, match="no inbox there"):
        land(source.anchored(tmp_path), tmp_path / "landing")
    assert [found.ok for found in source.anchored(tmp_path).probe()] == [False]


RUN = "import typer; from tilth.cli.receive import receive; typer.run(receive)"


def started(folder: Path, *options: str, env: dict[str, str] | None = None) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), "--port", "0", "--quiet", "--rate", "5000", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())
    assert found, process.communicate()[1]
    return process, int(found[1])


def ended(process: subprocess.Popen[str], number: int) -> int:
    process.send_signal(number)
    process.communicate(timeout=30)
    return process.returncode


def posted(port: int, record: dict[str, Any], **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        said = {"Content-Type": "application/json", **headers}
        connection.request("POST", "/", json.dumps(record).encode(), said)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.slow
def test_the_verb_serves_and_stops(tmp_path: Path):
    process, port = started(tmp_path / "inbox", "--keys", "env:RECEIVE_KEYS", env={"RECEIVE_KEYS": KEY})
    try:
        assert posted(port, {"id": 1}) == 401
        assert posted(port, {"id": 1}, **{"X-API-Key": KEY}) == 202
    finally:
        assert ended(process, signal.SIGTERM) == 0
    assert len(read(land(Pushed(inbox=str(tmp_path / "inbox")), tmp_path / "landing"))[0]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--host", "0.0.0.0"), ("--keys", "a-literal-key-here"), ("--scheme", "none")])
def test_the_verb_refuses_what_is_not_safe(tmp_path: Path, options: tuple[str, ...]):
    run = [sys.executable, "-c", RUN, str(tmp_path / "inbox"), "--port", "0", *options]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "Error" in done.stderr


@pytest.mark.slow
@pytest.mark.storm
def test_a_killed_receiver_keeps_all_it_acknowledged_and_none_twice(tmp_path: Path):
    kills = storm(2, 40)
    chance = random.Random(5)
    acknowledged: set[int] = set()
    number = 0
    for _ in range(kills):
        process, port = started(tmp_path / "inbox")
        timer = threading.Timer(chance.uniform(0.05, 0.5), process.kill)
        timer.start()
        try:
            while posted(port, {"id": number}, **{"Idempotency-Key": f"d{number}"}) in (200, 202):
                acknowledged.add(number)
                number += 1
        except (OSError, http.client.HTTPException):
            # What was on its way is sent again, under its name, as senders do.
            pass
        finally:
            timer.join()
            ended(process, signal.SIGKILL)
        if chance.random() < 0.5:
            read(land(Pushed(inbox=str(tmp_path / "inbox")), tmp_path / "landing"))
    rows = read(land(Pushed(inbox=str(tmp_path / "inbox")), tmp_path / "landing"))[0]
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert acknowledged <= set(ids)
    assert len(acknowledged) > kills
