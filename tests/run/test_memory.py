"""What a slow operator answered is not asked again: between runs, rows and recipes, and never where it may differ."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.servers import memcached

from tilth import api
from tilth.bytes.cache import open_cache
from tilth.core.batch import Batch, with_column
from tilth.core.errors import OperatorError
from tilth.core.operator import Memoised, Outcome
from tilth.refine.extract import Extract
from tilth.run.ledger import Ledger
from tilth.run.measures import Measures
from tilth.run.memory import Memory
from tilth.run.pipe import Link, flow
from tilth.tables.project import Project
from tilth.testing import batch

CODE = '''
import dataclasses, pathlib
from tilth.core.batch import with_column

@dataclasses.dataclass(frozen=True, kw_only=True)
class Weigh:
    """Weigh each text, slowly."""

    log: str = ""
    unit: str = "letters"

    def map(self, batch):
        return self.filled(batch, self.answers(batch))

    def questions(self, batch):
        return [None if text is None else text.encode() for text in batch.column("text").to_pylist()]

    def answers(self, batch):
        texts = batch.column("text").to_pylist()
        with open(self.log, "a") as file:
            file.writelines(f"{text}\\n" for text in texts)
        return ["refused" if text == "odd" else [len(text or "")] for text in texts]

    def filled(self, batch, answers):
        return with_column(batch, "weight", [None if answer == "refused" else answer[0] for answer in answers])
'''


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "mine.py").write_text(CODE)
        self.rows("one", "three", "odd", "one")

    def rows(self, *texts: str) -> None:
        lines = "".join(f"k{number},{text}\n" for number, text in enumerate(texts))
        (self.folder / "a.csv").write_text("key,text\n" + lines)

    def run(self, more: str = "", options: str = "", cache: str = "disk", workers: int = 1) -> list[dict[str, Any]]:
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        (self.folder / "recipe.yaml").write_text(
            "name: t\ncode: mine.py\nacquire: [{files: {path: a.csv, key: key, licence: own}}]\n"
            f"cache: {cache}\nsplit: {{duplicates: none}}\nrefine: [{{weigh: {{log: {log}{options}}}}}{more}]\n"
        )
        api.run(self.folder / "recipe.yaml", workers=workers)
        table = Project(str(self.folder)).table("t")
        return sorted((row for part in table.scan().batches() for row in part.to_pylist()), key=lambda row: row["key"])

    def asked(self) -> list[str]:
        log = self.folder / "log"
        return sorted(log.read_text().split()) if log.exists() else []


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("kind", ["disk", "memcached"])
def test_a_run_asks_only_what_is_new(world: World, kind: str) -> None:
    cache = "disk" if kind == "disk" else memcached.start().facts["url"]
    first = world.run(cache=cache)
    assert sorted(set(world.asked())) == ["odd", "one", "three"]
    assert [row["weight"] for row in first] == [3, 5, None, 3]
    world.rows("one", "three", "odd", "one", "new")
    again = world.run(", normalise_space", cache=cache, workers=2)
    assert world.asked() == ["new", "odd"], "a refusal is asked again"
    assert [row["weight"] for row in again] == [3, 5, None, 3, 3]


def test_other_options_and_other_code_ask_again(world: World) -> None:
    world.run()
    world.run(options=", unit: words")
    assert len(set(world.asked())) == 3
    (world.folder / "mine.py").write_text(CODE.replace("[len(text or", "[1 + len(text or"))
    assert [row["weight"] for row in world.run()] == [4, 6, None, 4]


def test_no_cache_and_a_dead_one_give_the_same(world: World) -> None:
    expected = [row["weight"] for row in world.run()]
    assert [row["weight"] for row in world.run(", normalise_space", cache="none")] == expected
    assert len(set(world.asked())) == 3
    assert [row["weight"] for row in world.run(cache="redis://127.0.0.1:9/0")] == expected


@dataclass(frozen=True, kw_only=True)
class Broken:
    """An operator that answers as it is told."""

    short: str = ""

    def map(self, batch: Batch) -> Batch | Outcome:
        return self.filled(batch, self.answers(batch))

    def questions(self, batch: Batch) -> Sequence[bytes | None]:
        return [b""] * (batch.num_rows - (self.short == "questions"))

    def answers(self, batch: Batch) -> Sequence[Any]:
        return [["\ud800 中"]] * (batch.num_rows - (self.short == "answers"))

    def filled(self, batch: Batch, answers: Sequence[Any]) -> Batch:
        return with_column(batch, "found", [len(answer[0]) for answer in answers])


def measured(folder: Path) -> Measures:
    return Measures(folder=str(folder), answers=open_cache("disk", secret=os.urandom(32), folder=folder))


@dataclass(frozen=True, kw_only=True)
class Unwritten(Broken):
    """An operator whose answers JSON cannot hold."""

    def answers(self, batch: Batch) -> Sequence[Any]:
        return [[b"bytes"]] * batch.num_rows


def test_an_answer_that_cannot_be_written_breaks_nothing(tmp_path: Path) -> None:
    memory = measured(tmp_path).memory()
    assert memory is not None
    for _ in range(2):
        assert memory.map(Unwritten())(batch(text=["a"])).column("found").to_pylist() == [5]  # type: ignore[union-attr]


@pytest.mark.parametrize("short", ["questions", "answers"])
def test_an_operator_that_loses_count_is_told(tmp_path: Path, short: str) -> None:
    memory = measured(tmp_path).memory()
    assert memory is not None and isinstance(Broken(), Memoised)
    with pytest.raises(OperatorError, match=f"{short} did not answer for each row"):
        memory.map(Broken(short=short))(batch(text=["a", "b"]))
    for _ in range(2):
        assert memory.map(Broken())(batch(text=["a"])).column("found").to_pylist() == [3]  # type: ignore[union-attr]


PAGES = [
    b"<title>Rain</title><article><p>It rained for a week \xe4\xb8\xad.</p></article>",
    b"",
    None,
    b"%PDF-1.4 broken",
    b"plain words",
]


@pytest.mark.parametrize("options", [{}, {"keep": True, "metadata": ("attachments", "title")}, {"main": False}])
def test_documents_are_read_once_and_the_rows_are_the_same(
    tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Extract(**options)
    rows = batch(content=PAGES, content_type=["text/html", None, "text/html", None, "text/plain"])
    kept = measured(tmp_path)

    def through(memory: Memory | None) -> tuple[list[dict[str, Any]], Any]:
        ledger = Ledger()
        with kept.of(_shard()) as known:
            known.memory = memory
            found = flow(rows, [Link(place="refine[0] extract", operator=operator)], ledger, known)
        return found.to_pylist(), [part.to_pylist() for part in ledger.batches()]

    plain = through(None)
    assert through(kept.memory()) == plain
    asked: list[int] = []
    answers = Extract.answers
    monkeypatch.setattr(Extract, "answers", lambda self, some: asked.append(some.num_rows) or answers(self, some))
    assert through(kept.memory()) == plain
    # One without a document, and one that could not be read: these two are asked again.
    assert asked == [2]


def test_a_media_type_and_a_limit_are_parts_of_the_question() -> None:
    rows = batch(content=[b"page", b"page", b"page", None, b"long" * 100], content_type=["a", "b", None, "a", "a"])
    asked = Extract(max_bytes=100).questions(rows)
    assert len(set(asked[:3])) == 3 and asked[3:] == [None, None]
    assert asked[0] == Extract(max_bytes=100).questions(rows.slice(0, 1))[0]


def _shard() -> Any:
    from tilth.core.shard import Shard

    return Shard(id="s-0")
