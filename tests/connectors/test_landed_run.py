"""Whole runs over what lands: an API that grows, a partner's drops, an archive and an inbox."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from tests.servers.api import Space

from tilth import api
from tilth.connectors._inbox.inbox import Inbox
from tilth.tables.project import Project

pytestmark = pytest.mark.slow
IRIS = b"5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n7.0,3.2,Iris-versicolor\n"
RECIPE = """\
name: t
acquire:
  - rest: {url: "%(base)s/next", key: id, deleted: dead, allow_private: [127.0.0.1], name: api, licence: own,
           incremental: {field: updated, param: since}}
  - drop: {path: partner, schema: {id: int, text: string}, key: id, receipt: told, name: drops, licence: own}
  - archive: {url: "%(base)s/files/iris.data", sha256: %(sha)s, header: false, names: [length, width, text],
              allow_private: [127.0.0.1], name: iris, licence: own}
  - pushed: {inbox: inbox, key: id, name: pushes, licence: own}
"""


def put(path: Path, content: bytes, *, age: float) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (time.time() - age, time.time() - age))


def run(folder: Path) -> dict[str, list[Any]]:
    api.run(folder / "recipe.yaml", workers=1)
    found: dict[str, list[Any]] = {}
    for batch in Project(str(folder)).table("t").scan().batches():
        for row in batch.to_pylist():
            found.setdefault(row["_source"], []).append(
                (row["id"], row["text"]) if row["id"] is not None else row["text"]
            )
    return {name: sorted(rows) for name, rows in found.items()}


def test_what_lands_becomes_rows_and_what_changes_outside_changes_them(tmp_path: Path):
    space = Space(rows=[{"id": n, "text": f"api {n}", "updated": 1, "dead": False} for n in range(4)])
    space.put(files={"iris.data": IRIS.decode()})
    values = {"base": space.base, "sha": hashlib.sha256(IRIS).hexdigest()}
    (tmp_path / "recipe.yaml").write_text(RECIPE % values)
    put(tmp_path / "partner" / "a.csv", b"id,text\n1,drop 1\n2,drop 2\n", age=1000)
    inbox = Inbox(tmp_path / "inbox")
    inbox.accept([json.dumps({"id": 1, "text": "push"}).encode()], None)
    rows = run(tmp_path)
    assert rows["api"] == [(0, "api 0"), (1, "api 1"), (2, "api 2"), (3, "api 3")]
    assert rows["drops"] == [(1, "drop 1"), (2, "drop 2")]
    assert rows["iris"] == ["Iris-setosa", "Iris-setosa", "Iris-versicolor"]
    assert rows["pushes"] == [(1, "push")]
    # One changes, one goes, one comes; the partner sends a new version; another push arrives.
    space.put(rows=[{"id": 1, "text": "api new", "updated": 2, "dead": False}, {"id": 2, "updated": 2, "dead": True},
                    {"id": 9, "text": "api 9", "updated": 2, "dead": False}])  # fmt: skip
    put(tmp_path / "partner" / "a.csv", b"id,text\n1,drop one\n", age=900)
    inbox.accept([json.dumps({"id": 2, "text": "more"}).encode()], None)
    inbox.close()
    rows = run(tmp_path)
    assert rows["api"] == [(0, "api 0"), (1, "api new"), (3, "api 3"), (9, "api 9")]
    assert rows["drops"] == [(1, "drop one")]
    assert rows["pushes"] == [(1, "push"), (2, "more")]
    assert len(rows["iris"]) == 3
    assert len(space.asked("/iris.data")) == 1
    assert json.loads((tmp_path / "partner" / "told" / "a.csv.receipt.json").read_text())["version"] == 2
