"""A stage's book: values whole or not there, under any name, also after a crash."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.events import Event, Noticed
from tilth.core.shard import Cursor, Part, Receipt, Shard
from tilth.engines.local import Local
from tilth.recipe.check import load
from tilth.run.plan import lay_out
from tilth.run.stages import Book, Work, cursor_json, receipt_from, receipt_json
from tilth.tables.project import Project
from tilth.testing import batch

ODD_NAMES = [
    "../../outside",
    "a/b",
    "a\\b",
    "/abs",
    "..",
    ".",
    "",
    ".hidden",
    "a.b.json",
    "a.json",
    "naïve 中文 👩‍🚀",
    "nul\0byte",
    "line\nend",
    "100%",
    "%2F",
    "con:2026*?",
    "=start",
    "x" * 120,
    "x" * 5000,
    "é" * 300,
    b"caf\xe9.csv".decode("utf-8", "surrogateescape"),
]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    book = Book(tmp_path / "deep" / "stage")
    book.keep("a", {"rows": 3, "text": "é\u2028"})
    book.keep("b", {})
    assert book.get("a") == {"rows": 3, "text": "é\u2028"}
    assert book.get("c") is None
    assert Book(tmp_path / "deep" / "stage").kept() == {"a": {"rows": 3, "text": "é\u2028"}, "b": {}}


def test_the_last_write_wins(tmp_path: Path) -> None:
    book = Book(tmp_path)
    for number in range(3):
        book.keep("a", {"n": number})
    assert book.kept() == {"a": {"n": 2}}
    assert len(list(tmp_path.iterdir())) == 1, "no draft is left"


@pytest.mark.parametrize("name", ODD_NAMES, ids=range(len(ODD_NAMES)))
def test_any_name_is_one_safe_file(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in" / "here"
    book = Book(folder)
    book.keep(name, {"name": "odd"})
    book.keep("plain", {})
    assert book.get(name) == {"name": "odd"}
    assert book.kept() == {name: {"name": "odd"}, "plain": {}}
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.parent != folder] == []
    assert len(list(folder.iterdir())) == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12) | st.sampled_from(ODD_NAMES), unique=True, max_size=8))
def test_names_are_told_apart(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    book = Book(tmp_path_factory.mktemp("book"))
    for number, name in enumerate(names):
        book.keep(name, {"n": number})
    assert book.kept() == {name: {"n": number} for number, name in enumerate(names)}


def test_plain_names_are_plain_files(tmp_path: Path) -> None:
    # People look into these folders.
    Book(tmp_path).keep("000-tickets_2026.csv-00001", {"rows": 3})
    assert json.loads((tmp_path / "000-tickets_2026.csv-00001.json").read_text()) == {"rows": 3}


@pytest.mark.parametrize("left", ["", "{", '{"a": 1', "\0\0\0", "[1]"])
def test_a_file_that_is_cut_short_was_never_kept(tmp_path: Path, left: str) -> None:
    # A power cut may leave the name without the content.
    book = Book(tmp_path)
    book.keep("a", {"n": 1})
    book.keep("b", {"n": 2})
    (tmp_path / "a.json").write_text(left)
    assert book.get("a") is None
    assert book.kept() == {"b": {"n": 2}}
    book.keep("a", {"n": 3})
    assert book.get("a") == {"n": 3}


def test_a_crash_leaves_the_old_value(tmp_path: Path) -> None:
    book = Book(tmp_path)
    book.keep("a", {"n": 1})
    with pytest.raises(TypeError):
        book.keep("a", {"n": object()})
    assert book.kept() == {"a": {"n": 1}}
    # Killed between the draft and its name.
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tilth.run.stages import Book\n"
        "Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "Book(Path(sys.argv[1])).keep('a', {'n': 2})"
    )
    run = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=dict(os.environ))
    assert run.returncode == -signal.SIGKILL
    assert book.get("a") == {"n": 1}
    assert book.kept() == {"a": {"n": 1}}


def test_what_a_shard_left_is_finished_while_its_parts_are_whole(tmp_path: Path) -> None:
    table, book = Project(str(tmp_path)).table("demo"), Book(tmp_path / "stage")
    receipt = table.write(Shard(id="s0"), [batch(text=["a", "b"])])
    book.keep("s0", {"rows": receipt_json(receipt), "n": 2})
    assert book.finished("s0", {}) == book.get("s0")
    assert book.finished("s0", {"rows": table}) == book.get("s0")
    assert book.finished("s1", {"rows": table}) is None
    path = table.folder / receipt.parts[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert book.finished("s0", {"rows": table}) is None, "a part that is cut short"
    path.unlink()
    assert book.finished("s0", {"rows": table}) is None, "a part that is gone"
    path.write_bytes(content)
    assert book.finished("s0", {"rows": table}) is not None


def test_receipts_and_cursors_survive_json() -> None:
    part = Part(path="part-a.parquet", rows=3, bytes=99, digest="0" * 32)
    for receipt in (Receipt(shard="a", parts=(part, part), rows=6, notes={"columns": "x"}), Receipt(shard="b")):
        assert receipt_from(json.loads(json.dumps(receipt_json(receipt)))) == receipt
    assert cursor_json(Cursor(position={"files": {"a": 1}})) == {"files": {"a": 1}}


def work(folder: Path, **options: Any) -> Work:
    (folder / "r.yaml").write_text("name: demo\nacquire: [{files: {path: a.csv}}]")
    given: dict[str, Any] = {"emit": lambda event: None, "stop": lambda: False, **options}
    recipe = load(folder / "r.yaml")
    return Work(recipe=recipe, plan=lay_out(recipe), project=Project(str(folder)), engine=Local(workers=1), **given)


def test_a_sample_never_touches_the_whole_datas_tables(tmp_path: Path) -> None:
    assert work(tmp_path).data == "demo"
    assert work(tmp_path, sample=500).data == "demo-sample"


def test_events_reach_the_listener(tmp_path: Path) -> None:
    heard: list[Event] = []
    work(tmp_path, emit=heard.append).tell(Noticed(stage="acquire", what="x"))
    assert heard == [Noticed(stage="acquire", what="x")]
