"""Check engines: every shard once, exchanges as in memory, errors whole, clean stops, workers that may die."""

from __future__ import annotations

import os
import random
import signal
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from tilth.core.batch import ID
from tilth.core.engine import Engine, Exchange, Rows, Step, partition_of
from tilth.core.errors import DataError, OperatorError, Stopped
from tilth.core.shard import Shard
from tilth.testing._compared import pickled
from tilth.testing._keyed import KEYS, NUMBERS, by_parity, counted, keyed_rows, none, numbered, same
from tilth.testing.inline import InlineEngine

Make = Callable[[Callable[[], bool]], Engine]
"""From the question whether the user asked to stop to a new engine."""
_LARGE = 64 << 20
"""Bytes that a shard claims to have, so that engines which run small work by themselves start their workers."""


def check_engine(make: Make, *, processes: bool = False, seeds: int = 1) -> None:
    """Check an engine that `make` builds: `check_engine(lambda stop: Local(workers=2, stop=stop), processes=True)`.

    `processes` says that its workers are processes which may be killed. `seeds` counts random sets of keyed rows.
    Raises AssertionError, naming the promise that is broken.
    """
    check_run(make)
    check_exchange(make, seeds=seeds)
    check_failing(make)
    check_stopping(make)
    if processes:
        check_dying(make)


def check_run(make: Make) -> None:
    """Check that each shard is done once and comes back with its own result."""
    engine = make(_never)
    try:
        for count in (0, 1, 7):
            shards = _shards(count)
            found = [(shard, pickled(result)) for shard, result in engine.run(Step(name="rows", work=_told), shards)]
            ids = sorted(shard.id for shard, _ in found)
            assert ids == [shard.id for shard in shards], "run: a shard is left out or comes back twice"
            assert all(result == _told(shard) for shard, result in found), "run: a shard has another's result"
            assert all(shard in shards for shard, _ in found), "run: a shard comes back changed"
    finally:
        _close(engine)


def check_exchange(make: Make, *, seeds: int = 1) -> None:
    """Check exchanges of random keyed rows against the same in memory."""
    engine = make(_never)
    try:
        for seed in range(seeds):
            for keys, by_number in ((KEYS, False), (NUMBERS, True), (NUMBERS, False), (KEYS, True)):
                rows = keyed_rows(random.Random(seed), keys=keys, numbered=by_number)
                partitions = random.Random(seed * 7 + len(keys)).choice((1, 3, 16))
                kinds = f"{type(keys[0]).__name__} keys, {'uint64' if by_number else 'string'} ids"
                _compare(engine, rows, partitions, f"exchange of seed {seed} ({kinds}) into {partitions}")
        _compare(engine, keyed_rows(random.Random(0), shards=0), 4, "exchange of no shard")
        _compare(engine, keyed_rows(random.Random(0), shards=3, rows=0), 4, "exchange of shards without rows")
        _compare(engine, keyed_rows(random.Random(1), shards=2, rows=20_000, keys=("one",)), 4, "exchange of one key")
        nothing = engine.exchange(Exchange(name="none", emit=none, gather=iter), keyed_rows(random.Random(2)))
        assert sum(part.num_rows for part in nothing.batches()) == 0, "exchange: rows come from none"
    finally:
        _close(engine)


def check_failing(make: Make) -> None:
    """Check that what work raises reaches the caller as it was raised, wherever it was raised."""
    rows = keyed_rows(random.Random(3))
    step = Step(name="fail", work=_fail)
    emit = Exchange(name="fail", emit=_fail, gather=iter)
    gather = Exchange(name="fail", emit=same, gather=_fail)
    asked: dict[str, Callable[[Engine], Any]] = {
        "run": lambda engine: list(engine.run(step, _shards(5))),
        "emit": lambda engine: list(engine.exchange(emit, rows).batches()),
        "gather": lambda engine: list(engine.exchange(gather, rows).batches()),
    }
    for name, ask in asked.items():
        engine = make(_never)
        try:
            ask(engine)
        except DataError as error:
            assert str(error) == "here: broken. Wanted: whole. Mend it", f"{name}: an error loses its words"
        except Exception as error:
            raise AssertionError(f"{name}: a DataError becomes a {type(error).__name__}") from error
        else:
            raise AssertionError(f"{name}: an error is swallowed")
        finally:
            _close(engine)


def check_stopping(make: Make) -> None:
    """Check that a stop ends the run with `Stopped`: shards that began come back, no other begins."""
    with tempfile.TemporaryDirectory() as folder:
        shards = _shards(40)
        done: list[str] = []
        engine = make(lambda: len(done) >= 2)
        try:
            for shard, _ in engine.run(Step(name="stop", work=partial(_mark, folder=folder)), shards):
                done.append(shard.id)
        except Stopped:
            began = sorted(path.name for path in Path(folder).iterdir())
            assert began == sorted(done), "stop: a shard that began does not come back"
            assert len(done) < len(shards), "stop: all shards were done all the same"
        else:
            raise AssertionError("stop: Stopped was not raised")
        finally:
            _close(engine)
    ended: list[str] = []
    engine = make(lambda: len(ended) >= 3)
    try:
        for shard, _ in engine.run(Step(name="end", work=_told), _shards(3)):
            ended.append(shard.id)
    except Stopped as error:
        raise AssertionError("stop: Stopped was raised though nothing was left to do") from error
    finally:
        _close(engine)


def check_dying(make: Make) -> None:
    """Check that shards outlive workers which are killed, and that one which always kills its worker ends the run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, killers in (("one", ["s02"]), ("three", ["s00", "s03", "s05"])):
            engine = make(_never)
            work = partial(_die_once, folder=folder, killers=killers, name=name)
            try:
                ids = sorted(shard.id for shard, _ in engine.run(Step(name="die", work=work), _shards(6)))
            except OperatorError as error:
                raise AssertionError(f"death: {name} shard(s) that killed a worker once ended the run") from error
            finally:
                _close(engine)
            assert ids == [shard.id for shard in _shards(6)], "death: a shard is lost with its worker, or done twice"
    engine = make(_never)
    try:
        list(engine.run(Step(name="die", work=partial(_die, killer="s02")), _shards(6)))
    except OperatorError as error:
        assert "s02" in str(error), "death: the shard that kills its workers is not named"
    else:
        raise AssertionError("death: a shard that kills every worker is survived")
    finally:
        _close(engine)


def _compare(engine: Engine, rows: Rows, partitions: int, name: str) -> None:
    """Compare two exchanges with the same in memory: one that gives back what it got, one that counts by key."""
    whole = Exchange(name="all", emit=same, gather=numbered, partitions=partitions)
    found, wanted = engine.exchange(whole, rows), InlineEngine().exchange(whole, rows)
    _check_places(found, partitions, name)
    assert _table(found) == _table(wanted), f"{name}: other rows than in memory"
    assert _table(pickled(found)) == _table(found), f"{name}: a second reading gives other rows"
    read = Step(name="read", work=partial(_count, read=found.read))
    counts = {shard.id: count for shard, count in engine.run(read, found.shards)}
    assert counts == {shard.id: shard.rows for shard in wanted.shards}, f"{name}: a worker reads other rows"
    count = Exchange(name="count", emit=same, gather=counted, partitions=partitions)
    torn = _table(engine.exchange(count, rows)) != _table(InlineEngine().exchange(count, rows))
    assert not torn, f"{name}: a key is torn apart"
    again = Exchange(name="again", emit=by_parity, gather=counted)
    other = _table(engine.exchange(again, found)) != _table(InlineEngine().exchange(again, wanted))
    assert not other, f"{name}: an exchange of its result gives other rows"


def _check_places(found: Rows, partitions: int, name: str) -> None:
    ids = [shard.id for shard in found.shards]
    assert ids == sorted(set(ids)), f"{name}: partitions come twice or out of order"
    for shard in found.shards:
        table = pa.Table.from_batches(found.read(shard))
        assert shard.rows in (None, len(table)), f"{name}: {shard.id} holds {len(table)} rows, not {shard.rows}"
        places = {f"p{partition_of(key, partitions):04}" for key in set(table["key"].to_pylist())}
        assert places <= {shard.id}, f"{name}: rows of {', '.join(sorted(places))} lie in {shard.id}"
        order = table["place"].to_pylist()
        assert order == list(range(len(table))), f"{name}: {shard.id} has lost the order that gather gave"
        keys = list(zip(table["key"].to_pylist(), table[ID].to_pylist(), strict=True))
        assert keys == sorted(keys), f"{name}: {shard.id} is not sorted by key, then id"


def _table(rows: Rows) -> pa.Table | None:
    """Return all rows as one table in an order of its own; None where there are none."""
    parts = [part for part in rows.batches() if part.num_rows]
    if not parts:
        return None
    whole = pa.Table.from_batches(parts).combine_chunks()
    return whole.sort_by([(name, "ascending") for name in whole.schema.names])


# What workers do.


def _count(shard: Shard, *, read: Any) -> int:
    return sum(part.num_rows for part in read(shard))


def _shards(count: int) -> list[Shard]:
    return [Shard(id=f"s{at:02}", rows=at * 10, bytes=_LARGE) for at in range(count)]


def _told(shard: Shard) -> dict[str, Any]:
    return {"id": shard.id, "rows": shard.rows}


def _fail(_: Any) -> Any:
    raise DataError("broken", where="here", wanted="whole", do="Mend it")


def _mark(shard: Shard, *, folder: str) -> str:
    Path(folder, shard.id).touch()
    return shard.id


def _die_once(shard: Shard, *, folder: str, killers: list[str], name: str) -> str:
    if shard.id in killers:
        try:
            Path(folder, f"{name}-{shard.id}").touch(exist_ok=False)
        except FileExistsError:
            return shard.id
        os.kill(os.getpid(), signal.SIGKILL)
    return shard.id


def _die(shard: Shard, *, killer: str) -> str:
    if shard.id == killer:
        os.kill(os.getpid(), signal.SIGKILL)
    return shard.id


def _never() -> bool:
    return False


def _close(engine: Engine) -> None:
    close = getattr(engine, "close", None)
    if close is not None:
        close()
