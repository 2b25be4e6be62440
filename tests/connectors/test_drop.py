"""Partner drops: whole files only, once each, checked, answered with a receipt; folders, buckets, SFTP."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from tests.connectors._landed import land, read
from tests.servers import s3, sftp

from tilth.connectors._drop import manifest as manifests
from tilth.connectors.drop import Drop
from tilth.core.connector import Lander, Landing
from tilth.core.errors import DataError, RecipeError, Stopped, Terminal
from tilth.testing import check_declaration, check_source, storm

SCHEMA = {"id": "int", "text": "string", "note": "string?"}


def table(first: int, count: int = 3, text: str = "fine") -> bytes:
    return b"id,text,note\n" + b"".join(f"{first + at},{text} {first + at},\n".encode() for at in range(count))


def put(folder: Path, name: str, content: bytes, *, age: float = 1000) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def promise(folder: Path, *names: str) -> None:
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / f"{names[0]}.sha256").write_text("".join(lines))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "partner"
    path.mkdir()
    return path


def taken(drop: Drop, tmp_path: Path) -> tuple[list[int], list[str]]:
    told: list[str] = []
    return [row["id"] for row in read(land(drop, tmp_path / "landing", tell=told.append))[0]], told


def receipt(place: Path, name: str) -> dict[str, Any]:
    return json.loads((place / "receipts" / f"{name}.receipt.json").read_text())


def test_settled_files_are_taken_once_and_answered(place: Path, tmp_path: Path):
    put(place, "a.csv", table(0))
    put(place, "b.csv", table(10))
    drop = Drop(path=str(place), schema=SCHEMA, receipt="receipts", key="id")
    ids, told = taken(drop, tmp_path)
    assert ids == [0, 1, 2, 10, 11, 12]
    assert receipt(place, "a.csv") | {"at": ""} == {
        "file": "a.csv", "status": "accepted", "at": "", "bytes": len(table(0)), "rows": 3, "rows_set_aside": 0,
        "sha256": hashlib.sha256(table(0)).hexdigest(), "version": 1, "reasons": [],
        "columns": ["id", "text", "note"],
    }  # fmt: skip
    assert len(told) == 2
    assert taken(drop, tmp_path) == (ids, [])
    check_source(land(drop, tmp_path / "landing"))


def test_a_changed_delivery_is_a_new_version_and_the_same_bytes_are_not_taken_again(place: Path, tmp_path: Path):
    drop = Drop(path=str(place), schema=SCHEMA, receipt="receipts", key="id")
    put(place, "a.csv", table(0))
    taken(drop, tmp_path)
    put(place, "a.csv", table(0, 2, "new"), age=900)
    put(place, "copy.csv", table(0, 2, "new"))
    assert taken(drop, tmp_path)[0] == [0, 1]
    assert receipt(place, "a.csv")["version"] == 2
    assert receipt(place, "copy.csv")["status"] == "duplicate"
    assert "same bytes as a.csv" in receipt(place, "copy.csv")["reasons"][0]["what"]
    # Touched, not changed.
    put(place, "a.csv", table(0, 2, "new"), age=800)
    assert taken(drop, tmp_path)[0] == [0, 1]
    assert receipt(place, "a.csv")["status"] == "duplicate"
    (place / "a.csv").unlink()
    assert taken(drop, tmp_path)[0] == [0, 1]


@pytest.mark.slow
def test_a_file_that_still_changes_is_left_for_later(place: Path, tmp_path: Path):
    drop = Drop(path=str(place), settle=0.4)
    put(place, "a.csv", table(0))
    put(place, "b.csv", table(10), age=0)
    grow = [place / "b.csv"]

    def stop() -> bool:
        # Called while it waits: the partner writes on.
        with grow[0].open("ab") as file:
            file.write(b"9,x,\n")
        return False

    told: list[str] = []
    landed = land(drop, tmp_path / "landing", tell=told.append, stop=stop)
    assert len(read(landed)[0]) == 3
    assert any("b.csv: still changing" in said for said in told)
    time.sleep(0.5)
    assert len(taken(drop, tmp_path)[0]) > 6


def test_with_a_manifest_only_promised_files_count(place: Path, tmp_path: Path):
    drop = Drop(path=str(place), manifest="*.sha256", types={"id": "int"}, receipt="receipts", quarantine="quarantine")
    put(place, "a.csv", table(0), age=0)
    put(place, "stray.csv", table(50))
    promise(place, "a.csv")
    (place / "late.csv.sha256").write_text(f"{'0' * 64}\n")
    (place / "half.csv.sha256").write_text("0123")
    ids, told = taken(drop, tmp_path)
    assert ids == [0, 1, 2]
    assert any("late.csv is promised and not there" in said for said in told)
    assert any(said.startswith("half.csv.sha256: the manifest does not list") for said in told)
    put(place, "late.csv", table(90))
    assert taken(drop, tmp_path)[0] == [0, 1, 2]
    assert receipt(place, "late.csv")["reasons"][0]["what"] == "another checksum than the manifest says"
    assert not (place / "late.csv").exists()
    assert (place / "quarantine" / "late.csv").read_bytes() == table(90)


def test_a_json_manifest_waits_for_the_whole_length(place: Path, tmp_path: Path):
    whole = table(0, 5)
    entry = {"name": "a.csv", "bytes": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    (place / "manifest.json").write_text(json.dumps({"files": [entry]}))
    put(place, "a.csv", whole[:20])
    drop = Drop(path=str(place), manifest="manifest.json", types={"id": "int"})
    with pytest.raises(DataError, match="no file has been accepted yet"):
        taken(drop, tmp_path)
    put(place, "a.csv", whole)
    assert taken(drop, tmp_path)[0] == [0, 1, 2, 3, 4]


BREACHES = {
    "column.csv": (b"id,test\n1,a\n", 'no column "text"'),
    "type.csv": (b"id,text,note\n1,a,\nhushhush,b,\n", "int"),
    "empty.csv": (b"id,text,note\n1,,\n", '1 empty cells in "text"'),
    "nothing.csv": (b"", "empty"),
    "noise.csv": (bytes(range(256)) * 4, ""),
    "broken.json": (b'[{"id": 1, "text": "a"', ""),
    "extra.csv": (b"id,text,note,more\n1,a,,x\n", 'a column "more"'),
}


@pytest.mark.parametrize("name", BREACHES)
def test_what_breaks_the_agreement_is_put_aside_with_a_report(place: Path, tmp_path: Path, name: str):
    content, what = BREACHES[name]
    put(place, "good.csv", table(0))
    put(place, name, content)
    drop = Drop(path=str(place), schema=SCHEMA, extra_columns=False, quarantine="quarantine", receipt="receipts")
    assert taken(drop, tmp_path)[0] == [0, 1, 2]
    assert (place / "quarantine" / name).read_bytes() == content
    report = json.loads((place / "quarantine" / f"{name}.report.json").read_text())
    assert report["status"] == receipt(place, name)["status"] == "refused"
    assert what in report["reasons"][0]["what"]
    assert "hushhush" not in json.dumps(report)
    assert not (place / name).exists()
    assert list((tmp_path / "landing" / "quarantine").iterdir()) == []
    # The partner mends it under the same name.
    put(place, name, table(20) if name.endswith("csv") else b'[{"id": 20, "text": "a"}]')
    assert 20 in taken(drop, tmp_path)[0]


def test_a_few_bad_rows_may_be_allowed_and_an_agreement_may_change(place: Path, tmp_path: Path):
    put(place, "a.csv", table(0, 99) + b"word,x,\n")
    options: dict[str, Any] = {"path": str(place), "receipt": "receipts"}
    with pytest.raises(DataError, match="no file has been accepted"):
        taken(Drop(**options, schema=SCHEMA), tmp_path)
    assert len(taken(Drop(**options, schema=SCHEMA, bad_rows=0.01), tmp_path)[0]) == 99
    assert (receipt(place, "a.csv")["rows_set_aside"], receipt(place, "a.csv")["rows"]) == (1, 100)


def test_a_column_that_may_be_missing_may_be_missing_everywhere(place: Path, tmp_path: Path):
    put(place, "a.csv", b"id,text\n1,a\n")
    drop = Drop(path=str(place), schema=SCHEMA, columns=("words",), rename={"text": "words", "id": "number"},
                extra_columns=False, key="number")  # fmt: skip
    assert read(land(drop, tmp_path / "landing"))[:2] == ([{"words": "a"}], ['"1"'])
    put(place, "b.csv", b"id,text\n,a\n")
    assert len(read(land(drop, tmp_path / "landing"))[0]) == 1


def test_nothing_is_asked_without_refresh_and_a_stop_keeps_what_is_done(place: Path, tmp_path: Path):
    for number in range(4):
        put(place, f"{number}.csv", table(number * 10, 1))
    drop = Drop(path=str(place), types={"id": "int"})
    calls = iter([False, False, True])
    with pytest.raises(Stopped):
        land(drop, tmp_path / "landing", stop=lambda: next(calls))
    landed = land(drop, tmp_path / "landing", refresh=False)
    assert [row["id"] for row in read(landed)[0]] == [0, 10]
    assert taken(drop, tmp_path)[0] == [0, 10, 20, 30]


def test_patterns_folders_and_hidden_names(place: Path, tmp_path: Path):
    put(place, "2024/a.csv", table(0, 1))
    put(place, "2024/b.txt", b"x")
    put(place, ".hidden.csv", table(1, 1))
    put(place, "_part.csv", table(2, 1))
    assert taken(Drop(path=str(place), pattern="*.csv", types={"id": "int"}), tmp_path)[0] == [0]


@pytest.mark.slow
def test_a_bucket_is_a_place_too(tmp_path: Path, monkeypatch):
    server = s3.start()
    for name, value in s3.environment(server).items():
        monkeypatch.setenv(name, value)
    bucket = s3.make_bucket(server, f"drop-{os.getpid()}-{random.randrange(10**9)}")
    client = s3.client(server)
    client.put_object(Bucket=bucket, Key="in/a.csv", Body=table(0))
    client.put_object(Bucket=bucket, Key="in/bad.csv", Body=b"id\nword\n")
    digest = hashlib.sha256(table(0)).hexdigest()
    client.put_object(Bucket=bucket, Key="in/manifest.json", Body=json.dumps([{"name": "a.csv", "sha256": digest},
                      {"name": "bad.csv", "sha256": hashlib.sha256(b"id\nword\n").hexdigest()}]))  # fmt: skip
    drop = Drop(path=f"s3://{bucket}/in", manifest="manifest.json", schema=SCHEMA, quarantine="bad", receipt="told")
    assert all(found.ok for found in drop.probe())
    assert taken(drop, tmp_path)[0] == [0, 1, 2]
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert keys == ["in/a.csv", "in/bad/bad.csv", "in/bad/bad.csv.report.json", "in/manifest.json",
                    "in/told/a.csv.receipt.json", "in/told/bad.csv.receipt.json"]  # fmt: skip
    client.close()


@pytest.fixture
def partner():
    server = sftp.start()
    path, url = sftp.folder(server)
    return path, url, {"identity": server.facts["user"], "known_hosts": server.facts["known"]}, server.facts


@pytest.mark.slow
def test_an_sftp_server_is_a_place_too(partner, tmp_path: Path, monkeypatch):
    path, url, keys, facts = partner
    monkeypatch.setenv("PARTNER_KEY", facts["user"])
    put(path, "day 1.csv", table(0))
    put(path, "bad.csv", b"id\nword\n")
    put(path, 'odd"name.csv', table(50))
    (path / "sub").mkdir()
    promise(path, "day 1.csv", "bad.csv")
    drop = Drop(path=url, manifest="*.sha256", schema=SCHEMA, receipt="receipts", quarantine="bad",
                identity="env:PARTNER_KEY", known_hosts=keys["known_hosts"])  # fmt: skip
    assert [found.ok for found in drop.probe()] == [True, True, True]
    assert taken(drop, tmp_path)[0] == [0, 1, 2]
    assert receipt(path, "day 1.csv")["status"] == "accepted"
    assert (path / "bad" / "bad.csv").read_bytes() == b"id\nword\n"
    assert sorted(entry.name for entry in path.iterdir()) == [
        "bad", "day 1.csv", "day 1.csv.sha256", 'odd"name.csv', "receipts", "sub"
    ]  # fmt: skip
    put(path, "day 1.csv", table(5))
    promise(path, "day 1.csv")
    assert taken(drop, tmp_path)[0] == [5, 6, 7]
    assert receipt(path, "day 1.csv")["version"] == 2


@pytest.mark.slow
def test_an_sftp_server_without_a_manifest_is_waited_for(partner, tmp_path: Path):
    path, url, keys, _ = partner
    put(path, "a.csv", table(0))
    began = time.monotonic()
    assert taken(Drop(path=url, settle=0.5, types={"id": "int"}, **keys), tmp_path)[0] == [0, 1, 2]
    assert time.monotonic() - began > 0.5


@pytest.mark.slow
def test_strange_host_keys_wrong_keys_and_missing_folders_are_refused(partner, tmp_path: Path):
    _, url, keys, facts = partner
    for wrong, what in [({"known_hosts": facts["strange"]}, "Host key verification failed"),
                        ({"identity": facts["other"]}, "Permission denied")]:  # fmt: skip
        with pytest.raises(Terminal, match=what):
            taken(Drop(path=url, **{**keys, **wrong}), tmp_path)
    with pytest.raises(Terminal, match="No such file"):
        taken(Drop(path=f"{url}/none", **keys), tmp_path)
    assert [found.ok for found in Drop(path=url, **{**keys, "identity": facts["other"]}).probe()] == [False]


def test_what_it_declares_and_refuses(tmp_path: Path):
    drop = Drop(path="s3://bucket/in", schema=SCHEMA, manifest="*.sha256", quarantine="bad", columns=("id",))
    check_declaration(drop, "tilth.connectors")
    assert isinstance(drop, Lander)
    for wrong in ({"path": ""}, {"path": "sftp://u:p@h/x"}, {"path": "sftp://-oProxyCommand=x@h/x"}, {"settle": -1.0},
                  {"path": 'sftp://u@h/x"\n!rm'}, {"path": "sftp://u@-oX/x"}, {"schema": {"a": "text"}},
                  {"receipt": "../up"},
                  {"bad_rows": 2.0}, {"schema": SCHEMA, "types": {"a": "int"}}, {"format": "exe"}):  # fmt: skip
        with pytest.raises(RecipeError) as caught:
            Drop(**{"path": "in", **wrong})
        assert str(caught.value.where).startswith("drop.")
    with pytest.raises(DataError, match="no such folder"):
        land(Drop(path="none").anchored(tmp_path), tmp_path / "landing")


@pytest.mark.parametrize("raw", [b"\xff", b"{", b"[1]", b'{"files": 3}', b'[{"name": "a", "sha256": "1"}]', b"words",
                                 b'[{"name": "../a", "sha256": "' + b"0" * 64 + b'"}]',
                                 b'[{"name": "a", "sha256": "' + b"0" * 64 + b'", "bytes": -1}]'])  # fmt: skip
def test_manifests_that_cannot_be_meant_are_refused(raw: bytes):
    with pytest.raises(DataError):
        manifests.listed(raw, "m.json")


def _take(place: str, folder: str) -> None:
    drop = Drop(path=place, schema=SCHEMA, receipt="receipts", quarantine="bad", key="id")
    drop.land(Landing(folder=Path(folder)))


@pytest.mark.slow
@pytest.mark.storm
def test_killed_landings_take_every_file_once_and_answer_each(place: Path, tmp_path: Path):
    kills = storm(2, 60)
    chance = random.Random(11)
    context = multiprocessing.get_context("forkserver")
    landing = tmp_path / "landing"
    landing.mkdir()
    struck, wanted, refused, round_ = 0, set(), set(), 0
    while struck < kills and round_ < 4 * kills:
        round_ += 1
        for number in range(8):
            name = f"{round_}-{number}.csv"
            if number % 4 == 3:
                put(place, name, f"id,text,note\nword {round_}-{number},x,\n".encode())
                refused.add(name)
            else:
                put(place, name, table(round_ * 100 + number, 1))
                wanted.add(round_ * 100 + number)
        while True:
            process = context.Process(target=_take, args=(str(place), str(landing)))
            process.start()
            process.join(chance.uniform(0.3, 1.1))
            if process.is_alive():
                os.kill(process.pid or 0, signal.SIGKILL)
                struck += 1
            process.join()
            assert process.exitcode in (0, -signal.SIGKILL)
            if process.exitcode == 0:
                break
        drop = Drop(path=str(place), schema=SCHEMA, key="id")
        assert {row["id"] for row in read(land(drop, landing, refresh=False))[0]} == wanted
    assert struck >= kills
    # What a killed write left is hidden from those that list the folder, and goes when it is a day old.
    for path in place.rglob(".tmp-*"):
        os.utime(path, (time.time() - 90_000,) * 2)
    _take(str(place), str(landing))
    told = {path.name: json.loads(path.read_text()) for path in (place / "receipts").iterdir()}
    assert {name: one["status"] for name, one in told.items()} == {
        f"{round_no}-{number}.csv.receipt.json": "refused" if number % 4 == 3 else "accepted"
        for round_no in range(1, round_ + 1) for number in range(8)
    }  # fmt: skip
    assert {one["version"] for one in told.values() if one["status"] == "accepted"} == {1}
    assert {path.name for path in (place / "bad").iterdir()} == refused | {f"{name}.report.json" for name in refused}
