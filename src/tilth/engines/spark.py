"""Run steps on Spark: a shard is a task over Arrow, an exchange is Spark's own shuffle.

Executors read and write through Tilth's own connectors and tables; what Spark moves are sorted runs of rows, packed as
Arrow, for partitions that we number ourselves: the rows that come out are those of any other engine, in their order.
"""

from __future__ import annotations

import pickle
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent import futures
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.bytes.opening import open_store
from tilth.core.engine import Exchange, Result, Rows, Step
from tilth.core.errors import OperatorError, Stopped
from tilth.core.shard import Shard
from tilth.engines import _session, _spill, _tasks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

JOBS = 4
"""How many jobs are under way at a time: as one ends, slots must find work."""
TRIES = 2
"""How often a shard may end its worker, each time as often as Spark tries (`spark.task.maxFailures`)."""
KEPT_SECONDS = 7 * 86_400.0
"""After so long, what a killed run left in the scratch is removed by the next."""
_FOLDER = "tilth-scratch"
_WAIT = 0.2


@dataclass(kw_only=True)
class Spark:
    """Run work on a Spark cluster, or on `local[n]`.

    Executors need Python, Tilth and what the recipe's operators import, of the driver's versions.

    >>> Spark(master="local[2]", scratch="hdfs://namenode/tmp/tilth").master
    'local[2]'
    """

    master: str | None = None
    """Where the cluster is: local[2], spark://host:7077, yarn, k8s://…; None takes the session that there is."""
    scratch: str = ""
    """A folder or URL that the driver and all executors reach, for what exchanges give."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Spark's own settings, for a session that is begun here."""
    stop: Callable[[], bool] = lambda: False
    """True when the user asked to stop: jobs that run come to their end, no other begins."""
    code: tuple[tuple[str, str], ...] = ()
    """Users' own operator files: (path, room); their text goes to the executors."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables that executors need, such as those that a recipe names as env:NAME."""
    _spark: SparkSession | None = field(default=None, repr=False)
    _own: bool = False
    _swept: bool = False
    _made: list[str] = field(default_factory=list, repr=False)

    def run(self, step: Step[Result], shards: Sequence[Shard]) -> Iterator[tuple[Shard, Result]]:
        """Yield each shard's result as its job ends.

        Raises `Stopped` after the running jobs ended when `stop()` turned true, `OperatorError` when a shard ends its
        worker again and again, `Terminal` where the cluster fails, and whatever the work raises.
        """
        if not shards:
            return
        session = self._session()
        work = _session.packed(step.work)
        size = max(1, session.sparkContext.defaultParallelism // 2)
        waiting = deque(list(shards[at : at + size]) for at in range(0, len(shards), size))
        deaths: dict[str, int] = {}
        group = f"tilth-{uuid.uuid4().hex[:8]}"
        with futures.ThreadPoolExecutor(JOBS, thread_name_prefix="tilth-spark") as pool:
            running: dict[futures.Future[list[Result]], list[Shard]] = {}
            try:
                while waiting or running:
                    stopping = self.stop()
                    while waiting and not stopping and len(running) < JOBS:
                        some = waiting.popleft()
                        running[pool.submit(self._job, session, step, work, some, group)] = some
                    if stopping and not running:
                        raise Stopped(f"stopped in {step.name}", do="Run again to go on from here.")
                    done, _ = futures.wait(running, timeout=_WAIT, return_when=futures.FIRST_COMPLETED)
                    for future in done:
                        some = running.pop(future)
                        try:
                            results = future.result()
                        except _session.Died as died:
                            # One by one: who was alone when a worker died is the one that did it.
                            waiting.extendleft([shard] for shard in reversed(some))
                            _count_death(deaths, some, step, died)
                            continue
                        yield from zip(some, results, strict=True)
            except BaseException:
                session.sparkContext.cancelJobGroup(group)
                raise

    def _job(
        self, session: SparkSession, step: Step[Result], work: bytes, shards: Sequence[Shard], group: str
    ) -> list[Result]:
        tasks = partial(_tasks.run, setting=self._setting(), work=work, shards=list(shards))
        with _session.job(session, group, step.name):
            told = (
                session.range(0, len(shards), 1, len(shards)).mapInArrow(tasks, _session.schema(_tasks.TOLD)).collect()
            )
        return [_result(row) for row in sorted(told, key=lambda row: row["at"])]

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        """Group rows by key, in one shuffle; the result lies in the scratch until `close`."""
        name = f"{_FOLDER}/{step.name}-{uuid.uuid4().hex[:8]}"
        if not rows.shards:
            return Rows(shards=(), read=_tasks.read)
        session = self._session()
        bundles = _spill.bundled(rows.shards, parts=4 * session.sparkContext.defaultParallelism)
        setting, both = self._setting(), _session.packed((step, rows.read))
        scatter = partial(_tasks.scatter, setting=setting, work=both, bundles=bundles)
        gather = partial(_tasks.gather, setting=setting, work=_session.packed(step), scratch=self._folder(), name=name)
        self._made.append(name)
        keyed = session.range(0, len(bundles), 1, len(bundles)).mapInArrow(scatter, _session.schema(_tasks.RUN))
        placed = _session.placed(keyed, step.partitions)
        found = placed.mapInArrow(gather, _session.schema(_tasks.TOLD))
        told = self._collected(session, found, step)
        shards = [_result(row) for row in sorted(told, key=lambda row: row["at"])]
        return Rows(shards=tuple(shard for shard in shards if shard.rows), read=_tasks.read)

    def _collected(self, session: SparkSession, found: Any, step: Exchange) -> list[Any]:
        """Carry a job out, and cancel it when the user asks to stop."""
        group = f"tilth-{uuid.uuid4().hex[:8]}"

        def collect() -> list[Any]:
            with _session.job(session, group, step.name):
                told: list[Any] = found.collect()
                return told

        with futures.ThreadPoolExecutor(1, thread_name_prefix="tilth-spark") as pool:
            future = pool.submit(collect)
            try:
                while not future.done():
                    if self.stop():
                        raise Stopped(f"stopped in {step.name}", do="Run again to go on from here.")
                    futures.wait([future], timeout=_WAIT)
                return future.result()
            except _session.Died as died:
                raise OperatorError(
                    f"a worker process died again and again in {step.name}",
                    do=f"Look for a crash or too little memory (spark.executor.memoryOverhead). {died}",
                ) from died
            except BaseException:
                session.sparkContext.cancelJobGroup(group)
                raise

    def close(self) -> None:
        """Remove what exchanges gave, and end a session that was begun here."""
        if self._made and self.scratch:
            store = open_store(self.scratch)
            for name in self._made:
                for entry in list(store.list(f"{name}/")):
                    store.delete(entry.path)
            self._made.clear()
        if self._spark is not None and self._own:
            self._spark.stop()
        self._spark = None

    def begin(self) -> None:
        """Begin the session now. Raises `Terminal`: no Java, no such master; `MissingExtra` without pyspark."""
        self._session()

    def __enter__(self) -> Spark:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _session(self) -> SparkSession:
        with _lock:
            if self._spark is None:
                self._spark, self._own = _session.begun(self.master, self.settings)
            return self._spark

    def _folder(self) -> str:
        if not self.scratch:
            self.scratch = tempfile.mkdtemp(prefix="tilth-spark-")
        if not self._swept:
            # What killed runs left; only what is surely theirs.
            self._swept = True
            store = open_store(self.scratch)
            for entry in [*store.list(f"{_FOLDER}/"), *store.unfinished(f"{_FOLDER}/")]:
                if entry.modified < time.time() - KEPT_SECONDS:
                    store.delete(entry.path)
        return self.scratch

    def _setting(self) -> _tasks.Setting:
        code = tuple((Path(path).name, Path(path).read_text(encoding="utf-8"), room) for path, room in self.code)
        return _tasks.Setting(code=code, environment=dict(self.environment))


_lock = threading.Lock()


def _result(row: Any) -> Any:
    """Return what a task gave, or raise what it raised."""
    said = pickle.loads(row["said"])  # noqa: S301 (from this run's own executors)
    if row["ok"]:
        return said
    raise said


def _count_death(deaths: dict[str, int], some: Sequence[Shard], step: Step[Any], died: Exception) -> None:
    if len(some) > 1:
        return
    shard = some[0].id
    deaths[shard] = deaths.get(shard, 0) + 1
    if deaths[shard] >= TRIES:
        raise OperatorError(
            f"a worker process died again and again in {step.name}",
            where=f"shard {shard}",
            do=f"Look for a crash or too little memory (spark.executor.memoryOverhead); what finished is kept. {died}",
        ) from died
