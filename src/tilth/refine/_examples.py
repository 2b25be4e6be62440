"""Keep a bounded sample of good and bad examples as word hashes; exact however the rows are cut."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tilth.text import kernel

STATE = pa.schema([("key", pa.uint64()), ("good", pa.bool_()), ("features", pa.list_(pa.uint32()))])
BYTES = 7 << 20
"""What the examples of each kind may take; both together stay below a fold's 16 MiB."""
_CHARACTERS = 10_000
_MOST = 2048
"""Features kept of one text."""
_ROW = 16
"""Bytes that a row takes besides its features."""


class Features(NamedTuple):
    """The features of many texts: text `i` has `values[offsets[i]:offsets[i + 1]]`, ascending and distinct."""

    values: npt.NDArray[np.uint32]
    offsets: npt.NDArray[np.int64]

    def rows(self) -> npt.NDArray[np.int64]:
        """Return which text each value belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def features(texts: pa.Array, *, ngram: int, bits: int) -> Features:
    """Hash each text's words and word pairs (… up to `ngram`) to `bits` bits; the first 10,000 characters count."""
    begun = pc.utf8_slice_codeunits(texts, 0, _CHARACTERS)
    found = [kernel.shingles(begun, ngram=size) for size in range(1, ngram + 1)]
    owners = np.concatenate([np.repeat(np.arange(len(texts)), np.diff(part.offsets)) for part in found])
    hashes = np.concatenate([part.hashes for part in found]) & np.uint64((1 << bits) - 1)
    # Text and feature in one number, so that one sort makes both distinct.
    both = np.unique(owners.astype(np.uint64) << np.uint64(32) | hashes)
    owner = (both >> np.uint64(32)).astype(np.int64)
    counts = np.bincount(owner, minlength=len(texts))
    place = np.arange(len(both)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = both[place < _MOST]
    offsets = np.concatenate([[0], np.cumsum(np.minimum(counts, _MOST))]).astype(np.int64)
    return Features((kept & np.uint64(0xFFFFFFFF)).astype(np.uint32), offsets)


def state(ids: Sequence[str], good: npt.NDArray[np.bool_], found: Features, seed: int) -> pa.Table:
    """Return the examples as a fold's state."""
    keys = [hashlib.blake2b(f"{seed}:{one}".encode(), digest_size=8).digest() for one in ids]
    lists = pa.ListArray.from_arrays(pa.array(found.offsets, pa.int32()), pa.array(found.values))
    return bounded(
        pa.table([pa.array(np.frombuffer(b"".join(keys), "<u8")), pa.array(good), lists], schema=STATE),
    )


def bounded(examples: pa.Table) -> pa.Table:
    """Keep the examples of smallest key, as many of each kind as there is room for.

    A row that has no room among some rows has none among more, so cutting early or late comes to the same.
    """
    examples = examples.combine_chunks().sort_by("key")
    good = examples["good"].to_numpy()
    sizes = _ROW + 4 * pc.list_value_length(examples["features"]).to_numpy()
    fits = np.ones(len(good), np.bool_)
    for kind in (True, False):
        at = np.flatnonzero(good == kind)
        fits[at] = np.cumsum(sizes[at]) <= BYTES
    # Taken even where all fit: a state's bytes then never depend on what it was cut from.
    return examples.take(pa.array(np.flatnonzero(fits))).combine_chunks()


def read(examples: pa.Table) -> tuple[npt.NDArray[np.bool_], Features]:
    """Return which examples are good, and their features."""
    lists = examples["features"].combine_chunks()
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return examples["good"].to_numpy(), Features(lists.flatten().to_numpy(zero_copy_only=False), offsets)
