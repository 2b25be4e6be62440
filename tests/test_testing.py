"""The contract suites accept what keeps the promises, and name the promise that a broken operator breaks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tilth.core.batch import Batch, with_column
from tilth.core.engine import KEY, Engine, Exchange, Rows, Step
from tilth.core.operator import DECISION, Failure, Outcome, verdicts
from tilth.core.shard import Shard
from tilth.testing import (
    InlineEngine,
    MemoryRows,
    batch,
    check_decider,
    check_declaration,
    check_filter,
    check_fold,
    check_mapper,
    check_operator,
    cut,
    decide,
    example_batch,
    variants,
)

ROWS = batch(text=[f"row {number % 5}" for number in range(20)], number=[float(number) for number in range(20)])


@dataclass(frozen=True, kw_only=True)
class Shout:
    """Raise the voice.

    >>> Shout().mark
    '!'
    """

    mark: str = "!"
    """What to add."""

    def map(self, rows: Batch) -> Batch:
        texts = [None if text is None else text.upper() + self.mark for text in rows.column("text").to_pylist()]
        return with_column(rows, "text", texts, pa.string())


def test_a_third_partys_operator_needs_no_place_in_the_room() -> None:
    check_operator(Shout(), ROWS)


def test_what_is_no_operator_is_refused() -> None:
    with pytest.raises(AssertionError, match="object is no Mapper, Filter, Fold or Decider"):
        check_operator(object())


# Declarations.


@dataclass(kw_only=True)
class Melt:
    """Melt in the sun.

    >>> 1
    1
    """

    mark: str = "!"
    """What to add."""


@dataclass(frozen=True)
class Position(Shout):
    """Take options by place.

    >>> 1
    1
    """

    more: int = 1
    """More."""


@dataclass(frozen=True, kw_only=True)
class Hide(Shout):
    """Hide the help.

    >>> 1
    1
    """

    secret: int = 1


@dataclass(frozen=True, kw_only=True)
class Mistype(Shout):
    """Give a default of another type.

    >>> 1
    1
    """

    columns: tuple[str, ...] = ("a", 1)  # type: ignore[assignment]  # on purpose
    """Columns."""


@dataclass(frozen=True, kw_only=True)
class Shouts(Shout):
    """Shouts the text.

    >>> 1
    1
    """


@dataclass(frozen=True, kw_only=True)
class Tell(Shout):
    """Tell without an example."""


@dataclass(frozen=True, kw_only=True)
class Keep(Shout):
    """Keep what no pickle carries.

    >>> 1
    1
    """

    change: Any = field(default_factory=lambda: lambda text: text)
    """A function."""


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Melt, "Melt is not frozen"),
        (Position, "Position has positional fields"),
        (Hide, "option secret has no help"),
        (Mistype, "option columns: the default has another type"),
        (Shouts, 'the docstring begins with "Shouts", not with a verb'),
        (Tell, "the docstring shows no example"),
    ],
)
def test_a_poor_declaration_is_named(kind: type, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_declaration(kind())


def test_an_example_that_lies_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shout, "__doc__", "Raise the voice.\n\n>>> 1 + 1\n3\n")
    with pytest.raises(AssertionError, match="the docstring's example fails"):
        check_declaration(Shout())


def test_an_option_that_is_no_recipe_value_is_refused() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        check_declaration(Keep())


def test_an_operator_must_be_a_frozen_dataclass() -> None:
    class Plain:
        """Do nothing."""

    with pytest.raises(AssertionError, match="Plain is not a dataclass"):
        check_declaration(Plain())


# Mappers.


@dataclass(frozen=True, kw_only=True)
class Mapped(Shout):
    """Map by any function."""

    function: Any
    """What to do."""

    def map(self, rows: Batch) -> Batch | Outcome:
        found: Batch | Outcome = self.function(rows)
        return found


def first_text(rows: Batch) -> Batch:
    return with_column(
        rows,
        "text",
        pa.array([str(rows.column("text")[0].as_py())] * rows.num_rows) if rows.num_rows else [],
        pa.string(),
    )


def untyped(rows: Batch) -> Batch:
    return with_column(rows, "new", pa.array(rows.column("text").to_pylist()))


def fail_nameless(rows: Batch) -> Outcome:
    return Outcome(rows.slice(rows.num_rows), tuple(Failure(row, "") for row in rows.column("_id").to_pylist()))


@pytest.mark.parametrize(
    ("function", "promise"),
    [
        (lambda rows: rows.slice(1), "rows or their order changed"),
        (lambda rows: rows.take(pa.array(range(rows.num_rows))[::-1]), "rows or their order changed"),
        (first_text, "the result depends on the cut"),
        (
            lambda rows: with_column(rows, "n", [rows.num_rows] * rows.num_rows, pa.int64()),
            "the result depends on the cut",
        ),
        (untyped, "the schema depends on the cut"),
        (lambda rows: Outcome(rows, (Failure("nobody", "x"),)), "a failure names a row that is not there"),
        (fail_nameless, "a failure gives no reason"),
    ],
)
def test_a_mapper_that_breaks_a_promise_is_named(function: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_mapper(Mapped(function=function), ROWS)


SHARED = bytearray(8)


@dataclass(frozen=True, kw_only=True)
class Scribble:
    """Scribble into the buffers.

    >>> 1
    1
    """

    def map(self, rows: Batch) -> Batch:
        SHARED[:] = b"scribble"
        return rows


def test_changing_the_input_is_noticed() -> None:
    shared = pa.Array.from_buffers(pa.int64(), 1, [None, pa.py_buffer(SHARED)])
    with pytest.raises(AssertionError, match="the operator changed its input"):
        check_operator(Scribble(), batch(number=shared))


# Filters.


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Judge by any function."""

    function: Any
    """What to say."""

    def judge(self, rows: Batch) -> Any:
        return self.function(rows)


@pytest.mark.parametrize(
    ("function", "promise"),
    [
        (lambda rows: pa.array([True] * rows.num_rows), "not an array of verdicts"),
        (lambda rows: verdicts([False] * (rows.num_rows // 2), "half"), "verdicts on 20 rows"),
        (lambda rows: verdicts([True] * rows.num_rows, ""), "a verdict names no rule"),
        (lambda rows: verdicts([at == 0 for at in range(rows.num_rows)], "first"), "the verdicts depend on the cut"),
    ],
)
def test_a_filter_that_breaks_a_promise_is_named(function: Any, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_filter(Judge(function=function), ROWS)


# Folds.


@dataclass(frozen=True, kw_only=True)
class Add:
    """Add up numbers by any functions."""

    fits_on: ClassVar[str] = "train"
    seen: Any
    """From rows to a number."""
    joined: Any = max
    """From two numbers to one."""
    padding: int = 0
    """More bytes."""

    def observe(self, rows: Batch) -> pa.Table:
        return self._state(self.seen(rows))

    def merge(self, left: pa.Table, right: pa.Table) -> pa.Table:
        return self._state(self.joined(left["sum"][0].as_py(), right["sum"][0].as_py()))

    def finish(self, state: pa.Table) -> float:
        return float(state["sum"][0].as_py())

    def _state(self, total: float) -> pa.Table:
        return pa.table({"sum": pa.array([total], pa.float64()), "padding": [b" " * self.padding]})


def least(rows: Batch) -> float:
    finite = [number for number in rows.column("number").to_pylist() if number is not None and abs(number) < 1e6]
    return min(finite, default=1e6)


def test_a_sound_fold_passes() -> None:
    check_fold(Add(seen=least, joined=min), ROWS)


@pytest.mark.parametrize(
    ("fold", "promise"),
    [
        (Add(seen=least, joined=lambda left, right: left - right), "merging is not associative"),
        (Add(seen=lambda rows: 1.0, joined=max, padding=17 << 20), "more than 16777216"),
        (Add(seen=lambda rows: float(rows.num_rows), joined=max), "the state depends on the cut"),
        (Add(seen=lambda rows: 1.0 if rows.num_rows else 5.0, joined=max), "no rows change the state"),
    ],
)
def test_a_fold_that_breaks_a_promise_is_named(fold: Add, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_fold(fold, ROWS)


# Deciders.


def same_text(rows: Batch) -> Batch:
    keyed = rows.filter(pc.is_valid(rows.column("text")))
    return pa.RecordBatch.from_arrays([keyed.column("text"), keyed.column("_id")], names=[KEY, "_id"])


def first_stays(
    keyed: Iterator[Batch],
    *,
    keep: int = 0,
    value: float = 1.0,
    cluster: int = 0,
    twice: bool = False,
    rule: str | None = "same",
) -> Iterator[Batch]:
    lines = [(line[KEY], line["_id"]) for part in keyed for line in part.to_pylist()]
    for _, group in itertools.groupby(lines, key=lambda line: line[0]):
        ids = [row for _, row in group]
        if len(ids) > 1:
            stays, name = ids[keep], ids[cluster]
            decided = [
                (row, name, row == stays, None, None, None, None)
                if row == stays
                else (row, name, False, rule, value, 0.5, stays)
                for row in ids
            ]
            columns = zip(*(decided * 2 if twice else decided), strict=True)
            yield pa.RecordBatch.from_arrays(
                [pa.array(c, f.type) for c, f in zip(columns, DECISION, strict=True)], schema=DECISION
            )


@dataclass(frozen=True, kw_only=True)
class Same:
    """Decide by any function."""

    columns_read: ClassVar[Any] = None
    gather: Any = first_stays
    """From keyed rows to decisions."""
    local: bool = False
    """Decide about the first shard alone."""

    def decide(self, rows: Rows, engine: Engine) -> Rows:
        if self.local:
            rows = Rows(shards=rows.shards[:1], read=rows.read)
        return engine.exchange(Exchange(name="same", emit=same_text, gather=self.gather), rows)


def test_a_sound_decider_passes() -> None:
    check_decider(Same(), ROWS)
    assert sum(not found["keep"] for found in decide(Same(), ROWS).values()) == 15


@pytest.mark.parametrize(
    ("decider", "promise"),
    [
        (Same(local=True), "the decisions depend on the shards"),
        (Same(gather=partial(first_stays, cluster=1)), "a cluster is not named by its smallest id"),
        (Same(gather=partial(first_stays, value=0.4)), "goes below the threshold"),
        (Same(gather=partial(first_stays, twice=True)), "a row has two decisions"),
        (Same(gather=partial(first_stays, rule=None)), "goes without a rule"),
    ],
)
def test_a_decider_that_breaks_a_promise_is_named(decider: Same, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_decider(decider, ROWS)


# The engine and the rows.


def test_an_exchange_brings_all_of_a_key_together_sorted() -> None:
    found = InlineEngine().exchange(
        Exchange(name="all", emit=same_text, gather=iter, partitions=4), MemoryRows(*cut(ROWS, 3))
    )
    groups = [[(line[KEY], line["_id"]) for line in part.to_pylist()] for part in found.batches()]
    assert all(group == sorted(group) for group in groups)
    keys = [{key for key, _ in group} for group in groups]
    assert sum(len(some) for some in keys) == len(set().union(*keys)) == 5


def test_a_step_that_does_not_travel_to_a_worker_is_found_out() -> None:
    with pytest.raises((AttributeError, TypeError), match="pickle"):
        list(InlineEngine().run(Step(name="local", work=lambda shard: 1), [Shard(id="a")]))


def test_variants_are_odd_enough() -> None:
    found = variants(example_batch())
    assert found["no rows"].num_rows == 0
    assert found["nulls"].column("text").null_count == found["nulls"].num_rows
    assert "\u200b" in "".join(found["odd"].column("text").to_pylist())
    assert not pc.all(pc.is_finite(found["odd"].column("number"))).as_py()
    assert all(some.schema == example_batch().schema for some in found.values())


def test_cutting_keeps_all_rows_even_when_there_are_few() -> None:
    assert [part.num_rows for part in cut(ROWS.slice(0, 3), 7)].count(1) == 3
    assert pa.Table.from_batches(cut(ROWS, 7)).equals(pa.Table.from_batches([ROWS]))


def test_batches_built_by_hand_have_ids() -> None:
    assert batch(ids=["x"], a=[1]).to_pylist() == [{"_id": "x", "a": 1}]
    assert batch().num_rows == 0
