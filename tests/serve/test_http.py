"""A real server on a free loopback port: what it answers, what it refuses, how it stops."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tilth.core.errors import ModelError, TilthError
from tilth.serve import bundle
from tilth.serve.http import serve
from tilth.serve.limits import Limits
from tilth.serve.predictor import Predictor

Make = Callable[..., Any]
KEY = "a-key-of-some-length-1"
OTHER_KEY = "another-key-of-length-2"


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[httpx.Client]:
    """Serve a bundle in a thread; the client's base URL is the one that `on_ready` was told."""
    ready, stop = threading.Event(), threading.Event()
    urls: list[str] = []
    failures: list[TilthError] = []

    def work() -> None:
        try:
            serve(folder, port=0, on_ready=lambda url: (urls.append(url), ready.set()), stop=stop.is_set, **options)
        except TilthError as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(30)
        if failures:
            raise failures[0]
        with httpx.Client(base_url=urls[0], timeout=20, trust_env=False) as client:
            yield client
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert not failures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, own: Make, keyword_count: Make) -> Path:
    return bundle.write(
        tmp_path_factory.mktemp("models") / "support" / "1",
        name="support",
        version="1",
        task="text_classification",
        refine=(own("own_spaces"), own("own_short"), own("own_shout", words=("secret-option",))),
        model=keyword_count(),
        facts=bundle.Facts(
            created="2024-05-01T12:00:00Z",
            labels=keyword_count().labels,
            recipe="ab12",
            data={"table": "support", "version": 3},
            metrics={"macro_f1": 0.91},
        ),
    )


@pytest.fixture(scope="module")
def client(folder: Path) -> Iterator[httpx.Client]:
    with running(folder, limits=Limits(max_body=20_000, max_rows=50)) as client:
        yield client


def post(client: httpx.Client, body: bytes | str, **headers: str) -> httpx.Response:
    raw = body.encode() if isinstance(body, str) else body
    return client.post("/predict", content=raw, headers={"Content-Type": "application/json", **headers})


def refusal(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    error: dict[str, Any] = response.json()["error"]
    assert error["what"]
    assert error["id"] == response.headers["x-request-id"]
    return error


ROWS = [
    "late   parcel",
    "ok",
    "bad\0text",
    {"text": None},
    "REFUND NOW",
    {"text": "Invoice", "channel": "web"},
    "退款 refund",
]


def test_http_gives_the_very_bytes_that_the_embedded_predictor_gives(client: httpx.Client, folder: Path) -> None:
    embedded = Predictor(bundle.read(folder)).predict(ROWS)
    response = client.post("/predict", json={"rows": ROWS})
    assert response.status_code == 200
    wanted = json.dumps(embedded, ensure_ascii=False, separators=(",", ":")).encode()
    assert b'"answers":' + wanted + b"," in response.content
    assert {answer["status"] for answer in embedded} == {"ok", "dropped", "failed"}


def test_one_row_may_come_by_itself(client: httpx.Client) -> None:
    alone = client.post("/predict", json={"text": "refund"}).json()
    assert alone["answers"] == client.post("/predict", json={"rows": [{"text": "refund"}]}).json()["answers"]
    assert alone["answers"][0]["prediction"] == "billing"
    assert alone["model"] == {"name": "support", "version": "1", "digest": client.get("/model").json()["digest"]}
    assert "notes" not in alone


def test_fields_that_the_model_does_not_read_are_noted(client: httpx.Client) -> None:
    said = client.post(
        "/predict", json={"rows": [{"text": "refund", "channel": "web"}, {"text": "a", "age": 3}]}
    ).json()
    assert said["notes"] == ["the model does not read these fields: age, channel"]
    many = client.post("/predict", json={"text": "refund", **{f"f{n:02}": 0 for n in range(20)}}).json()
    assert many["notes"][0].endswith("f07 and 12 more")


def test_no_rows_are_no_answers(client: httpx.Client) -> None:
    assert client.post("/predict", json={"rows": []}).json()["answers"] == []


def test_concurrent_requests_get_the_answers_of_sequential_ones(client: httpx.Client) -> None:
    asked = [{"rows": [f"refund {n}", "late parcel " * (n % 4), "x"]} for n in range(30)]
    alone = [client.post("/predict", json=body).content for body in asked]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda body: client.post("/predict", json=body).content, asked))
    assert together == alone


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "the body is not JSON: Expecting value"),
        (b'{"text": ', "Expecting value"),
        (b"{'text': 1}", "Expecting property name"),
        (b'{"text": "a"} x', "Extra data"),
        (b'{"text": NaN}', "NaN is not JSON"),
        (b'{"text": -Infinity}', "-Infinity is not JSON"),
        (b'{"text": "\xff"}', "byte 10 is not UTF-8"),
        ('{"text": "a"}'.encode("utf-16"), "byte 0 is not UTF-8"),
        (b'{"text": ' + b"9" * 5000 + b"}", "a number in it is too long"),
        (b"[" * 15_000, "it is nested too deeply"),
        (b'{"a":' * 3_900, "it is nested too deeply"),
    ],
)
def test_what_is_not_json_is_400(client: httpx.Client, body: bytes, what: str) -> None:
    assert what in refusal(post(client, body), 400)["what"]


def test_deep_nesting_that_is_json_is_refused_by_shape(client: httpx.Client) -> None:
    error = refusal(post(client, b'{"text": ' + b"[" * 400 + b"]" * 400 + b"}"), 422)
    assert error["where"] == "body.text"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec=None), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["text", "rows", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_sent_is_answered_or_refused_and_nothing_breaks(client: httpx.Client, body: bytes) -> None:
    response = post(client, body)
    assert response.status_code in (200, 400, 422)
    if response.status_code == 200:
        sent = json.loads(body)
        assert len(response.json()["answers"]) == (len(sent["rows"]) if "rows" in sent else 1)
    else:
        assert "Traceback" not in response.text
        refusal(response, response.status_code)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json; charset=latin-1"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": ""},
    ],
)
def test_another_content_type_is_415(client: httpx.Client, headers: dict[str, str]) -> None:
    refusal(client.post("/predict", content=b'{"text": "a"}', headers=headers), 415)


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        ([{"text": "a"}], "body", "the body is a list"),
        ("text", "body", "the body is a string"),
        (None, "body", "the body is null"),
        ({"rows": "a"}, "rows", "rows is a string"),
        ({"rows": {"text": "a"}}, "rows", "rows is an object"),
        ({"rows": ["a"], "text": "b"}, "body", "there are fields beside rows"),
        ({}, "body", 'no field "text"'),
        ({"rows": ["a", {"txt": "b"}]}, "rows[1]", 'no field "text"'),
        ({"rows": ["a", 7]}, "rows[1]", "the row is a number"),
        ({"text": 7}, "body.text", "the field is a number"),
        ({"rows": ["a"] * 51}, "rows", "51 rows in one request"),
    ],
)
def test_another_shape_is_422_in_our_own_words(client: httpx.Client, body: Any, where: str, what: str) -> None:
    error = refusal(post(client, json.dumps(body)), 422)
    assert (error["where"], error["what"]) == (where, what)
    assert error["wanted"]


def test_half_a_surrogate_pair_is_422(client: httpx.Client) -> None:
    assert "surrogate" in refusal(post(client, r'{"text": "a\ud83d"}'), 422)["what"]


@pytest.mark.parametrize("extra", [1, 15_000])
def test_a_body_that_is_too_long_is_413(client: httpx.Client, extra: int) -> None:
    body = json.dumps({"text": "a" * (20_000 - len('{"text": ""}'))}).encode()
    assert post(client, body).status_code == 200
    assert refusal(post(client, body + b" " * extra), 413)["wanted"] == "at most 20000 bytes"
    chunked = client.post("/predict", content=iter([body, b" " * extra]), headers={"Content-Type": "application/json"})
    refusal(chunked, 413)


def test_a_body_without_an_end_is_cut_off(client: httpx.Client) -> None:
    sent = 0
    with socket.create_connection((client.base_url.host, client.base_url.port), timeout=10) as raw:
        head = [
            "POST /predict HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
        ]
        raw.sendall("\r\n".join([*head, "", ""]).encode())
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for _ in range(10_000):
                raw.sendall(b"2000\r\n" + b" " * 0x2000 + b"\r\n")
                sent += 0x2000
    # 20 kB are allowed; the rest is what lay in the buffers of both ends.
    assert sent < 20_000_000


def test_a_body_that_does_not_arrive_is_408(folder: Path) -> None:
    with running(folder, limits=Limits(body_deadline=0.2)) as client, socket.socket() as raw:
        raw.connect((client.base_url.host, client.base_url.port))
        head = [
            "POST /predict HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            "Content-Length: 99",
            "",
            "{",
        ]
        raw.sendall("\r\n".join(head).encode())
        raw.settimeout(10)
        assert raw.recv(4096).startswith(b"HTTP/1.1 408")
        assert client.get("/healthz").status_code == 200


def test_paths_and_methods_that_are_not_there(client: httpx.Client) -> None:
    refusal(client.get("/nowhere"), 404)
    refusal(client.get("/predict/"), 404)
    assert refusal(client.get("/predict"), 405)
    assert client.get("/predict").headers["allow"] == "POST"
    refusal(client.get("/redoc"), 404)


def test_health_and_readiness(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "live"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_the_card_tells_what_answers_and_no_more(client: httpx.Client, folder: Path) -> None:
    response = client.get("/model")
    card = response.json()
    assert card["digest"] == hashlib.blake2b((folder / "bundle.json").read_bytes(), digest_size=16).hexdigest()
    assert card["labels"] == ["billing", "delivery", "other"]
    assert card["refine"] == ["own_spaces", "own_short", "own_shout"]
    assert card["metrics"] == {"macro_f1": 0.91}
    assert card["data"] == {"table": "support", "version": 3}
    assert "secret-option" not in response.text
    assert str(folder) not in response.text


def test_the_counts_are_what_was_asked(folder: Path) -> None:
    with running(folder) as client:
        client.post("/predict", json={"rows": [*ROWS, "divide by zero"]})
        client.post("/predict", json={"text": "refund"})
        post(client, b"{")
        client.get("/a/path/of/a/scanner")
        page = client.get("/metrics")
    assert page.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = dict(line.rsplit(" ", 1) for line in page.text.splitlines() if not line.startswith("#"))
    assert lines['tilth_requests_total{path="/predict",status="200"}'] == "2.0"
    assert lines['tilth_requests_total{path="/predict",status="400"}'] == "1.0"
    assert lines['tilth_requests_total{path="other",status="404"}'] == "1.0"
    assert lines['tilth_rows_total{status="ok"}'] == "4.0"
    assert lines['tilth_rows_total{status="dropped"}'] == "3.0"
    assert lines['tilth_rows_total{status="failed"}'] == "2.0"
    assert lines['tilth_rows_total{status="abstained"}'] == "0.0"
    assert lines['tilth_predictions_total{label="billing"}'] == "3.0"
    assert lines['tilth_dropped_total{operator="own_shout",rule="shout"}'] == "1.0"
    assert lines['tilth_request_seconds_count{path="/predict"}'] == "3.0"
    assert lines["tilth_in_flight"] == "1.0"
    assert any(line.startswith('tilth_model{digest="') for line in lines)


def test_two_services_in_one_process_count_apart(folder: Path) -> None:
    with running(folder) as one, running(folder) as two:
        one.post("/predict", json={"text": "refund"})
        assert 'label="billing"' in one.get("/metrics").text
        assert 'label="billing"' not in two.get("/metrics").text


def test_without_a_key_there_is_no_answer(folder: Path) -> None:
    with running(folder, keys=[KEY, OTHER_KEY]) as client:
        for path in ("/model", "/metrics", "/nowhere"):
            refusal(client.get(path), 401)
        for headers in (
            {},
            {"X-API-Key": "wrong"},
            {"X-API-Key": KEY[:-1]},
            {"X-API-Key": KEY + "x"},
            {"X-API-Key": ""},
            {"Authorization": f"Basic {KEY}"},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer{KEY}"},
            {"X-API-Key": hashlib.sha256(KEY.encode()).hexdigest()},
        ):
            response = client.post("/predict", json={"text": "refund"}, headers=headers)
            error = refusal(response, 401)
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert KEY not in json.dumps(error)
        for headers in (
            {"X-API-Key": KEY},
            {"Authorization": f"Bearer {OTHER_KEY}"},
            {"Authorization": f"bearer {KEY}"},
        ):
            assert client.post("/predict", json={"text": "refund"}, headers=headers).status_code == 200
        # No key is wanted, and a body of no key is not read, before the key is right.
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        assert client.get("/docs").status_code == client.get("/openapi.json").status_code == 200
        refusal(post(client, b"x" * 2_000_000), 401)


def test_keys_are_held_as_hashes_only(folder: Path) -> None:
    from tilth.serve._guard import Keys

    keys = Keys([KEY])
    assert KEY not in repr(vars(keys))
    assert vars(keys)["_hashes"] == (hashlib.sha256(KEY.encode()).digest(),)


@pytest.mark.parametrize("keys", [["short"], [""], ["with a space in the key"], ["schlüssel-mit-umlaut"], KEY])
def test_a_weak_key_is_refused_before_anything_listens(folder: Path, keys: Any) -> None:
    with pytest.raises(TilthError, match="at least 16 printable ASCII characters"):
        serve(folder, port=0, keys=keys)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_others_reach_needs_a_key(folder: Path, host: str) -> None:
    with pytest.raises(TilthError, match="no key guards the service"):
        serve(folder, host, 0)


def test_with_a_key_every_address_may_be_served(folder: Path) -> None:
    ready, stop = threading.Event(), threading.Event()
    urls: list[str] = []

    def work() -> None:
        serve(folder, "0.0.0.0", 0, keys=[KEY], on_ready=lambda url: (urls.append(url), ready.set()), stop=stop.is_set)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(20)
        port = urls[0].rpartition(":")[2]
        response = httpx.get(f"http://127.0.0.1:{port}/model", headers={"X-API-Key": KEY, "Host": "models.example"})
        assert response.status_code == 200
    finally:
        stop.set()
        thread.join(20)


def test_a_page_on_the_web_cannot_pose_as_this_machine(client: httpx.Client) -> None:
    # DNS rebinding: the browser sends the attacker's name to 127.0.0.1.
    refusal(client.post("/predict", json={"text": "a"}, headers={"Host": "attacker.example"}), 421)
    for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "LOCALHOST"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_a_full_line_is_503_and_says_when_to_come_back(make: Make, keyword_count: Make) -> None:
    slow = make(model=keyword_count(seconds=0.5))
    with running(slow, limits=Limits(workers=1, waiting=1)) as client, ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(client.post, "/predict", json={"text": "refund"}) for _ in range(6)]
        time.sleep(0.25)
        waiting = client.get("/readyz")
        answers = [one.result() for one in asked]
        refused = [answer for answer in answers if answer.status_code == 503]
        assert sum(answer.status_code == 200 for answer in answers) == 2
        assert len(refused) == 4
        for answer in refused:
            assert answer.headers["retry-after"] == "1"
            assert refusal(answer, 503)["do"] == "Try again in a second."
        assert refusal(waiting, 503)
        assert client.get("/readyz").status_code == 200
        assert client.post("/predict", json={"text": "refund"}).status_code == 200


def test_a_late_answer_is_504_and_its_place_comes_free(make: Make, keyword_count: Make) -> None:
    slow = make(model=keyword_count(seconds=0.15))
    with running(slow, limits=Limits(workers=1, waiting=1, deadline=0.2)) as client:
        began = time.perf_counter()
        refusal(client.post("/predict", json={"rows": ["refund"] * 200}), 504)
        assert time.perf_counter() - began < 1
        time.sleep(0.4)
        # 200 rows are seven micro-batches, a second of work: the place is free because the work was given up.
        assert client.post("/predict", json={"text": "refund"}).status_code == 200


def test_a_failure_inside_shows_an_id_and_the_log_has_the_rest(
    folder: Path, keyword_count: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(self: Any, batch: Any) -> Any:
        return batch.slice(1)

    with running(folder) as client:
        monkeypatch.setattr(type(keyword_count()), "map", wrong)
        error = refusal(client.post("/predict", json={"text": "private words"}), 500)
        assert client.get("/healthz").status_code == 200
    assert error["what"] == "the service failed"
    assert set(error) == {"what", "do", "id"}
    assert error["id"] in caplog.text
    assert "_chain.py" in caplog.text
    assert "private words" not in caplog.text


def test_the_request_id_is_the_callers_where_it_is_a_plain_word(client: httpx.Client) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "trace-1.a"}).headers["x-request-id"] == "trace-1.a"
    for id in ("a b", "x" * 65, '{"a":1}'):
        given = client.get("/healthz", headers={"X-Request-Id": id}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", given)


def test_the_access_log_is_one_json_line_without_rows_or_keys(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), running(folder, keys=[KEY]) as client:
        body = {"rows": ["private words", "x"]}
        client.post("/predict?in=the-query", json=body, headers={"X-API-Key": KEY, "X-Request-Id": "log-1"})
        client.get("/private/path", headers={"X-API-Key": "a-wrong-key-of-length", "X-Request-Id": "log-2"})
    # Other servers of this process may write their last line late: only these two requests count.
    said = [record.message for record in caplog.records if record.name.startswith(("tilth", "uvicorn", "fastapi"))]
    lines = [json.loads(line) for line in said if '"id": "log-' in line]
    assert [(line["id"], line["method"], line["path"], line["status"], line["rows"]) for line in lines] == [
        ("log-1", "POST", "/predict", 200, 2),
        ("log-2", "GET", "other", 401, 0),
    ]
    assert all(line["ms"] >= 0 for line in lines)
    assert not any(word in line for line in said for word in ("private", KEY, "a-wrong-key", "the-query"))


def test_answers_are_not_cached_nor_sniffed_and_the_server_is_not_named(client: httpx.Client) -> None:
    headers = client.post("/predict", json={"text": "refund"}).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert "server" not in headers


def test_the_openapi_description_fits_what_is_answered(client: httpx.Client) -> None:
    api = client.get("/openapi.json").json()
    assert set(api["paths"]) == {"/predict", "/model", "/metrics", "/healthz", "/readyz"}
    post_predict = api["paths"]["/predict"]["post"]
    assert set(post_predict["responses"]) == {"200", "400", "401", "408", "413", "415", "422", "500", "503", "504"}
    example = post_predict["requestBody"]["content"]["application/json"]["example"]
    assert client.post("/predict", json=example).status_code == 200
    from tilth.serve._shape import Answers, Error

    said = client.post("/predict", json={"rows": ROWS}).json()
    assert Answers.model_validate(said, strict=True).model_dump(exclude_unset=True) == said
    wrong = post(client, b"{").json()
    assert Error.model_validate(wrong, strict=True).model_dump(exclude_unset=True) == wrong


def test_the_docs_page_loads_nothing_and_escapes_everything(client: httpx.Client, make: Make) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//|@import|url\(""", page.text)
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    script = re.search(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert script is not None
    import base64

    assert base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode() in policy
    for word in ("/predict", "/healthz", 'status: "ok"'.replace('"', "&#34;"), "Where is my order?"):
        assert word in page.text
    with running(make(name="<script>alert(1)</script>".replace("/", "|"))) as named:
        assert "<script>alert" not in named.get("/docs").text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on this machine")
def test_the_docs_page_works_in_a_browser_without_a_network(folder: Path) -> None:
    sync = pytest.importorskip("playwright.sync_api")
    with (
        running(folder, keys=[KEY]) as client,
        sync.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"]) as browser,
    ):
        page = browser.new_page()
        asked, said = list[str](), list[str]()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{client.base_url}/docs")
        page.fill("#body", '{"text": "refund"}')
        page.fill("#key", KEY)
        page.click("text=Send to /predict")
        page.wait_for_function("document.getElementById('answer').textContent.startsWith('200')", timeout=10_000)
        assert '"prediction": "billing"' in page.inner_text("#answer")
        page.fill("#key", "a-wrong-key-of-length")
        page.click("text=Send to /predict")
        page.wait_for_function("document.getElementById('answer').textContent.startsWith('401')", timeout=10_000)
    assert all(url.startswith(str(client.base_url)) for url in asked)
    assert not [line for line in said if "401" not in line]


def test_a_port_in_use_is_one_clear_error(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TilthError, match=rf"port {port} on 127\.0\.0\.1 is in use.*choose another port") as caught:
            serve(folder, port=port)
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("port", [-1, 70_000])
def test_a_port_that_cannot_be_is_one_clear_error(folder: Path, port: int) -> None:
    with pytest.raises(TilthError, match=f"port {port}"):
        serve(folder, port=port)


def test_an_address_of_another_machine_is_one_clear_error(folder: Path) -> None:
    with pytest.raises(TilthError, match=r"cannot listen on 192\.0\.2\.1"):
        serve(folder, "192.0.2.1", 0, keys=[KEY])


def test_a_bundle_cut_short_is_not_served_and_the_port_is_free_again(make: Make) -> None:
    folder = make()
    os.truncate(folder / "model" / "weights.json", 10)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ModelError, match="is cut short: 10 bytes found"):
        serve(folder, port=port)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_a_port_can_be_taken_again_at_once(make: Make) -> None:
    folder = make()
    with running(folder) as client:
        port = client.base_url.port
        client.post("/predict", json={"text": "refund"})
    done = threading.Event()
    serve(folder, port=port, on_ready=lambda url: done.set(), stop=done.is_set)
    assert done.is_set()


@pytest.mark.parametrize("package", ["fastapi", "uvicorn", "prometheus_client"])
def test_a_missing_package_is_named_with_the_line_that_installs_it(package: str) -> None:
    script = (
        f"import sys; sys.modules[{package!r}] = None\ntry:\n import tilth.serve.http\nexcept Exception as e: print(e)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout == (
        f'serving over HTTP needs the package "{package}", which is not installed. Run: pip install "tilth[serve]"\n'
    )


def test_limits_must_be_above_zero() -> None:
    with pytest.raises(TilthError, match="max_rows is 0"):
        Limits(max_rows=0)


CHILD = """
import logging, sys
from pathlib import Path
from tilth.core import registry
here = Path(sys.argv[1])
registry.load_code(here / "own_model.py", "tilth.train.models")
registry.load_code(here / "own_operators.py", "tilth.refine")
from tilth.serve.http import serve
serve(Path(sys.argv[2]), port=0, on_ready=lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


@contextmanager
def child(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(Path(__file__).parent), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_finish_and_takes_no_new_ones(make: Make, keyword_count: Make, number: int) -> None:
    slow = make(model=keyword_count(seconds=2.0))
    with child(slow) as (process, url), ThreadPoolExecutor(2) as pool, httpx.Client() as client:
        asked = [pool.submit(httpx.post, f"{url}/predict", json={"text": "refund"}, timeout=20) for _ in range(2)]
        # Not a wait of fixed length: on a busy machine a request may leave late. The question itself is the third.
        give_up = time.monotonic() + 20
        while "tilth_in_flight 3.0" not in client.get(f"{url}/metrics").text:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        process.send_signal(number)
        time.sleep(0.5)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz")
        for one in asked:
            assert one.result().json()["answers"][0]["prediction"] == "billing"
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out.strip(), err) == (0, "stopped", "")


@pytest.mark.slow
def test_the_library_prints_nothing(make: Make) -> None:
    with child(make()) as (process, url):
        assert httpx.post(f"{url}/predict", json={"text": "refund"}).status_code == 200
        assert httpx.post(f"{url}/predict", content=b"{").status_code == 415
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20) == ("stopped\n", "")
