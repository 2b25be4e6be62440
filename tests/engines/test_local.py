"""The local engine: the same answers with any number of workers, bounded memory, clean stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest

from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Rows, Step
from tilth.core.errors import DataError, OperatorError, Stopped
from tilth.core.shard import Shard
from tilth.engines import _spill
from tilth.engines.local import Local


def read_numbers(shard: Shard) -> Iterator[Batch]:
    first = shard.where["first"]
    for start in range(first, first + shard.rows, 100):
        numbers = range(start, min(start + 100, first + shard.rows))
        yield pa.RecordBatch.from_pydict({"_id": [f"{n:06d}" for n in numbers], "n": pa.array(numbers, pa.int64())})


def numbers(total: int, shards: int) -> Rows:
    cuts = [total * i // shards for i in range(shards + 1)]
    return Rows(
        shards=tuple(Shard(id=f"s{i}", where={"first": a}, rows=b - a) for i, (a, b) in enumerate(pairwise(cuts))),
        read=read_numbers,
    )


def by_last_digit(batch: Batch) -> Batch:
    return batch.append_column("_key", pa.array([str(n % 10) for n in batch.column("n").to_pylist()]))


def sums(batches: Iterable[Batch]) -> Iterator[Batch]:
    totals: dict[str, list[int]] = {}
    last = ("", "")
    for batch in batches:
        for key, row, n in zip(*(batch.column(c).to_pylist() for c in ("_key", "_id", "n")), strict=True):
            assert (key, row) > last, "rows arrive sorted by key, then id"
            last = (key, row)
            totals.setdefault(key, []).append(n)
    if totals:
        yield pa.RecordBatch.from_pydict({"_id": list(totals), "total": [sum(v) for v in totals.values()]})


LAST_DIGIT = Exchange(name="last-digit", emit=by_last_digit, gather=sums, partitions=4)


@pytest.mark.parametrize(("workers", "shards"), [(1, 1), (1, 7), (2, 5)])
def test_exchange_gives_the_same_rows_for_any_workers_and_shards(workers: int, shards: int, tmp_path: Path) -> None:
    with Local(workers=workers, spill=tmp_path) as engine:
        found = [
            row for batch in engine.exchange(LAST_DIGIT, numbers(1000, shards)).batches() for row in batch.to_pylist()
        ]
    assert sorted(row["_id"] for row in found) == [str(d) for d in range(10)]
    assert found == sorted(found, key=lambda row: [r["_id"] for r in found].index(row["_id"]))
    assert {row["_id"]: row["total"] for row in found} == {
        str(d): sum(n for n in range(1000) if n % 10 == d) for d in range(10)
    }


def test_exchange_merges_many_runs_from_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_spill, "RUN_BYTES", 1000)
    monkeypatch.setattr(_spill, "BLOCK_ROWS", 7)
    with Local(workers=1, spill=tmp_path) as engine:
        rows = engine.exchange(LAST_DIGIT, numbers(500, 3))
        assert sum(row["total"] for batch in rows.batches() for row in batch.to_pylist()) == sum(range(500))
    assert list(tmp_path.iterdir()) == [], "close removes the spill"


def test_run_in_processes_yields_every_shard() -> None:
    with Local(workers=2) as engine:
        done = {
            shard.id: result for shard, result in engine.run(Step(name="rows", work=row_count), numbers(90, 9).shards)
        }
    assert done == {f"s{i}": 10 for i in range(9)}


def row_count(shard: Shard) -> int:
    return shard.rows or 0


def test_an_error_in_a_worker_reaches_the_driver_whole() -> None:
    with Local(workers=2) as engine, pytest.raises(DataError, match=r"s1: no rows here\. Look again"):
        list(engine.run(Step(name="fail", work=fail_on_s1), numbers(30, 3).shards))


def fail_on_s1(shard: Shard) -> int:
    if shard.id == "s1":
        raise DataError("no rows here", where="s1", do="Look again")
    return 1


def test_a_worker_killed_once_is_replaced(tmp_path: Path) -> None:
    with Local(workers=2) as engine:
        work = partial(die_once, marker=str(tmp_path / "died"))
        assert len(list(engine.run(Step(name="die", work=work), numbers(40, 4).shards))) == 4


def die_once(shard: Shard, marker: str) -> int:
    if shard.id == "s2" and not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


@pytest.mark.slow
def test_three_shards_that_each_kill_a_worker_once_are_survived(tmp_path: Path) -> None:
    with Local(workers=2) as engine:
        work = partial(each_dies_once, folder=str(tmp_path))
        assert len(list(engine.run(Step(name="die", work=work), numbers(60, 6).shards))) == 6


def each_dies_once(shard: Shard, folder: str) -> int:
    marker = Path(folder) / shard.id
    if shard.id in ("s0", "s3", "s5") and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 1


def test_a_shard_that_always_kills_its_worker_ends_the_run() -> None:
    with Local(workers=2) as engine, pytest.raises(OperatorError, match="died twice"):
        list(engine.run(Step(name="die", work=die), numbers(40, 4).shards))


def die(shard: Shard) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 1


def test_stop_lets_running_shards_finish() -> None:
    finished: list[str] = []
    engine = Local(workers=1, stop=lambda: len(finished) >= 2)
    with pytest.raises(Stopped, match="Run again"):
        for shard, _ in engine.run(Step(name="rows", work=row_count), numbers(50, 5).shards):
            finished.append(shard.id)
    assert finished == ["s0", "s1"]
