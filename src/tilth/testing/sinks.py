"""Check sinks: what is written twice is there once, nothing shows before the commit, and a commit is one act."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.core.connector import Sink
from tilth.core.errors import CommitConflict
from tilth.core.shard import Cursor, Part, Receipt, RunKey, Shard, Version
from tilth.testing._compared import pickled
from tilth.testing.rows import ODD_TEXTS, batch, cut

Rows = list[Batch]
_FIRST, _SECOND = RunKey("run-1"), RunKey("run-2")


def check_sink(
    make: Callable[[], Sink],
    read: Callable[[Sink], Any],
    newest: Callable[[Sink], Version | None],
    *,
    then: Literal["append", "replace"] = "append",
    processes: bool = True,
) -> None:
    """Check a sink: `check_sink(lambda: Table(new_folder()), rows_of, Table.newest)`.

    `make` returns a sink that holds nothing yet, another one every time. `read` returns the rows that a reader sees, as
    dictionaries; `newest` the version that it sees, None when there is none. `then` says what a second commit does with
    the rows of the first. `processes` also kills a writer. Raises AssertionError, naming the promise that is broken.
    """
    check = _Check(make, read, newest, then)
    check.write()
    check.commit()
    check.second_commit()
    check.conflict()
    check.nothing()
    check.failing_writer()
    if processes:
        check.killed_writer()


@dataclasses.dataclass(frozen=True)
class _Check:
    make: Callable[[], Sink]
    read: Callable[[Sink], Any]
    newest: Callable[[Sink], Version | None]
    then: str

    def write(self) -> None:
        """A shard written twice is one receipt, and nothing shows."""
        sink = self._new()
        for shard, rows in _work().items():
            receipt = pickled(sink).write(Shard(id=shard), iter(rows))
            assert receipt.shard == shard, "write: the receipt names another shard"
            assert receipt.rows == sum(part.num_rows for part in rows), "write: the receipt counts other rows"
            assert _survives_json(receipt), "write: the receipt holds what JSON does not"
            assert pickled(receipt) == receipt, "write: the receipt does not survive a pickle"
            assert sink.write(Shard(id=shard), iter(rows)) == receipt, "write: twice gives another receipt"
        assert self._seen(sink) == Counter(), "write: rows show before the commit"
        assert self.newest(sink) is None, "write: there is a version before the commit"

    def commit(self) -> None:
        """One act: rows, key and cursor; the same key again changes nothing."""
        sink, work = self._new(), _work()
        receipts = _written(sink, work)
        cursor = Cursor(position={"files": {"a.csv": [1, "x"]}})
        version = sink.commit(receipts, _FIRST, cursor, None)
        assert version.key == _FIRST, "commit: the version has another key"
        assert version.cursor == cursor, "commit: the version has another cursor"
        self._shows(sink, work, "commit: other rows than were written")
        assert self.newest(sink) == version, "commit: a reader sees another version, or no cursor"
        again = sink.commit(receipts, _FIRST, cursor, None)
        assert again == version, "commit: the same key makes another version"
        late = sink.write(Shard(id="late"), iter([batch(ids=["late"], text=["late"], n=[9])]))
        assert sink.commit([late], _FIRST, None, version) == version, "commit: the same key makes another version"
        _written(sink, work)
        self._shows(sink, work, "commit: what is written again, or under the same key, shows")
        assert self.newest(sink) == version, "commit: the same key moves the cursor"

    def second_commit(self) -> None:
        """Another key adds, or takes the place of, what was there; a stale receipt order means nothing."""
        sink, work = self._new(), _work()
        first = sink.commit(_written(sink, work), _FIRST, Cursor(position={"at": 1}), None)
        more = {"s2": [batch(ids=["x", "y"], text=["ex", None], n=[1, None])]}
        second = sink.commit(_written(sink, more)[::-1], _SECOND, Cursor(position={"at": 2}), first)
        assert second != first and second.key == _SECOND, "second commit: it makes no version"
        both = {**work, **more} if self.then == "append" else more
        self._shows(sink, both, f"second commit: it does not {self.then}")
        found = self.newest(sink)
        assert found is not None and found.cursor == Cursor(position={"at": 2}), (
            "second commit: the cursor stays behind"
        )
        try:
            again = sink.commit([], _FIRST, None, None)
        except CommitConflict as error:
            raise AssertionError("second commit: the first key is forgotten") from error
        assert again == first, "second commit: the first key is forgotten"
        self._shows(sink, both, "second commit: a key that was committed before changes rows")

    def conflict(self) -> None:
        """Who builds on a version that is not the newest is told so, and changes nothing."""
        sink, work = self._new(), _work()
        first = sink.commit(_written(sink, work), _FIRST, None, None)
        second = sink.commit(_written(sink, {"s2": [batch(ids=["x"], text=["ex"], n=[1])]}), _SECOND, None, first)
        before = self._seen(sink)
        late = sink.write(Shard(id="s3"), iter([batch(ids=["z"], text=["late"], n=[3])]))
        for expected, which in ((first, "an old version"), (None, "no version")):
            try:
                sink.commit([late], RunKey("run-3"), Cursor(position={"at": 3}), expected)
            except CommitConflict:
                pass
            else:
                raise AssertionError(f"conflict: a commit that builds on {which} goes through")
        assert self._seen(sink) == before, "conflict: rows of a refused commit show"
        assert self.newest(sink) == second, "conflict: a refused commit moves the cursor"

    def nothing(self) -> None:
        """A run that found nothing new still moves the cursor."""
        sink, work = self._new(), _work()
        first = sink.commit(_written(sink, work), _FIRST, Cursor(position={"at": 1}), None)
        second = sink.commit([], _SECOND, Cursor(position={"at": 2}), first)
        assert second.key == _SECOND and second != first, "nothing: a commit without receipts makes no version"
        self._shows(sink, work if self.then == "append" else {}, "nothing: a commit without receipts changes rows")
        assert self._cursor(sink) == Cursor(position={"at": 2}), "nothing: the cursor stays behind"

    def failing_writer(self) -> None:
        """A writer whose rows end in an error leaves nothing that shows, and the shard can be written again."""
        sink, work = self._new(), _work()
        try:
            sink.write(Shard(id="s0"), _failing(work["s0"]))
        except LookupError:
            pass
        else:
            raise AssertionError("failing: the error of the rows is swallowed")
        assert self._seen(sink) == Counter(), "failing: rows of a writer that failed show"
        sink.commit(_written(sink, work), _FIRST, None, None)
        self._shows(sink, work, "failing: what a writer left behind shows")

    def killed_writer(self) -> None:
        """A writer that is killed in mid-shard leaves nothing that shows, and the shard can be written again."""
        sink, work = self._new(), _work()
        process = multiprocessing.get_context("forkserver").Process(target=_killed, args=(sink, "s0", work["s0"]))
        process.start()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL, f"killed: the writer ended with {process.exitcode} before its rows"
        assert self._seen(sink) == Counter(), "killed: rows of a writer that was killed show"
        sink.commit(_written(sink, work), _FIRST, None, None)
        self._shows(sink, work, "killed: what a killed writer left behind shows")

    def _new(self) -> Sink:
        sink = self.make()
        assert isinstance(sink, Sink), f"{type(sink).__name__} is no Sink"
        assert self._seen(sink) == Counter() and self.newest(sink) is None, "`make` must return a sink without rows"
        return sink

    def _cursor(self, sink: Sink) -> Cursor | None:
        version = self.newest(sink)
        return version.cursor if version else None

    def _seen(self, sink: Sink) -> Counter[str]:
        return Counter(_plain(row) for row in self.read(sink))

    def _shows(self, sink: Sink, work: dict[str, Rows], promise: str) -> None:
        wanted = Counter(_plain(row) for rows in work.values() for part in rows for row in part.to_pylist())
        seen = self._seen(sink)
        lost, more = wanted - seen, seen - wanted
        assert seen == wanted, f"{promise}: {lost.total()} missing, {more.total()} too many"


def _work() -> dict[str, Rows]:
    """Return shards to write: odd texts and nulls in several batches, one row, and none."""
    texts = [*ODD_TEXTS, None]
    odd = batch(text=pa.array(texts, pa.string()), n=pa.array([*range(len(texts) - 1), None], pa.int64()))
    one = batch(ids=["f" * 32], text=["one"], n=[-1])
    return {"s0": cut(odd, 5), "s1": [one], "empty": [one.slice(0, 0)], "none": []}


def _written(sink: Sink, work: dict[str, Rows]) -> list[Receipt]:
    return [sink.write(Shard(id=shard), iter(rows)) for shard, rows in work.items()]


def _survives_json(receipt: Receipt) -> bool:
    try:
        plain = json.loads(json.dumps(dataclasses.asdict(receipt), allow_nan=False))
    except (TypeError, ValueError):
        return False
    return Receipt(**{**plain, "parts": tuple(Part(**part) for part in plain["parts"])}) == receipt


def _plain(row: Any) -> str:
    # A sink may hold columns in another order, and more of them.
    return repr([row.get(name) for name in (ID, "text", "n")])


def _failing(rows: Sequence[Batch]) -> Iterator[Batch]:
    yield from rows
    raise LookupError("the rows end here")


def _killed(sink: Sink, shard: str, rows: Rows) -> None:
    sink.write(Shard(id=shard), _killing(rows))


def _killing(rows: Rows) -> Iterator[Batch]:
    yield from rows
    os.kill(os.getpid(), signal.SIGKILL)
