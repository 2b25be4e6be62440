"""Stores keep their contract on a folder, on S3, on Google Cloud Storage and on HDFS, and say what went wrong."""

import itertools
import multiprocessing
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.servers import gcs, hdfs, s3
from tests.servers.proxy import Act, Proxy, busy, cut, drip, hang

from tilth.bytes.opening import open_store
from tilth.bytes.store import Patience, Store
from tilth.core.errors import DataError, Terminal, Transient
from tilth.testing.stores import check_store

QUICK = Patience(connect=2, silence=2, whole=5, retries=0, in_all=5)


@pytest.fixture
def on_s3(monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh bucket's URL."""
    server = s3.start()
    _say(monkeypatch, s3.environment(server))
    return f"s3://{s3.make_bucket(server, f'b{uuid.uuid4().hex}')}"


@pytest.fixture
def on_gcs(monkeypatch: pytest.MonkeyPatch) -> str:
    server = gcs.start()
    _say(monkeypatch, gcs.environment(server))
    return f"gs://{gcs.make_bucket(server, f'b{uuid.uuid4().hex}')}"


@pytest.fixture
def on_hdfs(monkeypatch: pytest.MonkeyPatch) -> str:
    server = hdfs.start()
    _say(monkeypatch, hdfs.environment(server))
    return f"{server.facts['url']}/{uuid.uuid4().hex}"


def _say(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def below(root: str) -> Callable[[], Store]:
    """Make stores below a root, each with a prefix of its own that needs care in a URL."""
    return map("{}/it's 100% {}/é".format, itertools.repeat(root), itertools.count()).__next__


def stores(root: str) -> Callable[[], Store]:
    roots = below(root)
    return lambda: open_store(roots())


@pytest.mark.slow
def test_a_folder_keeps_the_contract(tmp_path: Path) -> None:
    check_store(stores(str(tmp_path)))


@pytest.mark.slow
def test_s3_keeps_the_contract(on_s3: str) -> None:
    check_store(stores(on_s3))


@pytest.mark.slow
def test_google_cloud_storage_keeps_the_contract(on_gcs: str) -> None:
    check_store(stores(on_gcs))


@pytest.mark.slow
def test_hdfs_keeps_the_contract(on_hdfs: str) -> None:
    check_store(stores(on_hdfs))


# What a URL may hold


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket", "s3://bucket"), ("s3a://bucket/a b/", "s3://bucket/a b"), ("gs://bucket/x%20y", "gs://bucket/x%20y"),
        ("hdfs://name:8020/data", "hdfs://name:8020/data"), ("file:///a%20b", "/a b"), ("/a%20b", "/a%20b"),
    ],
)  # fmt: skip
def test_a_url_names_a_store(url: str, shown: str) -> None:
    assert open_store(url).url == shown


@pytest.mark.parametrize(
    "url",
    ["s3://key:hunter22@bucket/x", "gs://hunter22@bucket", "s3://bucket/x?secret=hunter22", "s3://bucket/x#hunter22",
     "hdfs://ann:hunter22@name:8020/", "ftp://ann:hunter22@host/x", "s3:///x", "file://host/x", "s3://bucket/../x",
     "s3://bucket//x"],
)  # fmt: skip
def test_a_url_with_a_secret_or_of_another_kind_is_refused_unseen(url: str) -> None:
    with pytest.raises(DataError) as error:
        open_store(url)
    assert "hunter22" not in str(error.value)


# A folder


def test_a_folder_takes_any_name_that_is_there_and_writes_no_odd_ones(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    tmp_path.joinpath(os.fsdecode(b"not \xff utf-8")).write_bytes(b"1")
    tmp_path.joinpath("two\nlines").write_bytes(b"2")
    assert [store.read(one.path) for one in store.list()] == [b"1", b"2"]
    for name in ("two\nlines", os.fsdecode(b"not \xff utf-8"), ".tmp-x", "a/.tmp-1"):
        with pytest.raises(DataError, match="cannot be an object's name"):
            store.put(name, b"")


def test_a_folder_hides_what_is_unfinished_and_follows_links_to_files_alone(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    (root / "sub").mkdir(parents=True)
    other.mkdir()
    (other / "file").write_bytes(b"linked")
    (root / "link").symlink_to(other / "file")
    (root / "folder").symlink_to(other)
    (root / "broken").symlink_to(other / "nothing")
    (root / "sub" / ".tmp-1-abc").write_bytes(b"half")
    os.mkfifo(root / "pipe")
    store = open_store(str(root))
    assert [(one.path, store.read(one.path)) for one in store.list()] == [("link", b"linked")]


def test_a_file_where_a_folder_is_needed_is_said(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.put("a/b", b"")
    for path in ("a/b/c", "a"):
        with pytest.raises(Terminal, match="a file stands where a folder is needed"):
            store.put(path, b"")
    assert store.stat("a/b/c") is None and list(store.list("a/b/")) == []


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    store.put("a", b"before")
    code = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        "from tilth.bytes.opening import open_store; from tilth.core.errors import Terminal\n"
        "try: open_store(sys.argv[1]).put('a', b'x' * 5000)\n"
        "except Terminal as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert "storage failed while writing a" in done.stdout
    assert [(one.path, store.read(one.path)) for one in store.list()] == [("a", b"before")]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


# Buckets


@pytest.mark.parametrize("kind", ["s3", "gs"])
def test_a_bucket_that_is_not_there_is_said(kind: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("on_s3" if kind == "s3" else "on_gcs")
    store = open_store(f"{kind}://no-such-bucket/x")
    for call in (lambda: list(store.list()), lambda: store.read("a"), lambda: store.put("a", b""),
                 lambda: store.create("a", b""), lambda: list(store.read_many(["a"]))):  # fmt: skip
        with pytest.raises(Terminal, match="no such bucket"):
            call()


def test_a_bucket_without_the_right_is_said(on_gcs: str) -> None:
    with pytest.raises(Terminal, match=r"no right.*GOOGLE_APPLICATION_CREDENTIALS"):
        open_store("gs://denied/x").read("a")


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (busy(403), "no right"), (busy(401), "the key was refused"), (busy(400), "the request was refused"),
        (busy(301), "the bucket is elsewhere"),
    ],
)  # fmt: skip
def test_a_refusal_is_terminal_and_says_which_variables_to_check(
    on_s3: str, act: Act, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(s3.start().port, [act] * 9) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(Terminal, match=rf"{said}.*AWS_") as error:
            open_store(on_s3, patience=QUICK).read("a")
    assert s3.SECRET not in str(error.value)


@pytest.mark.parametrize("act", [busy(503), busy(429), busy(500), cut(answer=0), cut(answer=60), hang(), drip(0.5)])
def test_what_may_pass_is_transient(on_s3: str, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(on_s3).put("a", b"x" * 1000)
    quick = Patience(connect=1, silence=0.4, whole=0.8, retries=0, in_all=1)
    with Proxy(s3.start().port, [act] * 9) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
        store = open_store(on_s3, patience=quick)
        for call in (lambda: store.read("a"), lambda: list(store.list()), lambda: list(store.read_many(["a"]))):
            with pytest.raises(Transient):
                call()


@pytest.mark.slow
def test_an_endpoint_that_is_not_there_is_transient_and_says_what_to_check(
    on_s3: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for endpoint, said in (
        ("http://127.0.0.1:1", "nothing answers"),
        ("http://no.such.host.invalid", "name is not known"),
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(Transient, match=rf"{said}.*AWS_ENDPOINT_URL"):
            open_store(on_s3, patience=QUICK).read("a")


def test_plain_http_is_for_those_who_say_so(on_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP")
    with pytest.raises(Terminal, match=r"plain http.*AWS_ALLOW_HTTP"):
        open_store(on_s3).read("a")


def test_without_keys_the_variables_are_named(on_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # Where this machine's own account would be asked for: nobody is there.
    monkeypatch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(Terminal, match=r"no key.*AWS_ACCESS_KEY_ID"):
        open_store(on_s3, patience=QUICK).read("a")


def test_who_creates_and_loses_the_answer_is_told_that_it_did(on_s3: str, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = open_store(on_s3)
    assert direct.stat("a") is None
    for number in range(3):
        with Proxy(s3.start().port, [cut(answer=0)]) as proxy:
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
            store = open_store(on_s3, patience=QUICK._replace(retries=2))
            try:
                made = store.create(f"a{number}", b"mine")
            except Transient:
                made = True
            assert made and direct.read(f"a{number}") == b"mine"
            assert not direct.create(f"a{number}", b"other")


def test_what_consoles_draw_an_empty_folder_by_is_not_listed(on_s3: str) -> None:
    bucket = on_s3.rpartition("/")[2]
    client = s3.client(s3.start())
    for key, body in (("data/", b""), ("data/sub/", b""), ("data/a", b"1"), ("data/empty", b"")):
        client.put_object(Bucket=bucket, Key=key, Body=body)
    client.close()
    assert [one.path for one in open_store(on_s3).list()] == ["data/a", "data/empty"]


def test_a_name_with_an_empty_step_is_said_and_not_passed_over(on_s3: str) -> None:
    client = s3.client(s3.start())
    client.put_object(Bucket=on_s3.rpartition("/")[2], Key="a//b", Body=b"1")
    client.close()
    with pytest.raises(DataError, match="empty step"):
        list(open_store(on_s3).list())


def test_an_object_that_is_replaced_while_a_file_is_open_is_not_mixed(on_gcs: str) -> None:
    store = open_store(on_gcs)
    store.put("a", b"1" * (3 << 20))
    with store.open("a") as file:
        file.read(10)
        store.put("a", b"2" * (3 << 20))
        with pytest.raises(Transient, match="was replaced while it was read"):
            file.read()


def test_an_abandoned_upload_leaves_no_parts(on_s3: str) -> None:
    client = s3.client(s3.start())
    writer = open_store(on_s3).write("a")
    writer.write(b"x" * (20 << 20))
    begun = client.list_multipart_uploads(Bucket=on_s3.rpartition("/")[2]).get("Uploads", [])
    writer.abandon()
    left = client.list_multipart_uploads(Bucket=on_s3.rpartition("/")[2]).get("Uploads", [])
    client.close()
    assert len(begun) == 1 and left == []


@pytest.mark.slow
def test_more_than_a_page_is_listed_and_a_prefix_within(on_gcs: str) -> None:
    google = gcs.client(gcs.start())
    bucket = google.bucket(on_gcs.rpartition("/")[2])
    direct = open_store(on_gcs)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: direct.put(f"p/{number:04d}", b""), range(1003)))
    assert [one.path for one in direct.list("p/1")] == [f"p/{number:04d}" for number in range(1000, 1003)]
    assert len(list(direct.list())) == 1003 == len(list(bucket.list_blobs(page_size=500)))
    google.close()


def _fork(store: Store) -> None:
    try:
        store.read("a")
    except Terminal as error:
        os._exit(7 if "fork" in str(error) else 1)
    os._exit(2)


@pytest.mark.parametrize("kind", ["on_s3", "on_hdfs"])
def test_a_fork_of_a_process_that_used_a_store_is_told_and_does_not_wait_for_ever(
    kind: str, request: pytest.FixtureRequest
) -> None:
    store = open_store(request.getfixturevalue(kind))
    store.put("a", b"1")
    process = multiprocessing.get_context("fork").Process(target=_fork, args=(store,))
    process.start()
    process.join(20)
    alive = process.is_alive()
    process.kill()
    assert not alive and process.exitcode == 7


# The test server for Google Cloud Storage


def test_the_server_checks_generations_as_google_does(on_gcs: str) -> None:
    from google.api_core.exceptions import NotFound, PreconditionFailed

    client = gcs.client(gcs.start())
    bucket = client.bucket(on_gcs.rpartition("/")[2])
    blob = bucket.blob("a b/é%")
    blob.upload_from_string(b"one", if_generation_match=0)
    first = blob.generation
    with pytest.raises(PreconditionFailed):
        bucket.blob("a b/é%").upload_from_string(b"two", if_generation_match=0)
    bucket.blob("a b/é%").upload_from_string(b"two", if_generation_match=first)
    with pytest.raises(PreconditionFailed):
        bucket.blob("a b/é%").delete(if_generation_match=first)
    assert bucket.blob("a b/é%").download_as_bytes() == b"two"
    assert open_store(on_gcs).read("a b/é%") == b"two"
    bucket.blob("a b/é%").delete()
    with pytest.raises(NotFound):
        bucket.blob("a b/é%").download_as_bytes()
    large = bucket.blob("large", chunk_size=1 << 18)
    large.upload_from_string(bytes(range(256)) * 4096)
    assert bucket.blob("large").download_as_bytes(start=300, end=309) == bytes(range(44, 54))
    client.close()


# HDFS


def test_hdfs_says_what_it_cannot_do(on_hdfs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(on_hdfs)
    store.put("a/b", b"")
    with pytest.raises(DataError, match="no colon"):
        store.put("a:b", b"")
    with pytest.raises(DataError, match="cannot be a file's name"):
        store.put("x" * 300, b"")
    with pytest.raises(Terminal, match="a file stands where a folder is needed"):
        store.put("a", b"")
    monkeypatch.setenv("HADOOP_USER_NAME", "somebody-else")
    with pytest.raises(Terminal, match=r"no right.*HADOOP_USER_NAME"):
        open_store(on_hdfs).put("a/c", b"")


@pytest.mark.slow
def test_a_namenode_that_is_not_there_is_transient(on_hdfs: str) -> None:
    with pytest.raises(Transient, match="nothing answers"):
        open_store("hdfs://127.0.0.1:1/x", patience=QUICK).read("a")
