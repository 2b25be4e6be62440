"""A web client that is guarded, bounded and honest about what helps."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest
from tests.servers.api import Space

from tilth.bytes._web_errors import refusal, wait_asked
from tilth.bytes.guard import Guard
from tilth.bytes.web import Limits, Web
from tilth.core.errors import RecipeError, Terminal, Transient
from tilth.core.retry import persistent

HERE = Guard(allow_private=("127.0.0.1", "localhost"))
QUICK = Limits(connect_seconds=2, read_seconds=2, total_seconds=1.0, most_bytes=1 << 20)


@pytest.fixture
def web():
    with Web(guard=HERE) as client:
        yield client


def test_a_request_carries_what_was_given_and_says_who_asks(web: Web):
    space = Space()
    said = json.loads(
        web.request(
            f"{space.base}/echo?a=1", params={"q": "x y"}, headers={"X-Key": "k"}, method="POST", body=b"hi"
        ).body
    )
    assert said["query"] == {"a": "1", "q": "x y"}
    assert (said["method"], said["body"], said["headers"]["X-Key"]) == ("POST", "hi", "k")
    assert said["headers"]["User-Agent"].startswith("tilth/")
    assert said["headers"]["Host"].startswith("127.0.0.1:")


def test_packed_and_chunked_answers_are_read_and_the_connection_is_used_again(web: Web):
    space = Space()
    assert json.loads(web.request(f"{space.base}/packed").body) == {"a": 1}
    held = list(web._held.values())
    assert web.request(f"{space.base}/chunked").body == b"one two"
    assert web.request(f"{space.base}/echo", method="HEAD").body == b""
    assert list(web._held.values())[:1] == held or len(held) == 1


def test_a_connection_that_the_server_closed_is_opened_again(web: Web):
    space = Space(faults=[{"pass": True}, {"hang_up": True}])
    web.request(f"{space.base}/echo")
    assert web.request(f"{space.base}/echo").status == 200
    assert len(space.log()) == 3


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:9999/", "http://localhost:9999/", "http://[::1]:9999/", "http://169.254.169.254/latest/meta-data/",
    "http://10.1.2.3/", "http://0.0.0.0/", "http://2130706433/", "http://127.1/", "ftp://example.com/", "file:///etc/passwd",
    "http://user:pw@example.com/", "http://[::ffff:127.0.0.1]/", "http://192.168.0.1/",
])  # fmt: skip
def test_private_and_odd_addresses_are_refused(url: str, tmp_path: Path):
    with Web() as web:
        with pytest.raises(Terminal):
            web.request(url)
        with pytest.raises(Terminal):
            web.download(url, tmp_path / "file", most=1)


def test_a_redirect_to_a_private_address_is_refused(web: Web):
    space = Space()
    port = space.server.port
    for target in (
        f"http://127.0.0.2:{port}/s/{space.name}/echo",
        "http://169.254.169.254/",
        "http://[::1]/",
        "file:///etc/passwd",
    ):
        with pytest.raises(Terminal):
            web.request(f"{space.base}/redirect", params={"to": target})
    assert len(space.log()) == 4


def test_redirects_are_followed_and_endless_ones_end(web: Web):
    space = Space()
    answer = web.request(f"{space.base}/redirect", params={"to": f"{space.base}/echo?x=1"})
    assert json.loads(answer.body)["query"] == {"x": "1"}
    assert answer.url.endswith("/echo?x=1")
    with pytest.raises(Terminal, match="more than 5 redirects"):
        web.request(f"{space.base}/loop")
    assert len(space.asked("/loop")) == 6


def test_credentials_stay_behind_when_the_host_changes(web: Web):
    space = Space()
    other = f"http://localhost:{space.server.port}/s/{space.name}/echo"
    headers = {"Authorization": "Bearer hush", "X-API-Key": "hush", "Accept": "application/json"}
    said = json.loads(web.request(f"{space.base}/redirect", params={"to": other}, headers=headers).body)["headers"]
    assert "hush" not in str(said)
    assert said["Accept"] == "application/json"
    same = json.loads(web.request(f"{space.base}/redirect", params={"to": f"{space.base}/echo"}, headers=headers).body)
    assert same["headers"]["Authorization"] == "Bearer hush"
    with pytest.raises(Terminal, match="would send the request's body"):
        web.request(f"{space.base}/redirect", params={"to": other, "status": "307"}, method="POST", body=b"hush")
    posted = web.request(f"{space.base}/redirect", params={"to": other}, method="POST", body=b"hush")
    assert json.loads(posted.body)["method"] == "GET"


def test_certificates_are_checked_against_the_name():
    space = Space()
    with Web(guard=HERE) as web, pytest.raises(Terminal, match="certificate is not trusted"):
        web.request(f"{space.secure}/echo")
    with Web(guard=HERE, ca=space.ca) as web:
        assert web.request(f"{space.secure}/echo").status == 200
        with pytest.raises(Terminal, match="from https to http"):
            web.request(f"{space.secure}/redirect", params={"to": f"{space.base}/echo"})
    for wrong in ("/none.pem", __file__):
        with Web(guard=HERE, ca=wrong) as web, pytest.raises(RecipeError, match="holds no certificates"):
            web.request(f"{space.secure}/echo")
    # A name that the certificate does not hold, led to the same address.
    led = Guard(allow_private=("127.0.0.1",), resolve=lambda host, port: ["127.0.0.1"])
    with Web(guard=led, ca=space.ca) as web, pytest.raises(Terminal, match="certificate is not trusted"):
        web.request(space.secure.replace("localhost", "api.example.com"))


@pytest.mark.parametrize("part", ["headers", "body"])
@pytest.mark.slow
def test_a_server_that_drips_is_left(part: str):
    space = Space()
    began = time.monotonic()
    with Web(guard=HERE, limits=QUICK) as web, pytest.raises(Transient):
        web.request(f"{space.base}/drip/{part}")
    assert time.monotonic() - began < 3


def test_a_bomb_is_not_unpacked():
    space = Space()
    with (
        Web(guard=HERE, limits=Limits(most_bytes=1 << 20)) as web,
        pytest.raises(Terminal, match="longer than 1048576"),
    ):
        web.request(f"{space.base}/bomb")


def test_answers_say_what_helps(web: Web):
    space = Space(faults=[
        {"status": 429, "headers": {"Retry-After": "3"}}, {"status": 503}, {"status": 500}, {"status": 401},
        {"status": 403, "headers": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "5"}}, {"status": 404},
        {"status": 429, "headers": {"Retry-After": "99999"}}, {"hang_up": True}, {"hang_up": True},
    ])  # fmt: skip
    url = f"{space.base}/echo?api_key=hushhush"
    for kind, after in [(Transient, 3.0), (Transient, None), (Transient, None), (Terminal, None), (Transient, 5.0),
                        (Terminal, None), (Terminal, None), (Transient, None)]:  # fmt: skip
        with pytest.raises((Transient, Terminal)) as caught:
            web.request(url)
        assert type(caught.value) is kind
        assert getattr(caught.value, "after", None) == after
        assert "hushhush" not in str(caught.value)


def test_waits_are_read_in_all_their_forms():
    assert wait_asked({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, now=1445412470.0) == 10.0
    assert wait_asked({"x-ratelimit-reset": "1445412480", "x-ratelimit-remaining": "0"}, now=1445412470.0) == 10.0
    assert wait_asked({"ratelimit-reset": "12"}) == 12.0
    assert wait_asked({"retry-after": "soon"}) is None
    assert wait_asked({"x-ratelimit-reset": "9", "x-ratelimit-remaining": "7"}) is None
    assert isinstance(refusal(408, {}, "http://a.test/"), Transient)


HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize("raw", [
    HEAD, f"{HEAD}Date: Wed, 25 N", f"{HEAD}Content-Length: 1", f"{HEAD}Content-Length: 12\r\n\r\n{{}}", "HTTP/1.1 2",
    f"{HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nab", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n",
    "", "SSH-2.0-OpenSSH\r\n",
])  # fmt: skip
def test_an_answer_that_is_cut_anywhere_is_no_answer(web: Web, tmp_path: Path, raw: str):
    space = Space(raw=[raw])
    with pytest.raises(Transient):
        web.request(f"{space.base}/raw")
    with pytest.raises(Transient):
        web.download(f"{space.base}/raw", tmp_path / "file", most=100)
    assert not (tmp_path / "file").exists()


def test_an_answer_may_end_with_the_connection_where_it_says_so_but_a_download_may_not(web: Web, tmp_path: Path):
    space = Space(raw=[f"{HEAD}Connection: close\r\n\r\n{{}}"])
    assert web.request(f"{space.base}/raw").body == b"{}"
    with pytest.raises(Transient, match="how long the file is"):
        web.download(f"{space.base}/raw", tmp_path / "file", most=100)


DATA = "".join(chr(number % 251) for number in range(300_000))
SHA = hashlib.sha256(DATA.encode("latin-1")).hexdigest()


def test_a_download_goes_on_where_it_broke_off(web: Web, tmp_path: Path):
    space = Space(files={"set.bin": DATA}, cut=[100_000, 50_000])
    path = tmp_path / "set.bin"
    got = persistent(lambda: web.download(f"{space.base}/files/set.bin", path, most=1 << 20), first_wait=0.01)
    assert (got.bytes, got.sha256, path.read_bytes()) == (len(DATA), SHA, DATA.encode("latin-1"))
    ranges = [each["headers"].get("Range") for each in space.log()]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["set.bin"]


def test_a_download_begins_anew_when_the_file_has_changed_or_nothing_vouches_for_it(web: Web, tmp_path: Path):
    for number, etag in enumerate(['"v1"', 'W/"v1"', ""]):
        space = Space(files={"f": DATA}, cut=[1000], etag=etag)
        path = tmp_path / str(number)
        with pytest.raises(Transient):
            web.download(f"{space.base}/files/f", path, most=1 << 20)
        assert not path.exists()
        changed = DATA[::-1]
        space.put(files={"f": changed}, etag='"v2"')
        web.download(f"{space.base}/files/f", path, most=1 << 20)
        assert path.read_bytes() == changed.encode("latin-1")


def test_a_download_that_is_too_long_ends(web: Web, tmp_path: Path):
    space = Space(files={"f": DATA})
    with pytest.raises(Terminal, match="longer than 1000 bytes"):
        web.download(f"{space.base}/files/f", tmp_path / "f", most=1000)
    assert not (tmp_path / "f").exists()
