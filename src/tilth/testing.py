"""Test operators: rows by hand, an engine in memory, and the contract every operator keeps.

    from tilth.testing import check_operator

    def test_my_operator_keeps_the_contract():
        check_operator(MyOperator(threshold=3))

`check_operator` finds out what an operator is (Mapper, Filter, Fold, Decider) and runs what that kind promises: on no
rows, one row, nulls and odd Unicode; with the rows cut into 1 or 7 shards; after a trip through a recipe and a pickle.
A breach is an AssertionError that names the promise.
"""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import itertools
import json
import math
import os
import pickle
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from tilth.core import registry
from tilth.core.batch import ID, Batch
from tilth.core.engine import KEY, Exchange, Result, Rows, Step, partition_of
from tilth.core.errors import DataError
from tilth.core.fold import STATE_LIMIT, Fold
from tilth.core.operator import DECISION, VERDICT, Decider, Filter, Mapper, Outcome
from tilth.core.shard import Shard
from tilth.core.spec import from_spec, spec_of

ODD_TEXTS = (
    "",
    " \t\r\n ",
    "שלום עולם 123",
    "مرحبا \u202bبالعالم\u202c ٣٤",
    "zero\u200bwidth\u200d\ufeff",
    "e\u0301\u0323 \u0301 क्ष ไทย한국어",
    "👩‍👩‍👧‍👦👍🏽🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "𝔘𝔫𝔦 𠮷野家 \U0010ffff",
    "nul\x00bel\x07\x1b[31m&amp;&lt;",
    "Ａ１，￥１，２００．５０",
    "long " * 20_000,
)
"""Texts that break careless code."""
_ODD_NUMBERS = (0.0, -0.0, -1.0, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf, 3.0)


def storm(few: int, full: int) -> int:
    """Return how often a storm (kills, faults, fuzz) strikes: `few` times, or as TILTH_STORM says: a number, or `full`.

    >>> storm(3, 20) >= 3
    True
    """
    said = os.environ.get("TILTH_STORM", "")
    return full if said == "full" else int(said) if said else few


def batch(*, ids: Sequence[str] | None = None, **columns: Any) -> Batch:
    """Build a batch from lists or arrays, with `_id`s in ascending order.

    >>> batch(text=["a", "b"]).column("_id").to_pylist() == [f"{row:032x}" for row in range(2)]
    True
    """
    arrays = {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    count = len(next(iter(arrays.values()))) if arrays else len(ids or ())
    own = [f"{row:032x}" for row in range(count)] if ids is None else list(ids)
    return pa.RecordBatch.from_pydict({ID: pa.array(own, pa.string()), **arrays})


def example_batch() -> Batch:
    """Return ordinary rows, with a column for every operator of Tilth: text, label, price, number, count."""
    texts = (
        "Where is my new card? It was sent two weeks ago.",
        "where is my new card?  It was sent two weeks ago!",
        "Invoice 2041: 12 boxes of paper, 1,200.50 EUR, due 2024-05-31.",
        "Invoice 2042: 15 boxes of paper, 1,350.00 EUR, due 2024-06-30.",
        "我的新卡在哪里？两个星期前就寄出了。",
        "Mail ann@example.org or call +44 20 7946 0958.",
        "hi",
        None,
    )
    labels = ("ham", "ham", "bill", "bill", "ham", "spam", "ham", None)
    prices = ("1.234,50 €", "¥1,200", "12%", "(3 000)", "on request", "", "7", None)
    return batch(
        text=pa.array(texts * 2, pa.string()),
        label=pa.array(labels * 2, pa.string()),
        price=pa.array(prices * 2, pa.string()),
        number=pa.array([*map(float, range(14)), 1000.0, None], pa.float64()),
        count=pa.array([*range(14), None, 3], pa.int64()),
    )


@dataclass(frozen=True)
class _Held:
    batches: tuple[Batch, ...]

    def __call__(self, shard: Shard) -> Iterator[Batch]:
        yield self.batches[shard.where["at"]]


class MemoryRows(Rows):
    """Hold batches in memory as rows, one shard a batch.

    >>> [part.num_rows for part in MemoryRows(batch(text=["a"]), batch(text=["b", "c"])).batches()]
    [1, 2]
    """

    def __init__(self, *batches: Batch) -> None:
        shards = tuple(Shard(id=f"memory-{at:04}", where={"at": at}) for at in range(len(batches)))
        super().__init__(shards=shards, read=_Held(batches))


@dataclass(frozen=True, kw_only=True)
class InlineEngine:
    """Run steps and exchanges in this process, in memory: the reference that every engine must equal.

    It pickles each step, as an engine with worker processes would.
    """

    batch_rows: int = 3
    """Rows a batch that `gather` gets: few, so that keys straddle batches."""

    def run(self, step: Step[Result], shards: Sequence[Shard]) -> Iterator[tuple[Shard, Result]]:
        """Run the step on each shard, in order."""
        work = _pickled(step).work
        for shard in shards:
            yield shard, work(shard)

    def exchange(self, step: Exchange, rows: Rows) -> Rows:
        """Group by key."""
        step, rows = _pickled(step), _pickled(rows)
        keyed = [step.emit(part) for part in rows.batches()]
        table = pa.Table.from_batches(keyed).sort_by([(KEY, "ascending"), (ID, "ascending")]) if keyed else None
        places = pa.array([partition_of(key, step.partitions) for key in table[KEY].to_pylist()] if table else [])
        gathered = []
        for partition in range(step.partitions):
            mine = table.filter(pc.equal(places, partition)).combine_chunks() if table else None
            batches = mine.to_batches(max_chunksize=self.batch_rows) if mine else []
            found = [part for part in step.gather(iter(batches)) if part.num_rows]
            if found:
                gathered.append(pa.Table.from_batches(found).combine_chunks().to_batches()[0])
        return MemoryRows(*gathered)


def check_operator(operator: Any, rows: Batch | None = None, *, room: str = "tilth.refine") -> None:
    """Check an operator against the contract of each kind it is; `rows` (default `example_batch()`) holds its columns.

    Raises AssertionError, naming the promise that is broken.
    """
    rows = example_batch() if rows is None else rows
    kinds = [kind for kind in (Mapper, Filter, Fold, Decider) if isinstance(operator, kind)]
    assert kinds, f"{type(operator).__name__} is no Mapper, Filter, Fold or Decider"
    check_declaration(operator, room)
    before = _written(rows)
    if isinstance(operator, Mapper):
        check_mapper(operator, rows)
    if isinstance(operator, Filter):
        check_filter(operator, rows)
    if isinstance(operator, Fold):
        check_fold(operator, rows, room=room)
    if isinstance(operator, Decider):
        check_decider(operator, rows)
    assert _written(rows) == before, "the operator changed its input"


def check_declaration(operator: Any, room: str = "tilth.refine") -> None:
    """Check what a recipe, a worker and a reader of the docs need: options, help, round trips, an example."""
    kind = type(operator)
    assert dataclasses.is_dataclass(kind), f"{kind.__name__} is not a dataclass"
    assert vars(kind)["__dataclass_params__"].frozen, f"{kind.__name__} is not frozen"
    for option in registry.options(kind):
        assert option.help, f"option {option.name} has no help: put a string under the field"
        assert option.required or _fits(option.default, option.type), (
            f"option {option.name}: the default has another type"
        )
    assert all(field.kw_only for field in dataclasses.fields(kind)), f"{kind.__name__} has positional fields"
    spec = json.loads(json.dumps(spec_of(operator), allow_nan=False))
    if spec["part"] in registry.names(room):
        assert from_spec(room, spec) == operator, "the options do not survive the recipe"
    assert _pickled(operator) == operator, "the operator does not survive a pickle"
    said = inspect.getdoc(kind) or ""
    first = said.split(maxsplit=1)[0] if said else ""
    assert first.istitle() and first.isalpha() and not first.endswith("s") and first not in {"A", "An", "The"}, (
        f'the docstring begins with "{first}", not with a verb such as "Drop"'
    )
    assert ">>>" in said, "the docstring shows no example"
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest(said, dict(vars(inspect.getmodule(kind))), kind.__name__, None, None)
    assert not doctest.DocTestRunner(verbose=False, optionflags=flags).run(test).failed, "the docstring's example fails"


def check_mapper(operator: Mapper, rows: Batch) -> None:
    """Check that a mapper keeps rows and order, whatever they hold and however they are cut."""
    for name, some in variants(rows).items():
        whole = _mapped(operator, some)
        ids, failed = some.column(ID).to_pylist(), {failure.id for failure in whole.failures}
        assert failed <= set(ids), f"{name}: a failure names a row that is not there"
        assert whole.batch.column(ID).to_pylist() == [row for row in ids if row not in failed], (
            f"{name}: rows or their order changed"
        )
        assert all(failure.reason for failure in whole.failures), f"{name}: a failure gives no reason"
        parts = [_mapped(operator, part) for part in cut(some, 7)]
        assert all(part.batch.schema == whole.batch.schema for part in parts), f"{name}: the schema depends on the cut"
        joined = pa.Table.from_batches([part.batch for part in parts])
        assert _same(joined, pa.Table.from_batches([whole.batch])), f"{name}: the result depends on the cut"
        assert tuple(failure for part in parts for failure in part.failures) == whole.failures, (
            f"{name}: the failures depend on the cut"
        )


def check_filter(operator: Filter, rows: Batch) -> None:
    """Check that a filter answers for each row, in the right type, however rows are cut."""
    for name, some in variants(rows).items():
        mapped = _mapped(operator, some).batch if isinstance(operator, Mapper) else some
        verdicts = operator.judge(mapped)
        assert isinstance(verdicts, pa.StructArray) and verdicts.type == VERDICT, f"{name}: not an array of verdicts"
        assert len(verdicts) == mapped.num_rows, f"{name}: {len(verdicts)} verdicts on {mapped.num_rows} rows"
        given = [verdict for verdict in verdicts.to_pylist() if verdict is not None]
        assert all(verdict["rule"] for verdict in given), f"{name}: a verdict names no rule"
        parts = [verdict for part in cut(mapped, 7) for verdict in operator.judge(part).to_pylist()]
        assert repr(parts) == repr(verdicts.to_pylist()), f"{name}: the verdicts depend on the cut"


def check_fold(fold: Fold[Any], rows: Batch, *, room: str = "tilth.refine") -> None:
    """Check that a fold's state is small and merges the same however rows are cut, and check what it finishes into."""
    for name, some in variants(rows).items():
        whole = fold.observe(some)
        assert isinstance(whole, pa.Table), f"{name}: the state is not an Arrow table"
        assert whole.nbytes <= STATE_LIMIT, f"{name}: the state has {whole.nbytes} bytes, more than {STATE_LIMIT}"
        states = [fold.observe(part) for part in cut(some, 7)]
        left = states[0]
        for state in states[1:]:
            left = fold.merge(left, state)
        right = states[-1]
        for state in reversed(states[:-1]):
            right = fold.merge(state, right)
        assert _same(left, right), f"{name}: merging is not associative"
        assert _same(left, whole), f"{name}: the state depends on the cut"
        empty = fold.observe(some.slice(0, 0))
        assert _same(fold.merge(whole, empty), whole) and _same(fold.merge(empty, whole), whole), (
            f"{name}: no rows change the state"
        )
        try:
            finished = fold.finish(whole)
        except DataError:
            assert name != "as given", "the fold cannot be finished on the rows given"
            continue
        assert fold.finish(left) == finished, f"{name}: the finished operator depends on the cut"
        if isinstance(finished, (Mapper, Filter)):
            check_operator(finished, rows, room=room)


def check_decider(decider: Decider, rows: Batch) -> None:
    """Check that decisions do not depend on shards or order, and that each dropped row names one that stays."""
    for name, some in variants(rows).items():
        ids = [f"{name} {row:08}" for row in range(some.num_rows)]
        some = some.set_column(some.schema.get_field_index(ID), ID, pa.array(ids, pa.string()))
        decisions = decide(decider, some)
        order = sorted(range(some.num_rows), key=lambda row: (row * 7919) % 104729)
        assert decide(decider, *cut(some, 7)) == decisions, f"{name}: the decisions depend on the shards"
        assert decide(decider, *cut(some.take(pa.array(order, pa.int64())), 3)) == decisions, (
            f"{name}: the decisions depend on the order of rows"
        )
        assert set(decisions) <= set(ids), f"{name}: a decision names a row that is not there"
        for row, decision in decisions.items():
            cluster = [other for other, its in decisions.items() if its["cluster"] == decision["cluster"]]
            assert decision["cluster"] == min(cluster), f"{name}: a cluster is not named by its smallest id"
            if decision["keep"]:
                continue
            other = decisions.get(decision["other_id"])
            assert other is not None and other["keep"], f"{name}: {row} goes, but {decision['other_id']} does not stay"
            assert other["cluster"] == decision["cluster"], f"{name}: {row} goes for a row of another cluster"
            assert decision["rule"], f"{name}: {row} goes without a rule"
            if decision["threshold"] is not None:
                assert decision["value"] >= decision["threshold"], f"{name}: {row} goes below the threshold"


def decide(decider: Decider, *batches: Batch) -> dict[str, dict[str, Any]]:
    """Run a decider on batches, one shard each, and return its decisions by row id; each row has at most one."""
    found = list(decider.decide(MemoryRows(*batches), InlineEngine()).batches())
    assert all(part.schema == DECISION for part in found), "the decisions have another schema"
    listed = [decision for part in found for decision in part.to_pylist()]
    decisions = {decision[ID]: decision for decision in listed}
    assert len(decisions) == len(listed), "a row has two decisions"
    return decisions


def variants(rows: Batch) -> Mapping[str, Batch]:
    """Return the rows as given, none, one, all null, and with odd texts and numbers in every column of their kind."""
    nulls, odd = rows, rows
    for at, field in enumerate(rows.schema):
        if field.name == ID:
            continue
        nulls = nulls.set_column(at, field, pa.nulls(rows.num_rows, field.type))
        odd = odd.set_column(at, field, _odd(field.type, rows.column(at)))
    return {"as given": rows, "no rows": rows.slice(0, 0), "one row": rows.slice(0, 1), "nulls": nulls, "odd": odd}


def cut(rows: Batch, parts: int) -> list[Batch]:
    """Cut a batch into parts, some of them empty when there are fewer rows."""
    ends = [rows.num_rows * part // parts for part in range(parts + 1)]
    return [rows.slice(start, end - start) for start, end in itertools.pairwise(ends)]


def _odd(kind: pa.DataType, values: pa.Array) -> pa.Array:
    if pa.types.is_string(kind):
        return pa.array([ODD_TEXTS[row % len(ODD_TEXTS)] for row in range(len(values))], kind)
    if pa.types.is_floating(kind):
        return pa.array([_ODD_NUMBERS[row % len(_ODD_NUMBERS)] for row in range(len(values))], kind)
    if pa.types.is_signed_integer(kind):
        least, greatest = -(2 ** (kind.bit_width - 1)), 2 ** (kind.bit_width - 1) - 1
        return pa.array([(least, greatest, 0, 1)[row % 4] for row in range(len(values))], kind)
    return values


def _mapped(operator: Mapper, rows: Batch) -> Outcome:
    found = operator.map(rows)
    return found if isinstance(found, Outcome) else Outcome(found, ())


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own bytes, written in this line


def _written(rows: Batch) -> bytes:
    return bytes(rows.serialize())


def _same(one: pa.Table, other: pa.Table) -> bool:
    """Compare tables by value and schema; NaN equals NaN."""
    return one.schema == other.schema and repr(one.to_pylist()) == repr(other.to_pylist())


def _fits(value: Any, hint: Any) -> bool:
    """Tell whether a default has the type that its field declares."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(part, inner[0]) for part in value)
    if origin is not None:
        return isinstance(value, origin)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return type(value) is hint or (hint is type(None) and value is None)
