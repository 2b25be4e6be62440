"""Name rows so that the order of the names says which row is preferred: the best first, then the smallest id."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, Batch
from tilth.core.errors import DataError
from tilth.core.registry import name_of
from tilth.refine._columns import cells

_PREFERRED = 256


def named(batch: Batch, prefer: str | None, operator: Any) -> pa.Array:
    """Return the ids; with `prefer`, each behind its rank and a space.

    >>> rows = pa.RecordBatch.from_pydict({"_id": ["a", "b"], "score": [1, 2]})
    >>> best = min(named(rows, "score", None).to_pylist())
    >>> ids_of(pa.array([best])).to_pylist()
    ['b']
    """
    if prefer is None:
        return batch.column(ID)
    return pc.binary_join_element_wise(pa.array(ranks(batch, prefer, operator), pa.string()), batch.column(ID), " ")


def ids_of(names: pa.Array) -> pa.Array:
    """Take the ranks off names again."""
    return pc.replace_substring_regex(names, r"\A[^ ]* ", "")


def ranks(batch: Batch, column: str, operator: Any) -> list[str]:
    """Write each value as a string whose order is the reverse of the values' own; nulls last."""
    found = cells(batch, column, operator)
    kind = found.type
    if pa.types.is_dictionary(kind):
        found, kind = found.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return ["~" if text is None else _reversed(text) for text in found.to_pylist()]
    if pa.types.is_temporal(kind):
        found = found.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
    elif pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        found = _ordered(found.cast(pa.float64(), safe=False))
    elif not (pa.types.is_integer(kind) or pa.types.is_boolean(kind) or kind == pa.null()):
        raise DataError(
            f'column "{column}" holds {kind}', where=name_of(operator), wanted="numbers, dates or strings to prefer by"
        )
    return ["~" if number is None else f"{(1 << 64) - int(number):017x}" for number in found.to_pylist()]


def _ordered(floats: pa.Array) -> pa.Array:
    """Return integers in the order of the floats; NaN as null."""
    numbers = pc.fill_null(floats, float("nan")).to_numpy(zero_copy_only=False)
    bits = (numbers + 0.0).view(np.int64)
    ordered = np.where(bits < 0, np.int64(-(2**63)) - bits, bits)
    return pa.array(ordered, pa.int64(), mask=np.isnan(numbers))


def _reversed(text: str) -> str:
    """Write each byte as its complement; the end sorts after any byte, so that a longer text comes first."""
    return bytes(255 - byte for byte in text.encode("utf-8", "surrogatepass")[:_PREFERRED]).hex() + "g"
