"""Compare what a promise speaks of: bytes, values, what a pickle carries."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa

from tilth.core.batch import Batch


def pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))  # noqa: S301  # our own bytes, written in this line


def written(rows: Batch) -> bytes:
    return bytes(rows.serialize())


def same(one: pa.Table, other: pa.Table) -> bool:
    """Compare tables by value and schema; NaN equals NaN."""
    return one.schema == other.schema and repr(one.to_pylist()) == repr(other.to_pylist())
