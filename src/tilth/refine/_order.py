"""Count lots so that any rank can be found later: a histogram of lots a group, which coarsens itself.

Lots are kept whole while they fit; then all are cut to the most leading bits at which the distinct ones fit. How many
bits that is depends on the lots alone, so merging is exact, associative and commutative, however rows were cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.refine._lots import ALL, BITS, Lots, flat, lists, ranked, sizes

STATE = pa.schema(
    [
        ("group", pa.string()),
        ("bits", pa.int8()),
        ("lots", pa.list_(pa.int64())),
        ("counts", pa.list_(pa.int64())),
    ]
)
_MOST = 800_000
"""Bins over all groups: 12.8 MB of the 16 MiB a state may have. Up to so many rows nothing is cut."""


def observe(groups: Sequence[str | None], drawn: Lots) -> pa.Table:
    """Count the lots of some rows; a row whose group is null is left out."""
    known = np.array([group is not None for group in groups], np.bool_)
    names, codes = np.unique(np.array([group for group in groups if group is not None], object), return_inverse=True)
    ones = np.ones(int(known.sum()), np.int64)
    return _fitted([str(name) for name in names], codes.astype(np.int64), drawn[known], ones, BITS)


def merge(left: pa.Table, right: pa.Table) -> pa.Table:
    """Add two counts."""
    whole = pa.concat_tables([left, right]).combine_chunks()
    groups = whole["group"].to_pylist()
    names = sorted(set(groups))
    at = {name: code for code, name in enumerate(names)}
    codes = np.repeat(np.array([at[group] for group in groups], np.int64), sizes(whole))
    bits = min(whole["bits"].to_pylist(), default=BITS)
    return _fitted(names, codes, flat(whole, "lots"), flat(whole, "counts"), bits)


def rows(state: pa.Table) -> dict[str, int]:
    """Return how many rows each group has."""
    return {
        group: sum(counts)
        for group, counts in zip(state["group"].to_pylist(), state["counts"].to_pylist(), strict=True)
    }


def limit(state: pa.Table, group: str, wanted: int) -> int:
    """Return the limit below which `wanted` lots of a group lie, or as many as come nearest without being more."""
    line = state["group"].to_pylist().index(group)
    bins, counts = state["lots"][line].as_py(), state["counts"][line].as_py()
    up_to = np.cumsum(counts)
    if wanted >= up_to[-1]:
        return ALL
    first = int(np.searchsorted(up_to, wanted, side="right"))
    return int(bins[first])


def _fitted(names: list[str], codes: Lots, drawn: Lots, counts: Lots, bits: int) -> pa.Table:
    """Cut the lots to the most bits at which the distinct ones fit; bisection finds it."""
    codes, cut, counts = _summed(codes, _cut(drawn, bits), counts)
    if len(cut) > _MOST:
        low, high = 0, bits - 1
        while low < high:
            middle = (low + high + 1) // 2
            if _distinct(codes, _cut(cut, middle)) <= _MOST:
                low = middle
            else:
                high = middle - 1
        bits = low
        codes, cut, counts = _summed(codes, _cut(cut, bits), counts)
    lengths = np.bincount(codes, minlength=len(names)).astype(np.int64)
    depth = pa.array([bits] * len(names), pa.int8())
    return pa.table([pa.array(names, pa.string()), depth, lists(cut, lengths), lists(counts, lengths)], schema=STATE)


def _cut(drawn: Lots, bits: int) -> Lots:
    shift = np.int64(BITS - bits)
    return (drawn >> shift) << shift


def _summed(codes: Lots, cut: Lots, counts: Lots) -> tuple[Lots, Lots, Lots]:
    order = ranked(codes, cut)
    codes, cut, counts = codes[order], cut[order], counts[order]
    starts = np.flatnonzero(_changes(codes, cut))
    return codes[starts], cut[starts], np.add.reduceat(counts, starts) if len(starts) else counts


def _distinct(codes: Lots, cut: Lots) -> int:
    # Cutting keeps the order, so the lots are sorted still.
    return int(_changes(codes, cut).sum())


def _changes(codes: Lots, cut: Lots) -> npt.NDArray[np.bool_]:
    changes = np.ones(len(codes), np.bool_)
    changes[1:] = (codes[1:] != codes[:-1]) | (cut[1:] != cut[:-1])
    return changes
