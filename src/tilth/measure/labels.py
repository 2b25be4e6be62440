"""Read labels as codes, or say what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tilth.core.errors import DataError, did_you_mean

Values: TypeAlias = Sequence[Any] | NDArray[Any] | pa.Array | pa.ChunkedArray
"""One value a row: a list, a NumPy array or an Arrow column."""
Lists: TypeAlias = Sequence[Sequence[str]] | pa.Array | pa.ChunkedArray
"""A list of strings a row."""


class Coded(NamedTuple):
    """Two columns of labels as indices into one list of labels; -1 stands for a label outside the list, or for none."""

    labels: tuple[str, ...]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    complete: bool
    """True when the list holds every label that occurs."""


def encode(truth: Values, predicted: Values, labels: Sequence[Any] | None = None, *, unanswered: bool = False) -> Coded:
    """Code the true and the predicted labels; without `labels`, all that occur, sorted.

    With `unanswered`, a predicted null is an answer that was not given, coded -1.
    Raises `DataError` for no rows, nulls, columns of different lengths or types, and labels that are not text, whole
    numbers or booleans.

    >>> encode(["b", "a"], ["b", "c"]).predicted.tolist()
    [1, 2]
    """
    true, told = column(truth, "truth"), column(predicted, "predicted", nulls=unanswered)
    if len(true) != len(told):
        raise DataError(f"truth has {len(true)} rows, predicted has {len(told)}", wanted="one prediction a row")
    if len(true) == 0:
        raise DataError("no rows to measure", wanted="at least one row")
    if told.null_count == len(told):
        told = told.cast(true.type)
    if true.type != told.type:
        raise DataError(
            f"truth holds {true.type} values, predicted holds {told.type}", wanted="labels of one type in both"
        )
    found = sorted(set(true.unique().to_pylist()) | set(told.drop_null().unique().to_pylist()))
    chosen = found if labels is None else list(labels)
    if len(set(chosen)) != len(chosen):
        raise DataError("the list of labels names a label twice", wanted="each label once")
    if not chosen:
        raise DataError("the list of labels is empty", wanted="at least one label")
    known = column(chosen, "labels")
    if known.type != true.type:
        raise DataError(f"the list of labels holds {known.type} values, truth holds {true.type}", wanted="one type")
    return Coded(tuple(map(str, chosen)), _index(true, known), _index(told, known), set(found) <= set(chosen))


def column(values: Values, name: str, *, nulls: bool = False) -> pa.Array:
    """Return one Arrow array of strings, int64 or booleans; raise `DataError` for anything else, and for nulls."""
    array = arrow(values, name)
    if array.null_count and not nulls:
        first = pc.index(pc.is_null(array), True).as_py()
        raise DataError(
            f"{name} holds {array.null_count} nulls, the first in row {first}",
            wanted="a label in every row",
            do="Leave rows without a label out before measuring.",
        )
    if pa.types.is_integer(array.type):
        return array.cast(pa.int64())
    if pa.types.is_large_string(array.type) or pa.types.is_string_view(array.type):
        return array.cast(pa.string())
    if not (pa.types.is_string(array.type) or pa.types.is_boolean(array.type) or pa.types.is_null(array.type)):
        raise DataError(f"{name} holds {array.type} values", wanted="labels that are text, whole numbers or booleans")
    return array


def arrow(values: Values | Lists, name: str, type: pa.DataType | None = None) -> pa.Array:
    """Return values as one Arrow array; raise `DataError` where they do not fit in one type."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not isinstance(values, pa.Array):
        try:
            values = pa.array(values, type=type)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"{name} does not hold values of one type", wanted=str(type or "labels")) from error
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values


def list_column(values: Lists, name: str) -> pa.ListArray:
    """Return one Arrow list array of strings without nulls; raise `DataError` where that cannot be."""
    array = arrow(values, name, pa.list_(pa.string()))
    if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
        raise DataError(f"{name} holds {array.type} values", wanted="a list of strings in every row")
    inner = array.type.value_type
    if not (pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_dictionary(inner)):
        raise DataError(f"{name} holds lists of {inner}", wanted="lists of strings")
    if array.null_count or array.flatten().null_count:
        raise DataError(f"{name} holds nulls", wanted="a list of strings in every row, and no null in a list")
    return array.cast(pa.list_(pa.string()))


def row_ids(ids: Values, rows: int) -> pa.Array:
    """Return the ids as an Arrow array of `rows` values without nulls; raise `DataError` where that cannot be."""
    array = arrow(ids, "ids")
    if len(array) != rows or array.null_count:
        raise DataError(f"{len(array)} ids ({array.null_count} null) for {rows} rows", wanted="one id a row")
    return array


def indicator(rows: Lists, labels: Sequence[str]) -> NDArray[np.bool_]:
    """Return the boolean matrix (rows, labels) of a multi-label column; raise `DataError` for an unknown label.

    >>> indicator([["a"], [], ["b", "a"]], ["a", "b"]).tolist()
    [[True, False], [False, False], [True, True]]
    """
    array = list_column(rows, "labels of a row")
    values = array.flatten()
    codes = _index(values, pa.array(list(labels), pa.string()))
    if len(codes) and codes.min() < 0:
        stranger = values[int(np.argmin(codes))].as_py()
        raise DataError(
            f'no label "{stranger}"', wanted=f"one of {', '.join(labels[:20])}", do=did_you_mean(stranger, labels)
        )
    matrix = np.zeros((len(array), len(labels)), dtype=np.bool_)
    matrix[owners(array), codes] = True
    return matrix


def owners(lists: pa.ListArray) -> NDArray[np.int64]:
    """Return, for each value in a list array, the row it belongs to.

    >>> owners(pa.array([["a", "b"], [], ["c"]])).tolist()
    [0, 0, 2]
    """
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.repeat(np.arange(len(lists), dtype=np.int64), lengths)


def _index(values: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    places = pc.fill_null(pc.index_in(values, value_set=known), -1)
    return np.asarray(places.to_numpy(zero_copy_only=False), dtype=np.int64)
