"""Read vectors out of a batch, or make some from texts; all are brought to unit length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import Batch
from tilth.core.errors import DataError
from tilth.core.registry import name_of
from tilth.refine._columns import cells, texts
from tilth.refine._repeats_words import placed, runs
from tilth.text.words import chunked

Matrix = npt.NDArray[np.float32]
GRID = 2048
"""Unit vectors on a grid of 1/2048: products of two are whole numbers below 2^24, so 32-bit floats add them exactly,
in any order, on any machine."""
_WIDTH = 256
_SPREAD = 4


def vectors(batch: Batch, embedding: str | None, column: str, operator: Any) -> tuple[Matrix, npt.NDArray[np.int64]]:
    """Return the unit vectors of the rows that have one, and the places of those rows."""
    if embedding is None:
        parts = [hashed(some) for some in chunked(texts(batch, column, operator).to_pylist())]
        return _unit(np.concatenate([np.zeros((0, _WIDTH)), *parts]))
    return _unit(_listed(cells(batch, embedding, operator), embedding, operator))


def hashed(texts: Sequence[str | None]) -> npt.NDArray[np.float64]:
    """Return one vector a text: the sum over its distinct words and word pairs of a sparse random ±1 vector each.

    The cosine of two estimates the overlap of their sets (random projection: Achlioptas 2003), to about 1/16.
    """
    found = placed(texts)
    total = np.zeros((len(texts), _WIDTH))
    for size in (1, 2):
        hashes, at = runs(found, size)
        text = found.text[at]
        order = np.lexsort((hashes, text))
        hashes, text = hashes[order], text[order]
        new = np.ones(len(hashes), np.bool_)
        new[1:] = (hashes[1:] != hashes[:-1]) | (text[1:] != text[:-1])
        hashes, text = hashes[new], text[new]
        for turn in range(_SPREAD):
            bits = hashes >> np.uint64(16 * turn)
            sign = np.where(bits & np.uint64(_WIDTH), 1.0, -1.0)
            np.add.at(total, (text, (bits & np.uint64(_WIDTH - 1)).astype(np.int64)), sign)
    return total


def on_grid(units: Matrix) -> Matrix:
    """Round unit vectors to the grid."""
    rounded: Matrix = np.rint(units * np.float32(GRID))
    return rounded


def slack(width: int) -> float:
    """Return how far the cosine of two rounded vectors may lie from theirs (Cauchy-Schwarz)."""
    error = float(np.sqrt(width)) / (2 * GRID)
    return 2 * error + error**2


def cosines(one: Matrix, other: Matrix) -> npt.NDArray[np.float64]:
    """Return the cosine of each pair of rows, in 64 bits, the same whatever the other rows are."""
    left, right = one.astype(np.float64), other.astype(np.float64)
    dots = np.einsum("ij,ij->i", left, right)
    sizes = np.einsum("ij,ij->i", left, left) * np.einsum("ij,ij->i", right, right)
    found: npt.NDArray[np.float64] = np.minimum(dots / np.sqrt(sizes), 1.0)
    return found


def _unit(found: npt.NDArray[np.float64]) -> tuple[Matrix, npt.NDArray[np.int64]]:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        # Scaled first, so that squares neither overflow nor vanish.
        scaled = found / np.abs(found).max(axis=1, initial=0.0, keepdims=True)
        lengths = np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
        units = scaled / lengths[:, None]
    rows = np.flatnonzero(np.isfinite(units).all(axis=1)) if found.shape[1] else np.zeros(0, np.int64)
    return units[rows].astype(np.float32), rows


def _listed(column: pa.Array, name: str, operator: Any) -> npt.NDArray[np.float64]:
    """Return lists of numbers as a matrix; a null row, or a null in a row, as NaN."""
    kind = column.type
    nested = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if kind == pa.null():
        return np.zeros((len(column), 0))
    if not nested or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise DataError(f'column "{name}" holds {kind}', where=name_of(operator), wanted="lists of numbers: embeddings")
    present = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    lists = column.drop_null()
    widths = pa.compute.list_value_length(lists).to_numpy(zero_copy_only=False)
    if not len(widths):
        return np.zeros((len(column), 0))
    if (widths != widths[0]).any():
        raise DataError(
            f'column "{name}" holds vectors of {min(widths)} and of {max(widths)} numbers',
            where=name_of(operator),
            wanted="vectors of one length",
        )
    matrix = np.full((len(column), int(widths[0])), np.nan)
    numbers = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    matrix[present] = numbers.reshape(len(present), int(widths[0]))
    return matrix
