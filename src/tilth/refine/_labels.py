"""Read a label column as strings."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.registry import name_of
from tilth.refine._columns import cells


def labels_of(batch: Batch, column: str, operator: Any) -> list[str | None]:
    """Return each row's one label; raises `DataError` for a column of lists, structs or fractions."""
    found = cells(batch, column, operator)
    kind = found.type.value_type if pa.types.is_dictionary(found.type) else found.type
    if not (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or kind == pa.null()
    ):
        raise DataError(
            f'column "{column}" holds {kind}',
            where=name_of(operator),
            wanted="one label a row: string, integer or bool",
        )
    labels: list[str | None] = found.cast(pa.string()).to_pylist()
    return labels
