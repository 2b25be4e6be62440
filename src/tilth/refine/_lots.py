"""Draw lots: a number for each row that only its id and a seed decide, and the smallest numbers of each group.

A row with one of the `most` smallest lots of its group stays (a bottom-k sample, Cohen and Kaplan 2007). That is a
uniform sample without replacement; it does not depend on shards or order, and a row that arrives can displace one other
row of its group at most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.core.batch import ID, SPLIT, Batch

Lots = npt.NDArray[np.int64]
Split = Literal["train", "valid", "test"]
BITS = 53
"""Lots are whole numbers below 2^53: floats hold them exactly, and so do JSON's readers."""
ALL = 1 << BITS
"""The limit that every lot is below."""
HELD = pa.schema([("group", pa.string()), ("rows", pa.int64()), ("lots", pa.list_(pa.int64()))])
"""One line a group: how many rows it has, and its smallest lots, ascending."""


def lots(batch: Batch, seed: int) -> Lots:
    """Return each row's lot: 53 bits of a BLAKE2b hash of its id, keyed with the seed.

    >>> batch = pa.RecordBatch.from_pydict({"_id": ["a", "b"]})
    >>> bool((lots(batch, 1) == lots(batch.slice(0, 1), 1)[0])[0]), int(lots(batch, 1).max()) < ALL
    (True, True)
    """
    key = str(seed).encode()
    digests = b"".join(
        hashlib.blake2b(id.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()
        for id in batch.column(ID).to_pylist()
    )
    return (np.frombuffer(digests, "<u8") >> np.uint64(64 - BITS)).astype(np.int64)


def counted(batch: Batch, splits: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which rows to learn from: those of the splits; all where rows have none, as a fold is given train rows."""
    return _of(batch, splits, otherwise=True)


def thinned(batch: Batch, splits: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Tell which rows may leave: those of the splits; none where rows have no split, such as a served model's."""
    return _of(batch, splits, otherwise=False)


def hold(groups: Sequence[str | None], drawn: Lots, most: int) -> pa.Table:
    """Return the state of some rows; a row whose group is null is left out."""
    known = np.array([group is not None for group in groups], np.bool_)
    names, codes = np.unique(np.array([group for group in groups if group is not None], object), return_inverse=True)
    rows = np.bincount(codes, minlength=len(names)).astype(np.int64)
    return _smallest([str(name) for name in names], rows, codes.astype(np.int64), drawn[known], most)


def merge(left: pa.Table, right: pa.Table, most: int) -> pa.Table:
    """Join two states; exact."""
    whole = pa.concat_tables([left, right]).combine_chunks()
    groups = whole["group"].to_pylist()
    names = sorted(set(groups))
    at = {name: code for code, name in enumerate(names)}
    owner = np.array([at[group] for group in groups], np.int64)
    rows = np.zeros(len(names), np.int64)
    np.add.at(rows, owner, whole["rows"].to_numpy())
    codes = np.repeat(owner, sizes(whole))
    return _smallest(names, rows, codes, flat(whole, "lots"), most)


def sizes(state: pa.Table, name: str = "lots") -> npt.NDArray[np.int64]:
    """Return how many numbers each line's list holds."""
    lengths: Lots = pc.list_value_length(state[name]).to_numpy().astype(np.int64)
    return lengths


def flat(state: pa.Table, name: str) -> Lots:
    """Return the numbers of all lines' lists, one after another."""
    chunks = [chunk.flatten() for chunk in state[name].chunks]
    found: Lots = np.concatenate([np.zeros(0, np.int64), *(chunk.to_numpy(zero_copy_only=False) for chunk in chunks)])
    return found


def lists(values: Lots, lengths: npt.NDArray[np.int64]) -> pa.Array:
    """Return the numbers as lists of these lengths."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.int64()))


def ranked(codes: Lots, drawn: Lots) -> npt.NDArray[np.intp]:
    """Return the places of lots in the order of (group, lot); two sorted runs are merged in one walk."""
    # Complex numbers sort by their real part first, and a stable sort of one key knows runs; lexsort does not.
    keys = np.empty(len(codes), np.complex128)
    keys.real, keys.imag = codes, drawn
    return np.argsort(keys, kind="stable")


def _smallest(names: list[str], rows: Lots, codes: Lots, drawn: Lots, most: int) -> pa.Table:
    order = ranked(codes, drawn)
    codes, drawn = codes[order], drawn[order]
    starts = np.searchsorted(codes, np.arange(len(names)))
    stays = np.arange(len(codes)) - starts[codes] < most if len(codes) else np.zeros(0, np.bool_)
    lengths = np.bincount(codes[stays], minlength=len(names)).astype(np.int64)
    return pa.table([pa.array(names, pa.string()), pa.array(rows), lists(drawn[stays], lengths)], schema=HELD)


def _of(batch: Batch, splits: Sequence[str], *, otherwise: bool) -> npt.NDArray[np.bool_]:
    if batch.schema.get_field_index(SPLIT) < 0:
        return np.full(batch.num_rows, otherwise, np.bool_)
    return np.array([split in splits for split in batch.column(SPLIT).to_pylist()], np.bool_)
