"""A project whose tables lie in a bucket or HDFS: the same rows, versions and growth as in its own folder."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.servers import hdfs, s3

from tilth import api
from tilth.core.errors import DataError
from tilth.tables.project import Project
from tilth.testing import storm

pytestmark = pytest.mark.slow
RECIPE = """
name: t
acquire: [{files: {path: "*.csv", key: key, licence: own}}]
refine: [{length: {min: 3}}, exact_duplicates]
split: {test: 0.3, valid: 0.0}
"""


@pytest.fixture(params=["s3", "hdfs"][: storm(1, 2)])
def lake(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "s3":
        server = s3.start()
        environment, root = s3.environment(server), f"s3://{s3.make_bucket(server, f'lake-{uuid.uuid4().hex[:8]}')}/a"
    else:
        server = hdfs.start()
        environment, root = hdfs.environment(server), f"{server.facts['url']}/lake-{uuid.uuid4().hex[:8]}"
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return root


def project(folder: Path, **rows: str) -> Path:
    salt = folder / ".tilth" / "salt"
    salt.parent.mkdir(parents=True, exist_ok=True)
    salt.write_bytes(b"7" * 32)
    salt.chmod(0o600)
    add(folder, "a", **rows)
    return folder


def add(folder: Path, name: str, **rows: str) -> None:
    (folder / f"{name}.csv").write_text("key,text\n" + "".join(f"{key},{text}\n" for key, text in rows.items()))


def run(folder: Path, lake: str | None) -> Any:
    (folder / "recipe.yaml").write_text(RECIPE + (f"lake: {lake}\n" if lake else ""))
    return api.run(folder / "recipe.yaml", workers=1)


def tables(folder: Path) -> dict[str, list[str]]:
    found = {}
    for table in Project(str(folder)).tables():
        rows = [row for batch in table.scan().batches() for row in batch.to_pylist()]
        found[table.name] = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
    return found


ROWS = {f"k{at}": f"text number {at % 40}" for at in range(60)} | {"short": "ab"}


def test_rows_are_those_of_a_project_in_a_folder(lake: str, tmp_path: Path) -> None:
    here, there = project(tmp_path / "here", **ROWS), project(tmp_path / "there", **ROWS)
    for folder, place in ((here, None), (there, lake)):
        run(folder, place)
        assert {line.status for line in run(folder, place).summary.stages} == {"skipped"}
        add(folder, "b", k1="another text", new="a new text")
        run(folder, place)
    assert tables(there) == tables(here) and len(tables(there)["data/t"]) > 40
    assert not list((there / ".tilth").rglob("*.parquet"))
    # The commands find the tables without being told.
    assert api.data_sets(there) == ["t", "t.acquired"] == api.data_sets(here)
    assert len(api.versions("t", root=there)) == len(api.versions("t", root=here)) == 2
    assert api.gc(root=there, days=0).files == 0


def test_a_lake_is_one_projects_and_for_good(lake: str, tmp_path: Path) -> None:
    folder = project(tmp_path / "one", **ROWS)
    run(folder, lake)
    with pytest.raises(DataError, match="has its tables in .*Leave `lake:` as it was"):
        run(folder, f"{lake}-other")
    other = tmp_path / "two"
    other.mkdir()
    add(other, "a", **ROWS)
    with pytest.raises(DataError, match="the lake holds another project's tables"):
        run(other, lake)
    late = project(tmp_path / "late", **ROWS)
    run(late, None)
    with pytest.raises(DataError, match=r"has its tables in \.tilth already"):
        run(late, f"{lake}-late")
