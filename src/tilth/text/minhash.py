"""Estimate how alike two sets are, and find the alike without comparing all pairs (MinHash, banding).

Broder (1997): under a random hash, two sets share their minimum with probability equal to their Jaccard similarity.
Leskovec, Rajaraman, Ullman ("Mining of Massive Datasets", 3.4): cut a signature into `b` bands of `r` rows; a pair of
similarity `s` shares at least one band with probability `1 - (1 - s^r)^b`.
"""

from __future__ import annotations

import binascii
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tilth.core.errors import DataError

Hashes = npt.NDArray[np.uint64]
EMPTY = 0xFFFFFFFF
"""What the signature of an empty set is filled with."""


class Bands(NamedTuple):
    """How a signature is cut: `bands` of `rows`."""

    bands: int
    rows: int

    def recall(self, similarity: float) -> float:
        """Return the chance that a pair of this similarity shares a band.

        >>> round(Bands(21, 6).recall(0.8), 4), round(Bands(21, 6).recall(0.3), 4)
        (0.9983, 0.0152)
        """
        return float(1 - (1 - similarity**self.rows) ** self.bands)


def plan(threshold: float, permutations: int, recall: float = 0.99) -> Bands:
    """Choose the longest bands (fewest false candidates) that find a pair at the threshold with this chance.

    >>> plan(0.8, 128)
    Bands(bands=21, rows=6)

    Raises `DataError` when even bands of one row fall short.
    """
    for rows in range(permutations, 0, -1):
        bands = Bands(permutations // rows, rows)
        if bands.recall(threshold) >= recall:
            return bands
    raise DataError(
        f"{permutations} permutations cannot find pairs at threshold {threshold}",
        wanted=f"a recall of {recall:.0%} at the threshold",
        do="Give more permutations or a higher threshold",
    )


def mix(values: Hashes) -> Hashes:
    """Scramble 64-bit numbers so that each bit depends on all (the finaliser of SplitMix64; Steele et al. 2014)."""
    with np.errstate(over="ignore"):
        values = values + np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        scrambled: Hashes = values ^ (values >> np.uint64(31))
    return scrambled


def functions(permutations: int, seed: int) -> tuple[Hashes, Hashes]:
    """Return the odd multiplier and the addend of each permutation."""
    counter = np.arange(permutations, dtype=np.uint64) + (np.uint64(seed & 0xFFFFFFFF) << np.uint64(32))
    return mix(counter * np.uint64(2)) | np.uint64(1), mix(counter * np.uint64(2) + np.uint64(1))


def sign(hashes: Hashes, offsets: npt.NDArray[np.int64], *, permutations: int, seed: int) -> npt.NDArray[np.uint32]:
    """Return one row of `permutations` minima a set; set `i` is `hashes[offsets[i]:offsets[i + 1]]`.

    Each permutation is multiply-add-shift (Dietzfelbinger 1996) of 64 bits to 32; the seed gives its numbers.
    """
    sizes = np.diff(offsets)
    signed = np.full((len(sizes), permutations), EMPTY, np.uint32)
    filled = np.flatnonzero(sizes)
    if not len(filled):
        return signed
    starts = offsets[filled]
    multipliers, addends = functions(permutations, seed)
    room = np.empty_like(hashes)
    for column in range(permutations):
        np.multiply(hashes, multipliers[column], out=room)
        np.add(room, addends[column], out=room)
        # The least 64-bit value has the least upper half, so one shift after the minimum does.
        signed[filled, column] = np.minimum.reduceat(room, starts) >> np.uint64(32)
    return signed


def band_keys(signed: npt.NDArray[np.uint32], bands: Bands, salt: Hashes) -> pa.Array:
    """Return `bands` keys a signature, row by row: 16 hex digits that alike bands (under an equal salt) share."""
    keys = np.empty((len(signed), bands.bands), np.uint64)
    for band in range(bands.bands):
        key = mix(salt + np.uint64(band + 1))
        for row in range(bands.rows):
            key = mix(key ^ signed[:, band * bands.rows + row].astype(np.uint64))
        keys[:, band] = key
    text = binascii.hexlify(keys.astype(">u8").tobytes())
    return pa.Array.from_buffers(
        pa.string(),
        keys.size,
        [None, pa.py_buffer(np.arange(0, 16 * keys.size + 1, 16, dtype=np.int32)), pa.py_buffer(text)],
    )


def estimate(left: npt.NDArray[np.uint32], right: npt.NDArray[np.uint32]) -> float:
    """Estimate the Jaccard similarity of two sets from their signatures; standard error `sqrt(J (1 - J) / n)`."""
    return float(np.mean(left == right))


def jaccard(left: Hashes, right: Hashes) -> float:
    """Return the exact Jaccard similarity of two ascending, distinct arrays; 0 when both are empty.

    >>> jaccard(np.array([1, 2, 3], np.uint64), np.array([2, 3, 4], np.uint64))
    0.5
    """
    common = len(np.intersect1d(left, right, assume_unique=True))
    union = len(left) + len(right) - common
    return common / union if union else 0.0
