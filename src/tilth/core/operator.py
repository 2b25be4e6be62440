"""Say what an operator is: frozen options, and one method from batch to value.

An operator is a frozen dataclass in a file of its own; the file's name is its recipe name. Its fields are its options,
its recipe keys and (through the string under each field) its help text. It opens nothing and keeps no state.

Three class variables say what its answers depend on beside its fields: `version` (raise it when the answers change),
`packages` (whose versions may change them), and `decides` (the fields that only choose among what was computed).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.engine import Engine, Rows

VERDICT = pa.struct(
    [("rule", pa.string()), ("value", pa.float64()), ("threshold", pa.float64()), ("other_id", pa.string())]
)
"""Why a row is dropped; a null verdict keeps the row."""

DECISION = pa.schema(
    [
        ("_id", pa.string()),
        ("cluster", pa.string()),
        ("keep", pa.bool_()),
        ("rule", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("other_id", pa.string()),
    ]
)
"""One line a row of a decision table: its cluster (the smallest id in it), and what to do with the row.

Rows that are alone may be left out. `other_id` names the row that stays in this one's place.
"""


class Failure(NamedTuple):
    """One row that an operator could not handle, and why (never the row's content)."""

    id: str
    reason: str


class Outcome(NamedTuple):
    """What an operator returns when it sets single rows aside; the batch does not hold them."""

    batch: Batch
    failures: tuple[Failure, ...]


@runtime_checkable
class Mapper(Protocol):
    """The same rows, other columns. Must not change `_id` or the order of rows."""

    def map(self, batch: Batch) -> Batch | Outcome: ...


@runtime_checkable
class Memoised(Protocol):
    """A slow mapper whose answer for a row follows from one question: a run keeps the answers in its cache.

    Its `map` must be `filled(batch, answers(batch))`. A run asks for the answers of those rows only whose question was
    never asked under the same options, version and packages.
    """

    def questions(self, batch: Batch) -> Sequence[bytes | None]:
        """Return, row by row, all that the answer depends on (or a digest of it), or None to be asked each time."""
        ...

    def answers(self, batch: Batch) -> Sequence[Any]:
        """Return, row by row, a list or dict of JSON values, which is kept, or anything else, which is not."""
        ...

    def filled(self, batch: Batch, answers: Sequence[Any]) -> Batch | Outcome:
        """Return what `map` does, with these answers."""
        ...


@runtime_checkable
class Filter(Protocol):
    """Judge rows: a `VERDICT` struct array as long as the batch; null keeps the row."""

    def judge(self, batch: Batch) -> pa.StructArray: ...


@runtime_checkable
class Decider(Protocol):
    """Decide about rows by comparing them with one another: duplicates, record matching.

    It works through the engine's exchanges, never holds all rows in one process, and returns
    shards of a table of `DECISION` rows. Declares `fits_on = "all"`.
    """

    def decide(self, rows: Rows, engine: Engine) -> Rows: ...


def verdicts(
    drop: Sequence[bool],
    rule: str,
    *,
    values: Sequence[float | None] | None = None,
    threshold: float | None = None,
    others: Sequence[str | None] | None = None,
) -> pa.StructArray:
    """Build a filter's answer: a verdict where `drop` is true, null elsewhere.

    >>> verdicts([True, False], "too_short", values=[2, 9], threshold=5).to_pylist()[1] is None
    True
    """
    count = len(drop)
    found = [
        float(value) if value is not None else None for value in (values if values is not None else [None] * count)
    ]
    return pa.StructArray.from_arrays(
        [
            pa.array([rule] * count, pa.string()),
            pa.array(found, pa.float64()),
            pa.array([threshold] * count, pa.float64()),
            pa.array(others if others is not None else [None] * count, pa.string()),
        ],
        fields=list(VERDICT),
        mask=pa.array([not dropped for dropped in drop], pa.bool_()),
    )
