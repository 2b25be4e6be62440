"""Turn logits into probabilities, and refuse what is not a probability."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilth.core.errors import DataError

Floats: TypeAlias = NDArray[np.float64]


def softmax(logits: ArrayLike) -> Floats:
    """Return the softmax over the last axis.

    >>> softmax([[0.0, 0.0]]).tolist()
    [[0.5, 0.5]]
    """
    return np.asarray(np.exp(log_softmax(logits)), dtype=np.float64)


def log_softmax(logits: ArrayLike) -> Floats:
    """Return the logarithm of the softmax over the last axis, without overflow."""
    scores = finite(logits, "logits")
    shifted = scores - scores.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def sigmoid(logits: ArrayLike) -> Floats:
    """Return 1 / (1 + exp(-logit)), without overflow.

    >>> sigmoid([0.0, -1000.0]).tolist()
    [0.5, 0.0]
    """
    scores = finite(logits, "logits")
    small = np.exp(-np.abs(scores))
    return np.asarray(np.where(scores >= 0, 1.0, small) / (1.0 + small))


def finite(values: ArrayLike, name: str) -> Floats:
    """Return a float64 array with at least one row; raise `DataError` for a NaN or an infinity."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise DataError(f"no {name} to measure", wanted="at least one row")
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{name} hold a NaN or an infinity, the first in row {row}", wanted="finite numbers")
    return array


def matrix(values: ArrayLike, name: str = "logits") -> Floats:
    """Return a finite float64 matrix (rows, classes)."""
    array = finite(values, name)
    if array.ndim != 2:
        raise DataError(f"{name} have {array.ndim} dimensions", wanted="a matrix: rows by classes")
    return array


def unit(values: ArrayLike, name: str = "probabilities") -> Floats:
    """Return finite values between 0 and 1, of any shape."""
    array = finite(values, name)
    if array.min() < 0.0 or array.max() > 1.0 + 1e-6:
        raise DataError(
            f"{name} lie between {array.min():.4g} and {array.max():.4g}",
            wanted="values between 0 and 1",
            do="Turn logits into probabilities with a softmax or a sigmoid first.",
        )
    return np.asarray(np.minimum(array, 1.0))


def distributions(values: ArrayLike) -> Floats:
    """Return a matrix (rows, classes) whose rows sum to 1, within 0.001: enough for half-precision models."""
    array = unit(values)
    if array.ndim != 2:
        raise DataError(f"probabilities have {array.ndim} dimensions", wanted="a matrix: rows by classes")
    off = np.abs(array.sum(axis=1) - 1.0)
    if off.max() > 1e-3:
        row = int(off.argmax())
        raise DataError(f"the probabilities of row {row} sum to {array[row].sum():.4g}", wanted="rows that sum to 1")
    return array


def codes(truth: Any, rows: int, classes: int) -> NDArray[np.int64]:
    """Return true classes as indices 0 .. classes - 1, one a row."""
    array = np.asarray(truth)
    if array.ndim != 1 or len(array) != rows:
        raise DataError(f"truth has shape {array.shape}", wanted=f"one class index for each of {rows} rows")
    if not np.issubdtype(array.dtype, np.integer):
        raise DataError(f"truth holds {array.dtype} values", wanted="class indices (whole numbers)")
    if len(array) and (array.min() < 0 or array.max() >= classes):
        raise DataError(
            f"truth holds class indices {array.min()} to {array.max()}", wanted=f"indices from 0 to {classes - 1}"
        )
    return array.astype(np.int64)


def truths(truth: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return the boolean matrix (rows, labels) of a multi-label truth."""
    array = np.asarray(truth)
    if array.shape != shape:
        raise DataError(f"truth has shape {array.shape}", wanted=f"shape {shape}, as the predictions have")
    if array.dtype != np.bool_ and not np.isin(array, (0, 1)).all():
        raise DataError("truth holds values other than 0 and 1", wanted="a boolean matrix: rows by labels")
    return array.astype(np.bool_)
