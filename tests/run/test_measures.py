"""Texts are measured once: by content, kept between passes and runs, and given up when a text changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pytest

import tilth.api as api
from tilth.core.batch import STATISTICS, Batch, with_column
from tilth.core.errors import TilthError
from tilth.core.shard import Shard
from tilth.refine.gopher_quality import GopherQuality
from tilth.run.ledger import Ledger
from tilth.run.measures import Measured, Measures, wanted, without
from tilth.run.pipe import Link, flow
from tilth.testing import batch
from tilth.text import statistics

TEXTS = ["one two three", "", None, "四个汉字", "one two three", "ends with a zero byte \0"]
SHARD = Shard(id="s-0")


def test_statistics_are_those_of_the_kernel_in_the_order_of_rows() -> None:
    rows = Measured().attach(batch(text=TEXTS), "text")
    found = rows.column(STATISTICS + "text")
    assert found.to_pylist() == statistics.measure(pa.array(TEXTS)).to_pylist()


def test_a_second_pass_measures_only_new_texts(tmp_path: Path) -> None:
    measures = Measures(folder=str(tmp_path / "m"))
    with measures.of(SHARD) as first:
        first.attach(batch(text=TEXTS), "text")
        assert first.fresh == len(TEXTS)
    with measures.of(SHARD) as second:
        mixed = ["new", *reversed(TEXTS), "newer"]
        found = second.attach(batch(text=mixed), "text").column(STATISTICS + "text")
        assert second.fresh == 2
    assert found.to_pylist() == statistics.measure(pa.array(mixed)).to_pylist()
    with measures.of(SHARD) as third:
        third.attach(batch(text=["newer", "new"]), "text")
        assert third.fresh == 0


def test_what_was_measured_of_shards_that_are_gone_is_removed(tmp_path: Path) -> None:
    measures = Measures(folder=str(tmp_path))
    for shard in ("s-0", "s-1", "s-10"):
        with measures.of(Shard(id=shard)) as measured:
            measured.attach(batch(text=TEXTS), "text")
            measured.attach(batch(text=TEXTS), "text", frozenset({"words"}))
    measures.keep({"s-1"})
    assert len(list(tmp_path.iterdir())) == 2
    with measures.of(Shard(id="s-1")) as measured:
        measured.attach(batch(text=TEXTS), "text")
        assert measured.fresh == 0
    Measures(folder=str(tmp_path / "none")).keep(set())


def test_many_small_batches_are_found_again(tmp_path: Path) -> None:
    measures = Measures(folder=str(tmp_path))
    texts = [f"text number {row}" for row in range(200)]
    with measures.of(SHARD) as measured:
        for row in range(0, 200, 7):
            measured.attach(batch(text=texts[row : row + 7]), "text")
    with measures.of(SHARD) as again:
        again.attach(batch(text=texts[::-1]), "text")
        assert again.fresh == 0


def test_a_folder_that_cannot_be_made_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    for _ in range(2):
        with Measures(folder=str(tmp_path / "file" / "m")).of(SHARD) as measured:
            measured.attach(batch(text=TEXTS), "text")
            assert measured.fresh == len(TEXTS)


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0garbage", b"\xff" * 100])
def test_a_broken_file_is_measured_again(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s-0-all.arrow").write_bytes(content)
    with Measures(folder=str(tmp_path)).of(SHARD) as measured:
        measured.attach(batch(text=["a"]), "text")
        assert measured.fresh == 1


def test_the_file_holds_no_text(tmp_path: Path) -> None:
    with Measures(folder=str(tmp_path)).of(SHARD) as measured:
        measured.attach(batch(text=["a very secret sentence"]), "text")
    table = ipc.open_file(pa.OSFile(str(tmp_path / "s-0-all.arrow"))).read_all()
    assert table.schema.names == ["key", "statistics"]
    assert b"secret" not in repr(table.to_pylist()).encode()


def test_only_the_statistics_that_are_needed_are_measured(tmp_path: Path) -> None:
    few, more = frozenset({"words"}), frozenset({"words", "lines"})
    for names, fresh in ((few, 1), (more, 1), (few, 0), (more, 0)):
        with Measures(folder=str(tmp_path)).of(SHARD) as measured:
            rows = measured.attach(batch(text=["two words"]), "text", names)
            assert {field.name for field in rows.schema.field("_stats.text").type} == names
            assert measured.fresh == fresh
            assert measured.attach(rows, "text", few) is rows


def test_what_the_next_operators_need_is_measured_at_once_until_one_may_change_the_text() -> None:
    class Rule:
        measured = ("text",)
        uses = frozenset({"words"})

        def judge(self, rows: Batch) -> pa.StructArray: ...

    class Other(Rule):
        uses = frozenset({"lines"})

    class Change(Other):
        uses = frozenset({"chars"})

        def map(self, rows: Batch) -> Batch: ...

    class Any(Rule):
        uses = None

    assert wanted([Rule(), Other(), Change(), Rule()], "text") == {"words", "lines"}
    assert wanted([Change(), Rule(), Change()], "text") == {"chars", "words"}
    assert wanted([Rule(), Any()], "text") is None
    assert wanted([Rule(), Other()], "title") == frozenset()


@pytest.mark.parametrize("column", [pa.array([1.0]), pa.array([["a"]])])
def test_a_column_that_is_no_text_is_one_clear_error(column: pa.Array) -> None:
    link = Link(place="refine[0] gopher_quality", operator=GopherQuality())
    with pytest.raises(TilthError, match="text"):
        flow(batch(text=column), [link], Ledger())
    with pytest.raises(TilthError, match="body"):
        flow(batch(text=["a"]), [Link(place="refine[0]", operator=GopherQuality(column="body"))], Ledger())


def test_statistics_leave_with_the_text_they_are_about() -> None:
    rows = with_column(with_column(batch(text=["a"], title=["b"]), "_stats.text", [1]), "_stats.title", [2])
    assert without(rows, ["text"]).schema.names == ["_id", "text", "title", "_stats.title"]
    assert without(rows).schema.names == ["_id", "text", "title"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    lines = [f"id,text\n{row},{'word ' * row}end" if not row else f"{row},{'word ' * row}end" for row in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    recipe = """
name: rows
acquire:
  - files: {path: rows.csv, key: id, licence: own}
refine:
  - gopher_quality: {min_words: 5, min_stop_words: null, min_mean_word: null}
"""
    (tmp_path / "recipe.yaml").write_text(recipe)
    return tmp_path


def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Count the texts that reach the kernel."""
    seen: list[int] = []
    real = statistics.measure

    def measure(column: pa.Array, **options: Any) -> pa.StructArray:
        seen.append(len(column))
        return real(column, **options)

    monkeypatch.setattr(statistics, "measure", measure)
    return lambda: sum(seen)


@pytest.mark.slow
def test_another_threshold_decides_again_without_measuring(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = counted(monkeypatch)
    first = api.run(project / "recipe.yaml", workers=1)
    assert measured() == 40
    second = api.run(project / "recipe.yaml", "refine.gopher_quality.min_words=20", workers=1)
    assert measured() == 40
    assert second.summary.accounts["dropped"] > first.summary.accounts["dropped"]
