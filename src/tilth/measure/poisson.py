"""Draw bootstrap weights from row ids, the same whatever the order of rows and however they are sharded.

The Poisson bootstrap gives each row an independent Poisson(1) weight in each replicate, in place of the multinomial
weights of drawing n rows with replacement; a row's weight then needs no knowledge of the other rows (Chamandy,
Muralidharan, Najmi and Naidu 2012, "Estimating uncertainty for massive data streams", Google; Hanley and MacGibbon
2006). Here the weight is a hash: BLAKE2b of seed and id gives a 64-bit key, SplitMix64 (Steele, Lea and Flood 2014) of
key and replicate gives the random bits, and the inverse Poisson distribution function gives the weight.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tilth.measure.labels import Values, arrow

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_TOP = 13
"""The largest weight less one: P(weight > 13) is below the 2**-32 that the bits resolve."""
_CUMULATIVE = np.array(
    [round(2**32 * math.exp(-1) * sum(1 / math.factorial(n) for n in range(k + 1))) for k in range(_TOP)],
    dtype=np.uint64,
)


def row_keys(ids: Values, seed: int) -> NDArray[np.uint64]:
    """Hash each row id under a seed to 64 bits.

    >>> row_keys(["a", "b"], 0)[1] == row_keys(["b"], 0)[0]
    np.True_
    """
    salt = seed.to_bytes(16, "little", signed=True)
    array = arrow(ids, "ids")
    if not (pa.types.is_binary(array.type) or pa.types.is_fixed_size_binary(array.type)):
        array = array.cast(pa.string()).cast(pa.binary())
    digests = b"".join(hashlib.blake2b(raw, digest_size=8, key=salt).digest() for raw in array.to_pylist())
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def weights(keys: NDArray[np.uint64], replicates: int) -> NDArray[np.uint8]:
    """Return Poisson(1) weights (replicates, rows).

    >>> drawn = weights(row_keys(range(1000), 0), 100)
    >>> drawn.shape, bool(abs(drawn.mean() - 1) < 0.02)
    ((100, 1000), True)
    """
    steps = np.arange(1, replicates + 1, dtype=np.uint64) * _GAMMA
    bits = keys[None, :] + steps[:, None]
    spare = np.empty_like(bits)
    for shift, factor in zip((30, 27), _MIX, strict=True):
        np.right_shift(bits, np.uint64(shift), out=spare)
        np.bitwise_xor(bits, spare, out=bits)
        np.multiply(bits, factor, out=bits)
    np.right_shift(bits, np.uint64(31), out=spare)
    np.bitwise_xor(bits, spare, out=bits)
    high = (bits >> np.uint64(32)).astype(np.uint32)
    drawn = np.zeros(high.shape, dtype=np.uint8)
    for bound in _CUMULATIVE:
        if bound >= 2**32:
            break
        drawn += high >= np.uint32(bound)
    return drawn
