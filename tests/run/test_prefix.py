"""An operator in the middle sees the rows as the ones above it leave them, beside the right notes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.core.batch import AT, ID, SPLIT, Batch
from tilth.core.engine import Rows
from tilth.core.errors import TilthError
from tilth.core.shard import Shard
from tilth.engines import _spill
from tilth.engines.local import Local
from tilth.refine.length import Length
from tilth.refine.normalise_space import NormaliseSpace
from tilth.run.pipe import Link
from tilth.run.prefix import Beside, Prefixed
from tilth.run.sidecar import NOTE, Sidecar, build

RAW = pa.schema([(ID, pa.string()), (AT, pa.string()), (SPLIT, pa.string()), ("text", pa.string())])
Line = dict[str, Any]


@dataclass(frozen=True)
class Read:
    """Reads a shard of lines in batches of `size`."""

    shards: list[list[Line]]
    schema: pa.Schema
    size: int = 3

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        lines = self.shards[shard.where["n"]]
        for start in range(0, len(lines), self.size):
            yield pa.RecordBatch.from_pylist(lines[start : start + self.size], schema=self.schema)


def rows(shards: list[list[Line]], schema: pa.Schema = RAW, size: int = 3) -> Rows:
    return Rows(
        shards=tuple(Shard(id=f"s{n}", where={"n": n}) for n in range(len(shards))), read=Read(shards, schema, size)
    )


def acquired(*files: int) -> list[Line]:
    """Write files of so many rows, one after another."""
    return [
        {ID: f"{file}.{n}", AT: f"f{file}:{n:012d}", SPLIT: None, "text": f"row {n} of {file}"}
        for file, count in enumerate(files)
        for n in range(count)
    ]


def sidecar(lines: list[Line], known: list[Line], engine: Local) -> Sidecar:
    light = pa.schema([(ID, pa.string()), (AT, pa.string())])
    return build(rows([[{ID: line[ID], AT: line[AT]} for line in lines]], light), rows([known], NOTE), engine)


def pairs(lines: list[Line], cuts: list[int], size: int, engine: Local) -> list[tuple[Line, Line]]:
    """Read rows cut into shards at `cuts`, each beside its notes."""
    known = [{ID: line[ID], "unit": f"note of {line[ID]}", "split": "train"} for line in lines]
    ends = [0, *sorted(cut % (len(lines) + 1) for cut in cuts), len(lines)]
    whole = rows([lines[a:b] for a, b in zip(ends, ends[1:], strict=False)], size=size)
    beside = Beside(read=whole.read, sidecar=sidecar(lines, known, engine))
    found = []
    for shard in whole.shards:
        for batch, note in beside.pairs(shard):
            assert batch.num_rows == note.num_rows > 0
            found += list(zip(batch.to_pylist(), note.to_pylist(), strict=True))
    return found


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.lists(st.integers(0, 50), max_size=4), st.integers(1, 7))
def test_every_row_stands_beside_its_note_however_files_are_bundled_or_cut(
    files: list[int], cuts: list[int], size: int
) -> None:
    lines = acquired(*files)
    with Local(workers=1) as engine:
        found = pairs(lines, cuts, size, engine)
    assert [row for row, _ in found] == lines
    assert all(note["unit"] == f"note of {row[ID]}" and note[AT] == row[AT] for row, note in found)


def test_a_shard_may_begin_in_the_middle_of_a_large_file(monkeypatch: pytest.MonkeyPatch) -> None:
    # Notes come in blocks that end elsewhere than the batches of rows.
    monkeypatch.setattr(_spill, "BLOCK_ROWS", 40)
    lines = acquired(3, 500, 2)
    with Local(workers=1) as engine:
        found = pairs(lines, [225, 401], 64, engine)
    assert [note["unit"] for _, note in found] == [f"note of {line[ID]}" for line in lines]


def test_rows_that_a_sample_left_out_have_no_notes_and_are_not_missed() -> None:
    lines = acquired(30)[::7] + acquired(0, 30)[::5]
    with Local(workers=1) as engine:
        found = pairs(lines, [3], 2, engine)
    assert [note["unit"] for _, note in found] == [f"note of {line[ID]}" for line in lines]


def test_rows_and_notes_of_different_data_are_an_error_not_a_mix_up() -> None:
    lines = acquired(6)
    with Local(workers=1) as engine:
        for other in (lines[:4], [*lines[:2], *lines[3:]], []):
            beside = Beside(read=rows([lines]).read, sidecar=sidecar(other, [], engine))
            with pytest.raises(TilthError, match="f0: the notes are not about these rows"):
                list(beside.pairs(Shard(id="s0", where={"n": 0})))


LINKS = (
    Link(place="refine[0] normalise_space", operator=NormaliseSpace()),
    Link(place="refine[1] length", operator=Length(min=3)),
)


def prefixed(engine: Local, **options: Any) -> Prefixed:
    lines = [
        {ID: name, AT: f"f:{n:012d}", SPLIT: "given", "text": text}
        for n, (name, text) in enumerate([("a", " aa  a "), ("b", " b "), ("c", "ccc"), ("d", "ddd"), ("e", "eee")])
    ]
    known: list[Line] = [{ID: "a", "split": "train"}, {ID: "b", "split": "train"}, {ID: "c", "split": "test"}]
    known += [{ID: "d", "split": "train"}, {ID: "d", "place": "refine[0] x", "rule": "gone"}]
    given: dict[str, Any] = {"links": LINKS, "read": rows([lines]).read, "sidecar": sidecar(lines, known, engine)}
    return Prefixed(**{**given, **options})


def read(prefix: Prefixed) -> list[Line]:
    return [line for batch in prefix(Shard(id="s0", where={"n": 0})) for line in batch.to_pylist()]


def test_the_operators_above_run_on_rows_that_have_not_left() -> None:
    with Local(workers=1) as engine:
        found = read(prefixed(engine))
    assert found == [
        {ID: "a", SPLIT: "train", "text": "aa a"},
        {ID: "c", SPLIT: "test", "text": "ccc"},
        {ID: "e", SPLIT: None, "text": "eee"},
    ]


def test_a_fold_sees_train_rows_only() -> None:
    with Local(workers=1) as engine:
        assert [line[ID] for line in read(prefixed(engine, split="train"))] == ["a"]
        assert [line[ID] for line in read(prefixed(engine, split="test", links=()))] == ["c"]
        assert read(prefixed(engine, split="valid")) == []


def test_without_notes_every_row_is_seen() -> None:
    with Local(workers=1) as engine:
        whole = prefixed(engine)
    assert [line[ID] for line in read(dataclasses.replace(whole, sidecar=None))] == ["a", "c", "d", "e"]


def test_a_split_without_notes_is_refused() -> None:
    # Every row would pass, the test's too.
    with pytest.raises(ValueError, match="notes"):
        Prefixed(links=(), read=rows([[]]).read, split="train")


def test_where_rows_lie_is_kept_on_request() -> None:
    with Local(workers=1) as engine:
        assert [line[AT][-1] for line in read(prefixed(engine, drop_at=False))] == ["0", "2", "4"]
