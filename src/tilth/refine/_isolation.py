"""Grow an isolation forest, and score rows by it: rows that few random cuts set apart are far from the rest.

Liu, Ting and Zhou (2008), with their defaults of 100 trees on 256 rows each, cut to depth 8. A tree lies in an array
as a heap does: node i has children 2i + 1 and 2i + 2; a leaf has feature -1 and carries its path length.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.batch import ID, Batch
from tilth.refine import _row_sample
from tilth.refine._columns import Floats, floats

TREES, ROWS = 100, 256
DEPTH = 8
_SAMPLE = TREES * ROWS
NODES = 2 ** (DEPTH + 1) - 1


class Forest(NamedTuple):
    """Trees one after another, `NODES` nodes each, and how long a path is in a tree of so many rows."""

    features: npt.NDArray[np.int64]
    cuts: Floats
    """Where a node cuts; a leaf's path length."""
    usual: float


def observe(batch: Batch, columns: Sequence[str], seed: int, operator: Any) -> pa.Table:
    """Sample a batch's rows; a number that is not finite counts as null."""
    found = {str(at): _finite(floats(batch, column, operator)) for at, column in enumerate(columns)}
    return _row_sample.observe(batch.column(ID), found, seed=seed, rows=_most(len(columns)))


def merge(left: pa.Table, right: pa.Table) -> pa.Table:
    """Sample both; exact."""
    return _row_sample.merge(left, right, rows=_most(left.num_columns - 2))


def fit(state: pa.Table, columns: Sequence[str], seed: int, trees: int) -> tuple[Forest, Floats, Floats]:
    """Return a forest, each column's median, and the scores of the sample; no trees if nothing tells rows apart."""
    sample = _row_sample.read(state)
    rows = np.column_stack(
        [sample[str(at)].to_numpy(zero_copy_only=False).astype(np.float64) for at in range(len(columns))]
    )
    medians = np.array([np.median(said) if len(said := column[~np.isnan(column)]) else 0.0 for column in rows.T])
    rows = np.where(np.isnan(rows), medians, rows)
    if not len(rows) or (rows == rows[0]).all():
        return Forest(np.zeros(0, np.int64), np.zeros(0), 0.0), medians, np.zeros(0)
    forest = grow(rows, seed, trees)
    return forest, medians, scores(forest, rows)


def filled(batch: Batch, columns: Sequence[str], medians: Floats, operator: Any) -> Floats:
    """Return a batch's numbers, row by column, nulls as medians."""
    rows = np.column_stack([floats(batch, column, operator) for column in columns])
    found: Floats = np.where(np.isnan(rows), medians, rows)
    return found


def grow(rows: Floats, seed: int, trees: int = TREES) -> Forest:
    """Grow a forest on rows (row by column, all finite)."""
    size = min(ROWS, len(rows))
    features, cuts = np.full((trees, NODES), -1, np.int64), np.zeros((trees, NODES))
    for tree in range(trees):
        chance = np.random.default_rng([seed, tree])
        some = rows[np.sort(chance.permutation(len(rows))[:size])]
        _grow(some, 0, 0, features[tree], cuts[tree], chance.random((NODES, 2)))
    return Forest(features.ravel(), cuts.ravel(), usual_path(size))


def scores(forest: Forest, rows: Floats) -> Floats:
    """Return each row's score: near 1 far out, near 0.5 or below among the others; rounded to six digits."""
    total, every = np.zeros(len(rows)), np.arange(len(rows))
    for features, cuts in zip(forest.features.reshape(-1, NODES), forest.cuts.reshape(-1, NODES), strict=True):
        node = np.zeros(len(rows), np.int64)
        for _ in range(DEPTH):
            feature = features[node]
            below = 2 * node + 1 + (rows[every, np.maximum(feature, 0)] >= cuts[node])
            node = np.where(feature < 0, node, below)
        total += cuts[node]
    mean = total / (len(forest.features) // NODES)
    found: Floats = np.round(np.exp2(-mean / max(forest.usual, 1.0)), 6)
    return found


def usual_path(rows: int) -> float:
    """Return the mean path of an unsuccessful search in a binary tree of so many rows.

    >>> round(usual_path(256), 2)
    10.24
    """
    if rows < 2:
        return 0.0
    return 2 * (math.log(rows - 1) + 0.5772156649015329) - 2 * (rows - 1) / rows if rows > 2 else 1.0


def _finite(numbers: Floats) -> pa.Array:
    return pa.array(numbers, pa.float64(), mask=~np.isfinite(numbers))


def _most(columns: int) -> int:
    return min(_SAMPLE, _row_sample.LIMIT // (16 + 9 * columns))


def _grow(rows: Floats, node: int, depth: int, features: npt.NDArray[np.int64], cuts: Floats, chance: Floats) -> None:
    low, high = rows.min(axis=0), rows.max(axis=0)
    open_features = np.flatnonzero(high > low)
    if depth == DEPTH or len(rows) < 2 or not len(open_features):
        cuts[node] = depth + usual_path(len(rows))
        return
    feature = int(open_features[int(chance[node, 0] * len(open_features))])
    share = float(chance[node, 1])
    # Not low + (high - low) * share: that overflows between far ends.
    cut = max(low[feature] * (1 - share) + high[feature] * share, np.nextafter(low[feature], np.inf))
    features[node], cuts[node] = feature, cut
    right = rows[:, feature] >= cut
    _grow(rows[~right], 2 * node + 1, depth + 1, features, cuts, chance)
    _grow(rows[right], 2 * node + 2, depth + 1, features, cuts, chance)
