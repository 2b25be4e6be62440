"""The contract accepts operators that keep their promises, and names the promise that a broken one breaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest

from tilth.core.batch import Batch, with_column
from tilth.core.operator import Failure, Outcome, verdicts
from tilth.testing import batch, check_filter, check_mapper, check_memoised, check_operator

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
    with pytest.raises(AssertionError, match="object is no Mapper, Filter, Fold, Decider or Editor"):
        check_operator(object())


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


@dataclass(frozen=True, kw_only=True)
class Asked(Shout):
    """Shout slowly, and keep a promise less where told.

    >>> Asked().breach
    ''
    """

    breach: str = ""
    """Which promise is broken."""

    def map(self, rows: Batch) -> Batch:
        if self.breach == "map":
            return super().map(rows)
        return self.filled(rows, self.answers(rows))

    def questions(self, rows: Batch) -> list[bytes | None]:
        if self.breach == "questions":
            return [b"all"] * rows.num_rows
        return [None if text is None else text.encode() for text in rows.column("text").to_pylist()]

    def answers(self, rows: Batch) -> list[Any]:
        found = [[(text or "").upper()] for text in rows.column("text").to_pylist()]
        return found[:-1] if self.breach == "answers" else found

    def filled(self, rows: Batch, answers: Any) -> Batch:
        return with_column(rows, "text", [text + "?" for (text,) in answers], pa.string())


def test_a_slow_operator_that_keeps_its_promises() -> None:
    check_operator(Asked(), ROWS)


@pytest.mark.parametrize(
    ("breach", "said"),
    [
        ("map", "`map` is not `filled`"),
        ("questions", "one question has two answers"),
        ("answers", "not one question and answer a row"),
    ],
)
def test_a_slow_operator_that_breaks_one(breach: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_memoised(Asked(breach=breach), ROWS)


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
