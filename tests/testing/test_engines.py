"""Engines keep the contract whatever their workers; a broken one is named by the promise it breaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tilth.core.engine import Exchange, Rows, Step
from tilth.core.errors import OperatorError, Stopped
from tilth.core.shard import Shard
from tilth.engines import _spill, local
from tilth.engines.local import Local
from tilth.testing import InlineEngine, MemoryRows, check_engine
from tilth.testing.engines import (
    check_dying,
    check_exchange,
    check_failing,
    check_run,
    check_stopping,
)

Found = Iterator[tuple[Shard, Any]]


def test_the_engine_in_memory_keeps_the_contract() -> None:
    check_engine(lambda stop: InlineEngine(stop=stop))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_the_local_engine_gives_the_same_answers_with_any_workers(workers: int) -> None:
    check_engine(lambda stop: Local(workers=workers, stop=stop), processes=workers > 1)


@pytest.mark.slow
def test_the_local_engine_may_choose_its_workers() -> None:
    check_engine(lambda stop: Local(stop=stop))


@pytest.mark.slow
def test_the_local_engine_gives_the_same_answers_by_way_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_spill, "RUN_BYTES", 20_000)
    monkeypatch.setattr(_spill, "BLOCK_ROWS", 200)
    check_exchange(lambda stop: Local(workers=1, stop=stop))


@dataclass(frozen=True, kw_only=True)
class Broken(InlineEngine):
    """Break one promise."""

    found: Callable[[Found], Found] = lambda found: found
    """What becomes of a run's results."""
    given: Callable[[Exchange], Exchange] = lambda step: step
    """What becomes of an exchange before it is done."""
    left: Callable[[Rows], Rows] = lambda rows: rows
    """What becomes of its result."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        yield from self.found(super().run(step, shards))

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        return self.left(super().exchange(self.given(step), rows))


def swapped(found: Found) -> Found:
    told = list(found)
    yield from zip([shard for shard, _ in told], [result for _, result in reversed(told)], strict=True)


@pytest.mark.parametrize(
    ("found", "promise"),
    [
        (lambda found: itertools.islice(found, 3), "a shard is left out or comes back twice"),
        (lambda found: ((s, r) for s, r in found for _ in "ab"), "a shard is left out or comes back twice"),
        (swapped, "a shard has another's result"),
        (lambda found: ((replace(shard, bytes=1), result) for shard, result in found), "a shard comes back changed"),
    ],
)
def test_a_run_that_breaks_a_promise_is_named(found: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_run(lambda stop: Broken(found=found))


def sorted_by_id(rows: Rows) -> Rows:
    return MemoryRows(*(part.sort_by("_id") for part in rows.batches()), ids=[shard.id for shard in rows.shards])


def forgetful(rows: Rows) -> Rows:
    return MemoryRows(*(part.slice(1) for part in rows.batches()), ids=[shard.id for shard in rows.shards])


def renamed(rows: Rows) -> Rows:
    shards = [replace(shard, id=f"p{at + 1:04}") for at, shard in enumerate(rows.shards)]
    return Rows(shards=tuple(shards), read=rows.read)


def miscounted(rows: Rows) -> Rows:
    return Rows(shards=tuple(replace(shard, rows=1) for shard in rows.shards), read=rows.read)


class Once(Rows):
    """Rows that can be read once."""

    def __reduce__(self) -> Any:
        return MemoryRows, ()


@pytest.mark.parametrize(
    ("left", "promise"),
    [
        (sorted_by_id, "has lost the order that gather gave"),
        (forgetful, "has lost the order that gather gave"),
        (renamed, "rows of p0000 lie in p0001"),
        (lambda rows: Rows(shards=rows.shards[::-1], read=rows.read), "partitions come twice or out of order"),
        (miscounted, "holds .* rows, not 1"),
        (lambda rows: Once(shards=rows.shards, read=rows.read), "a second reading gives other rows"),
        (lambda rows: MemoryRows(), "other rows than in memory"),
    ],
)
def test_an_exchange_whose_result_breaks_a_promise_is_named(left: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_exchange(lambda stop: Broken(left=left))


class Torn(InlineEngine):
    """Groups by batch: the rows of one key in two batches are two groups."""

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        return super().exchange(replace(step, gather=EachAlone(gather=step.gather)), rows)


@dataclass(frozen=True, kw_only=True)
class EachAlone:
    gather: Any

    def __call__(self, batches: Any) -> Any:
        # What numbers rows numbers them all; what counts counts each batch by itself.
        if self.gather.__name__ != "counted":
            yield from self.gather(batches)
            return
        for part in batches:
            yield from self.gather(iter([part]))


@dataclass(frozen=True, kw_only=True)
class Backwards:
    gather: Any

    def __call__(self, batches: Any) -> Any:
        held = [part.take(list(reversed(range(part.num_rows)))) for part in batches]
        return self.gather(iter(held))


@pytest.mark.parametrize(
    ("make", "promise"),
    [
        (lambda stop: Broken(given=lambda step: replace(step, gather=Backwards(gather=step.gather))), "is not sorted"),
        (
            lambda stop: Broken(given=lambda step: replace(step, partitions=step.partitions + 1)),
            "rows of p.* lie in p0000",
        ),
        (lambda stop: Torn(), "a key is torn apart"),
    ],
)
def test_an_exchange_that_groups_wrongly_is_named(make: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_exchange(make)


def swallowed(found: Found) -> Found:
    try:
        yield from found
    except ValueError:
        raise
    except Exception:  # noqa: BLE001  # on purpose
        return


def wrapped(found: Found) -> Found:
    try:
        yield from found
    except Exception as error:  # on purpose
        raise OperatorError(str(error)) from error


def wordless(found: Found) -> Found:
    try:
        yield from found
    except Exception as error:  # noqa: BLE001  # on purpose
        raise type(error)("failed") from None


@pytest.mark.parametrize(
    ("found", "promise"),
    [
        (swallowed, "run: an error is swallowed"),
        (wrapped, "run: a DataError becomes a OperatorError"),
        (wordless, "run: an error loses its words"),
    ],
)
def test_an_engine_that_hides_an_error_is_named(found: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_failing(lambda stop: Broken(found=found))


@dataclass(frozen=True, kw_only=True)
class Ahead(InlineEngine):
    """Does a shard more than it gives."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        done: list[tuple[Shard, Any]] = []
        for shard in shards:
            done.append((shard, step.work(shard)))
            if self.stop():
                raise Stopped("stopped")
            if len(done) > 1:
                yield done.pop(0)
        yield from done


@dataclass(frozen=True, kw_only=True)
class Late(InlineEngine):
    """Asks whether to stop when all is done."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        yield from InlineEngine().run(step, shards)
        if self.stop():
            raise Stopped("stopped")


@dataclass(frozen=True, kw_only=True)
class Eager(InlineEngine):
    """Stops, and says so even when nothing is left."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        yield from super().run(step, shards)
        if self.stop():
            raise Stopped("stopped")


@pytest.mark.parametrize(
    ("make", "promise"),
    [
        (lambda stop: InlineEngine(), "Stopped was not raised"),
        (lambda stop: Ahead(stop=stop), "a shard that began does not come back"),
        (lambda stop: Late(stop=stop), "all shards were done all the same"),
        (lambda stop: Eager(stop=stop), "Stopped was raised though nothing was left to do"),
    ],
)
def test_an_engine_that_stops_badly_is_named(make: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_stopping(make)


class Impatient(Local):
    """Ends the run at the first death."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        before, local.TRIES = local.TRIES, 1
        try:
            yield from super().run(step, shards)
        finally:
            local.TRIES = before


class Forgetful(Local):
    """Goes on without the shards that died."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        for shard in shards:
            try:
                yield from super().run(step, [shard, shard])
            except OperatorError:
                continue


class Forgiving(Local):
    """Takes a shard whose workers die for done."""

    def run(self, step: Step[Any], shards: Sequence[Shard]) -> Found:
        done = set()
        try:
            for shard, result in super().run(step, shards):
                done.add(shard.id)
                yield shard, result
        except OperatorError:
            yield from ((shard, None) for shard in shards if shard.id not in done)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "promise"),
    [
        (lambda stop: Impatient(workers=2), "killed a worker once ended the run"),
        (lambda stop: Forgetful(workers=2), "is lost with its worker, or done twice"),
        (lambda stop: Forgiving(workers=2), "a shard that kills every worker is survived"),
    ],
)
def test_an_engine_that_does_not_outlive_its_workers_is_named(make: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_dying(make)
