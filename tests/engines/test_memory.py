"""Few rows are exchanged in memory, many by way of the disk: nobody can tell which."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Rows
from tilth.core.shard import Shard
from tilth.engines import _spill
from tilth.engines.local import Local


def read(shard: Shard) -> Iterator[Batch]:
    numbers = [shard.where["first"] + n for n in range(500)]
    yield pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.uint64()), "text": [f"row {n}" * 5 for n in numbers]})


ROWS = Rows(shards=tuple(Shard(id=f"s{n}", where={"first": 500 * n}, bytes=1000) for n in range(4)), read=read)


def by_text(batch: Batch) -> Batch:
    keys = pa.array([f"key {n % 50}" for n in batch.column("n").to_pylist()])
    return pa.RecordBatch.from_arrays([keys, batch.column("text")], names=["_key", "_id"])


def by_number(batch: Batch) -> Batch:
    numbers = batch.column("n").to_numpy()
    return pa.RecordBatch.from_arrays([pa.array(numbers % 50), pa.array(numbers)], names=["_key", "_id"])


def copied(batches: Iterator[Batch], times: int = 1) -> Iterator[Batch]:
    for batch in batches:
        for _ in range(times):
            yield batch


def exchanged(folder: Path, step: Exchange, workers: int = 1) -> tuple[dict[str, list[Any]], list[Path]]:
    with Local(workers=workers, spill=folder) as engine:
        found = engine.exchange(step, ROWS)
        files = list(folder.rglob("*.arrow"))
        again = pickle.loads(pickle.dumps(found))
        lines = {s.id: [line for batch in again.read(s) for line in batch.to_pylist()] for s in again.shards}
        assert {shard.id: shard.rows for shard in found.shards} == {name: len(part) for name, part in lines.items()}
        return lines, files


@pytest.mark.parametrize("emit", [by_text, by_number])
def test_small_exchanges_write_no_file_and_give_what_the_disk_gives(
    emit: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Exchange(name="copy", emit=emit, gather=copied, partitions=4)
    held, files = exchanged(tmp_path, step)
    assert files == []
    assert sum(map(len, held.values())) == 2000
    order = [(line["_key"], line["_id"]) for line in held["p0002"]]
    assert order == sorted(order)
    monkeypatch.setattr(_spill, "RUN_BYTES", 3000)
    monkeypatch.setattr(_spill, "BLOCK_ROWS", 7)
    spilled, files = exchanged(tmp_path, step)
    assert len(files) == 4
    assert spilled == held


def test_what_grows_in_gather_goes_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once, _ = exchanged(tmp_path, Exchange(name="copy", emit=by_number, gather=copied, partitions=4))
    monkeypatch.setattr(_spill, "RUN_BYTES", 100_000)
    step = Exchange(name="copy", emit=by_number, gather=partial(copied, times=10), partitions=4)
    grown, files = exchanged(tmp_path, step)
    assert 0 < len(files) < 4
    assert {name: len(lines) for name, lines in grown.items()} == {
        name: 10 * len(lines) for name, lines in once.items()
    }


@pytest.mark.slow
def test_two_workers_give_the_same(tmp_path: Path) -> None:
    step = Exchange(name="copy", emit=by_number, gather=copied, partitions=4)
    assert exchanged(tmp_path, step, workers=2)[0] == exchanged(tmp_path, step)[0]
