"""What Spark's executors run: shards of a step, and the two halves of an exchange; no pyspark here.

Work comes as pickled bytes, so that users' own operator files are loaded before it is unpacked. What work raises goes
back as a value: Spark would try it again, and would turn it into a text.
"""

from __future__ import annotations

import io
import os
import pickle
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc

from tilth.bytes.opening import open_store
from tilth.core import registry
from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Reader
from tilth.core.errors import OperatorError
from tilth.core.shard import Shard
from tilth.engines import _spill

TOLD = pa.schema([("at", pa.int64()), ("ok", pa.bool_()), ("said", pa.binary())])
"""What a task says of the piece of work number `at`: a pickled result, or what was raised."""
RUN = pa.schema([("place", pa.int32()), ("bundle", pa.int64()), ("number", pa.int64()), ("run", pa.binary())])
"""Rows on their way: one sorted run for a partition (`place`), or, where `number` is negative, what a bundle raised."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What work finds on an executor."""

    code: tuple[tuple[str, str, str], ...] = ()
    """Users' own operator files: file name, source, room."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that sources and stores read; they travel with the work, never in Spark's settings, which it shows."""

    def prepare(self) -> None:
        """Load code and set variables, in this process."""
        os.environ.update(self.environment)
        for name, source, room in self.code:
            _load(name, source, room)


_loaded: set[tuple[str, str, str]] = set()


def _load(name: str, source: str, room: str) -> None:
    if (name, source, room) in _loaded:
        return
    with tempfile.TemporaryDirectory(prefix="tilth-code-") as folder:
        path = Path(folder) / name
        path.write_text(source, encoding="utf-8")
        registry.load_code(path, room)
    _loaded.add((name, source, room))


def run(batches: Iterable[Batch], *, setting: Setting, work: bytes, shards: Sequence[Shard]) -> Iterator[Batch]:
    """Do the pieces of work whose numbers come (`id`)."""
    setting.prepare()
    for batch in batches:
        for at in batch.column("id").to_pylist():
            yield _told(at, partial(_done, work, shards[at]))


def _done(work: bytes, shard: Shard) -> Any:
    return pickle.loads(work)(shard)  # noqa: S301 (from this run's own driver)


def scatter(batches: Iterable[Batch], *, setting: Setting, work: bytes, bundles: Sequence[Shard]) -> Iterator[Batch]:
    """Key the rows of the bundles whose numbers come, and send them as sorted runs."""
    setting.prepare()
    step: Exchange
    read: Reader
    for batch in batches:
        for at in batch.column("id").to_pylist():
            try:
                step, read = pickle.loads(work)  # noqa: S301 (from this run's own driver)
                yield from _runs(step, _spill.keyed(bundles[at], step=step, read=read), at)
            except Exception as error:  # noqa: BLE001 (raised again on the driver)
                yield _run(0, at, -1, _pickled(error))


def _runs(step: Exchange, batches: Iterator[Batch], bundle: int) -> Iterator[Batch]:
    for number, (place, part) in enumerate(_spill.sorted_runs(batches, step.partitions)):
        sink = io.BytesIO()
        _spill.write_run(part, sink)
        yield _run(place, bundle, number, sink.getvalue())


def gather(batches: Iterable[Batch], *, setting: Setting, work: bytes, scratch: str, name: str) -> Iterator[Batch]:
    """Merge the runs of each partition that comes, pass them to the step, and write what it gives to the scratch."""
    setting.prepare()
    with tempfile.TemporaryDirectory(prefix="tilth-runs-") as folder:
        runs: dict[int, list[tuple[int, int, str]]] = {}
        for batch in batches:
            for place, bundle, number, content in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if number < 0:
                    yield _batch(-1, False, content)
                    return
                path = f"{folder}/{place}-{bundle}-{number}.arrow"
                Path(path).write_bytes(content)
                runs.setdefault(place, []).append((bundle, number, path))
        for place, held in sorted(runs.items()):
            paths = [path for _, _, path in sorted(held)]
            yield _told(place, partial(_gathered, work, scratch, name, place, paths))
            for path in paths:
                Path(path).unlink()


def _gathered(work: bytes, scratch: str, name: str, place: int, paths: list[str]) -> Shard:
    step: Exchange = pickle.loads(work)  # noqa: S301 (from this run's own driver)
    return write(step.gather(_spill.merged(paths)), scratch=scratch, path=f"{name}/p{place:04d}", shard=f"p{place:04d}")


def write(batches: Iterable[Batch], *, scratch: str, path: str, shard: str) -> Shard:
    """Write batches as one object; returns the shard that `read` reads. A second try writes another object."""
    path = f"{path}-{os.urandom(6).hex()}.arrow"
    rows = size = 0
    held: ipc.RecordBatchFileWriter | None = None
    target = open_store(scratch).write(path)
    try:
        sink = pa.PythonFile(_Counted(target), mode="w")
        for batch in batches:
            if batch.num_rows:
                held = held or ipc.new_file(sink, batch.schema)
                held.write_batch(batch)
                rows += batch.num_rows
        if held is not None:
            held.close()
            size = sink.tell()
    except BaseException:
        target.abandon()
        raise
    if rows:
        target.close()
    else:
        target.abandon()
    return Shard(id=shard, where={"scratch": scratch, "path": path}, rows=rows, bytes=size)


def read(shard: Shard) -> Iterator[Batch]:
    """Read what `write` wrote, a batch at a time."""
    with open_store(shard.where["scratch"]).open(shard.where["path"]) as file:
        reader = ipc.open_file(pa.PythonFile(file, mode="r"))
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)


class _Counted:
    """A writer as Arrow wants it: one that knows how far it is."""

    def __init__(self, target: Any) -> None:
        self._target, self._at = target, 0
        self.closed = False

    def write(self, data: Any) -> int:
        content = bytes(data)
        self._target.write(content)
        self._at += len(content)
        return len(content)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


def _told(at: int, work: Callable[[], Any]) -> Batch:
    try:
        return _batch(at, True, pickle.dumps(work()))
    except Exception as error:  # noqa: BLE001 (raised again on the driver)
        return _batch(at, False, _pickled(error))


def _pickled(error: Exception) -> bytes:
    """Return an exception that the driver can raise, whatever it holds."""
    try:
        said = pickle.dumps(error)
        pickle.loads(said)  # noqa: S301 (made in the line above)
        return said
    except Exception:  # noqa: BLE001 (a class that only this executor knows)
        return pickle.dumps(OperatorError(f"{type(error).__name__} was raised, which cannot be sent"))


def _batch(at: int, ok: bool, said: bytes) -> Batch:
    return pa.RecordBatch.from_arrays([pa.array([at], pa.int64()), pa.array([ok]), pa.array([said], pa.binary())],
                                      schema=TOLD)  # fmt: skip


def _run(place: int, bundle: int, number: int, content: bytes) -> Batch:
    columns = [pa.array([place], pa.int32()), pa.array([bundle], pa.int64()), pa.array([number], pa.int64())]
    return pa.RecordBatch.from_arrays([*columns, pa.array([content], pa.binary())], schema=RUN)
