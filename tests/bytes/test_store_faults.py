"""Connections break, hang, drip and lie: what a store then says is right, or that it may be tried again."""

import random
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest
from tests.servers import gcs, s3
from tests.servers.proxy import HALF, PASS, REFUSE, Act, Proxy, busy, cut, drip, hang, late, seeded

from tilth.bytes.opening import open_store
from tilth.bytes.store import Patience, Store
from tilth.core.errors import Transient
from tilth.testing import storm

CASES = storm(8, 150)
TURNS = 24
QUICK = Patience(connect=1, silence=0.5, whole=1.5, retries=1, in_all=3)
PATHS = ("a", "b/c", "b/d")


@pytest.fixture(scope="module")
def echo() -> Iterator[int]:
    """A server that sends back what it is sent, then `bye`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with one:
                    try:
                        data = one.recv(1 << 16)
                        one.sendall(data + b"bye")
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("act", "wanted"),
    [
        (PASS, b"hellobye"), (late(0.05), b"hellobye"), (drip(0.001), b"hellobye"), (HALF, b"hell"),
        (cut(answer=3), (b"hel", ConnectionResetError)), (cut(question=2), (b"", b"hebye", ConnectionResetError)),
        (REFUSE, (b"", ConnectionResetError)), (hang(4), TimeoutError),
    ],
)  # fmt: skip
def test_the_proxy_does_what_it_says(echo: int, act: Act, wanted: object) -> None:
    with Proxy(echo, [act]) as proxy:
        heard: object = b""
        try:
            # A refusal may reach the client while it connects, or later.
            with socket.create_connection(("127.0.0.1", proxy.port), 1) as one:
                one.sendall(b"hello")
                while data := one.recv(100):
                    heard += data
        except OSError as error:
            heard = type(error)
        assert heard == wanted or (isinstance(wanted, tuple) and heard in wanted)
        assert proxy.acts == ([] if act == PASS else [(0, act)])


def test_the_proxy_says_busy_and_a_plan_by_seed_is_the_same_again(echo: int) -> None:
    with Proxy(echo, [busy(503, retry_after=7)]) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        said = b"".join(iter(lambda: one.recv(1000), b""))
        assert said.startswith(b"HTTP/1.1 503") and b"Retry-After: 7\r\n" in said
    plans = [[seeded(seed)(number) for number in range(50)] for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2] and PASS in plans[0]


def direct_and_through(kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Store, int]:
    """Return a store on a fresh bucket, and the port that a proxy leads to."""
    module = s3 if kind == "s3" else gcs
    server = module.start()
    for name, value in module.environment(server).items():
        monkeypatch.setenv(name, value)
    bucket = module.make_bucket(server, f"b{uuid.uuid4().hex}")
    store = open_store(f"{'s3' if kind == 's3' else 'gs'}://{bucket}/p")
    store.stat("warm")
    return store, server.port


def through(store: Store, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return the same store by way of a proxy."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setenv("GOOGLE_BASE_URL", f"http://127.0.0.1:{proxy.port}")
    other = open_store(store.url, patience=QUICK)
    with pytest.MonkeyPatch.context() as once:
        once.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", _account(proxy.port))
        other.client  # noqa: B018  # made now, with this endpoint
    return other


def _account(port: int) -> str:
    return gcs.account(f"http://127.0.0.1:{port}")


@pytest.mark.storm
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["s3", "gcs"])
@pytest.mark.parametrize("seed", range(CASES))
def test_whatever_befalls_a_connection_no_reader_sees_half_an_object(
    kind: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, port = direct_and_through(kind, monkeypatch)
    draw = random.Random(seed)
    may_be: dict[str, set[bytes | None]] = {path: {None} for path in PATHS}
    done = failed = 0
    # Where connections are kept, a fault must come soon, or one that passes carries everything.
    plan = seeded(seed, reach=30_000) if kind == "s3" else seeded(seed, chance=0.95, reach=15_000)
    with Proxy(port, plan) as proxy:
        faulty = through(store, proxy, monkeypatch)
        for turn in range(TURNS):
            path = draw.choice(PATHS)
            content = random.Random(f"{seed}/{turn}").randbytes(draw.choice((0, 10, 3000, 70_000)))
            try:
                do(faulty, draw.choice(("put", "put", "create", "write", "read", "list", "delete", "many")), path,
                   content, may_be)  # fmt: skip
                done += 1
            except Transient:
                failed += 1
            found = here(store, path)
            assert found in may_be[path], f"turn {turn}: {path} holds what nobody wrote"
    print("COUNT", kind, seed, done, failed, proxy.connections, len(proxy.acts))


def do(store: Store, what: str, path: str, content: bytes, may_be: dict[str, set[bytes | None]]) -> None:
    """Do one thing; `may_be` is what may be found afterwards, also where it fails on the way."""
    before = may_be[path]
    if what == "read":
        try:
            assert store.read(path) in before
        except FileNotFoundError:
            assert None in before
    elif what == "many":
        try:
            assert [content in may_be[one] for one, content in store.read_many(PATHS)] == [True] * 3
        except FileNotFoundError:
            assert any(None in one for one in may_be.values())
    elif what == "list":
        names = [one.path for one in store.list()]
        assert all(None in may_be[one] or one in names for one in PATHS)
        assert all(may_be[one] != {None} for one in names)
    elif what == "create":
        may_be[path] = before | ({content} if None in before else set())
        made = store.create(path, content)
        assert made or before != {None} or content in may_be[path]
        may_be[path] = {content} if made else may_be[path] - {None}
    elif what == "delete":
        may_be[path] = before | {None}
        store.delete(path)
        may_be[path] = {None}
    else:
        may_be[path] = before | {content}
        if what == "put":
            store.put(path, content)
        else:
            writer = store.write(path)
            try:
                writer.write(content)
                writer.close()
            except BaseException:
                writer.abandon()
                raise
        may_be[path] = {content}


def here(store: Store, path: str) -> bytes | None:
    try:
        return store.read(path)
    except FileNotFoundError:
        return None
