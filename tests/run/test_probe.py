"""Connections are tried before a run: in the recipe's order, with what to do, and nothing raised or left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.servers import redis

from tilth import api
from tilth.core import registry
from tilth.core.connector import Finding, Record
from tilth.core.errors import Terminal
from tilth.core.secret import reveal
from tilth.core.shard import Cursor, Shard
from tilth.run import probe as probing


@dataclass(frozen=True, kw_only=True)
class Flaky:
    """A source whose probe does what it is told."""

    how: str
    name: str | None = None
    licence: str = "own"

    def plan(self, since: Cursor | None) -> tuple[Sequence[Shard], Cursor]:
        return (), Cursor()

    def read(self, shard: Shard) -> Iterator[Record]:
        return iter(())

    def probe(self) -> Iterator[Finding]:
        yield Finding(True, "answers")
        if self.how == "hangs":
            time.sleep(3)
        if self.how == "breaks":
            raise RuntimeError(f"no login with {reveal('env:TILTH_TEST_PASSWORD', where='flaky')}")
        if self.how == "refuses":
            raise Terminal("no right to read", where="db", do="Grant it.")


@pytest.fixture(autouse=True)
def _flaky(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._own, ("tilth.connectors", "flaky"), Flaky)
    monkeypatch.setenv("TILTH_TEST_PASSWORD", "hunter2-and-more")


def probed(folder: Path, *sources: str, head: str = "") -> list[tuple[str, bool, str, str]]:
    lines = "".join(f"  - {source}\n" for source in sources)
    (folder / "recipe.yaml").write_text(f"name: t\n{head}acquire:\n{lines}")
    return [(place, *finding) for place, finding in api.probe(folder / "recipe.yaml")]


def test_findings_come_in_the_order_of_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\nhello\n")
    found = probed(
        tmp_path, "flaky: {how: well, name: x}", "files: {path: a.csv, licence: own}", "files: {path: b.csv}"
    )
    assert [(place, ok) for place, ok, _, _ in found] == [
        ("project", True),
        ("acquire[0] flaky", True),
        ("acquire[1] files", True),
        ("acquire[2] files", False),
    ]
    assert "b.csv" in found[-1][2]
    assert not (tmp_path / ".tilth").exists()


def test_what_a_probe_raises_is_a_finding_without_secrets(tmp_path: Path) -> None:
    found = probed(tmp_path, "flaky: {how: breaks, name: x}", "flaky: {how: refuses, name: y}")
    assert [ok for _, ok, _, _ in found] == [True, True, False, True, False]
    assert found[2][2] == "RuntimeError: no login with ***"
    assert found[4][2] == "db: no right to read. Grant it."


def test_a_cache_of_a_server_is_tried_for_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILTH_TEST_CACHE", redis.start().facts["url"])
    found = probed(tmp_path, "flaky: {how: well, name: x}", head="cache: env:TILTH_TEST_CACHE\n")
    assert [(place, ok) for place, ok, _, _ in found[1:2]] == [("cache", True)]
    monkeypatch.setenv("TILTH_TEST_CACHE", "redis://:hunter2-and-more@127.0.0.1:9/0")
    found = probed(tmp_path, "flaky: {how: well, name: x}", head="cache: env:TILTH_TEST_CACHE\n")
    assert not found[1][1] and "A run does without it" in found[1][3]
    assert "hunter2" not in str(found)
    monkeypatch.delenv("TILTH_TEST_CACHE")
    assert (
        "TILTH_TEST_CACHE"
        in probed(tmp_path, "flaky: {how: well, name: x}", head="cache: env:TILTH_TEST_CACHE\n")[1][2]
    )


@pytest.mark.slow
def test_a_probe_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "PATIENCE", 0.2)
    found = probed(tmp_path, "flaky: {how: hangs, name: x}")
    assert [(ok, what) for _, ok, what, _ in found[1:]] == [(True, "answers"), (False, "no answer within 0 s")]
