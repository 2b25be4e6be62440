"""Run steps on this machine: in this process, or in worker processes over Arrow."""

from __future__ import annotations

import concurrent.futures as futures
import itertools
import multiprocessing
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tilth.core import registry
from tilth.core.batch import Batch
from tilth.core.engine import Exchange, Result, Rows, Step
from tilth.core.errors import OperatorError, Stopped
from tilth.core.shard import Shard
from tilth.engines import _memory, _spill

TRIES = 2
"""How often a shard may kill its worker before the run ends."""
INLINE_BYTES = 8 << 20
"""Below this much input, starting workers costs more than they save."""


@dataclass(kw_only=True)
class Local:
    """Run work in `workers` processes, or inline where that is faster.

    >>> from tilth.core.shard import Shard
    >>> step = Step(name="double", work=lambda shard: shard.rows * 2)
    >>> [result for _, result in Local(workers=1).run(step, [Shard(id="a", rows=3)])]
    [6]
    """

    workers: int = 0
    """0 means one a core; 1 runs everything in this process."""
    spill: Path | None = None
    """Where exchanges put rows while they sort them; a folder beside the data by default."""
    stop: Callable[[], bool] = lambda: False
    """True when the user asked to stop: running shards finish, no new one starts."""
    code: tuple[tuple[str, str], ...] = ()
    """Users' own operator files: (path, room), loaded on each worker."""
    _pool: futures.ProcessPoolExecutor | None = field(default=None, repr=False)
    _scratch: Path | None = field(default=None, repr=False)

    def run(self, step: Step[Result], shards: Sequence[Shard]) -> Iterator[tuple[Shard, Result]]:
        """Yield each shard's result as it finishes.

        Raises `Stopped` after the running shards finished when `stop()` turned true, `OperatorError` when a shard kills
        its worker twice, and whatever the work raises.
        """
        if self._inline(shards):
            for shard in shards:
                self._check_stop(step)
                yield shard, step.work(shard)
            return
        yield from self._run_in_pool(step, list(shards))

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        """Group rows by key; the result lies in memory where it is small and there is one worker, else in spill files.

        Spill files are there until `close`.
        """
        folder = self._folder() / f"{step.name}-{uuid.uuid4().hex[:8]}"
        bundles = _spill.bundled(rows.shards, parts=4 * self._count())
        if self._count() == 1:
            return self._exchange_here(step, rows, bundles, folder)
        folder.mkdir(parents=True)
        scattered: dict[str, list[tuple[int, str]]] = {}
        scatter = partial(_spill.scatter, folder=str(folder), step=step, read=rows.read)
        for shard, runs in self.run(Step(name=f"{step.name}: scatter", work=scatter), bundles):
            scattered[shard.id] = runs
        return self._gathered(step, [run for shard in bundles for run in scattered[shard.id]], folder)

    def _exchange_here(self, step: Exchange, rows: Rows, bundles: Sequence[Shard], folder: Path) -> Rows:
        """Exchange in this process: in memory as long as the keyed rows fit, else by way of the disk."""

        def keyed() -> Iterator[Batch]:
            for bundle in bundles:
                self._check_stop(step)
                yield from _spill.keyed(bundle, step=step, read=rows.read)

        held: list[Batch] = []
        size = 0
        batches = keyed()
        for batch in batches:
            held.append(batch)
            size += batch.nbytes
            if size > _memory.RUNS * _spill.RUN_BYTES:
                break
        else:
            folder.mkdir(parents=True)
            return _memory.exchange(step, held, folder=str(folder))
        folder.mkdir(parents=True)
        every = itertools.chain(held, batches)
        runs = _spill.write_runs(every, folder=str(folder), stem="here", partitions=step.partitions)
        return self._gathered(step, runs, folder)

    def _gathered(self, step: Exchange, runs: Sequence[tuple[int, str]], folder: Path) -> Rows:
        by_partition: dict[int, list[str]] = {}
        for partition, path in runs:
            by_partition.setdefault(partition, []).append(path)
        wanted = [
            Shard(id=f"p{number:04d}", where={"runs": paths}, bytes=sum(Path(path).stat().st_size for path in paths))
            for number, paths in sorted(by_partition.items())
        ]
        gather = partial(_spill.gather, folder=str(folder), step=step)
        done: dict[str, Shard] = {}
        for shard, result in self.run(Step(name=f"{step.name}: gather", work=gather), wanted):
            done[shard.id] = result
            # Only now: a worker that dies must find its runs again.
            for run in shard.where["runs"]:
                Path(run).unlink(missing_ok=True)
        return Rows(shards=tuple(done[shard.id] for shard in wanted if done[shard.id].rows), read=_spill.read)

    def close(self) -> None:
        """Stop the workers and remove the spill files."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def __enter__(self) -> Local:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _count(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))

    def _inline(self, shards: Sequence[Shard]) -> bool:
        if self._count() == 1 or len(shards) < 2:
            return True
        # With a stated number of workers, tests and users get what they asked for.
        return not self.workers and sum(shard.bytes for shard in shards) < INLINE_BYTES

    def _folder(self) -> Path:
        if self._scratch is None:
            base = self.spill or Path(os.environ.get("TMPDIR", "/tmp")) / "tilth"  # noqa: S108 (a fallback for tests)
            self._scratch = base / f"spill-{os.getpid()}-{uuid.uuid4().hex[:8]}"
            self._scratch.mkdir(parents=True)
        return self._scratch

    def _check_stop(self, step: Step[Any] | Exchange) -> None:
        if self.stop():
            raise Stopped(f"stopped in {step.name}", do="Run again to go on from here.")

    def _run_in_pool(self, step: Step[Result], shards: list[Shard]) -> Iterator[tuple[Shard, Result]]:
        waiting = list(reversed(shards))
        suspects: list[Shard] = []
        running: dict[futures.Future[Result], Shard] = {}
        deaths: dict[str, int] = {}
        stopping = False
        while waiting or suspects or running:
            stopping = stopping or self.stop()
            # Shards that were in flight when a worker died go on one by one: a second death tells whose fault it is.
            room = 1 if suspects else 2 * self._count()
            while (waiting or suspects) and not stopping and len(running) < room:
                shard = suspects.pop() if suspects else waiting.pop()
                running[self._workers().submit(step.work, shard)] = shard
                room = 1 if shard.id in deaths else room
            if stopping and not running:
                raise Stopped(f"stopped in {step.name}", do="Run again to go on from here.")
            done, _ = futures.wait(running, timeout=0.2, return_when=futures.FIRST_COMPLETED)
            for future in done:
                shard = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool as broken:
                    # Every shard in flight comes back broken; one that was alone killed its worker.
                    flight = [shard, *running.values()]
                    running.clear()
                    self._pool = None
                    for suspect in flight:
                        deaths[suspect.id] = deaths.get(suspect.id, 0) + (len(flight) == 1)
                    if deaths[shard.id] >= TRIES:
                        raise OperatorError(
                            f"a worker process died twice in {step.name}",
                            where=f"shard {shard.id}",
                            do="Look for a crash or the system's out-of-memory killer; the finished shards are kept. "
                            'A script of your own needs `if __name__ == "__main__":` around its call of Tilth.',
                        ) from broken
                    suspects.extend(reversed(flight))
                    break
                yield shard, result

    def _workers(self) -> futures.ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["tilth.engines._spill"])
            self._pool = futures.ProcessPoolExecutor(
                max_workers=self._count(),
                mp_context=context,
                initializer=_prepare,
                initargs=(self.code, dict(os.environ)),
            )
        return self._pool


def _prepare(code: tuple[tuple[str, str], ...], environment: dict[str, str]) -> None:
    # The server that workers are forked from keeps the environment it began with: a notebook may have set keys since.
    os.environ.clear()
    os.environ.update(environment)
    # Ctrl-C reaches the whole process group; the driver decides, workers finish their shard.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for path, room in code:
        registry.load_code(Path(path), room)
