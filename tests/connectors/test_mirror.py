"""Files in a store are read as if they lay in a folder: new and changed ones are fetched, vanished ones go."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.servers import s3

from tilth.bytes.opening import open_store
from tilth.connectors._mirror import place_of
from tilth.connectors.files import Files
from tilth.core.connector import Landing
from tilth.core.errors import DataError, Stopped

pytestmark = pytest.mark.slow


class Bucket:
    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.store = open_store(url)

    def put(self, **objects: str) -> None:
        for name, text in objects.items():
            self.store.put(name.replace("__", "/") + ".csv", text.encode())

    def rows(self, path: str, **landing: Any) -> list[dict[str, Any]]:
        source = Files(path=f"{self.url}{path}", licence="own")
        landed = source.land(Landing(folder=self.folder, **landing))
        assert landed.source == source.source
        shards, _ = landed.plan(None)
        return [row for shard in shards for record in landed.read(shard) for row in record.batch.to_pylist()]


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    server = s3.start()
    for name, value in s3.environment(server).items():
        monkeypatch.setenv(name, value)
    name = s3.make_bucket(server, f"mirror-{uuid.uuid4().hex[:12]}")
    return Bucket(f"s3://{name}/in", tmp_path / "landing")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()


def reads(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note which objects are fetched from now on."""
    seen: list[str] = []
    kind: Any = type(bucket.store)
    many: Callable[..., Any] = kind.read_many

    def noted(self: Any, paths: Any) -> Any:
        seen.extend(paths)
        return many(self, paths)

    monkeypatch.setattr(kind, "read_many", noted)
    return seen


def test_a_prefix_a_glob_and_one_object(bucket: Bucket) -> None:
    bucket.put(a="n\n1\n", b="n\n2\n", more__c="n\n3\n")
    assert [row["n"] for row in bucket.rows("")] == [1, 2, 3]
    assert [row["n"] for row in bucket.rows("/*.csv")] == [1, 2]
    assert [row["n"] for row in bucket.rows("/more/c.csv")] == [3]


def test_only_what_is_new_or_changed_is_fetched_and_what_is_gone_goes(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(a="n\n1\n", b="n\n2\n")
    bucket.rows("")
    seen = reads(bucket, monkeypatch)
    bucket.rows("")
    assert seen == []
    bucket.put(b="n\n20\n", c="n\n3\n")
    bucket.store.delete("a.csv")
    assert [row["n"] for row in bucket.rows("")] == [20, 3]
    assert seen == ["b.csv", "c.csv"]


def test_without_a_refresh_nothing_outside_is_asked(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put(a="n\n1\n")
    bucket.rows("")
    bucket.put(a="n\n2\n")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert [row["n"] for row in bucket.rows("", refresh=False)] == [1]


def test_large_objects_come_in_pieces(bucket: Bucket) -> None:
    text = "n\n" + "".join(f"{n}\n" for n in range(1_000_000))
    bucket.put(big=text)
    assert len(bucket.rows("/big.csv")) == 1_000_000
    assert (bucket.folder / "objects" / "big.csv").stat().st_size == len(text)


def test_nothing_there_is_one_clear_error(bucket: Bucket) -> None:
    with pytest.raises(DataError, match="no object there. Wanted: an object, a prefix or a glob"):
        bucket.rows("/*.parquet")


def test_a_stop_keeps_what_was_fetched(bucket: Bucket) -> None:
    bucket.put(a="n\n1\n")
    with pytest.raises(Stopped):
        bucket.rows("", stop=lambda: True)
    assert [row["n"] for row in bucket.rows("")] == [1]


def test_names_that_no_file_may_have(bucket: Bucket) -> None:
    bucket.store.put("x" * 300 + ".csv", b"n\n1\n")
    bucket.store.put("a b/ü%2F.csv", b"n\n2\n")
    assert sorted(row["n"] for row in bucket.rows("")) == [1, 2]


def test_a_probe_lists_and_reads(bucket: Bucket) -> None:
    bucket.put(a="n\n1\n")
    assert [finding.ok for finding in Files(path=bucket.url).probe()] == [True, True]
    assert [finding.ok for finding in Files(path=bucket.url + "/none/*").probe()] == [False]


def test_a_url_is_cut_before_its_pattern() -> None:
    assert place_of("gs://b/x/") == ("gs://b/x", None)
    assert place_of("hdfs://h:1/*/y") == ("hdfs://h:1", "*/y")
