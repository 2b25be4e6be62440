"""A fold's state is small and does not depend on how rows are cut; one that breaks a promise is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from tilth.core.batch import Batch
from tilth.testing import batch, check_fold

ROWS = batch(text=[f"row {number % 5}" for number in range(20)], number=[float(number) for number in range(20)])


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
