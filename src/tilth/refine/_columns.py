"""Read an operator's columns out of a batch, or say which column is missing or of the wrong type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import Batch, user_columns, with_column
from tilth.core.errors import DataError, did_you_mean
from tilth.core.registry import name_of

Floats = npt.NDArray[np.float64]


def cells(batch: Batch, column: str, operator: Any) -> pa.Array:
    """Return a column as it is; raises `DataError` when there is none of that name."""
    at = batch.schema.get_field_index(column)
    if at < 0:
        known = user_columns(batch.schema)
        raise DataError(
            f'no column "{column}"',
            where=name_of(operator),
            wanted=f"one of {', '.join(known)}" if known else None,
            do=did_you_mean(column, known),
        )
    return batch.column(at)


def strings(batch: Batch, column: str, operator: Any) -> pa.Array:
    """Return a text column as `string`; raises `DataError` when it holds something else."""
    found = cells(batch, column, operator)
    if not _is_text(found.type):
        raise DataError(f'column "{column}" holds {found.type}', where=name_of(operator), wanted="a column of strings")
    return found if found.type == pa.string() else found.cast(pa.string())


def texts(batch: Batch, column: str, operator: Any) -> pa.Array:
    """Return a text column as `string`; a column of tokens (lists of strings) as texts with spaces between."""
    found = cells(batch, column, operator)
    if (pa.types.is_list(found.type) or pa.types.is_large_list(found.type)) and _is_text(found.type.value_type):
        return pa.array(
            [None if tokens is None else " ".join(token or "" for token in tokens) for tokens in found.to_pylist()],
            pa.string(),
        )
    return strings(batch, column, operator)


def floats(batch: Batch, column: str, operator: Any) -> Floats:
    """Return a number column as float64, null as NaN; raises `DataError` when it holds something else."""
    found = cells(batch, column, operator)
    kind = found.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or kind == pa.null()):
        raise DataError(
            f'column "{column}" holds {kind}',
            where=name_of(operator),
            wanted="a column of numbers",
            do="Put parse_number before it" if _is_text(kind) else None,
        )
    wide = pc.cast(found, pa.float64(), safe=False)
    numbers: Floats = pc.fill_null(wide, float("nan")).to_numpy(zero_copy_only=False)
    return numbers


def map_text(batch: Batch, column: str, operator: Any, change: Callable[[str], str]) -> Batch:
    """Return the batch with each text of a column changed; nulls stay null, a text type stays itself."""
    texts = strings(batch, column, operator)
    changed = pa.array([None if text is None else change(text) for text in texts.to_pylist()], pa.string())
    kind = batch.schema.field(column).type
    return with_column(batch, column, changed.cast(kind) if kind == pa.large_string() else changed)


def put_floats(batch: Batch, column: str, numbers: Floats) -> Batch:
    """Return the batch with a float64 column; what is not finite becomes null."""
    return with_column(batch, column, pa.array(numbers, pa.float64(), mask=~np.isfinite(numbers)))


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        kind == pa.null() or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
